"""Tables of a study: its figures beside the published ones, and the parameters that differ."""

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from core.charts.style import COLOURS
from core.specs.optimizers import OPTIMIZERS, value_text
from core.studies.statistics import Figure, Summary
from core.studies.study import Row
from pages.ui import layout
from pages.ui.study import Chosen
from pages.ui.text import _

LONG = 12
"""Rows of a table that is not scrolled."""


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


def figures(chosen: Chosen, summaries: list[Summary]) -> None:
    """The figures of every row after the last epoch, beside the published ones."""
    columns = {
        _("Optimizer"): [_(s.row.name) for s in summaries],
        _("Test accuracy"): [spread(s.accuracy) for s in summaries],
        _("Published"): [layout.figure(s.row.published) for s in summaries],
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
    st.caption(" ".join(_about_figures(chosen, summaries)))
    if chosen.study.note:
        st.caption(f"{_(chosen.study.note)} {_reached(chosen, summaries)}")


def _about_figures(chosen: Chosen, summaries: list[Summary]) -> list[str]:
    """Sentences about what the table shows, and none about what it does not."""
    several = any(s.accuracy.std is not None for s in summaries)
    part = _("validation") if chosen.study.train.validation_split else _("test")
    sentences = [
        _("Mean ± standard deviation over the seeds, after the last epoch.")
        if several
        else _("After the last epoch."),
        _(
            "The best epoch is picked by its {part} accuracy: that flatters, so compare the last "
            "ones."
        ).format(part=part),
    ]
    if any(s.row.published for s in summaries):
        sentences.append(_("Published: one run each."))
    if any(s.diverged for s in summaries):
        sentences.append(_("Runs that diverged are left out of accuracy, loss and best epoch."))
    return sentences


def _reached(chosen: Chosen, summaries: list[Summary]) -> str:
    """Which rows reach the accuracy that the note is about, of those that have figures."""
    level = chosen.study.note_accuracy
    known = [(_(s.row.name), s.accuracy.mean) for s in summaries if s.accuracy.mean is not None]
    if level is None or not known:
        return ""
    return _("Here it is reached by: {reached}. Not by: {missed}.").format(
        reached=", ".join(name for name, mean in known if mean >= level) or _("none"),
        missed=", ".join(name for name, mean in known if mean < level) or _("none"),
    )


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
        return value_text(rate), rate != known.learning_rate
    if name not in known.parameters:
        return "–", False
    changed = dict(row.optimizer.parameters)
    value = changed.get(name, known.parameters[name].default)
    return value_text(value), name in changed
