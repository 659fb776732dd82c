"""The diagram of a network."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.charts.style import COLOURS, INK, Translate, base_figure, style
from core.i18n import untranslated
from core.networks.layers import BatchNormalization, Dense, Dropout, Flatten
from core.networks.structure import LayerRow, NetworkSpec

Note = dict[str, Any]
"""An annotation as plotly writes it."""

SHOWN = 12
"""How many nodes of a layer a diagram shows."""


def network_diagram(
    layers: Sequence[LayerRow], class_names: Sequence[str], _: Translate = untranslated
) -> go.Figure:
    """The layers from top to bottom, thinned to SHOWN nodes, every node joined to all of the next.

    What a layer is stands beside its nodes, with normalisation and dropout, and the count of
    weights and biases between two rows.
    The layers of a network that has others than fully connected ones are blocks instead.
    """
    if not NetworkSpec(tuple(row.layer for row in layers[:-1])).dense:
        return _block_diagram(layers, _)
    extras = _behind(layers, _)
    layers = [row for row in layers if isinstance(row.layer, Flatten | Dense)]
    flow = [row.output for row in layers]
    rows = [_nodes(count) for count in flow]
    upright = max(map(len, class_names)) > 2
    figure = base_figure(70 + 105 * len(flow), showlegend=False, hovermode=False)
    edges = [
        [(start, y), (end, y + 1), (math.nan, math.nan)]
        for y, (above, below) in enumerate(pairwise(rows))
        for start in above
        for end in below
    ]
    # An array: of a list plotly looks at each number.
    x, y = np.array(edges).reshape(-1, 2).T
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": COLOURS["grey"], "width": 0.4})
    figure.add_scatter(
        x=np.concatenate(rows),
        y=np.repeat(np.arange(len(rows)), list(map(len, rows))),
        mode="markers",
        marker={"size": 10, "color": COLOURS["blue"]},
    )

    notes = [
        *_beside(layers, flow, extras, _),
        *_below(rows[-1], class_names, upright, len(flow) - 1),
    ]
    notes += [
        {"x": 0.5, "y": y, "text": "···", "font": {"size": 18}}
        for y, count in enumerate(flow)
        if count > SHOWN
    ]
    # All at once: plotly checks the earlier ones again with each that is added.
    figure.update_layout(annotations=[note | {"showarrow": False} for note in notes])
    room = 0.85 if upright else 0.35
    figure.update_xaxes(visible=False, domain=[0.46, 1], range=[-0.05, 1.05], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(flow) - 1 + room, -0.3], fixedrange=True)
    return figure


def _behind(layers: Sequence[LayerRow], _: Translate) -> list[str]:
    """Of each fully connected layer, the picture being the first, what follows it, as a line."""
    found: list[list[str]] = []
    for row in layers:
        match row.layer:
            case BatchNormalization():
                found[-1].append(_("normalised: {n} weights").format(n=row.weights))
            case Dropout():
                found[-1].append(_("dropout {share:.6g}%").format(share=100 * row.layer.rate))
            case _:
                found.append([])
    return ["".join(f"<br>{text}" for text in texts) for texts in found]


def _beside(
    layers: Sequence[LayerRow], flow: Sequence[int], extras: Sequence[str], _: Translate
) -> Iterator[Note]:
    """What each layer is, and between two of them the count of weights and biases."""
    place: Note = {"xref": "paper", "x": 0, "xanchor": "left", "align": "left"}
    for y, count in enumerate(flow):
        if y == 0:
            pixels = " × ".join(map(str, layers[0].inputs))
            text = _("<b>{n}</b> inputs<br>{pixels} pixels").format(n=count, pixels=pixels)
        elif y < len(flow) - 1:
            kind = getattr(layers[y].layer, "activation", "")
            text = _("<b>{n}</b> neurons<br>{kind}").format(n=count, kind=kind) + extras[y]
        else:
            text = _("<b>{n}</b> outputs<br>softmax").format(n=count)
        yield place | {"y": y, "text": text}
    product = _("{inputs} × {neurons} + {neurons} weights")
    for y, (inputs, neurons) in enumerate(pairwise(flow)):
        text = product.format(inputs=inputs, neurons=neurons)
        yield place | {"y": y + 0.5, "text": text}


def _below(
    places: Sequence[float], class_names: Sequence[str], upright: bool, y: int
) -> Iterator[Note]:
    """The names of the classes below their outputs; none where some have no node."""
    named = class_names if len(class_names) <= SHOWN else ()
    angle = -90 if upright else 0
    for x, name in zip(places, named, strict=False):
        yield {"x": x, "y": y, "yshift": -10, "yanchor": "top", "text": name, "textangle": angle}


def _block_diagram(rows: Sequence[LayerRow], _: Translate) -> go.Figure:
    """A bar for each layer, as wide as the logarithm of what it passes on, with its shape in it."""
    figure = base_figure(80 + 34 * len(rows), showlegend=False, hovermode=False, bargap=0.25)
    figure.add_bar(
        x=[math.log2(row.output) for row in rows],
        base=[-math.log2(row.output) / 2 for row in rows],
        y=[row.name for row in rows],
        orientation="h",
        marker={
            "color": [COLOURS["sky" if row.weights else "grey"] for row in rows],
            "pattern": {
                "shape": ["/" if row.frozen else "" for row in rows],
                "fillmode": "overlay",
                "fgcolor": COLOURS["blue"],
                "fgopacity": 0.35,
                "size": 8,
                "solidity": 0.15,
            },
        },
        text=[" × ".join(map(str, row.shape)) for row in rows],
        textfont={"color": INK},
        textposition="inside",
        insidetextanchor="middle",
    )
    half = max(math.log2(row.output) for row in rows) / 2
    figure.update_layout(
        annotations=[
            {
                "x": 1.1 * half,
                "y": i,
                "text": (_("{n:,} frozen") if row.frozen else _("{n:,} weights")).format(
                    n=row.weights
                ),
                "showarrow": False,
                "xanchor": "left",
            }
            for i, row in enumerate(rows)
            if row.weights
        ]
    )
    figure.update_xaxes(visible=False, range=[-1.05 * half, 2 * half], fixedrange=True)
    figure.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, automargin=True)
    return figure


BINS = 60
"""Of a histogram of weights."""


def weight_histograms(
    weights: Mapping[str, npt.NDArray[np.floating[Any]]], _: Translate = untranslated
) -> go.Figure:
    """Which part of the weights of each network has which value, in bins that they share."""
    figure = base_figure(340, hovermode="x unified")
    ends = max((float(abs(values).max()) for values in weights.values()), default=1.0) or 1.0
    edges = np.linspace(-ends, ends, BINS + 1)
    for place, (name, values) in enumerate(weights.items()):
        look = style(place)
        figure.add_scatter(
            x=((edges[1:] + edges[:-1]) / 2).tolist(),
            y=(np.histogram(values, edges)[0] / values.size).tolist(),
            name=name,
            mode="lines",
            line={"color": look.colour, "dash": look.dash, "shape": "hvh"},
            hovertemplate="%{y:.1%}",
        )
    figure.update_xaxes(title=_("weight"), fixedrange=True, hoverformat=".3f")
    figure.update_yaxes(
        title=_("part of the weights"), tickformat=".1~%", rangemode="tozero", fixedrange=True
    )
    return figure


def _nodes(count: int) -> list[float]:
    """Where the nodes of a layer stand between 0 and 1, with a gap in the middle for the others."""
    places = [i / SHOWN for i in range(SHOWN + 1)]
    if count > SHOWN:
        return places[: SHOWN // 2] + places[SHOWN // 2 + 1 :]
    margin = (SHOWN + 1 - count) / 2
    return [(margin + i) / SHOWN for i in range(count)]
