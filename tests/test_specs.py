import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core import labs
from core.data import Source, load
from core.data.mnist import DATASET as MNIST
from core.errors import UsageError
from core.networks.frozen import Pretrained, base_of_run
from core.networks.layers import (
    BatchNormalization,
    Channel,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from core.specs import (
    SCHEMA,
    DataSpec,
    NetworkSpec,
    OptimizerSpec,
    RunSpec,
    TrainSpec,
    changed,
    dense_network,
    optimizer_spec,
    with_settings,
)
from core.specs.schedules import SCHEDULES, Cosine, Plateau, StepDecay, TimeDecay

SPEC = RunSpec(
    DataSpec("mnist", "0" * 64),
    dense_network((256, 256)),
    OptimizerSpec("adam", 0.001),
    TrainSpec(epochs=3, batch_size=30, validation_split=0.1, seed=0),
)


def train(**changes: Any) -> TrainSpec:
    return replace(SPEC.train, **changes)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("epochs", 1, 100),
        ("batch_size", 1, 1024),
        ("validation_split", 0, 0.5),
        ("seed", 0, 2**31 - 1),
    ],
)
def test_training_allows_its_limits_and_nothing_beyond(name: str, low: float, high: float) -> None:
    step = 0.001 if name == "validation_split" else 1
    assert getattr(train(**{name: low}), name) == low
    assert getattr(train(**{name: high}), name) == high
    for value in (low - step, high + step):
        with pytest.raises(UsageError, match=rf"is {value}: give a .*number from {low} to {high}"):
            train(**{name: value})


@pytest.mark.parametrize("neurons", [1, 1024])
@pytest.mark.parametrize("layers", [0, 1, 5])
def test_networks_within_the_limits_are_allowed(neurons: int, layers: int) -> None:
    assert dense_network((neurons,) * layers).hidden == (neurons,) * layers


@pytest.mark.parametrize("hidden", [(0,), (1025,), (-1,), (10,) * 6, (10, 0), ("10",), (True,)])
def test_networks_beyond_the_limits_are_refused(hidden: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError):
        dense_network(hidden)


@pytest.mark.parametrize("rate", [1e-6, 0.001, 1, 10])
def test_learning_rates_within_the_limits_are_allowed(rate: float) -> None:
    assert OptimizerSpec("sgd", rate).learning_rate == rate


@pytest.mark.parametrize("rate", [0, 9e-7, 10.1, -1, math.nan, math.inf, -math.inf, True, "1"])
def test_learning_rates_beyond_the_limits_are_refused(rate: Any) -> None:
    with pytest.raises(UsageError, match="Learning rate is"):
        OptimizerSpec("sgd", rate)


@pytest.mark.parametrize("value", [math.nan, math.inf, True, False, "0.1", None])
def test_a_validation_split_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="Validation split is"):
        train(validation_split=value)


@pytest.mark.parametrize("value", [3.0, 3.5, math.nan, True, "3", None])
@pytest.mark.parametrize("name", ["epochs", "batch_size", "seed"])
def test_counts_must_be_whole_numbers(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match="give a whole number"):
        train(**{name: value})


def test_unknown_names_are_refused_with_what_is_allowed() -> None:
    with pytest.raises(UsageError, match="Activation is swish2: choose one of relu, sigmoid"):
        dense_network((10,), "swish2")
    with pytest.raises(UsageError, match="Optimizer is lion9: choose one of adam, sgd"):
        OptimizerSpec("lion9", 0.1)
    with pytest.raises(UsageError, match="Optimizer is lion9"):
        optimizer_spec("lion9")
    with pytest.raises(UsageError, match="Augmentation is magic: choose one of none, handwriting"):
        train(augmentation="magic")
    with pytest.raises(UsageError, match="Parameter is turn: choose one of rotation, shift, shear"):
        train(augmentation="moves turn=5")
    with pytest.raises(UsageError, match="augmentation handwriting has no parameters"):
        train(augmentation="handwriting zoom=1")
    with pytest.raises(UsageError, match="Augmentation is empty"):
        train(augmentation="")


