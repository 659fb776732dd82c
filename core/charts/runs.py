"""Tables and arrays in, plotly figures out. Template and background are left to the theme."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.data import DATASETS
from core.i18n import N_, untranslated
from core.networks.summary import PIXELS, layers, sizes, weights
from core.specs.run import ModelSpec
from core.store import Run
from core.training.epochs import Epoch

COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "grey": "#999999",
}
"""Okabe and Ito's colours, which colour-blind people can tell apart, in the order of series."""

INK = "#111821"
"""Text on a coloured cell, which is light in both themes."""

Translate = Callable[[str], str]

METRICS = {"accuracy": N_("accuracy"), "loss": N_("loss")}

SHOWN = 12
"""How many nodes of a layer a diagram shows."""


def base_figure(height: int, **layout: object) -> go.Figure:
    """An empty figure with the margins, the legend and the hover box that all charts share."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hoverlabel={"namelength": -1},
        dragmode=False,
        **layout,
    )
    return figure


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


def accuracy_by_weights(runs: Sequence[Run], _: Translate = untranslated) -> go.Figure:
    """Test accuracy of runs against the number of their weights, a colour for each data set.

    A run on a sample is hollow: its accuracy is not one of the full set.
    """
    figure = base_figure(360)
    looks = zip(DATASETS.values(), ("blue", "orange"), ("circle", "diamond"), strict=True)
    for wanted, colour, symbol in looks:
        points = [run for run in runs if run.spec.data.name == wanted.name]
        if not points:
            continue
        figure.add_scatter(
            x=[weights(run.spec.model) for run in points],
            y=[run.test_accuracy for run in points],
            name=wanted.title,
            mode="markers",
            marker={
                "color": COLOURS[colour],
                "size": 10,
                "line": {"width": 2, "color": COLOURS[colour]},
                "symbol": [
                    symbol if run.dataset["complete"] else f"{symbol}-open" for run in points
                ],
            },
            text=[
                f"{'+'.join(map(str, run.spec.model.hidden)) or run.spec.model.kind}, "
                f"{run.spec.optimizer.text}"
                for run in points
            ],
            hovertemplate="%{text}<br>%{x:,} · %{y:.4f}",
        )
    ticks = [digit * 10**power for power in range(3, 8) for digit in (1, 2, 5)]
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title=_("weights"), type="log", tickvals=ticks, tickformat="~s")
    figure.update_yaxes(title=_("test accuracy"), tickformat=".3f")
    return figure


def class_balance(
    counts_train: Sequence[int] | npt.NDArray[np.integer],
    counts_test: Sequence[int] | npt.NDArray[np.integer],
    class_names: Sequence[str],
    _: Translate = untranslated,
) -> go.Figure:
    """How many images each class has, in the training and in the test part."""
    figure = base_figure(90 + 40 * len(class_names), bargap=0.25)
    parts = (
        (_("training"), counts_train, COLOURS["blue"]),
        (_("test"), counts_test, COLOURS["orange"]),
    )
    for name, counts, colour in parts:
        figure.add_bar(
            x=list(map(int, counts)),
            y=list(class_names),
            name=name,
            orientation="h",
            marker={"color": colour},
            texttemplate="%{x:,}",
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,}",
        )
    most = max([1, *map(int, counts_train), *map(int, counts_test)])
    figure.update_xaxes(title=_("images"), range=[0, most * 1.15], fixedrange=True, nticks=5)
    _class_axis(figure, class_names)
    return figure


def probability_bars(
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    predicted: int,
    true: int | None = None,
    _: Translate = untranslated,
) -> go.Figure:
    """The outputs (classes,) of the network for one image, 0..1, with the two classes marked.

    Without a true class, as for a drawing, only the predicted one is marked.
    """
    if true is None:
        marked = {_("predicted"): ([predicted], COLOURS["blue"])}
    elif predicted == true:
        marked = {_("predicted, and true"): ([predicted], COLOURS["green"])}
    else:
        marked = {
            _("predicted"): ([predicted], COLOURS["vermillion"]),
            _("true class"): ([true], COLOURS["blue"]),
        }
    others = [i for i in range(len(class_names)) if i not in (predicted, true)]
    groups = {**marked, _("other classes"): (others, COLOURS["grey"])}
    figure = base_figure(60 + 26 * len(class_names), barmode="overlay", bargap=0.2)
    for name, (classes, colour) in groups.items():
        if classes:
            figure.add_bar(
                x=[float(probabilities[i]) for i in classes],
                y=[class_names[i] for i in classes],
                name=name,
                orientation="h",
                marker={"color": colour},
                texttemplate="%{x:.4f}",
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{x:.6f}",
            )
    figure.update_xaxes(range=[0, 1.2], tickvals=[0, 0.25, 0.5, 0.75, 1], fixedrange=True)
    _class_axis(figure, class_names)
    return figure


def _class_axis(figure: go.Figure, class_names: Sequence[str]) -> None:
    """Classes down the y axis, the first on top; digits are names too, not numbers."""
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=list(class_names),
        range=[len(class_names) - 0.5, -0.5],
        dtick=1,
        fixedrange=True,
        automargin=True,
    )


def confusion_heatmap(
    matrix: Sequence[Sequence[int]] | npt.NDArray[np.integer],
    class_names: Sequence[str],
    _: Translate = untranslated,
) -> go.Figure:
    """Counts of images, row: true class, column: predicted class. A cell with no image is empty.

    Hits on the diagonal are blue by their share of the row. Mistakes are orange by the logarithm
    of their count: beside a thousand hits all of them would look like none.
    """
    counts = np.asarray(matrix)
    hits = np.eye(len(counts), dtype=bool)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = (
        (hits, share, 1.0, [[0, "#E3F2FB"], [1, COLOURS["sky"]]]),
        (~hits, np.log1p(counts), None, [[0, "#FDF3DC"], [1, COLOURS["orange"]]]),
    )
    figure = base_figure(440)
    for cells, values, largest, colours in parts:
        shown = cells & (counts > 0)
        most = largest or max(1.0, float(values[shown].max(initial=0)))
        figure.add_heatmap(
            x=list(class_names),
            y=list(class_names),
            z=np.where(shown, values, np.nan),
            zmin=0,
            zmax=most,
            text=np.where(shown, counts, ""),
            texttemplate="%{text}",
            textfont={"size": 11, "color": INK},
            customdata=counts,
            colorscale=colours,
            showscale=False,
            hoverongaps=False,
            xgap=1,
            ygap=1,
            hovertemplate=_("true %{y}, predicted %{x}: %{customdata:,}") + "<extra></extra>",
        )
    _class_axis(figure, class_names)
    figure.update_yaxes(title=_("true class"), showgrid=False)
    figure.update_xaxes(
        title=_("predicted class"),
        type="category",
        dtick=1,
        tickangle=0 if max(map(len, class_names)) <= 2 else -60,
        showgrid=False,
        fixedrange=True,
        automargin=True,
    )
    return figure


def network_diagram(
    model: ModelSpec, class_names: Sequence[str], _: Translate = untranslated
) -> go.Figure:
    """The layers from top to bottom, thinned to SHOWN nodes, every node joined to all of the next.

    What a layer is stands beside its nodes, and the count of weights and biases between two rows.
    The layers of the convolutional network are blocks instead.
    """
    if model.kind == "drawing":
        return _block_diagram(model, _)
    flow = sizes(model)
    rows = [_nodes(count) for count in flow]
    figure = base_figure(70 + 105 * len(flow), showlegend=False, hovermode=False)
    edges_x: list[float | None] = []
    edges_y: list[float | None] = []
    for y, (above, below) in enumerate(pairwise(rows)):
        for start in above:
            for end in below:
                edges_x += [start, end, None]
                edges_y += [y, y + 1, None]
    figure.add_scatter(
        x=edges_x, y=edges_y, mode="lines", line={"color": COLOURS["grey"], "width": 0.4}
    )
    figure.add_scatter(
        x=[x for row in rows for x in row],
        y=[y for y, row in enumerate(rows) for _x in row],
        mode="markers",
        marker={"size": 10, "color": COLOURS["blue"]},
    )

    def beside(y: float, text: str) -> None:
        figure.add_annotation(
            xref="paper", x=0, y=y, text=text, showarrow=False, xanchor="left", align="left"
        )

    dense = layers(model)[1:]
    for y, count in enumerate(flow):
        if count > SHOWN:
            figure.add_annotation(x=0.5, y=y, text="···", showarrow=False, font={"size": 18})
        if y == 0:
            beside(y, _("<b>{n}</b> inputs<br>28 × 28 pixels").format(n=PIXELS))
        elif y < len(flow) - 1:
            beside(y, _("<b>{n}</b> neurons<br>{kind}").format(n=count, kind=model.activation))
        else:
            beside(y, _("<b>{n}</b> outputs<br>softmax").format(n=count))
    for y, (inputs, layer) in enumerate(zip(flow, dense, strict=False)):
        product = _("{inputs} × {neurons} + {neurons}").format(inputs=inputs, neurons=layer.output)
        total = _("= {n:,} weights").format(n=layer.weights)
        beside(y + 0.5, f"{product}<br>{total}")
    upright = max(map(len, class_names)) > 2
    for x, name in zip(rows[-1], class_names, strict=False):
        figure.add_annotation(
            x=x,
            y=len(flow) - 1,
            yshift=-10,
            yanchor="top",
            text=name,
            textangle=-90 if upright else 0,
            showarrow=False,
        )
    room = 0.85 if upright else 0.35
    figure.update_xaxes(visible=False, domain=[0.46, 1], range=[-0.05, 1.05], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(flow) - 1 + room, -0.3], fixedrange=True)
    return figure


def _block_diagram(model: ModelSpec, _: Translate) -> go.Figure:
    """A bar for each layer, as wide as the logarithm of what it passes on, with its shape in it."""
    rows = layers(model)
    figure = base_figure(80 + 34 * len(rows), showlegend=False, hovermode=False, bargap=0.25)
    figure.add_bar(
        x=[math.log2(row.output) for row in rows],
        base=[-math.log2(row.output) / 2 for row in rows],
        y=[row.name for row in rows],
        orientation="h",
        marker={"color": [COLOURS["sky" if row.weights else "grey"] for row in rows]},
        text=[" × ".join(map(str, row.shape)) for row in rows],
        textfont={"color": INK},
        textposition="inside",
        insidetextanchor="middle",
    )
    for i, row in enumerate(rows):
        if row.weights:
            text = _("{n:,} weights").format(n=row.weights)
            figure.add_annotation(x=8.5, y=i, text=text, showarrow=False, xanchor="left")
    figure.update_xaxes(visible=False, range=[-8, 14], fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, automargin=True)
    return figure


def _nodes(count: int) -> list[float]:
    """Where the nodes of a layer stand between 0 and 1, with a gap in the middle for the others."""
    places = [i / SHOWN for i in range(SHOWN + 1)]
    if count > SHOWN:
        return places[: SHOWN // 2] + places[SHOWN // 2 + 1 :]
    margin = (SHOWN + 1 - count) / 2
    return [(margin + i) / SHOWN for i in range(count)]
