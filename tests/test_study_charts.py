"""Charts of studies hold the figures of all runs, and can be told apart."""

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.charts import studies as study_charts
from core.charts.studies import Curves
from core.charts.style import MOST, style
from core.studies.experiment import Experiment, Point
from core.studies.statistics import Difference, Summary
from core.training.epochs import Epoch


def epochs(*accuracies: float, loss: float = 0.5) -> list[Epoch]:
    return [Epoch(i, loss, a, None, None, 1.0, loss, a) for i, a in enumerate(accuracies, 1)]


ROWS = [
    Curves("Adam", style(0), [epochs(0.8, 0.9), epochs(0.7, 0.8)]),
    Curves("SGD", style(1), [epochs(0.5)]),
    Curves("waits", style(2), []),
]


def test_a_row_is_a_mean_line_with_a_band_from_lowest_to_highest() -> None:
    figure = study_charts.study_curves(ROWS, "accuracy", "test_", 5)
    band, adam, sgd, _waits = figure.data
    assert list(adam.x) == [1, 2]
    assert list(adam.y) == pytest.approx([0.75, 0.85])
    assert list(band.y) == [0.8, 0.9, 0.8, 0.7]
    assert band.fill == "toself"
    assert list(sgd.y) == [0.5]
    assert list(adam.customdata[0]) == [0.7, 0.8]
    assert figure.layout.xaxis.range == (0.5, 5.5)
    assert figure.layout.yaxis.title.text == "accuracy, test"


def test_what_is_not_trained_epoch_by_epoch_is_a_line_to_compare_others_with() -> None:
    at_once = Curves("logistic", style(0), [[Epoch(5, 0.5, 0.8, None, None, 1.0, 0.4, 0.7)]])
    line, _sgd = study_charts.study_curves([at_once, ROWS[1]], "accuracy", "test_", 5).data
    assert list(line.x) == [1, 5]
    assert list(line.y) == [0.7, 0.7]


def test_a_sweep_shows_each_part_of_the_images_in_the_order_of_the_rows() -> None:
    def swept(name: str, *accuracies: float) -> Summary:
        found = {
            seed: SimpleNamespace(
                epochs=(Epoch(1, 0.1, accuracy + 0.1, 0.2, accuracy, 1.0),),
                test_accuracy=accuracy + 0.01,
                test_loss=0.1,
            )
            for seed, accuracy in enumerate(accuracies)
        }
        return Summary(Experiment(name, name), cast(Any, found))

    rows = [swept("0.01", 0.6, 0.8), swept("0.001", 0.5), swept("0")]
    figure = study_charts.sweep_curves(rows, "L2")
    training, validation, test = figure.data
    assert [line.name for line in figure.data] == ["training", "validation", "test"]
    assert list(training.y) == pytest.approx([0.8, 0.6])
    assert list(validation.y) == pytest.approx([0.7, 0.5])
    assert list(validation.error_y.array) == pytest.approx([0.1, 0])
    assert list(validation.error_y.arrayminus) == pytest.approx([0.1, 0])
    assert list(test.y) == pytest.approx([0.71, 0.51])
    assert figure.layout.xaxis.categoryarray == ("0.01", "0.001", "0")
    assert (figure.layout.xaxis.type, figure.layout.xaxis.title.text) == ("category", "L2")


def test_a_sweep_of_several_networks_has_a_line_for_each_on_the_test_images() -> None:
    def row(line: str, value: str, *accuracies: float) -> Summary:
        runs = {
            seed: SimpleNamespace(epochs=(), test_accuracy=accuracy, test_loss=0.1)
            for seed, accuracy in enumerate(accuracies)
        }
        point = Point(line, value)
        return Summary(Experiment(f"{line}-{value}", "", point=point), cast(Any, runs))

    rows = [row("CNN", "50", 0.3, 0.5), row("CNN", "all", 0.9), row("Lite0", "50", 0.6)]
    cnn, lite0 = study_charts.sweep_curves(rows, "training images").data
    assert (cnn.name, list(cnn.x), list(cnn.y)) == ("CNN", ["50", "all"], [0.4, 0.9])
    assert list(cnn.error_y.array) == pytest.approx([0.1, 0])
    assert (lite0.name, list(lite0.x), list(lite0.y)) == ("Lite0", ["50"], [0.6])


def test_rows_can_be_told_apart() -> None:
    looks = [style(place) for place in range(MOST)]
    assert len(set(looks)) == MOST
    assert len({look.colour for look in looks[:6]}) == 6


def test_fifty_four_rows_are_grey_but_for_the_picked() -> None:
    rows = [Curves(f"row {i}", style(i) if i < 4 else None, [epochs(0.5, 0.6)]) for i in range(54)]
    figure = study_charts.study_curves(rows, "accuracy", "", 2)
    assert len(figure.data) == 5
    grey = figure.data[0]
    assert len([x for x in grey.x if x is not None]) == 100
    assert set(grey.text) - {""} == {f"row {i}" for i in range(4, 54)}