def test_unknown_settings_of_layers_and_schedules_are_refused_with_what_is_allowed() -> None:
    with pytest.raises(UsageError, match="Initializer is zeros: choose one of glorot_uniform"):
        dense_network((10,), initializer="zeros")
    with pytest.raises(UsageError, match=r"Dropout is 1: give a number from 0.0 to 0.9"):
        dense_network((10,), dropout=1)
    with pytest.raises(UsageError, match=r"L2 is -0.1: give a number from 0 to 1"):
        dense_network((10,), l2=-0.1)
    with pytest.raises(UsageError, match="L2 has 2 values: give one, or one for each of 3 hidden"):
        dense_network((10, 5, 5), l2=(0.1, 0.2))
    with pytest.raises(UsageError, match="Batch normalisation is yes: give true or false"):
        dense_network((10,), batch_normalisation=("yes",))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="schedule is magic: choose one of none, time, expo"):
        with_settings(SPEC, {"schedule": "magic"})
    with pytest.raises(UsageError, match="Parameter is rho: choose one of warmup, decay"):
        with_settings(SPEC, {"schedule": "time", "schedule_parameters": {"rho": 1}})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"early_stopping": 3, "validation_split": 0}, "Early stopping looks at the validation"),
        ({"schedule": "plateau", "validation_split": 0}, "plateau needs the validation loss"),
        (
            {"schedule": "step", "schedule_parameters": {"every": 0}},
            "Epochs between two steps is 0: give a whole number from 1 to 100",
        ),
        (
            {"schedule": "cosine", "schedule_parameters": {"warmup": 3}},
            "A warm-up of 3 epochs leaves nothing of 3 epochs",
        ),
        ({"schedule": "plateau", "schedule_parameters": {"warmup": 1}}, "Parameter is warmup"),
        ({"schedule_parameters": {"decay": 1}}, "Choose a learning-rate schedule"),
        ({"schedule": "step", "schedule_parameters": {"factor": 1}}, "Factor is 1: give"),
        ({"augmentation": "moves zoom=1"}, "Zoom is 1: give a number from 0 to 0.9"),
        ({"augmentation": "moves rotation"}, "Rotation is empty: give a value"),
        ({"early_stopping": -1}, "Early stopping is -1: give a whole number from 0 to 100"),
        ({"early_stopping": 1.5}, r"Early stopping is 1\.5: give a whole number"),
    ],
)
def test_settings_that_contradict_each_other_are_one_sentence(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        with_settings(SPEC, settings)


GOLDEN = {
    "mnist-9f7b94f5fc2720ef": SPEC,
    "mnist-8d70cfd338fa308a": with_settings(SPEC, {"unique": True}),
    "mnist-6667bf127dc549af": changed(SPEC, {"data": {"without": (3, 7)}}),
    "fashion-mnist-83f7d42971fb1610": changed(
        SPEC,
        {
            "data": {"name": "fashion-mnist", "images": 1000},
            "network": dense_network((), "relu"),
            "optimizer": optimizer_spec("sgd", parameters={"momentum": 0.5, "nesterov": True}),
            "train": {"seed": 7, "augmentation": "handwriting"},
        },
    ),
    "mnist-7e4e1493ccfde85a": changed(
        SPEC,
        {
            "network": NetworkSpec(
                (Channel(), Conv2D(32, 3, "relu"), MaxPooling2D(), Flatten(), Dropout(0.5))
            )
        },
    ),
}


@pytest.mark.parametrize("key", GOLDEN)
def test_the_key_is_the_same_on_every_machine_and_in_every_version(key: str) -> None:
    # Stored runs are found by it: a change here orphans everybody's runs.
    assert SCHEMA == 2
    assert GOLDEN[key].key == key


@dataclass(frozen=True)
class Later(TrainSpec):
    """TrainSpec as a later version may have it."""

    patience: int = 0


def test_a_field_that_is_added_with_a_default_changes_no_key() -> None:
    later = replace(SPEC, train=Later(**vars(SPEC.train)))
    assert later.key == SPEC.key
    assert replace(SPEC, train=Later(**vars(SPEC.train), patience=3)).key != SPEC.key


def test_the_key_does_not_depend_on_the_order_or_kind_of_the_values() -> None:
    values = json.loads(json.dumps(SPEC.to_dict()))
    turned = {
        key: dict(reversed(part.items())) if isinstance(part, dict) else part
        for key, part in reversed(values.items())
    }
    assert RunSpec.from_dict(turned).key == SPEC.key
    hidden: Any = [256, 256]
    assert replace(SPEC, network=dense_network(hidden)).key == SPEC.key
    whole = replace(SPEC, optimizer=OptimizerSpec("adam", 1))
    assert whole.key == replace(SPEC, optimizer=OptimizerSpec("adam", 1.0)).key


def test_parameters_of_the_optimizer_belong_to_the_key_unless_they_are_defaults() -> None:
    plain = OptimizerSpec("adam", 0.001, (("beta_1", 0.9),))
    assert replace(SPEC, optimizer=plain).key == SPEC.key
    other = replace(SPEC, optimizer=OptimizerSpec("adam", 0.001, (("beta_1", 0.8),)))
    assert other.key != SPEC.key
    assert RunSpec.from_dict(json.loads(json.dumps(other.to_dict()))) == other


def test_equal_specs_have_equal_keys_and_hashes() -> None:
    for zero in (0, 0.0, -0.0):
        spec = replace(SPEC, train=train(validation_split=zero))
        same = replace(SPEC, train=train(validation_split=0.0))
        assert (spec, hash(spec), spec.key) == (same, hash(same), same.key)


def test_every_field_changes_the_key() -> None:
    drawing = labs.lab("digits").experiment("drawing").changes["network"]
    bases = [
        Pretrained("lite0", 48),
        Pretrained("vgg16", 48),
        Pretrained("lite0", 96),
        Pretrained("lite0", 48, "225"),
        Pretrained("lite0", 48, digest="0123456789abcdef"),
        base_of_run(drawing, "mnist-17b11caa4858993f"),
        base_of_run(drawing, "mnist-0123456789abcdef"),
    ]
    others = [
        *(replace(SPEC, network=NetworkSpec((base,))) for base in bases),
        replace(SPEC, data=DataSpec("fashion-mnist", "0" * 64)),
        replace(SPEC, data=DataSpec("mnist", "1" * 64)),
        replace(SPEC, network=dense_network((256,))),
        replace(SPEC, network=dense_network((256, 255))),
        replace(SPEC, network=dense_network((256, 256), "tanh")),
        replace(SPEC, optimizer=OptimizerSpec("nadam", 0.001)),
        replace(SPEC, optimizer=OptimizerSpec("adam", 0.002)),
        replace(SPEC, train=train(epochs=4)),
        replace(SPEC, train=train(batch_size=31)),
        replace(SPEC, train=train(validation_split=0.11)),
        replace(SPEC, train=train(seed=1)),
        replace(SPEC, train=train(augmentation="handwriting")),
        replace(SPEC, train=train(augmentation="moves")),
        replace(SPEC, train=train(augmentation="moves shear=0")),
        replace(SPEC, train=train(early_stopping=1)),
        *(replace(SPEC, train=train(schedule=kind())) for kind in SCHEDULES.values()),
        replace(SPEC, train=train(schedule=TimeDecay(0.002))),
        replace(SPEC, train=train(schedule=TimeDecay(0.002, warmup=1))),
        *(replace(SPEC, network=dense_network((256, 256), **one)) for one in OF_LAYERS),
        replace(SPEC, data=DataSpec("mnist", "0" * 64, images=100)),
    ]
    assert len({spec.key for spec in [SPEC, *others]}) == 1 + len(others)


OF_LAYERS: list[dict[str, Any]] = [
    {"l1": 0.1},
    {"l2": 0.1},
    {"l2": (0.1, 0)},
    {"l2": (0, 0.1)},
    {"dropout": 0.1},
    {"dropout": (0.1, 0)},
    {"batch_normalisation": True},
    {"batch_normalisation": True, "dropout": 0.1},
    {"initializer": "he_normal"},
]


def test_what_is_at_its_default_is_no_part_of_the_key() -> None:
    same = dense_network(
        (256, 256),
        ("relu", "relu"),
        l1=0,
        l2=(0, -0.0),
        dropout=0,
        batch_normalisation=[False],
        initializer="glorot_uniform",
    )
    spec = replace(SPEC, network=same, train=train(schedule=None, early_stopping=0))
    assert spec.key == SPEC.key
    moved = [train(augmentation=text) for text in ("moves", " moves  shift=0.05 rotation=10")]
    assert len({replace(SPEC, train=one).key for one in moved}) == 1
    turned = [
        train(augmentation=f"moves {text}")
        for text in ("zoom=0 rotation=5", "rotation=5.0 zoom=-0")
    ]
    assert len({replace(SPEC, train=one).key for one in turned}) == 1
    scheduled = replace(SPEC, train=train(schedule=Plateau()))
    assert scheduled.to_dict()["train"]["schedule"] == {"name": "plateau"}
    assert replace(SPEC, train=train(schedule=Plateau(0.1, 10))).key == scheduled.key


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, train=train(schedule=Cosine(0.1, warmup=1), early_stopping=4)),
        *(replace(SPEC, network=dense_network((256, 256), **one)) for one in OF_LAYERS),
        replace(SPEC, network=NetworkSpec((Pretrained("lite0", 48, "225"), Dense(5)))),
    ],
    ids=str,
)
def test_a_spec_survives_json(spec: RunSpec) -> None:
    assert RunSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    "change",
    [
        {"train": {}},
        {"train": {"epochs": 1, "batch_size": 1, "validation_split": 0, "schedule": {"name": "x"}}},
        {"train": {"epochs": 1, "batch_size": 1, "validation_split": 0, "schedule": {}}},
        {"network": [{"layer": "Dense"}]},
        {"network": [{"layer": "Flatten", "colour": "red"}]},
        {"network": [{"layer": "Telepathy"}]},
        {"network": None},
    ],
)
def test_a_damaged_description_of_a_spec_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, UsageError)):
        RunSpec.from_dict({**SPEC.to_dict(), **change})
    with pytest.raises(KeyError):
        RunSpec.from_dict({})


