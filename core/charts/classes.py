"""Figures with a bar, a row or a column for each class of a data set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from core.charts.style import COLOURS, INK, Translate, base_figure
from core.i18n import untranslated


def class_balance(
    counts_train: Sequence[int] | npt.NDArray[np.integer],
    counts_test: Sequence[int] | npt.NDArray[np.integer],
    class_names: Sequence[str],
    _: Translate = untranslated,
) -> go.Figure:
    """How many images each class has, in the training and in the test part."""
    figure = base_figure(90 + 40 * len(class_names), bargap=0.25, yaxis=_class_axis(class_names))
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
    return figure


def probability_bars(
    probabilities: npt.NDArray[np.floating],
    class_names: Sequence[str],
    predicted: int,
    true: int | None = None,
    _: Translate = untranslated,
) -> go.Figure:
    """The outputs (classes,) of the network for one image, 0..1, with the two classes marked.

    Without a true class, as for a drawing, only the predicted one is marked: no legend is needed.
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
    alone = true is None
    ticks = [0, 0.25, 0.5, 0.75, 1]
    # Axes at once with the rest: drawn after each stroke, and twice as fast.
    figure = base_figure(
        15 * len(class_names) if alone else 60 + 26 * len(class_names),
        barmode="overlay",
        bargap=0.2,
        showlegend=not alone,
        xaxis={
            "range": [0, 1.2],
            "tickvals": ticks,
            "fixedrange": True,
            "showticklabels": not alone,
        },
        yaxis=_class_axis(class_names),
        **({"margin": {"l": 8, "r": 8, "t": 0, "b": 0}} if alone else {}),
    )
    small = {"textfont": {"size": 11}, "constraintext": "none"} if alone else {}
    return figure.add_traces(
        [
            go.Bar(
                x=[float(probabilities[i]) for i in classes],
                y=[class_names[i] for i in classes],
                name=name,
                orientation="h",
                marker={"color": colour},
                texttemplate="%{x:.4f}",
                textposition="outside",
                cliponaxis=False,
                hovertemplate="%{y}: %{x:.6f}",
                **small,
            )
            for name, (classes, colour) in groups.items()
            if classes
        ]
    )


def _class_axis(class_names: Sequence[str]) -> dict[str, Any]:
    """Classes down the y axis, the first on top; digits are names too, not numbers."""
    return {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(class_names),
        "range": [len(class_names) - 0.5, -0.5],
        "dtick": 1,
        "fixedrange": True,
        "automargin": True,
    }


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
    axis = {**_class_axis(class_names), "title": {"text": _("true class")}, "showgrid": False}
    figure = base_figure(140 + 30 * len(class_names), yaxis=axis)
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
