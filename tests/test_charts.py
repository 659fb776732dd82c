"""Figures hold the numbers they were given, in the colours and on the axes that were promised."""

import math
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from core.charts import classes, networks
from core.charts import runs as charts
from core.charts.networks import SHOWN
from core.charts.style import COLOURS
from core.networks import structure
from core.networks.layers import Channel, Conv2D, Dense, Flatten
from core.networks.structure import LayerRow
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Run
from core.training.epochs import Epoch

DIGITS = list("0123456789")
EPOCHS = [
    Epoch(1, 0.5, 0.80, 0.4, 0.85, 1.0),
    Epoch(2, math.nan, 0.90, math.inf, 0.88, 1.0),
    Epoch(3, 0.2, 0.95, 0.3, 0.91, 1.0),
]


def layers(*hidden: int) -> tuple[LayerRow, ...]:
    """Of a network for MNIST."""
    return structure.rows(dense_network(hidden), (28, 28), 10)


def all_figures():
    matrix = np.eye(10, dtype=int)
    return [
        charts.learning_curves(EPOCHS, "loss", 5),
        classes.class_balance([3] * 10, [1] * 10, DIGITS),
        classes.probability_bars(np.full(10, 0.1), DIGITS, 3, 4),
        classes.confusion_heatmap(matrix, DIGITS),
        networks.network_diagram(layers(128), DIGITS),
    ]


@pytest.mark.parametrize("figure", all_figures())
def test_theme_decides_template_and_background(figure):
    assert figure.layout.paper_bgcolor is None
    assert figure.layout.plot_bgcolor is None
    assert figure.layout.font.color is None
    assert figure.layout.height


@pytest.mark.parametrize("figure", all_figures())
def test_figures_can_be_sent_to_a_browser(figure):
    text = figure.to_json()
    assert "Infinity" not in text
    assert "NaN" not in text


def test_curves_of_training_and_validation():
    figure = charts.learning_curves(EPOCHS, "accuracy", 5)
    training, validation = figure.data
    assert list(training.x) == [1, 2, 3]
    assert list(training.y) == [0.80, 0.90, 0.95]
    assert list(validation.y) == [0.85, 0.88, 0.91]
    assert validation.line.dash == "dash"
    assert training.line.dash != "dash"
    assert training.line.color != validation.line.color


def test_values_that_are_not_finite_leave_gaps():
    training, validation = charts.learning_curves(EPOCHS, "loss", 5).data
    assert list(training.y) == [0.5, None, 0.2]
    assert list(validation.y) == [0.4, None, 0.3]


def test_without_validation_the_second_line_is_empty():
    epochs = [Epoch(1, 0.5, 0.8, None, None, 1.0)]
    assert list(charts.learning_curves(epochs, "loss", 1).data[1].y) == [None]


def test_axes_keep_a_least_span_so_that_chance_is_no_collapse():
    good = [Epoch(n, 0.08, 0.976 + 0.002 * (n % 2), 0.09, 0.975, 1.0) for n in (1, 2, 3)]
    low, high = charts.learning_curves(good, "accuracy", 3).layout.yaxis.range
    assert low == pytest.approx(0.9)
    assert 1 < high < 1.01
    assert charts.learning_curves(good, "loss", 3).layout.yaxis.range == (0, 0.25)


@pytest.mark.parametrize("accuracies", [(0.1, 0.11), (0.5, 0.99), (0.0, 1.0), (0.93, 0.97)])
def test_every_value_is_within_its_axis(accuracies):
    epochs = [Epoch(n, 3.0 - a, a, a, a / 2, 1.0) for n, a in enumerate(accuracies, 1)]
    for metric in ("loss", "accuracy"):
        figure = charts.learning_curves(epochs, metric, 2)
        low, high = figure.layout.yaxis.range
        assert all(low <= value < high for trace in figure.data for value in trace.y), metric
    assert figure.layout.yaxis.range[0] < max(0.9, accuracies[0]), "there is room below"


def test_two_runs_are_compared_on_what_neither_was_trained_on():
    figure = charts.compared_curves([("this", seen(5, 100)), ("other", seen(3, 0))])
    assert [trace.name for trace in figure.data] == ["this, validation", "other, test"]
    assert [list(trace.y) for trace in figure.data] == [[0.7] * 5, [0.6] * 3]
    assert figure.layout.xaxis.range == (0.5, 5.5)
    assert figure.data[0].line.color != figure.data[1].line.color