def test_a_change_reaches_every_part_and_leaves_the_rest() -> None:
    found = changed(SPEC, {"train": {"epochs": 9}, "network": dense_network((5,))})
    assert found.train == replace(SPEC.train, epochs=9)
    assert found.network == dense_network((5,))
    assert (found.data, found.optimizer) == (SPEC.data, SPEC.optimizer)
    with pytest.raises(TypeError):
        changed(SPEC, {"train": {"epoch": 9}})
    with pytest.raises(UsageError, match="Epochs is 0"):
        changed(SPEC, {"train": {"epochs": 0}})


def test_the_images_of_a_data_set_and_of_its_full_set_are_named_by_their_digest() -> None:
    sample = load(Source(MNIST, "sample", Path(), 0.0))
    assert DataSpec.of(sample) == DataSpec("mnist", sample.digest)
    assert DataSpec.of(MNIST) == DataSpec("mnist", MNIST.digest)
    assert DataSpec.of(sample) != DataSpec.of(MNIST)


def test_other_images_leave_how_many_are_used() -> None:
    few = changed(SPEC, {"data": {"images": 100}}).on(DataSpec("fashion-mnist", "1" * 64))
    assert few.data == DataSpec("fashion-mnist", "1" * 64, images=100)
    assert (few.network, few.train) == (SPEC.network, SPEC.train)


