"""What a worker process does, without a cluster around it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import data as datasets
from core.data.mnist import DATASET as MNIST
from core.engine import worker
from core.errors import DataError
from core.labs.digits import DRAWING
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.schedules import StepDecay
from core.store import Run, Store
from core.training import images
from core.training.run import run as train


@pytest.fixture(autouse=True)
def data(cache: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    monkeypatch.setattr(os, "nice", lambda _: 0)  # a test cannot take it back
    monkeypatch.setattr(images, "_received", {})  # by the library, in tests before
    return datasets.load(datasets.locate(MNIST))


@pytest.fixture
def spec(data: datasets.Dataset) -> RunSpec:
    return RunSpec(
        DataSpec("mnist", data.digest),
        dense_network((8,)),
        optimizer_spec(),
        TrainSpec(2, 50, 0.2, 7),
    )


def trained(spec: RunSpec) -> Run:
    outcome = train(spec, lambda moment: None)
    return Store().save(spec, outcome.record, outcome.files)


def test_an_outcome_has_all_that_a_run_consists_of(spec: RunSpec) -> None:
    moments: list[Any] = []
    outcome = train(spec, moments.append)
    run = Store().save(spec, outcome.record, outcome.files)
    assert moments[-1].steps_done == moments[-1].steps == 2 * 16
    assert set(run.sha256) == {"model.keras", "predictions.npy"}
    assert set(run.versions) >= {"keras", "tensorflow"}
    assert np.sum(run.confusion) == run.dataset["test"] == 200
    assert len(run.per_class) == 10
    assert run.predictions.dtype == np.float32


def test_a_run_on_a_random_split_is_also_tested_on_the_images_that_the_data_set_brings(
    spec: RunSpec, data: datasets.Dataset
) -> None:
    split = replace(spec, data=replace(spec.data, split=43))
    run = trained(split)
    assert [run.dataset[part] for part in ("train", "validation", "test")] == [560, 140, 300]
    predicted = run.network().probabilities(data.x_test).argmax(axis=1)
    assert run.own_test_accuracy == pytest.approx((predicted == data.y_test).mean())
    assert run.own_test_accuracy != run.test_accuracy
    assert trained(spec).own_test_accuracy is None


@pytest.mark.slow
def test_a_run_with_every_setting_is_stored_with_what_only_it_has(spec: RunSpec) -> None:
    network = dense_network((8, 4), l2=0.01, dropout=(0.2, 0), batch_normalisation=True)
    steps = StepDecay(0.5, every=1, warmup=1)
    wanted = replace(spec.train, epochs=9, schedule=steps, early_stopping=1)
    optimizer = optimizer_spec("sgd", 2.0)  # too large: it soon stops
    run = trained(replace(spec, network=network, optimizer=optimizer, train=wanted))
    assert run.spec.train == wanted
    losses = [float(epoch.val_loss or 0) for epoch in run.epochs]
    assert run.best_epoch == 1 + int(np.argmin(losses))
    assert len(losses) < 9
    assert len(losses) == run.best_epoch + 1
    assert run.epochs[0].learning_rate == pytest.approx(2.0 * 15 / 16)
    assert run.epochs[1].learning_rate == pytest.approx(2.0)
    kept = run.epochs[run.best_epoch - 1]
    assert run.penalty == pytest.approx(kept.end_penalty), "the best weights are stored"
    names = ("penalty", "end_penalty", "learning_rate")
    assert all(name in run.epochs[0].row for name in names)
    plain = train(replace(spec, train=replace(spec.train, epochs=1)), lambda moment: None).record
    assert {"best_epoch", "penalty"}.isdisjoint(plain), "older versions of the lab read it"
    assert {*names, "test_loss"}.isdisjoint(plain["epochs"][0])


def test_a_stored_run_predicts_what_it_predicted_when_it_was_trained(
    spec: RunSpec, data: datasets.Dataset
) -> None:
    run = trained(spec)
    again = run.network().probabilities(data.arrays.x_test)
    np.testing.assert_allclose(again, run.predictions, atol=1e-6)


@pytest.mark.slow
def test_the_drawing_model_is_trained_in_the_same_way(
    data: datasets.Dataset, small_mnist: Path
) -> None:
    spec = RunSpec(
        DataSpec("mnist", data.digest),
        DRAWING.changes["network"],
        optimizer_spec(),
        TrainSpec(2, 128, 0.1, 7, augmentation="handwriting"),
    )
    first, second = (train(spec, lambda moment: None) for _ in range(2))
    assert first.record["epochs"][1]["loss"] < first.record["epochs"][0]["loss"]
    assert first.record["epochs"][1]["val_accuracy"] is not None
    losses = [outcome.record["epochs"][1]["loss"] for outcome in (first, second)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)  # the seed decides all but rounding


def test_other_images_than_the_spec_names_are_not_trained_on(spec: RunSpec) -> None:
    with pytest.raises(DataError, match="The MNIST images changed"):
        train(replace(spec, data=DataSpec("mnist", "0" * 64)), lambda moment: None)


def test_files_that_changed_are_read_again(
    spec: RunSpec, tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec, lambda moment: None)
    with np.load(small_mnist / "mnist.npz") as file:
        arrays = {name: file[name] for name in file.files}
    arrays["y_test"] = arrays["y_test"][::-1]
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    with pytest.raises(DataError, match="The MNIST images changed"):
        train(spec, lambda moment: None)


@pytest.mark.slow
def test_preparing_says_nothing_and_gives_way() -> None:
    code = (
        "import os; before = os.nice(0); from core.engine import worker; worker.prepare();"
        "worker.prepare(); print(os.nice(0) - before)"
    )
    environment = {name: value for name, value in os.environ.items() if name[:3] != "TF_"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(worker.__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("19\n", "")
