"""Figures of runs: their curves, and how accurate networks of their sizes are."""

import math
from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from core.charts.style import COLOURS, Translate, base_figure
from core.i18n import N_, untranslated
from core.store import Run
from core.training.epochs import Epoch

METRICS = {"accuracy": N_("accuracy"), "loss": N_("loss")}


def learning_curves(
    epochs: Sequence[Epoch],
    metric: Literal["loss", "accuracy"],
    total_epochs: int,
    _: Translate = untranslated,
) -> go.Figure:
    """Loss or accuracy (0..1) after each epoch, on training and on validation images.

    Without validation, on the test images instead, if they were watched.
    The x axis reaches from 1 to `total_epochs` from the start, so that nothing jumps while epochs
    are added. A value that is not finite leaves a gap.
    """
    test = any(epoch.test_accuracy is not None for epoch in epochs)
    second = (_("test"), f"test_{metric}") if test else (_("validation"), f"val_{metric}")
    series = (
        (_("training"), metric, COLOURS["blue"], "solid", "circle"),
        (*second, COLOURS["orange"], "dash", "diamond"),
    )
    figure = base_figure(300, hovermode="x unified")
    for name, field, colour, dash, symbol in series:
        values = [getattr(epoch, field) for epoch in epochs]
        figure.add_scatter(
            x=[epoch.epoch for epoch in epochs],
            y=[v if v is not None and math.isfinite(v) else None for v in values],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 8},
            hovertemplate="%{y:.4f}",
            showlegend=True,
        )
    epoch_axis(figure, total_epochs, _)
    figure.update_yaxes(title=_(METRICS[metric]), fixedrange=True, automargin=True)
    if not epochs:
        figure.update_yaxes(range=[0, 1])
    return figure


def epoch_axis(figure: go.Figure, total_epochs: int, _: Translate) -> None:
    """Epochs along the x axis, up to the last from the start."""
    step = max(1, math.ceil(total_epochs / 10))
    figure.update_xaxes(
        title=_("epoch"), range=[0.5, total_epochs + 0.5], tick0=1, dtick=step, fixedrange=True
    )


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
        text=[f"{run.spec.network.text}, {run.spec.optimizer.text}" for run in best.values()],
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
