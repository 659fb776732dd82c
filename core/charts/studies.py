"""Figures of studies: curves of many runs, and the difference of two. See core.charts."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import plotly.graph_objects as go

from core.charts.runs import METRICS, epoch_axis
from core.charts.style import COLOURS, Style, Translate, base_figure, style
from core.i18n import N_, untranslated
from core.studies.statistics import Difference, Summary, diverged_at
from core.training.epochs import Epoch

PARTS = {"": N_("training"), "val_": N_("validation"), "test_": N_("test")}
"""Parts of the images by the prefix of their figures in Epoch."""

HEIGHT = 400
PLOT = 330
"""Pixels of the figure that a study's curves have between its legend and its x axis, about."""
LINE = 21
"""Pixels of a line of text, while presenting."""
WRAPPED = 20
"""Characters of a row's name in a line."""
SIGNS = {"circle": "●", "diamond": "◆", "square": "■"}
"""The symbols of Style as text."""


@dataclass(frozen=True)
class Curves:
    """The epochs of all runs of one row, so far."""

    name: str
    style: Style | None
    """None for a row that stays in the background."""
    runs: Sequence[Sequence[Epoch]]
    published: Sequence[float] = ()
    """Training accuracy after each epoch, as it was published."""


def study_curves(
    rows: Sequence[Curves],
    metric: str,
    part: str,
    total_epochs: int,
    *,
    zoom: bool = False,
    _: Translate = untranslated,
) -> go.Figure:
    """The mean over the runs of each row after each epoch, with a band from lowest to highest.

    `metric` is a key of METRICS, `part` one of PARTS. Rows without a style are thin grey lines.
    A run counts until its loss becomes NaN. There is a cross, and the line goes on without it, as
    the mean of the other runs, or ends. With `zoom` the y axis holds the better half
    of the rows alone. Each row is named at the end of its line.
    """
    shown = [row for row in rows if row.style]
    figure = base_figure(HEIGHT, hovermode="closest", xaxis=epoch_axis(total_epochs, _))
    table = {row.name: _by_epoch(row.runs, part + metric) for row in rows}
    grey_x: list[int | None] = []
    grey_y: list[float | None] = []
    grey_names: list[str] = []
    for row in rows:
        if row.style is None:
            for epoch, values in table[row.name].items():
                grey_x.append(epoch)
                grey_y.append(_mean(values))
                grey_names.append(row.name)
            grey_x.append(None)
            grey_y.append(None)
            grey_names.append("")
    if grey_x:
        figure.add_scatter(
            x=grey_x,
            y=grey_y,
            text=grey_names,
            name=_("others"),
            mode="lines",
            line={"color": COLOURS["grey"], "width": 1},
            opacity=0.6,
            hovertemplate="%{text}: %{y:.4f}<extra></extra>",
        )
    highest = max((max(v) for values in table.values() for v in values.values()), default=1.0)
    for row in shown:
        _add_row(figure, row, table[row.name], total_epochs)
        _add_diverged(figure, row, table[row.name], highest, _)
    if (metric, part) == ("accuracy", ""):
        _add_published(figure, [row for row in shown if row.published], _)
    name = _("{metric}, {part}").format(metric=_(METRICS[metric]), part=_(PARTS[part]))
    figure.update_yaxes(title=name, fixedrange=True, automargin=True)
    ends = {name: _mean(values[max(values)]) for name, values in table.items() if values}
    if not ends:
        figure.update_yaxes(range=[0, 1])
        return figure
    limits = _better_half(list(ends.values()), metric) if zoom else _all_of(figure)
    figure.update_yaxes(range=limits)
    _name_ends(figure, shown, ends, limits)
    return figure


def _all_of(figure: go.Figure) -> list[float]:
    """A range for the y axis that holds everything in the figure."""
    values = [y for trace in figure.data for y in trace.y if y is not None]
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.01
    return [low - room, high + room]


def _name_ends(
    figure: go.Figure, rows: Sequence[Curves], ends: dict[str, float], limits: Sequence[float]
) -> None:
    """Name each row beside the end of its line, and none in the legend. No name is over another.

    What has no line yet, or none within the limits, has no name.
    """
    low, high = limits
    named = [row for row in rows if low <= ends.get(row.name, math.inf) <= high]
    texts = [textwrap.wrap(row.name, WRAPPED) for row in named]
    wanted = [PLOT * (ends[row.name] - low) / (high - low) for row in named]
    places = spread_out(wanted, [LINE * len(lines) for lines in texts], PLOT)
    notes = []
    for row, lines, at, place in zip(named, texts, wanted, places, strict=True):
        assert row.style
        sign = f'<span style="color:{row.style.colour}">{SIGNS[row.style.symbol]}</span>'
        notes.append(
            {"y": ends[row.name], "yshift": place - at, "text": f"{sign} {'<br>'.join(lines)}"}
        )
    beside = {"xref": "paper", "x": 1, "showarrow": False, "xanchor": "left", "align": "left"}
    # All at once: plotly checks the earlier ones again with each that is added.
    figure.update_layout(annotations=[beside | note for note in notes])
    longest = max((len(line) for lines in texts for line in lines), default=0)
    figure.update_layout(margin_r=24 + 7 * longest)
    figure.for_each_trace(
        lambda trace: trace.update(showlegend=False),
        lambda trace: trace.name in {row.name for row in rows},
    )


