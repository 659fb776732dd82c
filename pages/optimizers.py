"""Lab 4: train one network with several optimizers, and ask whether their differences are real."""

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from core import studies, study_charts
from core.charts import COLOURS, METRICS
from core.errors import LabError
from core.optimizers import OPTIMIZERS
from core.studies import Difference, Figure, Row, Summary
from core.study_charts import MOST, PARTS
from pages.ui import frame, study
from pages.ui.study import Chosen, Progress
from pages.ui.text import _, plural

FEW = 9  # rows, which are then all in colour
LONG = 12  # rows of a table that is not scrolled


def controls(chosen: Chosen, done: Progress) -> None:
    """How much is done, and the button that starts or stops the rest."""
    total = len(done.wanted)
    text = plural("{done} of {n} run is done", "{done} of {n} runs are done", total)
    text = text.format(done=len(done.runs), n=total)
    if done.alive:
        st.progress(done.fraction, text)
        label = _("Stop, and keep what is done")
        st.button(
            label, icon=":material/stop:", on_click=study.stop, args=[done.alive], key="stop_study"
        )
        return
    for error in done.errors:
        st.warning(frame.sentence(error))
    if error := st.session_state.pop("start_error", None):
        frame.show_error(error)
    if not done.missing:
        st.caption(text)
        return
    seconds = len(done.missing) * studies.seconds_of_run(
        chosen.study, len(chosen.data.arrays.x_train)
    )
    long = seconds > studies.CONFIRM_SECONDS
    agreed = not long or st.checkbox(
        _("Yes, train for {time}").format(time=study.duration(seconds)), key="agreed"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            _("Go on") if done.runs else _("Start"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=study.start,
            args=[done.missing],
            disabled=not agreed,
            key="start_study",
        )
        st.caption(f"{text} · {study.duration(seconds)}")


def pick_rows(summaries: list[Summary]) -> list[str]:
    """The rows that are drawn in colour: all of a few, otherwise a choice, at first the best."""
    names = [summary.row.name for summary in summaries]
    if len(names) <= FEW:
        return names
    best = sorted(summaries, key=lambda summary: summary.accuracy.mean or 0, reverse=True)
    return st.multiselect(
        _("In colour"),
        names,
        [summary.row.name for summary in best[:6]],
        format_func=_,
        max_selections=MOST,
        key="in_colour",
        persist_state="session",
    )


def chart(chosen: Chosen, done: Progress, picked: list[str]) -> None:
    """All runs on one chart, and what it shows."""
    watched = "val_" if chosen.study.train.validation_split else "test_"
    shows = {
        (metric, part): _("{metric}, {part}").format(
            metric=_(METRICS[metric]).capitalize(), part=_(PARTS[part])
        )
        for metric in METRICS
        for part in (watched, "")
    }
    metric, part = st.radio(
        _("Show"),
        list(shows),
        format_func=shows.__getitem__,
        horizontal=True,
        key="study_figure",
        label_visibility="collapsed",
    )
    zoom = st.toggle(_("Enlarge the better half"), key="study_zoom", persist_state="session")
    figure = study_charts.study_curves(
        study.curves(chosen, done, picked), metric, part, chosen.study.train.epochs, zoom=zoom, _=_
    )
    alt = _("{figure} after each epoch, for each optimizer").format(figure=shows[metric, part])
    st.plotly_chart(figure, key="study_curves", config=frame.STILL, alt=alt)
    st.caption(
        _("A line is the mean over the seeds done so far; its band reaches from lowest to highest.")
    )


def spread(figure: Figure, digits: int = 4) -> str:
    """Mean and standard deviation, with one value the value alone."""
    if figure.mean is None:
        return "–"
    if figure.std is None:
        return f"{figure.mean:.{digits}f}"
    return f"{figure.mean:.{digits}f} ± {figure.std:.{digits}f}"


def best(summary: Summary) -> str:
    """The mean of the best accuracies, and in which epochs they were."""
    if not summary.best:
        return "–"
    epochs = sorted({epoch for epoch, _accuracy in summary.best})
    mean = sum(accuracy for _epoch, accuracy in summary.best) / len(summary.best)
    where = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]}–{epochs[-1]}"
    return _("{accuracy:.4f} in {epochs}").format(accuracy=mean, epochs=where)


def diverged(summary: Summary) -> str:
    """Which seeds diverged, and when."""
    return ", ".join(
        _("seed {seed}: epoch {n}").format(seed=seed, n=epoch)
        for seed, epoch in summary.diverged.items()
    )


def table(chosen: Chosen, summaries: list[Summary]) -> None:
    """The figures of every row after the last epoch, beside the published ones."""
    columns = {
        _("Optimizer"): [_(s.row.name) for s in summaries],
        _("Test accuracy"): [spread(s.accuracy) for s in summaries],
        _("Published"): [frame.figure(s.row.published) for s in summaries],
        _("Seeds"): [f"{len(s.runs)}/{chosen.seeds}" for s in summaries],
        _("Best epoch"): [best(s) for s in summaries],
        _("Test loss"): [spread(s.loss) for s in summaries],
        _("Seconds"): [spread(s.seconds, 1) for s in summaries],
    }
    if not any(s.row.published for s in summaries):
        del columns[_("Published")]
    if any(s.diverged for s in summaries):
        columns[_("Diverged")] = [diverged(s) for s in summaries]
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content" if len(summaries) <= LONG else 460,
        alt=_("Test accuracy, loss and time of each optimizer"),
    )
    part = _("validation") if chosen.study.train.validation_split else _("test")
    st.caption(
        _(
            "Mean ± standard deviation over the seeds, after the last epoch. The best epoch is "
            "picked by its {part} accuracy: that flatters, so compare the last ones. Published: "
            "one run each."
        ).format(part=part)
    )
    if chosen.study.note:
        st.caption(_(chosen.study.note))


