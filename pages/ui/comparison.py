"""Is the difference of two rows of a study real? In words, and as intervals."""

import streamlit as st

from core.charts import studies as study_charts
from core.fields import OneOf, named
from core.i18n import N_
from core.studies import study as studies
from core.studies.statistics import Difference, Summary
from pages.ui import fields, layout
from pages.ui.text import _, plural


def points(share: float) -> str:
    """A difference in points with its sign; what two decimals would make zero keeps a digit."""
    text = f"{100 * share:+.2f}"
    return f"{100 * share:+.1g}" if float(text) == 0 else text


def verdict(first: str, second: str, found: Difference | None) -> str:
    """The difference of two rows in words."""
    if found is None:
        return _("There is no seed yet that is done for both of them and did not diverge.")
    values = {
        "first": first,
        "second": second,
        "better": _("better") if found.mean >= 0 else _("worse"),
        "gap": abs(100 * found.mean),
        "n": found.pairs,
        "least": studies.PAIRS,
    }
    if found.low is None or found.high is None:
        text = plural(
            "With {n} seed **{first}** is {gap:.2f} points {better} than **{second}**. That says "
            "nothing yet: another seed may turn it round. Take at least {least} seeds.",
            "With {n} seeds **{first}** is {gap:.2f} points {better} than **{second}**. That says "
            "nothing yet: another seed may turn it round. Take at least {least} seeds.",
            found.pairs,
        )
    else:
        values |= {"low": points(found.low), "high": points(found.high)}
        values["most"] = 100 * max(abs(found.low), abs(found.high))
        text = _with_interval(found)
    if found.left_out:
        text += " " + _("Seeds left out, because a run diverged: {left_out}.")
        values["left_out"] = found.left_out
    return text.format(**values)


def _with_interval(found: Difference) -> str:
    """The sentences about a difference whose interval is known."""
    if found.real:
        return _(
            "**{first}** is **{gap:.2f} points {better}** than **{second}**, on average over {n} "
            "seeds. The 95% interval, {low} to {high}, leaves out 0: **the difference is "
            "real**, for this network, these images and settings."
        )
    return _(
        "**{first}** is {gap:.2f} points {better} than **{second}**, on average over {n} seeds. "
        "But the 95% interval, {low} to {high}, holds 0: **it cannot be told from "
        "chance**. If there is a difference, it is likely below {most:.2f} points. More seeds "
        "narrow it down."
    )


def is_it_real(summaries: list[Summary], picked: list[str]) -> None:
    """Any two rows compared seed by seed, and what was published about rows."""
    by_name = {summary.row.name: summary for summary in summaries}
    stated = [summary for summary in summaries if summary.row.statement]
    for summary in stated:
        assert summary.row.statement
        text, other = summary.row.statement
        found = studies.difference(summary, by_name[other])
        st.markdown(
            _("- Published about {row}: “{text}”. Here: {verdict}").format(
                row=_(summary.row.name),
                text=_(text),
                verdict=verdict(_(summary.row.name), _(other), found),
            )
        )
    names = list(by_name)
    if len(names) < 2:
        st.info(_("Compare at least two rows."))
        return
    left, right = st.columns(2)
    default = stated[-1].row.name if stated else names[0]
    with left:
        first = fields.select(OneOf("first_row", N_("compare"), default, named(names)))
    others = [name for name in names if name != first]
    other = stated[-1].row.statement.other if stated and stated[-1].row.statement else others[0]
    if other not in others:
        other = others[0]
    with right:
        field = OneOf("second_row", N_("compared with"), other, named(others))
        second = fields.select(field, label=_("with"))
    found = studies.difference(by_name[first], by_name[second])
    st.write(verdict(_(first), _(second), found))
    against = [
        (_(name), gap)
        for name in others
        if name in picked
        and (gap := studies.difference(by_name[name], by_name[second]))
        and name != second
    ]
    if found:
        against.insert(0, (_(first), found))
    if against:
        _show(against, _(second))


def _show(against: list[tuple[str, Difference]], second: str) -> None:
    """Differences of rows to the row `second`, with their intervals where they have one."""
    intervals = any(found.low is not None for _name, found in against)
    alt = (
        _("Difference of each row to {row}, with its interval")
        if intervals
        else _("Difference of each row to {row}")
    )
    st.plotly_chart(
        study_charts.difference_chart(against, _),
        key="differences",
        config=layout.STILL,
        alt=alt.format(row=second),
    )
    caption = (
        _(
            "Rows against {row}: mean difference and 95% interval of the paired t-test. "
            "Runs with the same seed start from the same weights and see the same batches. Of "
            "20 comparisons without any difference about one looks real by chance."
        )
        if intervals
        else _(
            "Rows against {row}: mean difference. Runs with the same seed start from the same "
            "weights and see the same batches."
        )
    )
    st.caption(caption.format(row=second))
