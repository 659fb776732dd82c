"""Train experiments that a lab compares, and ask whether their differences are real."""

from typing import NamedTuple

import streamlit as st

from core.charts import studies as study_charts
from core.charts.runs import METRICS
from core.charts.studies import PARTS
from core.charts.style import MOST
from core.errors import LabError
from core.fields import OneOf, Switch
from core.i18n import N_
from core.studies import statistics
from core.studies.statistics import Summary, diverged_at
from pages.ui import choice, comparison, fields, layout, study, study_tables
from pages.ui.comparison import SeveralRows
from pages.ui.study import Chosen, Progress
from pages.ui.text import _

ZOOM = Switch("zoom", N_("zoom in on the best rows"), False)
FEW = 9  # rows, which are then all in colour


def ask() -> None:
    """The head of the page with its question."""
    question = (
        _("Which optimizer learns faster and better, and is its lead more than luck?")
        if all(map(study.of_optimizers, study.offered().values()))
        else _("Which experiment learns faster and better, and is its lead more than luck?")
    )
    layout.begin(question, choice_of="data")


def each_run(chosen: Chosen) -> None:
    """The settings of the runs, as far as rows leave them alone."""
    if study.of_optimizers(chosen.study):
        text, optimizer = _("Each run: {settings}, seeds {seeds}."), ""
    else:
        text = _("Each run, except what its row changes: {settings}, seeds {seeds}.")
        optimizer = chosen.base.optimizer.text
    settings = layout.brief(chosen.base, chosen.data, optimizer)
    seeds = f"0–{chosen.seeds - 1}" if chosen.seeds > 1 else "0"
    st.caption(text.format(settings=settings, seeds=seeds))


def pick_rows(summaries: list[Summary]) -> list[str]:
    """The rows that are drawn in colour: all of a few, otherwise a choice, at first the best.

    While nothing of these rows was picked by hand, they are those that are best by now.
    """
    names = [summary.row.name for summary in summaries]
    if len(names) <= FEW:
        return names
    ranked = sorted(summaries, key=lambda summary: summary.accuracy.mean or 0, reverse=True)
    best = [summary.row.name for summary in ranked[:6]]
    field = SeveralRows(
        "in_colour",
        N_("in colour"),
        [name for name in names if name in best],
        comparison.titles(summaries),
        MOST,
        separator=";",  # rows of own studies have commas in their names
    )
    state = st.session_state
    if fields.read(field):
        state.picked_of = names
    if state.get("picked_of") != names:
        state.in_colour = field.default
        state.picked_of = None
    labels = {summary.row.name: summary.row.label(_) for summary in summaries}
    return fields.several(
        field,
        on_change=lambda: state.update(picked_of=names),
        format_func=labels.__getitem__,
    )


class Shown(NamedTuple):
    """What the chart shows."""

    title: str
    metric: str
    """A key of METRICS."""
    part: str
    """A key of PARTS."""
    zoom: bool


def pick_figure(chosen: Chosen) -> Shown:
    """The widgets for what the chart shows."""
    parts = {
        f"{part}{metric}": (metric, part) for metric in METRICS for part in (*chosen.watched, "")
    }
    shows = {
        name: _("{metric}, {part}").format(
            metric=_(METRICS[metric]).capitalize(), part=_(PARTS[part])
        )
        for name, (metric, part) in parts.items()
    }
    figures = OneOf("figure", N_("show"), next(iter(shows)), shows)
    shown = fields.radio(
        figures, key="study_figure", format_func=shows.__getitem__, label_visibility="collapsed"
    )
    return Shown(shows[shown], *parts[shown], fields.toggle(ZOOM, key="study_zoom"))


def chart(chosen: Chosen, done: Progress, picked: list[str], shown: Shown) -> None:
    """All runs on one chart, and what it shows."""
    curves = study.curves(chosen, done, picked)
    figure = study_charts.study_curves(
        curves, shown.metric, shown.part, chosen.epochs, zoom=shown.zoom, _=_
    )
    alt = _("{figure} after each epoch, for each row").format(figure=shown.title)
    st.plotly_chart(figure, key="study_curves", config=layout.STILL, alt=alt)
    st.caption(" ".join(about_chart(chosen, done)))
    study_tables.lines(curves, shown.metric, shown.part)


def about_chart(chosen: Chosen, done: Progress) -> list[str]:
    """Sentences about what the chart shows, and none about what it does not."""
    sentences = [_("A line is one run.")]
    if chosen.seeds > 1:
        sentences = [
            _(
                "A line is the mean over the seeds done so far; its band reaches from lowest to "
                "highest."
            )
        ]
    if len(chosen.watched) > 1:
        sentences.append(
            _(
                "Rows with validation images are on the charts of those, the others on the charts "
                "of the test images."
            )
        )
    lines = [run.epochs for run in done.runs.values()]
    lines += [claim.epochs for claim in done.claims.values()]
    if any(map(diverged_at, lines)):
        sentences.append(_("A cross: there a run diverged, and counts no longer."))
    if any(claim.epochs and not claim.alive for claim in done.claims.values()):
        sentences.append(_("Some runs were stopped; their lines count as far as they go."))
    return sentences


def board(chosen: Chosen, done: Progress) -> None:
    """Everything that changes while the study goes on: the controls beside the chart."""
    summaries = statistics.summarise(chosen.study, done.runs, chosen.seeds, chosen.data_spec)
    left, right = st.columns([1, 3], gap="medium")
    with left:
        study.controls(chosen, done)
        picked = pick_rows(summaries)
        shown = pick_figure(chosen)
    with right:
        chart(chosen, done, picked, shown)
    results(chosen, summaries, picked)


def sweep(chosen: Chosen, summaries: list[Summary]) -> None:
    """What the setting does that the rows change, value by value."""
    setting = _(chosen.study.sweep)
    of_networks = any(row.point for row in chosen.study.rows)
    st.plotly_chart(
        study_charts.sweep_curves(summaries, setting, _=_),
        key="study_sweep",
        config=layout.STILL,
        alt=_("Accuracy after the last epoch: {setting}").format(setting=setting),
    )
    st.caption(
        _(
            "Test accuracy after the last epoch: the mean over the seeds, and a bar from lowest to "
            "highest. Was a pre-trained network worth it? Compare the lines where images are few, "
            "and where they are many."
        )
        if of_networks
        else _(
            "Accuracy after the last epoch. Where training is far above the others, the network "
            "learned its images by heart; where all of them fall, it is held down too much."
        )
    )


def results(chosen: Chosen, summaries: list[Summary], picked: list[str]) -> None:
    """What the runs say that are done so far."""
    if any(summary.runs for summary in summaries):
        choice.mark_done()
        if chosen.study.sweep:
            sweep(chosen, summaries)
        with st.expander(_("All results in numbers")):
            study_tables.figures(chosen, summaries)
        study_tables.confusion(chosen, summaries)
    else:
        st.caption(_("When the first runs are done, their numbers stand here."))
    st.subheader(_("Is the difference real?"))
    comparison.is_it_real(chosen, summaries, picked)


ask()
try:
    chosen = study.choose()
except LabError as error:
    layout.show_error(error)
else:
    each_run(chosen)
    study.live(board, chosen)
    with st.expander(_("What differs between the rows")):
        study_tables.what_differs(chosen)
layout.next_step()
