"""How long a run is expected to take."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.data import DATASETS
from core.data.mnist import DATASET as MNIST
from core.engine.estimates import Speeds, seconds_of
from core.labs.digits import DRAWING
from core.networks.frozen import Pretrained
from core.specs import (
    DataSpec,
    NetworkSpec,
    RunSpec,
    TrainSpec,
    changed,
    dense_network,
    optimizer_spec,
)
from core.store import Run

SPEC = RunSpec(
    DataSpec("mnist", MNIST.digest), dense_network((256,)), optimizer_spec(), TrainSpec(5, 128, 0.0)
)


def measured(spec: RunSpec, seconds: float, images: int = 60_000) -> Run:
    """A finished run that took so long."""
    return Run(
        folder=Path(),
        spec=spec,
        dataset={"train": images - 100, "validation": 100},
        epochs=(),
        test_loss=0.1,
        test_accuracy=0.9,
        misclassified=1,
        confusion=[],
        per_class=[],
        train_seconds=seconds - 1,
        compile_seconds=1.0,
        versions={},
        finished="",
        sha256={},
    )


def test_more_epochs_weights_and_steps_take_longer() -> None:
    usual = seconds_of(SPEC, 60_000)
    assert 1 < usual < 30
    for longer in (
        changed(SPEC, {"train": {"epochs": 6}}),
        replace(SPEC, network=dense_network((512,))),
        changed(SPEC, {"train": {"batch_size": 5}}),
    ):
        assert seconds_of(longer, 60_000) > usual
    assert seconds_of(changed(SPEC, {"train": {"validation_split": 0.5}}), 60_000) < usual
    assert seconds_of(SPEC, 4_000) < usual / 2
    assert seconds_of(changed(SPEC, {"data": {"images": 4_000}}), 60_000) == seconds_of(SPEC, 4_000)
    drawing = replace(SPEC, network=DRAWING.changes["network"])
    assert seconds_of(drawing, 60_000) > 10 * usual


def test_what_a_frozen_base_makes_is_computed_once_and_kept() -> None:
    spec = replace(SPEC, network=NetworkSpec((Pretrained("lite0", 96),)))
    head = replace(SPEC, network=dense_network())
    assert seconds_of(spec, 60_000) > 20 * seconds_of(head, 60_000)
    copied = changed(spec, {"train": {"augmentation": "handwriting", "copies": 3}})
    assert seconds_of(copied, 60_000) > 3 * seconds_of(spec, 60_000)
    speeds = Speeds()
    expected = speeds.seconds(spec)
    speeds.note(measured(spec, 3.0))
    assert speeds.seconds(spec) == pytest.approx(3.0)
    assert speeds.seconds(changed(spec, {"train": {"epochs": 6}})) < 5
    fewer = changed(spec, {"data": {"images": 30_000}})
    assert speeds.seconds(fewer) > speeds.seconds(spec), "they are other images"
    assert expected > 20


def test_what_was_measured_counts() -> None:
    speeds = Speeds()
    expected = speeds.seconds(SPEC)
    assert expected == seconds_of(SPEC, 60_000)
    other = replace(SPEC, network=dense_network((64,)))
    for factor in (2, 3, 10):
        took = factor * seconds_of(SPEC, 60_000)
        speeds.note(measured(SPEC, took))
    assert speeds.known == 3
    assert speeds.seconds(SPEC) == pytest.approx(3 * expected)
    assert speeds.seconds(other) == pytest.approx(3 * seconds_of(other, 60_000))
    speeds.note(measured(other, seconds_of(other, 60_000)))
    assert speeds.seconds(other) == pytest.approx(seconds_of(other, 60_000))


def test_how_long_compiling_takes_is_that_of_the_last_run_alike() -> None:
    speeds = Speeds()
    assert speeds.compile_seconds(SPEC) is None
    speeds.note(measured(SPEC, 4.0), replace(measured(SPEC, 4.0), compile_seconds=2.5))
    assert speeds.compile_seconds(changed(SPEC, {"train": {"epochs": 9}})) == 2.5
    assert speeds.compile_seconds(replace(SPEC, network=dense_network((8,)))) is None


def test_the_size_of_other_data_is_learned() -> None:
    speeds = Speeds()
    own = replace(SPEC, data=DataSpec("mnist", "0" * 64))
    assert speeds.seconds(own) < speeds.seconds(SPEC)
    speeds.note(measured(own, seconds_of(own, 30_000), images=30_000))
    assert speeds.seconds(own) == pytest.approx(seconds_of(own, 30_000))


def test_a_run_of_a_data_set_that_is_gone_is_passed_over() -> None:
    speeds = Speeds()
    gone = replace(SPEC, data=DataSpec("gone", "0" * 64))
    speeds.note(measured(gone, 100.0), measured(SPEC, 2 * seconds_of(SPEC, 60_000)))
    assert speeds.known == 1
    assert speeds.seconds(SPEC) == pytest.approx(2 * seconds_of(SPEC, 60_000))


def test_the_size_of_a_full_set_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    letters = replace(MNIST, name="letters", digest="1" * 64, images=2_000)
    monkeypatch.setitem(DATASETS, "letters", letters)
    of_letters = replace(SPEC, data=DataSpec("letters", letters.digest))
    assert Speeds().seconds(of_letters) == seconds_of(of_letters, 2_000)
