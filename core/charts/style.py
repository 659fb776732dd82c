"""How all charts look. Template and background are left to the theme."""

from collections.abc import Callable
from typing import NamedTuple

import plotly.graph_objects as go

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

_STRONG = ("blue", "orange", "green", "vermillion", "sky", "purple")
_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "diamond", "square")

MOST = len(_STRONG) * len(_DASHES)
"""How many series can be told apart."""

Translate = Callable[[str], str]


class Style(NamedTuple):
    """How a series looks on every chart."""

    colour: str
    dash: str
    symbol: str


def style(series: int) -> Style:
    """Of the series at this place, from 0: six colours, then other dashes and symbols too."""
    again, colour = divmod(series, len(_STRONG))
    return Style(
        COLOURS[_STRONG[colour]], _DASHES[again % len(_DASHES)], _SYMBOLS[again % len(_SYMBOLS)]
    )


def base_figure(height: int, **layout: object) -> go.Figure:
    """An empty figure with the margins, the legend and the hover box that all charts share."""
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {"namelength": -1},
            "dragmode": False,
            **layout,
        }
    )