def spread_out(
    wanted: Sequence[float], heights: Sequence[float], room: float = math.inf
) -> list[float]:
    """Where the middles of things with these heights go, as near as may be to where each should be.

    Nothing lies over anything else, their order stays, and nothing sticks out above `room` or below
    0, if there is room for all.
    """
    groups: list[tuple[list[int], float]] = []  # of things that touch, and the middle of each group
    for one in sorted(range(len(wanted)), key=lambda one: wanted[one]):
        group, middle = [one], _within(wanted[one], heights[one], room)
        while groups:
            below, its_middle = groups[-1]
            size, its_size = (sum(heights[i] for i in which) for which in (group, below))
            if middle - size / 2 >= its_middle + its_size / 2:
                break
            groups.pop()
            group = below + group
            middle = sum(wanted[i] for i in group) / len(group)
            middle = _within(middle, sum(heights[i] for i in group), room)
        groups.append((group, middle))
    places = [0.0] * len(wanted)
    for group, middle in groups:
        edge = middle - sum(heights[i] for i in group) / 2
        for i in group:
            places[i] = edge + heights[i] / 2
            edge += heights[i]
    return places


def _within(middle: float, height: float, room: float) -> float:
    """The middle of something of that height, moved so that it is between 0 and `room`."""
    return max(height / 2, min(middle, room - height / 2)) if height <= room else room / 2


def _by_epoch(runs: Sequence[Sequence[Epoch]], field: str) -> dict[int, list[float]]:
    """The finite values of a figure after each epoch, of all runs that have not diverged by then.

    The accuracy of a run that has diverged is a number still, but says nothing.
    """
    found: dict[int, list[float]] = {}
    for epochs in runs:
        for epoch in takewhile(lambda epoch: not epoch.diverged, epochs):
            value = getattr(epoch, field)
            if value is not None and math.isfinite(value):
                found.setdefault(epoch.epoch, []).append(value)
    return dict(sorted(found.items()))


def means(row: Curves, metric: str, part: str) -> list[float]:
    """The line of a row as `study_curves` draws it: the mean over its runs after each epoch."""
    return list(map(_mean, _by_epoch(row.runs, part + metric).values()))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _add_row(
    figure: go.Figure, row: Curves, table: dict[int, list[float]], total_epochs: int
) -> None:
    assert row.style
    if [*table] == [total_epochs]:  # not trained epoch by epoch: a line to compare others with
        table = {1: table[total_epochs], **table}
    epochs = list(table)
    means: list[float | None] = [_mean(table[epoch]) for epoch in epochs]
    if any(len(values) > 1 for values in table.values()):
        figure.add_scatter(
            x=[*epochs, *reversed(epochs)],
            y=[*(max(table[e]) for e in epochs), *(min(table[e]) for e in reversed(epochs))],
            fill="toself",
            fillcolor=row.style.colour,
            opacity=0.18,
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            legendgroup=row.name,
            showlegend=False,
        )
    figure.add_scatter(
        x=epochs or [0],
        y=means or [None],  # so that the legend names a row before its first epoch
        customdata=[[min(table[e]), max(table[e])] for e in epochs],
        name=row.name,
        mode="lines+markers",
        line={"color": row.style.colour, "dash": row.style.dash, "width": 2},
        marker={"symbol": row.style.symbol, "size": 7},
        hovertemplate="%{y:.4f} (%{customdata[0]:.4f} … %{customdata[1]:.4f})",
        legendgroup=row.name,
        showlegend=True,
    )


def _add_diverged(
    figure: go.Figure,
    row: Curves,
    table: dict[int, list[float]],
    highest: float,
    _: Translate,
) -> None:
    """A cross at the first epoch in which the loss of one of the runs became NaN."""
    assert row.style
    found = [epoch for run in row.runs if (epoch := diverged_at(run))]
    if not found:
        return
    first = min(found)
    before = [epoch for epoch in table if epoch <= first]
    figure.add_scatter(
        x=[first],
        y=[_mean(table[before[-1]]) if before else highest],
        name=_("{name}: diverged in epoch {n}").format(name=row.name, n=first),
        mode="markers",
        marker={"symbol": "x", "size": 14, "color": row.style.colour},
        hovertemplate="%{fullData.name}<extra></extra>",
        legendgroup=row.name,
        showlegend=True,
    )


