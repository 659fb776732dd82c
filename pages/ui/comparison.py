"""Is the difference of two rows of a study real? In words, and as intervals."""

from collections.abc import Mapping

import streamlit as st

from core.charts import studies as study_charts
from core.fields import OneOf, SeveralOf
from core.i18n import N_
from core.studies import statistics
from core.studies.experiment import Experiment
from core.studies.statistics import Difference, Summary
from pages.ui import fields, layout
from pages.ui.study import Chosen, of_optimizers
from pages.ui.text import _, plural


def points(share: float) -> str:
    """A difference in points with its sign; what two decimals would make zero keeps a digit."""
    text = f"{100 * share:+.2f}"
    return f"{100 * share:+.1g}" if float(text) == 0 else text


def verdict(first: str, second: str, found: Difference | None) -> str:
    """The difference of two rows in words."""
    if found is None:
        return _(
            "Nothing to compare yet: no seed is done for both rows, without a run that diverged."
        )
    values = {
        "first": first,
        "second": second,
        "better": _("better") if found.mean >= 0 else _("worse"),
        "gap": abs(100 * found.mean),
        "n": found.pairs,
        "least": statistics.PAIRS,
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


class OneRow(OneOf):
    """A row by its name. Addresses of before named rows by their titles."""

    def parse(self, text: str) -> str:
        return super().parse(_name_of(text, self.choices))


class SeveralRows(SeveralOf):
    """Some rows, as OneRow."""

    def parse(self, text: str) -> list[str]:
        names = (_name_of(part, self.choices) for part in text.split(self.separator))
        return super().parse(self.separator.join(names))


def _name_of(text: str, rows: Mapping[str, str]) -> str:
    return {title: name for name, title in rows.items()}.get(text, text)


def titles(summaries: list[Summary]) -> dict[str, str]:
    """The titles of rows by their names, as the choices of a field."""
    return {summary.row.name: summary.row.label() for summary in summaries}


def is_it_real(chosen: Chosen, summaries: list[Summary], picked: list[str]) -> None:
    """Any two rows compared seed by seed, and what was published about rows."""
    by_name = {summary.row.name: summary for summary in summaries}
    stated = [row for row in (s.row for s in summaries) if row.statement]
    for row in stated:
        if by_name[row.name].runs:
            _published(row, by_name)
    if len(by_name) < 2:
        st.info(_("Compare at least two rows."))
        return
    first, second = _pick_two(summaries, stated[-1] if stated else summaries[0].row)
    found = statistics.difference(first, second)
    label = second.row.label(_)
    st.write(verdict(first.row.label(_), label, found))
    others = [by_name[name] for name in by_name if name in picked]
    against = [
        (summary.row.label(_), gap)
        for summary in [first, *(one for one in others if one not in (first, second))]
        if (gap := statistics.difference(summary, second))
    ]
    if against:
        _show(chosen, against, label)


def _published(row: Experiment, by_name: Mapping[str, Summary]) -> None:
    """What was published about a row, beside what the seeds say."""
    assert row.statement
    text, other = row.statement
    found = statistics.difference(by_name[row.name], by_name[other])
    st.markdown(
        _("- Published about {row}: “{text}”. Here: {verdict}").format(
            row=row.label(_),
            text=_(text),
            verdict=verdict(row.label(_), by_name[other].row.label(_), found),
        )
    )


def _pick_two(summaries: list[Summary], begin: Experiment) -> tuple[Summary, Summary]:
    """The widgets for two rows; at first `begin` and the one that it was compared with."""
    by_name = {summary.row.name: summary for summary in summaries}
    known = titles(summaries)
    options = {"format_func": lambda name: by_name[name].row.label(_)}
    left, right = st.columns(2)
    with left:
        first = fields.select(OneRow("first_row", N_("compare"), begin.name, known), **options)
    others = {name: title for name, title in known.items() if name != first}
    other = begin.statement.other if begin.statement else ""
    default = other if other in others else next(iter(others))
    with right:
        field = OneRow("second_row", N_("compared with"), default, others)
        second = fields.select(field, label=_("with"), **options)
    return by_name[first], by_name[second]


def _show(chosen: Chosen, against: list[tuple[str, Difference]], second: str) -> None:
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
    sentences = [
        _("Rows against {row}: mean difference and 95% interval of the paired t-test.")
        if intervals
        else _("Rows against {row}: mean difference."),
        _("Runs with the same seed start from the same weights and see the same batches.")
        if of_optimizers(chosen.study)
        else _("Runs are compared seed by seed."),
    ]
    if intervals:
        sentences.append(
            _("Of 20 comparisons without any difference about one looks real by chance.")
        )
    st.caption(" ".join(sentences).format(row=second))