def test_a_loss_that_is_no_number_ends_in_a_cross_with_its_epoch() -> None:
    finite, nothing = Epoch(1, 2.0, 0.1, None, None, 1.0), Epoch(2, math.nan, 0.1, None, None, 1.0)
    rows = [Curves("SGD", style(0), [[finite, nothing]]), Curves("bad", style(1), [[nothing]])]
    figure = study_charts.study_curves(rows, "loss", "", 3)
    crosses = [trace for trace in figure.data if trace.marker.symbol == "x"]
    assert [trace.name for trace in crosses] == [
        "SGD: diverged in epoch 2",
        "bad: diverged in epoch 2",
    ]
    assert [(list(trace.x), list(trace.y)) for trace in crosses] == [([2], [2.0])] * 2
    assert "NaN" not in figure.to_json()


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", [0.5, 0.8]), ("loss", [1.5, 1.0])])
def test_after_a_run_has_diverged_the_line_is_the_mean_of_the_others(
    metric: str, expected: list[float]
) -> None:
    sound = [Epoch(i, 1.0, 0.8, None, None, 1.0) for i in (1, 2)]
    bad = [Epoch(1, 2.0, 0.2, None, None, 1.0), Epoch(2, math.nan, 0.1, None, None, 1.0)]
    rows = [Curves("SGD", style(0), [sound, bad])]
    _band, line, cross = study_charts.study_curves(rows, metric, "", 2).data
    assert list(line.y) == pytest.approx(expected)
    assert (list(cross.x), list(cross.y)) == ([2], expected[1:])


def test_published_training_accuracies_are_rings_on_that_chart_alone() -> None:
    rows = [Curves("Adam", style(0), [epochs(0.8)], (0.85, 0.95)), Curves("SGD", style(1), [])]
    rings = study_charts.study_curves(rows, "accuracy", "", 2).data[-1]
    assert (list(rings.y), rings.marker.symbol) == ([0.85, 0.95], "circle-open")
    for metric, part in (("accuracy", "test_"), ("loss", "")):
        names = [trace.name for trace in study_charts.study_curves(rows, metric, part, 2).data]
        assert names == ["Adam", "SGD"]


def test_zoom_leaves_out_what_is_far_below() -> None:
    ends = (0.98, 0.97, 0.96, 0.5)
    rows = [Curves(str(i), style(i), [epochs(0.3, end)]) for i, end in enumerate(ends)]
    low, high = study_charts.study_curves(rows, "accuracy", "", 2, zoom=True).layout.yaxis.range
    assert 0.5 < low < 0.96
    assert 0.98 < high < 1.01
    low, _high = study_charts.study_curves(rows, "accuracy", "", 2).layout.yaxis.range
    assert low < 0.3, "everything is seen without"


def test_rows_are_named_at_the_ends_of_their_lines() -> None:
    ends = (0.98, 0.979, 0.978, 0.5)
    rows = [Curves(f"row {i}", style(i), [epochs(0.3, end)]) for i, end in enumerate(ends)]
    figure = study_charts.study_curves(rows, "accuracy", "", 2)
    labels = figure.layout.annotations
    assert [label.text.split("</span> ")[1] for label in labels] == [row.name for row in rows]
    assert [label.y for label in labels] == pytest.approx(ends)
    assert not any(trace.showlegend for trace in figure.data), "and not again in the legend"
    zoomed = study_charts.study_curves(rows, "accuracy", "", 2, zoom=True)
    assert len(zoomed.layout.annotations) == 3, "what is not seen is not named"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([10, 100, 50], [10, 100, 50]),
        ([50, 50], [42, 58]),
        ([50, 51, 80], [42.5, 58.5, 80]),
        ([50, 51, 52, 90], [35, 51, 67, 90]),
        ([60, 50, 44], [67.333, 51.333, 35.333]),
        ([], []),
    ],
)
def test_names_are_moved_apart_only_as_far_as_they_touch(
    wanted: list[float], expected: list[float]
) -> None:
    found = study_charts.spread_out(wanted, [16.0] * len(wanted))
    assert found == pytest.approx(expected, abs=0.01)


def test_names_of_several_lines_do_not_lie_over_each_other() -> None:
    heights = [16.0, 48.0, 16.0, 32.0]
    found = study_charts.spread_out([20, 21, 22, 60], heights)
    edges = [(place - h / 2, place + h / 2) for place, h in zip(found, heights, strict=True)]
    assert all(below[1] <= above[0] + 1e-9 for below, above in pairwise(edges))


@pytest.mark.parametrize("ends", [[0.4], [0.4, 0.5], [0.4, 0.4, 0.9]])
def test_zoom_into_losses_has_room_above_the_best(ends: list[float]) -> None:
    rows = [
        Curves(str(i), style(i), [[*epochs(0.5, loss=0.6), Epoch(2, end, 0.5, None, None, 1.0)]])
        for i, end in enumerate(ends)
    ]
    low, high = study_charts.study_curves(rows, "loss", "", 2, zoom=True).layout.yaxis.range
    assert 0.4 - low == pytest.approx(0.0025)
    assert high - 0.4 == pytest.approx(0.015)


def test_differences_stand_on_a_line_at_zero_with_their_intervals() -> None:
    real, unsure, one = (
        Difference(3, 0.01, 0.005, 0.015),
        Difference(3, 0.01, -0.005, 0.025),
        Difference(1, 0.02, None, None),
    )
    figure = study_charts.difference_chart([("a", real), ("b", unsure), ("c", one)])
    assert [trace.x[0] for trace in figure.data] == [1, 1, 2]
    assert [trace.error_x.array[0] for trace in figure.data] == pytest.approx([0.5, 1.5, 0])
    colours = [trace.marker.color for trace in figure.data]
    assert colours[0] != colours[1] == colours[2]


def test_names_stay_within_their_room_and_none_over_another() -> None:
    heights = [32.0] * 6
    found = study_charts.spread_out([325, 320, 318, 317, 160, 2], heights, 330)
    assert max(found) + 16 <= 330
    assert min(found) - 16 >= 0
    ordered = sorted(found)
    assert min(b - a for a, b in pairwise(ordered)) >= 32
    assert found == sorted(found, reverse=True), "their order stays"


def test_more_names_than_there_is_room_for_spread_around_its_middle() -> None:
    found = study_charts.spread_out([10, 20, 30], [40.0] * 3, 100)
    assert found == pytest.approx([10, 50, 90])