@pytest.mark.parametrize(
    ("total", "ticks"),
    [
        (1, [1]),
        (3, [1, 2, 3]),
        (14, [1, 2, 4, 6, 8, 10, 12, 14]),
        (50, [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        (100, [1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
    ],
)
def test_the_axis_of_epochs_does_not_move(total, ticks):
    none = charts.learning_curves([], "loss", total)
    some = charts.learning_curves(EPOCHS[:1], "loss", total)
    assert none.layout.xaxis == some.layout.xaxis
    assert none.layout.xaxis.range == (0.5, total + 0.5)
    assert list(none.layout.xaxis.tickvals) == ticks
    assert [trace.name for trace in none.data] == [trace.name for trace in some.data]


def test_class_balance():
    figure = classes.class_balance(np.arange(10), np.arange(10) * 2, DIGITS)
    training, test = figure.data
    assert list(training.x) == list(range(10))
    assert list(test.x) == list(range(0, 20, 2))
    assert list(training.y) == DIGITS
    assert figure.layout.yaxis.type == "category"
    assert figure.layout.xaxis.range[1] > 18


def test_bars_mark_a_wrong_answer_and_the_true_class():
    outputs = np.linspace(0, 0.2, 10)
    figure = classes.probability_bars(outputs, DIGITS, predicted=9, true=4)
    bars = {
        name: (value, trace.marker.color)
        for trace in figure.data
        for name, value in zip(trace.y, trace.x, strict=True)
    }
    assert {name: value for name, (value, _) in bars.items()} == {
        str(i): pytest.approx(outputs[i]) for i in range(10)
    }
    assert bars["9"][1] == COLOURS["vermillion"]
    assert bars["4"][1] == COLOURS["blue"]
    assert {colour for name, (_, colour) in bars.items() if name not in "94"} == {COLOURS["grey"]}
    assert figure.layout.yaxis.range == (9.5, -0.5), "the first class is on top"


def test_bars_of_a_right_answer():
    figure = classes.probability_bars(np.full(10, 0.1), DIGITS, predicted=4, true=4)
    marked = [trace for trace in figure.data if trace.marker.color == COLOURS["green"]]
    assert [list(trace.y) for trace in marked] == [["4"]]
    assert sum(len(trace.y) for trace in figure.data) == 10


def test_heatmap_shows_every_count_once_and_makes_few_mistakes_visible():
    matrix = np.diag([1000] * 10)
    matrix[4, 9], matrix[9, 4] = 1, 30
    figure = classes.confusion_heatmap(matrix, DIGITS)
    shown = {}
    for trace in figure.data:
        for row, column in np.argwhere(np.isfinite(np.asarray(trace.z, float))):
            assert (row, column) not in shown
            shown[row, column] = trace.text[row][column]
    assert {cell: int(text) for cell, text in shown.items()} == {
        (row, column): matrix[row, column] for row, column in np.argwhere(matrix).tolist()
    }
    hits, mistakes = figure.data
    assert np.isfinite(np.diag(np.asarray(hits.z, float))).all()
    assert mistakes.z[4][9] / mistakes.zmax > 0.15, "one mistake beside thirty still has a colour"
    assert mistakes.z[9][4] == pytest.approx(mistakes.zmax)
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "true classes from the top"


def test_heatmap_of_a_network_without_mistakes():
    figure = classes.confusion_heatmap(np.diag([5] * 10), DIGITS)
    assert not np.isfinite(np.asarray(figure.data[1].z, float)).any()
    assert figure.data[1].zmax > 0


@pytest.mark.parametrize("hidden", [(), (1,), (12, 13), (1024,) * 5])
def test_diagram_has_every_layer_and_its_weights(hidden):
    figure = networks.network_diagram(layers(*hidden), DIGITS)
    edges, nodes = figure.data
    shown = [min(n, SHOWN) for n in (784, *hidden, 10)]
    assert [list(nodes.y).count(y) for y in range(len(shown))] == shown
    pairs = sum(a * b for a, b in pairwise(shown))
    assert np.isnan(edges.x).sum() == np.isnan(edges.y).sum() == pairs
    assert min(nodes.x) >= 0
    assert max(nodes.x) <= 1
    texts = " ".join(annotation.text for annotation in figure.layout.annotations)
    flow = (784, *hidden, 10)
    for inputs, neurons in pairwise(flow):
        assert f"{inputs} × {neurons} + {neurons} weights" in texts


def run(data: str, hidden: int, *, complete: bool = True) -> Run:
    spec = RunSpec(
        DataSpec(data, "0"), dense_network((hidden,)), optimizer_spec(), TrainSpec(1, 32, 0.0)
    )
    values: dict[str, Any] = {field.name: None for field in fields(Run)}
    values |= {
        "spec": spec,
        "test_accuracy": 0.9,
        "dataset": {"complete": complete, "shape": [28, 28], "classes": 10},
    }
    return Run(**values)


def seen(epochs: int, validation: int) -> Run:
    """A finished run with or without validation images."""
    found = run("mnist", 8)
    kept = (0.3, 0.7, 1.0) if validation else (None, None, 1.0, 0.4, 0.6)
    return replace(
        found,
        spec=replace(found.spec, train=replace(found.spec.train, epochs=epochs)),
        dataset=found.dataset | {"validation": validation},
        epochs=tuple(Epoch(n, 0.5, 0.8, *kept) for n in range(1, epochs + 1)),
    )


def test_the_part_of_the_loss_that_is_of_penalties_is_a_curve_of_its_own():
    epochs = [replace(epoch, penalty=0.2 / epoch.epoch, end_penalty=0.1) for epoch in EPOCHS]
    training, _validation, penalty = charts.learning_curves(epochs, "loss", 5).data
    assert list(penalty.y) == [0.2, 0.1, pytest.approx(0.2 / 3)]
    assert penalty.line.color != training.line.color
    assert len(charts.learning_curves(epochs, "accuracy", 5).data) == 2
    assert len(charts.learning_curves(EPOCHS, "loss", 5).data) == 2


def test_the_learning_rate_is_a_curve():
    epochs = [replace(epoch, learning_rate=0.1 / epoch.epoch) for epoch in EPOCHS]
    figure = charts.learning_rates(epochs, 5)
    assert list(figure.data[0].y) == [0.1, 0.05, pytest.approx(0.1 / 3)]
    assert figure.layout.xaxis.range == (0.5, 5.5)


def test_a_diagram_draws_no_neurons_for_normalisation_and_dropout():
    network = dense_network((8, 5), dropout=(0.25, 0), batch_normalisation=(True, False))
    with_extras = networks.network_diagram(structure.rows(network, (28, 28), 10), DIGITS)
    plain = networks.network_diagram(layers(8, 5), DIGITS)
    for one, other in zip(with_extras.data, plain.data, strict=True):
        np.testing.assert_array_equal([one.x, one.y], [other.x, other.y])
    said = [note.text for note in with_extras.layout.annotations]
    assert "<b>8</b> neurons<br>relu<br>normalised: 32 weights<br>dropout 25%" in said
    assert "<b>5</b> neurons<br>relu" in said
    assert "8 × 5 + 5 weights" in said


@pytest.mark.parametrize("shape", [(64, 64), (9, 7)])
def test_blocks_of_any_size_fit_into_the_diagram(shape):
    network = NetworkSpec((Channel(), Conv2D(32, 3), Flatten(), Dense(9)))
    figure = networks.network_diagram(structure.rows(network, shape, 3), ["a", "b", "c"])
    [bars] = figure.data
    ends = [(start, start + width) for start, width in zip(bars.base, bars.x, strict=True)]
    left, right = figure.layout.xaxis.range
    assert left <= min(start for start, _end in ends)
    widest = max(end for _start, end in ends)
    assert all(widest < note.x < 0.6 * right for note in figure.layout.annotations)
    assert right - left < 3.1 * widest


def test_of_runs_with_the_same_layers_the_best_is_a_point():
    stack = [replace(run("mnist", 9), test_accuracy=accuracy) for accuracy in (0.91, 0.95, 0.93)]
    runs = [*stack, run("mnist", 5, complete=False)]
    [points] = charts.accuracy_by("weights", runs).data
    assert dict(zip(points.x, points.y, strict=True)) == {7165: 0.95, 3985: 0.9}
    assert dict(zip(points.x, points.marker.symbol, strict=True)) == {
        7165: "circle",
        3985: "circle-open",
    }
    slow = [replace(runs[0], train_seconds=7.5)]
    assert charts.accuracy_by("seconds", slow).data[0].x == (7.5,)
    low, high = charts.accuracy_by("weights", stack[:1]).layout.yaxis.range
    assert 0 < low < 0.91 < 1 < high < 1.1


@pytest.mark.parametrize("count", [3, 24])
def test_charts_of_classes_take_any_number_of_them(count):
    names = [f"class {i}" for i in range(count)]
    matrix = np.eye(count, dtype=int)
    bars = classes.probability_bars(np.full(count, 1 / count), names, 0, 1)
    assert sum(len(trace.y) for trace in bars.data) == count
    assert list(classes.class_balance([1] * count, [2] * count, names).data[1].x) == [2] * count
    heatmap = classes.confusion_heatmap(matrix, names)
    assert len(heatmap.data[0].z) == count
    assert heatmap.layout.height == 140 + 30 * count


def test_text_is_translated():
    figure = charts.learning_curves(EPOCHS, "loss", 3, _=str.upper)
    assert figure.layout.xaxis.title.text == "EPOCH"
    assert figure.layout.yaxis.title.text == "LOSS"
    assert [trace.name for trace in figure.data] == ["TRAINING", "VALIDATION"]


def test_histograms_of_weights_share_their_bins_and_count_every_weight() -> None:
    random = np.random.default_rng(0)
    pair = {"wide": random.normal(0, 0.2, 3000), "narrow": random.normal(0, 0.02, 500)}
    wide, narrow = networks.weight_histograms(pair).data
    assert wide.x == narrow.x
    assert sum(wide.y) == pytest.approx(1)
    assert sum(narrow.y) == pytest.approx(1)
    assert max(narrow.y) > 3 * max(wide.y)
    assert abs(narrow.x[narrow.y.index(max(narrow.y))]) < 0.05