def _add_published(figure: go.Figure, rows: Sequence[Curves], _: Translate) -> None:
    """Open rings where the published runs were."""
    for row in rows:
        assert row.style
        figure.add_scatter(
            x=list(range(1, len(row.published) + 1)),
            y=list(row.published),
            mode="markers",
            marker={
                "symbol": "circle-open",
                "size": 13,
                "color": row.style.colour,
                "line": {"width": 2},
            },
            name=_("published, one run"),
            legendgroup="published",
            showlegend=row is rows[0],
            text=[row.name] * len(row.published),
            hovertemplate=_("%{text}, published: %{y:.4f}") + "<extra></extra>",
        )


def _better_half(ends: Sequence[float], metric: str) -> list[float]:
    """A range for the y axis that holds the better half of these last values.

    There is more room on the side that the curves come from.
    """
    ordered = sorted(ends, reverse=metric == "accuracy")
    best, middle = ordered[0], ordered[(len(ordered) - 1) // 2]
    gap = max(abs(best - middle), 0.005)
    better = 1 if metric == "accuracy" else -1
    return sorted([best + better * gap / 2, middle - better * 3 * gap])


def sweep_curves(rows: Sequence[Summary], setting: str, _: Translate = untranslated) -> go.Figure:
    """Accuracy after the last epoch for each value of a setting: means, with bars low to high.

    The values are the names of the rows, and there is a line for each part of the images. Or they
    are those of the rows' points, and there is a line on the test images for each of those.
    """
    lines = _sweep_lines(rows, _)
    values = dict.fromkeys(value for line in lines.values() for value in line)
    axis = {"type": "category", "categoryorder": "array", "categoryarray": list(values)}
    figure = base_figure(HEIGHT, hovermode="x unified", xaxis=axis)
    for place, (name, line) in enumerate(lines.items()):
        known = {value: accuracies for value, accuracies in line.items() if accuracies}
        middles = list(map(_mean, known.values()))
        ends = list(zip(known.values(), middles, strict=True))
        look = style(place)
        figure.add_scatter(
            x=list(known),
            y=middles,
            error_y={
                "array": [max(accuracies) - middle for accuracies, middle in ends],
                "arrayminus": [middle - min(accuracies) for accuracies, middle in ends],
            },
            name=name,
            mode="lines+markers",
            line={"color": look.colour, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 8},
            hovertemplate="%{y:.4f}",
        )
    figure.update_xaxes(title=setting, range=[-0.5, len(values) - 0.5], fixedrange=True)
    figure.update_yaxes(title=_("accuracy"), fixedrange=True, automargin=True)
    return figure


def _sweep_lines(rows: Sequence[Summary], _: Translate) -> dict[str, dict[str, list[float]]]:
    """The lines of a sweep by their names: the accuracies of the runs at each value."""
    lines: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if point := row.row.point:
            lines.setdefault(_(point.line), {})[_(point.value)] = list(row.accuracy.values)
        else:
            for part, name in PARTS.items():
                lines.setdefault(_(name), {})[row.row.name] = _at_end(row, part)
    return lines


def _at_end(row: Summary, part: str) -> list[float]:
    """The accuracies of the sound runs of a row after the last epoch, on a part of the images."""
    if part == "test_":
        return list(row.accuracy.values)
    found = [getattr(run.epochs[-1], f"{part}accuracy") for run in row.sound.values()]
    return [value for value in found if value is not None]


def difference_chart(
    differences: Sequence[tuple[str, Difference]], _: Translate = untranslated
) -> go.Figure:
    """Differences in points with their intervals, one a line, and a line at zero: no difference."""
    figure = base_figure(90 + 36 * len(differences), showlegend=False)
    names = [name for name, _found in differences]
    for name, found in differences:
        known = found.low is not None and found.high is not None
        low, high = (found.low, found.high) if known else (found.mean, found.mean)
        assert low is not None
        assert high is not None
        figure.add_scatter(
            x=[100 * found.mean],
            y=[name],
            mode="markers",
            marker={"size": 11, "color": COLOURS["vermillion" if found.real else "blue"]},
            error_x={
                "type": "data",
                "array": [100 * (high - found.mean)],
                "arrayminus": [100 * (found.mean - low)],
                "thickness": 2.5,
                "width": 8,
            },
            hovertemplate="%{y}: %{x:+.2f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": COLOURS["grey"], "width": 2, "dash": "dash"})
    figure.update_xaxes(title=_("points of test accuracy"), fixedrange=True, zeroline=False)
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names[::-1], fixedrange=True
    )
    figure.update_yaxes(automargin=True)
    return figure