def test_settings_change_what_they_name_and_none_means_not_given() -> None:
    assert with_settings(SPEC, dict.fromkeys(["hidden", "optimizer", "seed"])) == SPEC
    found = with_settings(SPEC, {"hidden": (5,), "seed": 3, "parameters": {"beta_1": 0.5}})
    assert found.network == dense_network((5,))
    assert found.train.seed == 3
    assert found.optimizer == optimizer_spec("adam", parameters={"beta_1": 0.5})
    assert with_settings(found, {"activation": "tanh"}).network == dense_network((5,), "tanh")


def test_settings_of_layers_are_for_all_of_them_or_for_each() -> None:
    found = with_settings(SPEC, {"hidden": (8, 6, 4), "l2": (0.1,), "dropout": (0.1, 0, 0.2)})
    expected = dense_network((8, 6, 4), l2=0.1, dropout=[0.1, 0, 0.2])
    assert found.network == expected
    assert expected.dense
    assert expected.text == "8+6+4 l2=0.1 dropout=0.1,0,0.2"
    assert expected.each("dropout") == (0.1, 0, 0.2)
    assert dense_network((8, 6), l2=[0.1, 0.1]).each("l2") == (0.1,)
    again = with_settings(found, {"activation": "tanh", "batch_normalisation": True})
    assert again.network == dense_network(
        (8, 6, 4), "tanh", l2=0.1, dropout=(0.1, 0, 0.2), batch_normalisation=True
    )
    assert with_settings(found, {"hidden": (5, 5, 5)}).network.each("dropout") == (0.1, 0, 0.2)
    with pytest.raises(UsageError, match="Dropout is not the same in all hidden layers: give it"):
        with_settings(found, {"hidden": (5, 5)})
    assert with_settings(found, {"hidden": ()}).network == dense_network()
    fewer = with_settings(found, {"hidden": (5, 5), "dropout": 0})
    assert fewer.network == dense_network((5, 5), l2=0.1)


