"""Studies: their rows, what runs say together, and whether a difference is real."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import labs
from core.errors import UsageError
from core.fields import value_from
from core.labs import STUDIES
from core.labs.optimizers import BASE
from core.networks.frozen import Pretrained
from core.specs import (
    DataSpec,
    NetworkSpec,
    OptimizerSpec,
    TrainSpec,
    dense_network,
    optimizer_spec,
)
from core.store import Run
from core.studies import statistics
from core.studies import study as studies
from core.studies.experiment import Experiment
from core.studies.statistics import Summary
from core.studies.study import Study, own_study
from core.training.epochs import Epoch

DATA = DataSpec("mnist", "0" * 64)

PUBLISHED = {
    "RMSprop": 0.9770,
    "RMSprop, learning rate 0.0001": 0.9436,
    "SGD": 0.9130,
    "SGD, momentum 0.5, Nesterov": 0.9234,
    "Adam": 0.9770,
    "Adam, beta_1 = beta_2 = 0.8": 0.9773,
    "Adam, beta_1 = beta_2 = 0": 0.9641,
}
"""Report A, from the lab sheet."""


def run(seed: int, accuracy: float, epochs: tuple[Epoch, ...] = (), **changes: Any) -> Run:
    """A finished run with this test accuracy."""
    spec = STUDIES["L4-B"].spec(STUDIES["L4-B"].rows[0], seed, DATA)
    values: dict[str, Any] = {
        "folder": Path(),
        "spec": spec,
        "dataset": {},
        "epochs": epochs,
        "test_loss": 0.1,
        "test_accuracy": accuracy,
        "misclassified": 0,
        "confusion": [],
        "per_class": [],
        "train_seconds": 1.0 + seed,
        "compile_seconds": 0.5,
        "versions": {},
        "finished": "",
        "sha256": {},
    }
    return Run(**{**values, **changes})


def summary(*accuracies: float) -> Summary:
    runs = {seed: run(seed, accuracy) for seed, accuracy in enumerate(accuracies)}
    return Summary(STUDIES["L4-B"].rows[0], runs)


def optimizers(study: Study) -> list[OptimizerSpec]:
    """Of its rows."""
    return [study.spec(row, 0, DATA).optimizer for row in study.rows]


def test_report_a_has_nine_rows_with_what_was_published() -> None:
    study = labs.study("l4-a")
    assert {row.label(): row.published for row in study.rows if row.published} == PUBLISHED
    assert len(study.rows) == 9
    assert len(set(optimizers(study))) == 9
    assert study.base.network == dense_network((256,))
    assert study.base.train == TrainSpec(epochs=5, batch_size=128, validation_split=0.0)
    assert all(len(row.published_training) in (0, 5) for row in study.rows)
    by_name = {row.name: row for row in study.rows}
    for row in study.rows:
        assert row.statement is None or row.statement.other in by_name


def test_report_b_has_six_optimizers_with_their_defaults() -> None:
    rows = STUDIES["L4-B"].rows
    names = ["adam", "nadam", "rmsprop", "sgd", "adamax", "adagrad"]
    assert [row.name for row in rows] == names
    assert optimizers(STUDIES["L4-B"]) == [optimizer_spec(name) for name in names]
    assert {row.published for row in rows} == {None}


def test_the_study_of_hand_signs_has_what_was_published_and_what_came_after() -> None:
    rows = {row.name: row for row in STUDIES["C6"].rows}
    published = {name: row.published for name, row in rows.items() if row.published}
    assert published == {"cnn": 0.9714, "augmented": 0.9964, "vgg16": 0.8073}
    spec = STUDIES["C6"].spec(rows["vgg16"], 1, DATA)
    assert spec.network == NetworkSpec((Pretrained("vgg16", 48, "225"),))
    assert spec.optimizer == optimizer_spec("rmsprop", 0.0001)
    assert (spec.train.epochs, spec.train.copies, spec.data.split) == (50, 5, 43)
    assert spec.train.augmentation.startswith("moves")
    others = replace(spec, network=NetworkSpec((Pretrained("vgg16", 48, "225", "abc"),)))
    assert labs.experiment_of(spec) == labs.experiment_of(others) == rows["vgg16"]


def test_with_few_images_each_seed_draws_others_and_all_are_all() -> None:
    study = STUDIES["C6-N"]
    for row in study.rows:
        first, second = (study.spec(row, seed, DATA) for seed in (0, 1))
        assert row.point
        if row.point.value == "all":
            assert first.data == second.data == DATA
        else:
            assert first.data == replace(DATA, images=int(row.point.value), draw=0)
            assert second.data.draw == 1
        assert labs.experiment_of(second) == row
    networks = {row.point.line for row in study.rows if row.point}
    assert len(study.rows) == 4 * len(networks) == 24
    assert study.rows[0].label() == "No hidden layer, 50 images"


def test_the_study_of_scaling_changes_nothing_else() -> None:
    study = STUDIES["C6-225"]
    bases = [study.spec(row, 0, DATA).network.base for row in study.rows]
    found = [(base.name, base.scaling) for base in bases if isinstance(base, Pretrained)]
    assert found == [(n, scaling) for n in ("lite0", "vgg16") for scaling in ("own", "255", "225")]
    assert {study.spec(row, 2, DATA).data for row in study.rows} == {
        replace(DATA, images=1000, draw=2)
    }


def test_runs_go_seed_by_seed_and_differ_in_nothing_but_optimizer_and_seed() -> None:
    study = STUDIES["L4-A"]
    specs = study.specs(3, DATA)
    assert len({spec.key for spec in specs}) == 27
    assert [spec.train.seed for spec in specs] == [0] * 9 + [1] * 9 + [2] * 9
    assert {spec.optimizer for spec in specs[:9]} == {spec.optimizer for spec in specs[9:18]}
    same = {(spec.data, spec.network, replace(spec.train, seed=0)) for spec in specs}
    assert len(same) == 1


@pytest.mark.parametrize("seeds", [0, 11, -1])
def test_a_study_has_one_to_ten_seeds(seeds: int) -> None:
    message = f"Number of seeds is {seeds}: give a whole number from 1 to 10"
    with pytest.raises(UsageError, match=message):
        STUDIES["L4-A"].specs(seeds, DATA)


def test_an_unknown_study_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"choose one of D2, .*, L4-B, C6, .*, C6-225\.$"):
        labs.study("L5")


def test_an_own_study_sweeps_a_parameter_where_an_optimizer_has_it() -> None:
    study = own_study(["sgd", "adam", "adam"], BASE, ("momentum", [0.0, 0.5, 0.5]))
    assert [row.name for row in study.rows] == ["SGD, momentum 0", "SGD, momentum 0.5", "Adam"]
    assert optimizers(study)[1] == optimizer_spec("sgd", parameters={"momentum": 0.5})
    rates = own_study(["sgd", "adam"], BASE, ("learning_rate", [0.1, 0.01]))
    assert [optimizer.learning_rate for optimizer in optimizers(rates)] == [0.1, 0.01] * 2
    switch = own_study(["adam"], BASE, ("amsgrad", [False, True]))
    assert [row.name for row in switch.rows] == ["Adam, amsgrad false", "Adam, amsgrad true"]
    assert len(own_study(["adam", "sgd"], BASE).rows) == 2


def test_values_that_differ_late_have_names_of_their_own() -> None:
    values = [0.1234567, 0.1234568, 0.001, 1e-5]
    names = [row.name for row in own_study(["sgd"], BASE, ("learning_rate", values)).rows]
    assert [name.split()[-1] for name in names] == ["0.1234567", "0.1234568", "0.001", "1e-05"]


@pytest.mark.parametrize(
    ("names", "sweep", "sentence"),
    [
        ([], None, "No optimizer is chosen: choose at least one."),
        (["adem"], None, "Optimizer is adem: choose one of adam, "),
        (["adam"], ("learning_rate", [-0.1]), "Learning rate is -0.1: give a number from 1e-06"),
        (["sgd"], ("momentum", [1.5]), "Momentum is 1.5: give a number from 0.0 to 0.9999."),
        (["adam"], ("beta_1", [1.0]), "Beta_1 is 1.0: give a number from 0.0 to 0.9999."),
        (["adam"], ("beta_1", ["x"]), "Beta_1 is x: give a number from"),
        (["adam"], ("amsgrad", [2]), "Amsgrad is 2: give true or false."),
        (["muon"], ("ns_steps", [2.5]), "Ns_steps is 2.5: give a whole number from 1 to 10."),
        (["adam", "sgd"], ("mass", [1.0]), "None of these optimizers has a parameter mass: "),
    ],
)
def test_a_study_that_cannot_be_is_refused(names: list[str], sweep: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as raised:
        own_study(names, BASE, sweep)
    assert sentence in str(raised.value)


def test_ten_thousand_runs_are_refused_with_the_time_they_would_take() -> None:
    study = own_study(["adam"], BASE, ("beta_1", [i / 1001 for i in range(1000)]))
    with pytest.raises(UsageError, match=r"10,000 runs, which take about \d\.\d hours: choose at"):
        studies.check_size(study, 10, DATA, 60_000)
    studies.check_size(STUDIES["L4-A"], 10, DATA, 60_000)


def test_typed_values_are_read() -> None:
    assert studies.values_from("0.1, 1e-3,5,") == [0.1, 0.001, 5]
    assert studies.values_from(" True,false") == [True, False]
    assert studies.values_from("") == []
    assert value_from("x1") == "x1"
    assert value_from("9" * 400) == "9" * 400
    assert studies.values_from("0,0.5, 0, 1e-05, -0.01, 10,100") == [
        0,
        0.5,
        0,
        1e-5,
        -0.01,
        10,
        100,
    ]


@pytest.mark.parametrize("text", ["0,01", "0.1, 0,001", "0.1; 0.01", "0,1; 0,2", "0.1 0.01"])
def test_other_commas_and_separators_are_explained(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        studies.values_from(text)
    sentence = f"{text}: separate values by commas and write decimals with a point: 0.1, 0.01."
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1e400", "1e400"), ("9" * 5000, "9" * 5000), ("nan", "nan"), ("true", "True"), ("x", "x")],
)
def test_what_is_no_number_is_refused_as_it_was_typed(text: str, shown: str) -> None:
    with pytest.raises(UsageError) as raised:
        own_study(["sgd"], BASE, ("learning_rate", studies.values_from(text)))
    assert str(raised.value) == f"Learning rate is {shown}: give a number from 1e-06 to 10."


def test_figures_over_seeds() -> None:
    figure = summary(0.97, 0.98, 0.96).accuracy
    assert figure.values == (0.97, 0.98, 0.96)
    assert figure.mean == pytest.approx(0.97)
    assert figure.std == pytest.approx(0.01)
    assert (summary().accuracy.mean, summary(0.9).accuracy.std) == (None, None)


def test_runs_are_found_by_their_keys() -> None:
    study = STUDIES["L4-B"]
    adam = study.spec(study.rows[0], 1, DATA)
    found = statistics.summarise(study, {adam.key: run(1, 0.9), "other": run(2, 0.8)}, 3, DATA)
    assert [list(row.runs) for row in found] == [[1], [], [], [], [], []]


def test_best_and_last_epochs_are_those_of_the_watched_images() -> None:
    watched = [0.90, 0.95, 0.95, 0.94]
    test = tuple(
        Epoch(i, 0.1, 0.99, None, None, 1.0, 0.2, accuracy) for i, accuracy in enumerate(watched, 1)
    )
    validation = tuple(Epoch(i, 0.1, 0.99, 0.2, a, 1.0) for i, a in enumerate(watched[:2], 1))
    unwatched = (Epoch(1, 0.1, 0.99, None, None, 1.0),)
    rows = {0: run(0, 0.94, test), 1: run(1, 0.94, validation), 2: run(2, 0.94, unwatched)}
    assert Summary(STUDIES["L4-B"].rows[0], rows).best == [(2, 0.95), (2, 0.95)]


def test_a_run_that_diverged_is_named_with_its_epoch() -> None:
    epochs = (Epoch(1, 2.0, 0.1, None, None, 1.0), Epoch(2, math.nan, 0.1, None, None, 1.0))
    rows = {0: run(0, 0.9), 3: run(3, 0.1, epochs, test_loss=math.nan)}
    found = Summary(STUDIES["L4-B"].rows[0], rows)
    assert found.diverged == {3: 2}
    assert found.loss.values == (0.1,)
    assert found.accuracy.values == (0.9,)
    assert found.best == []


def test_a_run_that_diverged_is_in_no_pair() -> None:
    nothing = (Epoch(1, math.nan, 0.1, None, None, 1.0),)
    row = STUDIES["L4-B"].rows[0]
    bad = {seed: run(seed, 0.1, nothing, test_loss=math.nan) for seed in (0, 4)}
    first = Summary(row, {**summary(0.95, 0.96, 0.97, 0.98).runs, **bad})
    second = summary(0.94, 0.94, 0.94, 0.94, 0.94)
    found = statistics.difference(first, second)
    assert found is not None
    assert (found.pairs, found.left_out) == (3, 2)
    assert found.mean == pytest.approx(0.03)
    assert statistics.difference(Summary(row, bad), second) is None


def test_a_paired_difference_with_its_interval() -> None:
    # Gaps 1, 2 and 3 points: mean 2, standard error 1 / sqrt 3, t(0.975, 2) = 4.302653.
    found = statistics.difference(summary(0.95, 0.96, 0.97), summary(0.94, 0.94, 0.94))
    assert found is not None
    half = 0.01 * 4.302653 / math.sqrt(3)
    assert found.pairs == 3
    assert [found.mean, found.low, found.high] == pytest.approx([0.02, 0.02 - half, 0.02 + half])
    assert not found.real
    surer = statistics.difference(summary(0.951, 0.952, 0.953), summary(0.94, 0.94, 0.94))
    assert surer is not None
    assert surer.real


def test_pairing_sees_what_the_spread_over_seeds_hides() -> None:
    first = summary(0.90, 0.95, 0.99)
    second = summary(0.895, 0.9449, 0.9851)
    found = statistics.difference(first, second)
    assert found is not None
    assert found.real


def test_what_cannot_be_told() -> None:
    assert statistics.difference(summary(), summary(0.9)) is None
    one = statistics.difference(summary(0.95), summary(0.94, 0.93))
    assert one is not None
    assert (one.pairs, one.low, one.real) == (1, None, False)
    equal_gaps = statistics.difference(summary(0.95, 0.96), summary(0.94, 0.95))
    assert equal_gaps is not None
    assert (equal_gaps.pairs, equal_gaps.low, equal_gaps.real) == (2, None, False)
    alike = statistics.difference(summary(0.9, 0.9, 0.9), summary(0.9, 0.9, 0.9))
    assert alike is not None
    assert (alike.low, alike.high, alike.real) == (0, 0, False)


def test_f1_counts_a_class_as_often_as_it_has_images() -> None:
    figures = [{"f1": 0.5, "support": 30.0}, {"f1": 0.9, "support": 10.0}]
    found = run(0, 0.6, per_class=figures)
    assert found.weighted_f1 == pytest.approx(0.6)
    assert Summary(study_row(), {0: found}).f1.mean == pytest.approx(0.6)


def test_the_gap_is_that_of_the_last_epoch_with_its_sign() -> None:
    epochs = (Epoch(1, 0.3, 0.80, 0.3, 0.82, 1.0), Epoch(2, 0.2, 0.95, 0.4, 0.90, 1.0))
    assert run(0, 0.9, epochs).gap == pytest.approx(0.05)
    assert run(0, 0.9, epochs[:1]).gap == pytest.approx(-0.02)


def test_without_validation_images_there_is_no_gap() -> None:
    epochs = (Epoch(1, 0.3, 0.80, None, None, 1.0, 0.3, 0.85),)
    assert run(0, 0.9, epochs).gap is None
    assert Summary(study_row(), {0: run(0, 0.9, epochs)}).gap.mean is None


def study_row() -> Experiment:
    return STUDIES["L4-B"].rows[0]


def test_accuracy_on_own_test_images_is_of_runs_with_a_split_and_weights_are_of_the_network() -> (
    None
):
    images = {"shape": [28, 28], "classes": 10}
    found = {
        seed: run(seed, 0.9, own_test_accuracy=0.5 + seed / 5, dataset=images) for seed in (0, 1)
    }
    assert Summary(study_row(), found).own_accuracy.mean == pytest.approx(0.6)
    assert Summary(study_row(), found).weights == 784 * 256 + 256 + 256 * 10 + 10
    assert Summary(study_row(), {0: run(0, 0.9)}).own_accuracy.mean is None
    assert Summary(study_row(), {}).weights is None
