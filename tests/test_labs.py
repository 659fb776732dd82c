"""The labs say what their sheets say, and everything that they name can be run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import core
from core import data, labs
from core.cli import options
from core.errors import UsageError
from core.labs import LABS, OWN
from core.labs.contract import Lab
from core.networks import structure
from core.networks.layers import Dense, Dropout
from core.specs import (
    DataSpec,
    NetworkSpec,
    RunSpec,
    TrainSpec,
    changed,
    dense_network,
    optimizer_spec,
)
from core.specs.schedules import TimeDecay
from core.store import Store
from core.studies.experiment import Experiment, Shown, Statement
from core.studies.study import Study

DIGITS, OPTIMIZERS = LABS["digits"], LABS["optimizers"]
IMAGES = DataSpec("mnist", "0" * 64)
ROOT = Path(__file__).parents[1]

# The table of the lab sheet, row by row as it is printed there.
SHEET: dict[str, Any] = {
    "samples": [30, 35, 40, 45, 55, 60, 65, 70, 75],
    "neurons": [256, 64, 32, 512, 300, 150, 400, 100, 450],
    "layers": [2, 1, 2, 1, 2, 1, 2, 1, 2],
    "epochs": [3, 5, 7, 9, 12, 14, 6, 8, 2],
    "batch": [30, 25, 42, 15, 20, 5, 35, 28, 12],
    "validation": ["10%", "12%", "15%", "17%", "18%", "22%", "25%", "27%", "30%"],
    "digits": (
        "5 25 7, 8 12 35, 14 20 39, 30 20 40, 25 17 50, 22 11 59, 33 44 55, 11 22 44, 70 50 45"
    ),
    "misclassified": [10, 12, 15, 20, 22, 3, 7, 9, 6],
}


def variant(number: int) -> tuple[RunSpec, Shown]:
    choice = labs.choose("digits", str(number), IMAGES, {})
    return choice.spec, choice.shown


@pytest.mark.parametrize("number", range(1, 10))
def test_a_variant_is_its_column_of_the_sheet(number: int) -> None:
    column = number - 1
    spec, shown = variant(number)
    assert shown.samples == SHEET["samples"][column]
    assert spec.network == dense_network((SHEET["neurons"][column],) * SHEET["layers"][column])
    assert spec.optimizer == optimizer_spec("adam")
    assert spec.train.epochs == SHEET["epochs"][column]
    assert spec.train.batch_size == SHEET["batch"][column]
    assert f"{spec.train.validation_split:.0%}" == SHEET["validation"][column]
    assert spec.train.seed == 0
    assert " ".join(map(str, shown.test_indices)) == SHEET["digits"].split(", ")[column]
    assert shown.mistakes == SHEET["misclassified"][column]
    assert DIGITS.experiment(str(number)).label() == f"Variant {number}"


def test_variant_0_is_the_worked_example_and_opens_first() -> None:
    spec, shown = variant(0)
    assert spec == RunSpec(
        IMAGES, dense_network((128,)), optimizer_spec("adam"), TrainSpec(10, 32, 0.2)
    )
    assert (shown.samples, shown.test_indices, shown.mistakes) == (25, (1,), 5)
    assert labs.choose("digits", None, IMAGES, {}).spec == spec
    assert next(iter(LABS.values())) is DIGITS


def test_practical_7_has_the_worked_example_nine_variants_and_the_drawing_model() -> None:
    names = [experiment.name for experiment in DIGITS.experiments]
    assert names == [*map(str, range(10)), "drawing"]
    assert not DIGITS.experiment("drawing").shown  # it is not in the sheet
    assert DIGITS.datasets == ("mnist", "fashion-mnist")


def test_before_the_lesson_all_variants_are_trained_on_both_data_sets() -> None:
    for name in ("mnist", "fashion-mnist"):
        found = labs.lesson(DataSpec(name, "1"))
        expected = [labs.choose("digits", str(n), DataSpec(name, "1"), {}) for n in range(10)]
        assert found == [choice.spec for choice in expected]


ONE = Experiment("one", "One")
MISTAKES: dict[str, Callable[[], object]] = {
    "experiment one: .*'epoch'": lambda: replace(
        DIGITS, experiments=(replace(ONE, changes={"train": {"epoch": 3}}),)
    ),
    "experiment one: Epochs is 0": lambda: Study(
        "s", "S", DIGITS.base, (replace(ONE, changes={"train": {"epochs": 0}}),)
    ),
    "lab digits: there are no experiments": lambda: replace(DIGITS, experiments=()),
    "study s: there are no experiments": lambda: Study("s", "S", DIGITS.base, ()),
    "two names are the same: one, One": lambda: Study(
        "s", "S", DIGITS.base, (ONE, replace(ONE, name="One"))
    ),
    "there are no experiments {'12'}": lambda: replace(DIGITS, before_lesson=("12",)),
    "there are no experiments {'cnn'}": lambda: replace(DIGITS, drawing_model="cnn"),
    "statement is about rows {'two'}": lambda: Study(
        "s", "S", DIGITS.base, (replace(ONE, statement=Statement("better", "two")),)
    ),
    "labs: two names": lambda: labs.by_name([DIGITS, replace(DIGITS, order=3)]),
    "studies: two names are the same: own, L4-A": lambda: labs.by_name(
        [OPTIMIZERS, replace(OPTIMIZERS, name="other")]
    ),
    "lab digits: two names are the same: own, 0, .*, own": lambda: labs.by_name(
        [replace(DIGITS, experiments=(*DIGITS.experiments, replace(ONE, name="own")))]
    ),
    "lab digits: no data set, or an unknown one: {'chess'}": lambda: labs.by_name(
        [replace(DIGITS, datasets=("chess",))]
    ),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_a_mistake_in_the_file_of_a_lab_is_said_at_once(sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MISTAKES[sentence]()


@pytest.mark.parametrize("lab", LABS.values(), ids=lambda lab: lab.name)
def test_a_lab_is_whole(lab: Lab) -> None:
    names = [experiment.name for experiment in lab.experiments]
    assert all(name.isascii() and " " not in name for name in names)
    assert all((ROOT / step.file).is_file() for step in lab.steps)
    assert len({step.name for step in lab.steps}) == len(lab.steps)
    for name in lab.datasets:
        known = data.definition(name)
        specs = [experiment.spec(lab.on(IMAGES)) for experiment in lab.experiments]
        specs += [spec for study in lab.studies for spec in study.specs(2, IMAGES)]
        for spec in specs:
            assert structure.rows(spec.network, known.shape, len(known.class_names))


def test_the_runs_of_lab_4_are_those_of_its_sheet() -> None:
    choice = labs.choose("optimizers", "sgd-nesterov", IMAGES, {})
    assert choice.spec == RunSpec(
        IMAGES,
        dense_network((256,)),
        optimizer_spec("sgd", parameters={"momentum": 0.5, "nesterov": True}),
        TrainSpec(5, 128, 0.0),
    )
    names = [experiment.name for experiment in OPTIMIZERS.experiments]
    assert len(names) == 12
    assert names[-3:] == ["nadam", "adamax", "adagrad"]


def test_the_network_of_lab_6_is_that_of_its_sheet() -> None:
    choice = labs.choose("signs", None, replace(IMAGES, name="signs"), {})
    assert choice.spec.data == DataSpec("signs", IMAGES.digest, split=43)
    assert choice.spec.optimizer == optimizer_spec("nadam")
    assert choice.spec.train == TrainSpec(50, 128, 0.0)
    layers = structure.rows(choice.spec.network, (28, 28), 24)
    assert [row.weights for row in layers if row.weights] == [1088, 65600, 36928, 32896, 3096]


def test_settings_change_an_experiment_and_own_settings_begin_with_the_lab_s() -> None:
    one = labs.choose("digits", "3", IMAGES, {"seed": 4, "hidden": None})
    assert one.spec == changed(variant(3)[0], {"train": {"seed": 4}})
    own = labs.choose("optimizers", OWN, IMAGES, {"hidden": (9,)})
    assert own.experiment is None
    assert own.spec == replace(OPTIMIZERS.on(IMAGES), network=dense_network((9,)))
    assert own.shown == Shown()


def test_own_settings_are_of_a_dense_network_whatever_the_lab_begins_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = DIGITS.experiment("drawing").changes["network"]
    other = replace(DIGITS, name="other", base=replace(DIGITS.base, network=network))
    monkeypatch.setitem(LABS, "other", other)
    assert labs.choose("other", OWN, IMAGES, {"hidden": (9,)}).spec.network == dense_network((9,))
    assert labs.choose("other", "3", IMAGES, {}).spec == variant(3)[0]


def test_a_run_is_known_by_what_it_is_whatever_its_images_and_seed() -> None:
    spec = variant(3)[0]
    again = changed(spec, {"data": {"name": "fashion-mnist"}, "train": {"seed": 5}})
    for same in (spec, again):
        found = labs.experiment_of(same)
        assert found is not None
        assert found.name == "3"
    for other in (
        changed(spec, {"data": {"name": "letters"}}),  # of which this lab knows nothing
        changed(spec, {"train": {"epochs": 8}}),
        changed(spec, {"data": {"images": 100}}),
        changed(spec, {"optimizer": {"learning_rate": 0.002}}),
    ):
        assert labs.experiment_of(other) is None


def test_a_lab_trains_on_its_own_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DIGITS.dataset(None) == "mnist"
    assert DIGITS.dataset("fashion-mnist") == "fashion-mnist"
    monkeypatch.setitem(LABS, "digits", replace(DIGITS, datasets=("mnist",)))
    unset = {"parameter": (), "dataset": "fashion-mnist", "lab": "digits"}
    for refused in (lambda: core.train("fashion-mnist"), lambda: options.images_for(unset)):
        with pytest.raises(UsageError, match="no data set fashion-mnist: choose one of mnist"):
            refused()
    with pytest.raises(UsageError, match="There is no data set chess"):
        DIGITS.dataset("chess")


def test_what_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(UsageError, match="no lab chess: choose one of digits, letters, optimizers"):
        labs.lab("chess")
    with pytest.raises(UsageError, match="no experiment 10: choose one of 0, 1, 2"):
        labs.choose("digits", "10", IMAGES, {})
    with pytest.raises(UsageError, match="no study L9: choose one of D2, D2-L2, D2-dropout, L4-A"):
        labs.study("L9", OWN)
    assert labs.study("l4-a").name == "L4-A"


def test_an_experiment_changes_any_part_of_a_run() -> None:
    one = Experiment(
        "all",
        "All of it",
        {
            "data": {"images": 50},
            "network": dense_network((7,)),
            "optimizer": {"learning_rate": 0.5},
            "train": {"epochs": 1, "augmentation": "handwriting"},
        },
    )
    spec = one.spec(DIGITS.on(IMAGES))
    assert spec.data == replace(IMAGES, images=50)
    assert spec.network.hidden == (7,)
    assert (spec.optimizer.name, spec.optimizer.learning_rate) == ("adam", 0.5)
    assert (spec.train.epochs, spec.train.batch_size) == (1, 32)
    assert spec.train.augmentation == "handwriting"


def chosen(experiment: str, **settings: Any) -> labs.Choice:
    return labs.choose("digits", experiment, DataSpec("mnist", "1"), settings)


def test_what_to_try_next_differs_in_one_thing_each() -> None:
    choice = chosen("3")
    seed, half, batch = labs.variations(choice)
    train = choice.spec.train
    assert seed.spec == replace(choice.spec, train=replace(train, seed=1))
    assert half.spec == replace(choice.spec, network=dense_network((16, 16)))
    assert batch.spec == replace(choice.spec, train=replace(train, batch_size=420))
    for one in (seed, half, batch):
        assert one.value in one.title.format(value=one.value)


def test_what_to_try_next_keeps_the_settings_of_layers_and_of_training() -> None:
    choice = chosen(
        labs.OWN,
        hidden=(8, 6),
        l2=(0.1, 0),
        dropout=0.5,
        batch_normalisation=True,
        initializer="he_normal",
        schedule="time",
        schedule_parameters={"decay": 0.002},
        early_stopping=3,
    )
    found = labs.variations(choice)
    assert len(found) == 3
    for one in found:
        assert one.spec.network.extras == choice.spec.network.extras
        assert one.spec.train.schedule == TimeDecay(0.002)
        assert one.spec.train.early_stopping == 3
    mixed = chosen(labs.OWN, hidden=(8, 6), activation=("relu", "tanh"))
    assert not labs.variations(mixed), "own settings have one activation"


def test_what_to_try_next_keeps_a_base_images_and_changed_copies() -> None:
    of_run = labs.base("drawing", Store())
    copied: dict[str, Any] = {"images": 50, "augmentation": "handwriting", "copies": 2}
    choice = chosen(labs.OWN, base=of_run, hidden=(8, 6), l2=(0.1, 0), **copied)
    seed, half, _batch = labs.variations(choice)
    assert seed.spec == replace(choice.spec, train=replace(choice.spec.train, seed=1))
    _flatten, *behind = dense_network((4, 3), l2=(0.1, 0)).layers
    assert half.spec == replace(choice.spec, network=NetworkSpec((of_run, *behind)))
    assert len(labs.variations(chosen(labs.OWN, base=of_run))) == 2, "there are no neurons"
    other = replace(choice.spec, network=NetworkSpec((of_run, Dropout(0.5), Dense(4))))
    assert not labs.variations(replace(choice, spec=other)), "own settings cannot say it"


def test_what_to_try_next_stays_within_the_limits() -> None:
    found = labs.variations(chosen(labs.OWN, hidden=(1,), batch_size=1024, seed=1))
    assert [one.title.format(value=one.value) for one in found] == [
        "The same with seed 0",
        "A tenth of the batch size: 102",
    ]
    drawing = labs.variations(chosen("drawing"))
    assert [one.spec.train.seed for one in drawing] == [1, 0], "neurons are for Dense layers"
    lab4 = labs.choose("optimizers", "rmsprop-rho-0.3", DataSpec("mnist", "1"), {})
    assert {one.spec.optimizer for one in labs.variations(lab4)} == {lab4.spec.optimizer}
    none = labs.variations(chosen(labs.OWN, hidden=()))
    assert [one.spec.network.hidden for one in none] == [(), ()]