def test_only_what_dense_network_makes_is_called_dense() -> None:
    normalised = BatchNormalization()
    for layers in (
        (Dense(5, "relu"), Dropout(0.5), normalised),
        (normalised, Dense(5, "relu")),
        (Dropout(0.5), Dense(5, "relu")),
        (Dense(5, "relu"), Dropout(0.5), Dropout(0.5)),
        (Flatten(), Dense(5, "relu")),
    ):
        assert not NetworkSpec((Flatten(), *layers)).dense
    assert NetworkSpec((Flatten(), Dense(5, "relu"), normalised, Dropout(0.5))).dense
    assert not NetworkSpec((Dense(5, "relu"),)).dense


def test_a_schedule_begins_with_its_defaults_and_keeps_what_was_set() -> None:
    found = with_settings(SPEC, {"schedule": "step", "schedule_parameters": {"every": 2}})
    assert found.train.schedule == StepDecay(0.5, 2)
    assert found.train.schedule.text == "step every=2"
    again = with_settings(found, {"schedule_parameters": {"factor": 0.2}, "epochs": 9})
    assert again.train.schedule == StepDecay(0.2, 2)
    assert with_settings(found, {"schedule": "step"}) == found
    assert with_settings(found, {"epochs": 9}).train.schedule == StepDecay(0.5, 2)
    assert with_settings(found, {"schedule": "time"}).train.schedule == TimeDecay()
    assert with_settings(found, {"schedule": "none"}) == SPEC


def test_another_optimizer_begins_with_its_own_defaults() -> None:
    begin = replace(SPEC, optimizer=optimizer_spec("rmsprop", 0.5, {"rho": 0.3}))
    assert with_settings(begin, {"optimizer": "sgd"}).optimizer == optimizer_spec("sgd")
    assert with_settings(begin, {"optimizer": "rmsprop"}).optimizer == begin.optimizer
    again = with_settings(begin, {"parameters": {"rho": 0.5}}).optimizer
    assert again == optimizer_spec("rmsprop", 0.5, {"rho": 0.5})


def test_a_change_of_an_optimizer_may_be_of_one_parameter_or_name_another_one() -> None:
    begin = replace(SPEC, optimizer=optimizer_spec("rmsprop", 0.02, {"momentum": 0.1}))

    def optimizer(**changes: Any) -> OptimizerSpec:
        return changed(begin, {"optimizer": changes}).optimizer

    assert optimizer(parameters={"rho": 0.5}) == optimizer_spec(
        "rmsprop", 0.02, {"momentum": 0.1, "rho": 0.5}
    )
    assert optimizer(learning_rate=0.1) == optimizer_spec("rmsprop", 0.1, {"momentum": 0.1})
    assert optimizer(name="sgd") == optimizer_spec("sgd")
    assert optimizer(name="sgd", parameters={"nesterov": True}) == optimizer_spec(
        "sgd", parameters={"nesterov": True}
    )
    with pytest.raises(TypeError):
        optimizer(rate=0.1)


def test_hidden_layers_of_another_network_cannot_be_set() -> None:
    special = replace(SPEC, network=NetworkSpec((Flatten(), Dropout(0.5))))
    for settings in ({"hidden": (5,)}, {"activation": "relu"}):
        with pytest.raises(UsageError, match="layers of its own"):
            with_settings(special, settings)
    assert with_settings(special, {"epochs": 2}).train.epochs == 2