def parameters(rows: tuple[Row, ...]) -> None:
    """Every parameter in which rows differ; what is not Keras's default is marked."""
    all_names = dict.fromkeys(
        ["learning_rate", *(name for row in rows for name, _value in row.optimizer.parameters)]
    )
    content: dict[str, list[str]] = {_("Optimizer"): [_(row.name) for row in rows]}
    marks: dict[str, list[bool]] = {_("Optimizer"): [False] * len(rows)}
    for name in all_names:
        values, changed = zip(*(value_of(row, name) for row in rows), strict=True)
        if len(set(values)) > 1:
            content[name], marks[name] = list(values), list(changed)
    marked = f"font-weight: bold; color: {COLOURS['vermillion']}"
    styles = pd.DataFrame(marks).map(lambda changed: marked if changed else "")
    shown: Styler = pd.DataFrame(content).style.apply(lambda _frame: styles, axis=None)
    st.dataframe(
        shown,
        hide_index=True,
        height="content" if len(rows) <= LONG else 460,
        alt=_("Parameters in which the optimizers differ"),
    )
    st.caption(_("Marked: not Keras's default. –: this optimizer has no such parameter."))


def value_of(row: Row, name: str) -> tuple[str, bool]:
    """A parameter of a row, and whether it differs from Keras's default."""
    known = OPTIMIZERS[row.optimizer.name]
    if name == "learning_rate":
        rate = row.optimizer.learning_rate
        return f"{rate:g}", rate != known.learning_rate
    if name not in known.parameters:
        return "–", False
    changed = dict(row.optimizer.parameters)
    value = changed.get(name, known.parameters[name].default)
    return f"{value}" if isinstance(value, bool) else f"{value:g}", name in changed


def points(share: float) -> str:
    """A difference in points with its sign; what two decimals would make zero keeps a digit."""
    text = f"{100 * share:+.2f}"
    return f"{100 * share:+.1g}" if float(text) == 0 else text


def verdict(first: str, second: str, found: Difference | None) -> str:
    """The difference of two rows in words."""
    if found is None:
        return _("No seed is done for both of them yet.")
    better = _("better") if found.mean >= 0 else _("worse")
    values = {
        "first": first,
        "second": second,
        "better": better,
        "gap": abs(100 * found.mean),
        "n": found.pairs,
    }
    if found.low is None or found.high is None:
        return _(
            "With one seed **{first}** is {gap:.2f} points {better} than **{second}**. That says "
            "nothing yet: another seed may turn it round. Add seeds."
        ).format(**values)
    values |= {"low": points(found.low), "high": points(found.high)}
    values["most"] = 100 * max(abs(found.low), abs(found.high))
    if found.real:
        return _(
            "**{first}** is **{gap:.2f} points {better}** than **{second}**, on average over {n} "
            "seeds. The 95% interval, {low} to {high}, leaves out 0: **the difference is "
            "real**, for this network, these images and settings."
        ).format(**values)
    return _(
        "**{first}** is {gap:.2f} points {better} than **{second}**, on average over {n} seeds. "
        "But the 95% interval, {low} to {high}, holds 0: **it cannot be told from "
        "chance**. If there is a difference, it is likely below {most:.2f} points. More seeds "
        "narrow it down."
    ).format(**values)


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
    first = left.selectbox(
        _("Compare"), names, names.index(default), format_func=_, key="first_row"
    )
    others = [name for name in names if name != first]
    other = stated[-1].row.statement.other if stated and stated[-1].row.statement else others[0]
    second = right.selectbox(
        _("with"),
        others,
        others.index(other) if other in others else 0,
        format_func=_,
        key="second_row",
    )
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
        st.plotly_chart(
            study_charts.difference_chart(against, _),
            key="differences",
            config=frame.STILL,
            alt=_("Difference of each row to {row}, with its interval").format(row=_(second)),
        )
        st.caption(
            _(
                "Rows against {row}: mean difference and 95% interval of the paired t-test. "
                "Runs with the same seed start from the same weights and see the same batches. Of "
                "20 comparisons without any difference about one looks real by chance."
            ).format(row=_(second))
        )


def board(chosen: Chosen, live: bool) -> None:
    """Everything that changes while the study goes on."""
    done = study.progress(chosen)
    if live != bool(done.alive):
        st.rerun()
    controls(chosen, done)
    summaries = studies.summarise(chosen.study, done.runs, chosen.seeds, chosen.data_spec)
    picked = pick_rows(summaries)
    chart(chosen, done, picked)
    st.subheader(_("Figures"))
    table(chosen, summaries)
    st.subheader(_("Is the difference real?"))
    is_it_real(summaries, picked)


current = frame.begin(
    _("Which optimizer learns faster and better, and is its lead more than luck?"), choice_of="data"
)
try:
    chosen = study.choose()
except LabError as error:
    frame.show_error(error)
    st.stop()
train = chosen.study.train
st.caption(
    _("Each run: {layers}, {epochs}, batch {n}, validation {share}, seeds {seeds}.").format(
        layers=frame.layers(chosen.study.model),
        epochs=plural("{n} epoch", "{n} epochs", train.epochs).format(n=train.epochs),
        n=train.batch_size,
        share=frame.percent(train.validation_split),
        seeds=f"0–{chosen.seeds - 1}" if chosen.seeds > 1 else "0",
    )
)
alive = bool(study.progress(chosen).alive)
st.fragment(board, run_every=1 if alive else None)(chosen, alive)
st.subheader(_("What differs"))
parameters(chosen.study.rows)
frame.next_step()
