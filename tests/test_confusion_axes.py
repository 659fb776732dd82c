"""Which way round the confusion matrix is: true classes down, predicted ones across."""

import re

import numpy as np
import plotly.graph_objects as go
import pytest

from core.charts import classes as charts

NAMES = ["shirt", "bag", "boot"]
MATRIX = np.array([[90, 0, 7], [0, 80, 0], [0, 0, 70]])
"""Seven shirts are taken for boots, and no boot for a shirt."""


def hovered(trace: go.Heatmap, row: int, column: int) -> str:
    """What a browser writes when the mouse is over a cell."""
    values = {
        "x": trace.x[column],
        "y": trace.y[row],
        "customdata": trace.customdata[row][column],
    }
    template = trace.hovertemplate.removesuffix("<extra></extra>")
    return re.sub(r"%\{(\w+)(:,)?\}", lambda found: str(values[found[1]]), template)


def test_the_axes_are_named_after_what_is_on_them() -> None:
    figure = charts.confusion_heatmap(MATRIX, NAMES)
    assert figure.layout.xaxis.title.text == "predicted class"
    assert figure.layout.yaxis.title.text == "true class"
    for trace in figure.data:
        assert list(trace.x) == list(trace.y) == NAMES


@pytest.mark.parametrize(
    ("row", "column", "sentence"),
    [(0, 2, "true shirt, predicted boot: 7"), (1, 1, "true bag, predicted bag: 80")],
)
def test_a_cell_says_its_true_class_and_its_predicted_one(
    row: int, column: int, sentence: str
) -> None:
    figure = charts.confusion_heatmap(MATRIX, NAMES)
    shown = [np.isfinite(np.array(trace.z, float)) for trace in figure.data]
    inside = [trace for trace, cells in zip(figure.data, shown, strict=True) if cells[row, column]]
    assert [hovered(trace, row, column) for trace in inside] == [sentence]
    assert [trace.text[row][column] for trace in inside] == [str(MATRIX[row, column])]
    if row != column:
        assert not any(cells[column, row] for cells in shown), "nobody took a boot for a shirt"
