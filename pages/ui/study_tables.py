"""Tables of a study: its figures beside the published ones, and what differs between its rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from core.charts.classes import confusion_heatmap
from core.charts.studies import PARTS, Curves, means
from core.charts.style import COLOURS
from core.data import Dataset
from core.fields import OneOf, value_text
from core.i18n import N_
from core.specs import NetworkSpec, OptimizerSpec, RunSpec
from core.specs.optimizers import OPTIMIZERS
from core.studies.statistics import Figure, Summary
from pages.ui import fields, layout
from pages.ui.study import Chosen, of_optimizers
from pages.ui.text import _, plural

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
        chosen.heading: [s.row.label(_) for s in summaries],
        _("Test accuracy"): [spread(s.accuracy) for s in summaries],
        _("Published"): [layout.figure(s.row.published) for s in summaries],
        _("Own test images"): [spread(s.own_accuracy) for s in summaries],
        _("Weighted F1"): [spread(s.f1) for s in summaries],
        _("Gap"): [spread(s.gap) for s in summaries],
        _("Seeds"): [f"{len(s.runs)}/{chosen.seeds}" for s in summaries],
        _("Best epoch"): [best(s) for s in summaries],
        _("Test loss"): [spread(s.loss) for s in summaries],
        _("Weights"): [f"{s.weights:,}" if s.weights else "–" for s in summaries],
        _("Seconds"): [spread(s.seconds, 1) for s in summaries],
    }
    if not any(s.row.published for s in summaries):
        del columns[_("Published")]
    if not any(s.gap.values for s in summaries):
        del columns[_("Gap")]
    if not any(s.own_accuracy.values for s in summaries):
        del columns[_("Own test images")]
    if len({s.weights for s in summaries if s.weights}) < 2:
        del columns[_("Weights")]
    if any(s.diverged for s in summaries):
        columns[_("Diverged")] = [diverged(s) for s in summaries]
    content = pd.DataFrame(columns)
    st.dataframe(
        content,
        hide_index=True,
        column_config=layout.numbers_right(content),
        height="content" if len(summaries) <= LONG else 460,
        alt=_("Test accuracy, loss and time of each row"),
    )
    st.caption(" ".join(_about_figures(chosen, summaries)))
    if chosen.study.note:
        st.caption(f"{_(chosen.study.note)} {_reached(chosen, summaries)}")


def _about_figures(chosen: Chosen, summaries: list[Summary]) -> list[str]:
    """Sentences about what the table shows, and none about what it does not."""
    several = any(s.accuracy.std is not None for s in summaries)
    part = _(" or ").join(_(PARTS[part]) for part in chosen.watched)
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
        sentences.append(
            _("Published: one run each.")
            if chosen.data.complete
            else _("Published: one run each, on the full set, which these images are not.")
        )
    if any(s.own_accuracy.values for s in summaries):
        sentences.append(
            _("Own test images: those that the data set brings, in no part of the random split.")
        )
    if any(s.gap.values for s in summaries):
        sentences.append(
            _(
                "Gap: training accuracy minus validation accuracy in the last epoch; a large one "
                "means that the network learned its training images by heart."
            )
        )
    if any(s.row.spec(chosen.base).network.base for s in summaries):
        sentences.append(
            _("Seconds are those of the training, without what a frozen base computes once.")
        )
    if any(s.diverged for s in summaries):
        sentences.append(_("Runs that diverged are left out of accuracy, loss and best epoch."))
    return sentences


def _reached(chosen: Chosen, summaries: list[Summary]) -> str:
    """Which rows reach the accuracy that the note is about, of those that have figures."""
    level = chosen.study.note_accuracy
    known = [(s.row.label(_), s.accuracy.mean) for s in summaries if s.accuracy.mean is not None]
    if level is None or not known:
        return ""
    return _("Here it is reached by: {reached}. Not by: {missed}.").format(
        reached=", ".join(name for name, mean in known if mean >= level) or _("none"),
        missed=", ".join(name for name, mean in known if mean < level) or _("none"),
    )


def lines(curves: Sequence[Curves], metric: str, part: str) -> None:
    """The lowest, the highest and the last value of each line of the chart."""
    known = {row.name: values for row in curves if (values := means(row, metric, part))}
    if known:
        with st.expander(_("Lowest, highest and last value of each line")):
            layout.extremes(known, height="content" if len(known) <= LONG else 460)


def confusion(chosen: Chosen, summaries: list[Summary]) -> None:
    """Which classes the runs of one row take for which, on the test images."""
    known = {s.row.name: s for s in summaries if s.sound}
    if not known:
        fields.pass_over("confusion")
        return
    with st.expander(_("What each row takes for what")):
        titles = {name: summary.row.label(_) for name, summary in known.items()}
        row = OneOf("confusion", N_("row"), next(iter(titles)), titles)
        name = fields.select(row, format_func=titles.__getitem__, width=420)
        runs = known[name].sound
        names = [_(one) for one in chosen.data.class_names]
        st.plotly_chart(
            confusion_heatmap(np.sum([run.confusion for run in runs.values()], axis=0), names, _=_),
            key="confusion_matrix",
            config=layout.STILL,
            alt=_("Confusion matrix of {name}").format(name=titles[name]),
        )
        text = plural(
            "Test images by true and predicted class, of {n} run.",
            "Test images by true and predicted class, counts of {n} runs added.",
            len(runs),
        )
        st.caption(text.format(n=len(runs)))


class Column(NamedTuple):
    """A setting of every row, and where it is marked."""

    name: str
    values: list[str]
    marked: list[bool]


def what_differs(chosen: Chosen) -> None:
    """Every setting in which rows differ; marked is what is not the usual."""
    rows = chosen.study.rows
    specs = [chosen.study.spec(row, 0, chosen.data_spec) for row in rows]
    columns = _settings(chosen, specs) + _optimizer_parameters(specs)
    shown = [column for column in columns if len(set(column.values)) > 1]
    names = Column(chosen.heading, [row.label(_) for row in rows], [False] * len(rows))
    _show([names, *shown])
    if sentences := _about_differences(chosen, shown):
        st.caption(" ".join(sentences))


def _show(columns: list[Column]) -> None:
    marked = f"font-weight: bold; color: {COLOURS['vermillion']}"
    marks = pd.DataFrame({column.name: column.marked for column in columns})
    styles = marks.map(lambda is_marked: marked if is_marked else "")
    content = pd.DataFrame({column.name: column.values for column in columns})
    shown: Styler = content.style.apply(lambda _frame: styles, axis=None)
    st.dataframe(
        shown,
        column_config=layout.numbers_right(content)
        | {  # else long ones are cut off
            column.name: layout.fitting([column.name, *column.values])
            for column in columns
            if column.name in (_("Network"), _("Trained by"))
        },
        hide_index=True,
        height="content" if len(content) <= LONG else 460,
        alt=_("Settings in which the rows differ"),
    )


def _about_differences(chosen: Chosen, columns: list[Column]) -> list[str]:
    """Sentences about what the table shows, and none about what it does not."""
    sentences = []
    if any(any(column.marked) for column in columns):
        sentences.append(
            _("Marked: not Keras's default.")
            if of_optimizers(chosen.study)
            else _(
                "Marked: not as the study begins; of an optimizer's parameters, what is not "
                "Keras's default."
            )
        )
    if any("–" in column.values for column in columns):
        sentences.append(_("–: this optimizer has no such parameter."))
    return sentences


def _settings(chosen: Chosen, specs: list[RunSpec]) -> list[Column]:
    """Every setting but the parameters of optimizers, marked where a row changes it."""
    usual, *found = (_setting_texts(spec, chosen.data) for spec in (chosen.base, *specs))
    if of_optimizers(chosen.study):  # whose names are in the titles of the rows
        del usual[_("Optimizer")]
    return [
        Column(name, [one[name] for one in found], [one[name] != text for one in found])
        for name, text in usual.items()
    ]


def _setting_texts(spec: RunSpec, data: Dataset) -> dict[str, str]:
    """The settings of a run in words."""
    return {
        _("Network"): network_text(spec.network),
        _("Optimizer"): OPTIMIZERS[spec.optimizer.name].title,
        **layout.training_settings(spec, data),
    }


def network_text(network: NetworkSpec) -> str:
    """The layers in words: of a network that is not fully connected each with its settings."""
    return layout.layers(network) if network.dense else layout.each_layer(network)


def _optimizer_parameters(specs: list[RunSpec]) -> list[Column]:
    """The learning rate and every parameter that a row changes, marked if not Keras's default."""
    optimizers = [spec.optimizer for spec in specs]
    changed = (name for optimizer in optimizers for name, _value in optimizer.parameters)
    columns = []
    for name in dict.fromkeys(["learning_rate", *changed]):
        values, marked = zip(*(value_of(optimizer, name) for optimizer in optimizers), strict=True)
        columns.append(Column(name, list(values), list(marked)))
    return columns


def value_of(optimizer: OptimizerSpec, name: str) -> tuple[str, bool]:
    """A parameter of an optimizer, and whether it differs from Keras's default."""
    known = OPTIMIZERS[optimizer.name]
    if name == "learning_rate":
        rate = optimizer.learning_rate
        return value_text(rate), rate != known.learning_rate
    if name not in known.parameters:
        return "–", False
    changed = dict(optimizer.parameters)
    value = changed.get(name, known.parameters[name].default)
    return value_text(value), name in changed
