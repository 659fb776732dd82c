"""Figures of runs: their curves, and how accurate networks of their sizes are."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import plotly.graph_objects as go

from core.charts.style import COLOURS, Style, Translate, base_figure, style
from core.i18n import N_, untranslated
from core.store import Run
from core.training.epochs import Epoch

METRICS = {"accuracy": N_("accuracy"), "loss": N_("loss")}
LEAST_SPAN = {"accuracy": 0.1, "loss": 0.25}
"""Of an axis: the accuracy on 800 images, as of the sample, moves by 0.02 by chance."""
FEW = 20
"""Epochs whose markers do not touch."""
CURVES = 250
"""The height of curves in pixels: below title and tiles they fit the screen of a projector."""


def learning_curves(
    epochs: Sequence[Epoch],
    metric: Literal["loss", "accuracy"],
    total_epochs: int,
    _: Translate = untranslated,
) -> go.Figure:
    """Loss or accuracy (0..1) after each epoch, on training and on validation images.

    Beside the loss in training stands the part of it that is of L1 and L2, if there is one.

    Without validation, on the test images instead, if they were watched.
    The x axis reaches from 1 to `total_epochs` from the start, so that nothing jumps while epochs
    are added. A value that is not finite leaves a gap.
    """
    test = any(epoch.test_accuracy is not None for epoch in epochs)
    second = (_("test"), f"test_{metric}") if test else (_("validation"), f"val_{metric}")
    series: tuple[tuple[str, str, str, str, str], ...] = (
        (_("training"), metric, COLOURS["blue"], "solid", "circle"),
        (*second, COLOURS["orange"], "dash", "diamond"),
    )
    if metric == "loss" and any(epoch.penalty is not None for epoch in epochs):
        series += ((_("part from L1 and L2"), "penalty", COLOURS["grey"], "dot", "square"),)
    curves = [
        _curve(name, epochs, field, Style(colour, dash, symbol))
        for name, field, colour, dash, symbol in series
    ]
    return _figure(curves, total_epochs, metric, _)


def learning_rates(
    epochs: Sequence[Epoch], total_epochs: int, _: Translate = untranslated
) -> go.Figure:
    """The learning rate that the last step of each epoch was taken with."""
    look = Style(COLOURS["purple"], "solid", "circle")
    curve = _curve(_("learning rate"), epochs, "learning_rate", look)
    curve.update(showlegend=False, hovertemplate="%{y:.3g}<extra></extra>")
    figure = base_figure(
        CURVES,
        xaxis=epoch_axis(total_epochs, _),
        yaxis={
            "title": {"text": _("learning rate")},
            "rangemode": "tozero",
            "fixedrange": True,
            "automargin": True,
        },
    )
    return figure.add_traces([curve])


def compared_curves(runs: Sequence[tuple[str, Run]], _: Translate = untranslated) -> go.Figure:
    """Accuracy (0..1) of runs with names after each epoch, on images they were not trained on."""
    curves = []
    for place, (name, run) in enumerate(runs):
        part, field = ("validation", "val") if run.dataset["validation"] else ("test", "test")
        label = _("{name}, {part}").format(name=name, part=_(part))
        look = style(place + 2)  # blue and orange are training and validation of one run
        curves.append(_curve(label, run.epochs, f"{field}_accuracy", look))
    return _figure(curves, max(run.spec.train.epochs for _name, run in runs), "accuracy", _)


def _figure(
    curves: Sequence[go.Scatter],
    total_epochs: int,
    metric: Literal["loss", "accuracy"],
    _: Translate,
) -> go.Figure:
    # Axes at once with the rest: drawn each second for a whole class, and three times as fast.
    figure = base_figure(
        CURVES,
        hovermode="x unified",
        xaxis=epoch_axis(total_epochs, _),
        yaxis=_value_axis(curves, metric, _),
    )
    return figure.add_traces(curves)


def _curve(name: str, epochs: Sequence[Epoch], field: str, look: Style) -> go.Scatter:
    """A figure of the table of epochs as a line."""
    values = [getattr(epoch, field) for epoch in epochs]
    return go.Scatter(
        x=[epoch.epoch for epoch in epochs],
        y=[v if v is not None and math.isfinite(v) else None for v in values],
        name=name,
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash},
        marker={"symbol": look.symbol, "size": 8 if len(epochs) <= FEW else 4},
        hovertemplate="%{y:.4f}",
        showlegend=True,
        cliponaxis=False,  # or a marker at the edge is half of one
    )


def _value_axis(
    curves: Sequence[go.Scatter], metric: Literal["loss", "accuracy"], _: Translate
) -> dict[str, Any]:
    """The axis of a metric, from what can be no better to a little beyond the worst value.

    It keeps a least span, so that the chance between two epochs does not look like a collapse, and
    a curve that is already good looks good.
    """
    shown = [value for curve in curves for value in curve.y if value is not None]
    if metric == "loss":
        limits = [0, max(LEAST_SPAN["loss"], 1.05 * max(shown, default=1.0))]
    else:
        lowest = min(shown, default=0.0)
        worst = min(1 - LEAST_SPAN["accuracy"], lowest - 0.05 * (1 - lowest))
        limits = [max(0.0, worst), 1 + 0.02 * (1 - worst)]  # room for the markers at 1
    return {
        "title": {"text": _(METRICS[metric])},
        "range": limits,
        "fixedrange": True,
        "automargin": True,
    }


def epoch_axis(total_epochs: int, _: Translate) -> dict[str, Any]:
    """Epochs along the x axis, up to the last from the start."""
    steps = (digit * 10**power for power in range(5) for digit in (1, 2, 5))
    step = next(step for step in steps if total_epochs <= 10 * step)
    return {
        "title": {"text": _("epoch")},
        "range": [0.5, total_epochs + 0.5],
        "tickvals": sorted({1, *range(step, total_epochs + 1, step)}),
        "fixedrange": True,
    }


COSTS = {"weights": N_("weights"), "seconds": N_("seconds of training")}
"""What a more accurate network may cost."""


def accuracy_by(
    cost: Literal["weights", "seconds"], runs: Sequence[Run], _: Translate = untranslated
) -> go.Figure:
    """Test accuracy of runs on one data set against one of COSTS.

    Of several runs with the same layers only the best is shown: those of a study would lie above
    each other. A run on a sample is hollow: its accuracy is not one of the full set.
    """
    best: dict[tuple[object, bool], Run] = {}
    for run in sorted(runs, key=lambda run: run.test_accuracy):
        best[run.spec.network, run.dataset["complete"]] = run
    figure = base_figure(360)
    colour = COLOURS["blue"]
    figure.add_scatter(
        x=[
            run.train_seconds if cost == "seconds" else sum(layer.weights for layer in run.layers)
            for run in best.values()
        ],
        y=[run.test_accuracy for run in best.values()],
        mode="markers",
        marker={
            "color": colour,
            "size": 10,
            "line": {"width": 2, "color": colour},
            "symbol": [
                "circle" if run.dataset["complete"] else "circle-open" for run in best.values()
            ],
        },
        text=[f"{run.spec.network.text}, {run.spec.optimizer_text}" for run in best.values()],
        hovertemplate="%{text}<br>%{x:,.4~g} · %{y:.4f}<extra></extra>",
        showlegend=False,
    )
    ticks = [digit * 10**power for power in range(-1, 8) for digit in (1, 2, 5)]
    figure.update_xaxes(title=_(COSTS[cost]), type="log", tickvals=ticks, tickformat="~s")
    lowest = min((run.test_accuracy for run in best.values()), default=0.0)
    margin = 0.1 * (1 - lowest) + 0.002  # Plotly's own goes to 1.5 around one point
    limits = [lowest - margin, 1 + margin / 2]
    figure.update_yaxes(title=_("test accuracy"), tickformat=".3f", range=limits)
    return figure
