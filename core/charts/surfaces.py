"""Figures of optimizers on a loss surface: the animated paths, and the loss at each step."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.charts.style import COLOURS, INK, Translate, base_figure, style
from core.i18n import untranslated
from core.optimizers.finder import Sweep
from core.optimizers.surfaces import Floats, Path

FRAMES = 60
"""Pictures of an animation, at most."""
MILLISECONDS = 70
"""That each of them is shown."""
FAR = 1e6
"""Where a path is left out of the picture, which ends at 10."""

_GROUND = [[0, "#FFFFFF"], [1, "#9FB3C8"]]
"""Light in both themes: the colours of the paths stand out from it."""


def paths_chart(
    ground: tuple[Floats, Floats, Floats],
    paths: Sequence[tuple[str, Path]],
    goal: tuple[str, tuple[float, float]],
    _: Translate = untranslated,
) -> go.Figure:
    """Contours of a surface (x, y, losses) with the paths over it, and buttons that play them.

    `goal` is the name and the place of a star.

    Contours are spaced by the logarithm of the height above the lowest point. The ends of the axes
    are those of the surface: an optimizer may leave the picture.
    """
    x, y, losses = ground
    steps = max((len(path.points) for _name, path in paths), default=1) - 1
    figure = base_figure(490, hovermode="closest")
    figure.add_contour(
        x=x,
        y=y,
        z=np.log10(losses - losses.min() + 1e-3 * (losses.max() - losses.min())),
        customdata=losses,
        colorscale=_GROUND,
        ncontours=18,
        line={"width": 0.6, "color": "#6B7C8F"},
        showscale=False,
        hovertemplate="x %{x:.2f}, y %{y:.2f}: %{customdata:.4g}<extra></extra>",
    )
    name, place_of_goal = goal
    figure.add_scatter(
        x=[place_of_goal[0]],
        y=[place_of_goal[1]],
        mode="markers",
        marker={
            "symbol": "star",
            "size": 16,
            "color": INK,
            "line": {"color": "#FFFFFF", "width": 1.5},
        },
        name=name,
        hoverinfo="name",
    )
    first = len(figure.data)
    for place, (name, path) in enumerate(paths):
        figure.add_trace(_walk(place, name, path, steps))
    figure.frames = [
        {
            "data": [{"type": "scatter", **_until(path, until)} for _name, path in paths],
            "traces": list(range(first, first + len(paths))),
            "name": str(until),
        }
        for until in sorted({round(part * steps / FRAMES) for part in range(FRAMES + 1)})
    ]
    if paths:
        _add_player(figure, _)
    figure.update_xaxes(range=[float(x[0]), float(x[-1])], fixedrange=True, title="x")
    figure.update_yaxes(range=[float(y[0]), float(y[-1])], fixedrange=True, title="y")
    return figure


def _walk(place: int, name: str, path: Path, steps: int) -> go.Scatter:
    """A whole path: its line, and a marker at its end."""
    look = style(place)
    return go.Scatter(
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 3},
        marker={
            "symbol": look.symbol,
            "color": look.colour,
            "line": {"color": INK, "width": 1},
            "opacity": 1,
        },
        name=name,
        hovertemplate="%{fullData.name}: %{x:.3f}, %{y:.3f}<extra></extra>",
    ).update(_until(path, steps))


def _until(path: Path, step: int) -> dict[str, Any]:
    """What of a walk changes with the steps: its points, and the marker at the last of them."""
    x, y = _drawable(path.points[: step + 1]).T
    sizes = np.zeros(len(x), np.uint8)
    sizes[-1] = 13
    return {"x": x, "y": y, "marker": {"size": sizes}}


def _drawable(points: Floats) -> Floats:
    """Coordinates that a browser can draw: what is farther than FAR is left out."""
    return np.where(np.abs(points) < FAR, points, np.nan).astype(np.float32)


def _add_player(figure: go.Figure, _: Translate) -> None:
    """Buttons to play and to pause, and a slider of steps.

    Without `redraw` plotly drops the contours while it plays.
    """
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
    moving = {
        "frame": {"duration": MILLISECONDS, "redraw": True},
        "transition": {"duration": 0},
    }
    buttons = [
        {
            "label": _("▶ Play"),
            "method": "animate",
            "args": [None, {**moving, "mode": "immediate"}],
        },
        {"label": _("❚❚ Pause"), "method": "animate", "args": [[None], still]},
    ]
    figure.update_layout(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "buttons": buttons,
                "x": 0,
                "y": 0,
                "pad": {"t": 45},
                "xanchor": "left",
                "yanchor": "top",
                "showactive": False,
                "bgcolor": "#FFFFFF",
                "font": {"color": INK},
            }
        ],
        sliders=[
            {
                "active": len(figure.frames) - 1,
                "currentvalue": {
                    "prefix": _("step "),
                    "xanchor": "right",
                    "font": {"size": 13, "color": "#808080"},
                },
                "pad": {"t": 30},
                "x": 0.45,
                "y": 0,
                "len": 0.55,
                "ticklen": 0,
                "minorticklen": 0,
                "steps": [
                    {
                        "label": frame.name,
                        "method": "animate",
                        "args": [[frame.name], still],
                    }
                    for frame in figure.frames
                ],
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},
            }
        ],
        margin={"l": 8, "r": 8, "t": 8, "b": 95},
    )


def losses_chart(paths: Sequence[tuple[str, Path]], _: Translate = untranslated) -> go.Figure:
    """The loss of each path at each step, on a logarithmic axis where all are above zero."""
    figure = base_figure(320, hovermode="closest")
    lowest = min((float(np.nanmin(path.losses)) for _name, path in paths), default=1.0)
    for place, (name, path) in enumerate(paths):
        look = style(place)
        figure.add_scatter(
            x=list(range(len(path.losses))),
            y=_finite(path.losses),
            mode="lines",
            line={"color": look.colour, "dash": look.dash, "width": 2},
            name=name,
            showlegend=True,
            hovertemplate="%{fullData.name}, %{x}: %{y:.4g}<extra></extra>",
        )
    figure.update_xaxes(title=_("step"), fixedrange=True)
    kind = "log" if lowest > 0 else "linear"
    figure.update_yaxes(title=_("loss"), type=kind, fixedrange=True, exponentformat="power")
    figure.update_yaxes(automargin=True)
    return figure


def sweep_chart(sweep: Sweep, _: Translate = untranslated) -> go.Figure:
    """Loss against learning rate: each step, the smoothed loss, and where it falls fastest."""
    figure = base_figure(400, hovermode="closest")
    figure.add_scatter(
        x=sweep.rates,
        y=sweep.losses,
        mode="markers",
        marker={"size": 5, "color": COLOURS["grey"]},
        name=_("each step"),
        hovertemplate="%{x:.2g}: %{y:.4f}",
    )
    figure.add_scatter(
        x=sweep.rates,
        y=sweep.smooth,
        mode="lines",
        line={"color": COLOURS["blue"], "width": 3},
        name=_("smoothed"),
        hovertemplate="%{x:.2g}: %{y:.4f}",
    )
    marks = (
        (sweep.steepest, _("falls fastest"), "green", "diamond"),
        (sweep.lowest, _("lowest"), "orange", "square"),
    )
    for step, name, colour, symbol in marks:
        if step is None:
            continue
        figure.add_scatter(
            x=[sweep.rates[step]],
            y=[sweep.smooth[step]],
            mode="markers",
            marker={"symbol": symbol, "size": 13, "color": COLOURS[colour]},
            name=f"{name}: {sweep.rates[step]:.2g}",
            hovertemplate="%{fullData.name}<extra></extra>",
        )
    figure.update_xaxes(
        title=_("learning rate"), type="log", exponentformat="power", fixedrange=True, dtick=1
    )
    figure.update_yaxes(title=_("loss"), rangemode="tozero", fixedrange=True, automargin=True)
    return figure


def _finite(values: Floats) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
