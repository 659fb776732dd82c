"""Figures of optimizers on a loss surface: the animated paths, and the loss at each step."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.charts import INK, Translate, base_figure
from core.i18n import untranslated
from core.motion import Floats, Path
from core.study_charts import style

FRAMES = 60
"""Pictures of an animation, at most."""
MILLISECONDS = 70
"""Each of them."""

_GROUND = [[0, "#FFFFFF"], [1, "#9FB3C8"]]
"""Light in both themes: the colours of the paths stand out from it."""


def paths_chart(
    ground: tuple[Floats, Floats, Floats],
    paths: Sequence[tuple[str, Path]],
    minimum: tuple[float, float] | None,
    _: Translate = untranslated,
) -> go.Figure:
    """Contours of a surface (x, y, losses) with the paths over it, and buttons that play them.

    Contours are spaced by the logarithm of the height above the lowest point. The ends of the axes
    are those of the surface: an optimizer may leave the picture.
    """
    x, y, losses = ground
    steps = max((len(path.points) for _name, path in paths), default=1) - 1
    figure = base_figure(620, hovermode="closest")
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
    if minimum:
        figure.add_scatter(
            x=[minimum[0]],
            y=[minimum[1]],
            mode="markers",
            marker={"symbol": "star", "size": 15, "color": INK},
            name=_("minimum"),
            hoverinfo="name",
        )
    first = len(figure.data)
    for place, (name, path) in enumerate(paths):
        figure.add_trace(_walk(place, name, path, steps))
    figure.frames = [
        go.Frame(
            data=[_walk(place, name, path, until) for place, (name, path) in enumerate(paths)],
            traces=list(range(first, first + len(paths))),
            name=str(until),
        )
        for until in sorted({round(part * steps / FRAMES) for part in range(FRAMES + 1)})
    ]
    if paths:
        _add_player(figure, _)
    figure.update_xaxes(range=[float(x[0]), float(x[-1])], fixedrange=True, title="x")
    figure.update_yaxes(range=[float(y[0]), float(y[-1])], fixedrange=True, title="y")
    return figure


def _walk(place: int, name: str, path: Path, until: int) -> go.Scatter:
    """A path up to one of its steps: its line, and a marker where it is then."""
    look = style(place)
    points = path.points[: until + 1]
    sizes = [0] * (len(points) - 1) + [13]
    return go.Scatter(
        x=_numbers(points[:, 0]),
        y=_numbers(points[:, 1]),
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 3},
        marker={
            "symbol": look.symbol,
            "size": sizes,
            "color": look.colour,
            "line": {"color": INK, "width": 1},
            "opacity": 1,
        },
        name=name,
        hovertemplate="%{fullData.name}: %{x:.3f}, %{y:.3f}<extra></extra>",
    )


def _numbers(values: Floats) -> list[float | None]:
    return [round(float(value), 4) if math.isfinite(value) else None for value in values]


def _add_player(figure: go.Figure, _: Translate) -> None:
    """Buttons to play and to pause, and a slider of steps."""
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}
    moving = {
        "frame": {"duration": MILLISECONDS, "redraw": False},
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
                "y": -0.12,
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
                "currentvalue": {"prefix": _("step "), "xanchor": "right"},
                "pad": {"t": 10},
                "x": 0,
                "y": -0.2,
                "len": 1,
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
        margin={"l": 8, "r": 8, "t": 8, "b": 130},
    )


def losses_chart(paths: Sequence[tuple[str, Path]], _: Translate = untranslated) -> go.Figure:
    """The loss of each path at each step, on a logarithmic axis where all are above zero."""
    figure = base_figure(320, hovermode="closest")
    lowest = min((float(np.nanmin(path.losses)) for _name, path in paths), default=1.0)
    for place, (name, path) in enumerate(paths):
        look = style(place)
        figure.add_scatter(
            x=list(range(len(path.losses))),
            y=_numbers_exact(path.losses),
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


def _numbers_exact(values: Floats) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
