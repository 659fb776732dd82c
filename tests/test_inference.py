"""The forward pass in numpy is Keras's."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.mnist import MNIST
from core.networks import forward as inference
from core.specs.run import ACTIVATIONS, DataSpec, ModelSpec, RunSpec, drawing_specs, optimizer_spec
from core.store import Store

SPECS = [
    ModelSpec(()),
    *(ModelSpec((16,), activation) for activation in ACTIVATIONS),
    ModelSpec((20, 8, 12), "tanh"),
    ModelSpec(kind="drawing"),
]


class Stored:
    """A run as far as inference looks at it."""

    def __init__(self, spec: ModelSpec, content: bytes) -> None:
        _model, train = drawing_specs()
        self.spec = RunSpec(DataSpec("mnist", ""), spec, optimizer_spec(), train)
        self._content = content

    def read(self, name: str) -> bytes:
        assert name == "model.keras"
        return self._content


def digits(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def saved(model: Any, folder: Path) -> bytes:
    model.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_says_what_keras_says(spec: ModelSpec, tmp_path: Path) -> None:
    from core.networks import build as models
    from core.training import evaluation

    model = models.build(spec, seed=1)
    for weights in model.weights:  # biases start as zeros, which would hide a mistake
        if weights.name == "bias":
            weights.assign(np.random.default_rng(2).normal(0, 0.3, weights.shape))
    network = inference.load(Stored(spec, saved(model, tmp_path)))  # type: ignore[arg-type]
    images = digits(inference.BATCH + 3)
    found = network.probabilities(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, evaluation.predict(model, images), atol=1e-5)


def test_a_diverged_network_says_nan_without_a_warning(tmp_path: Path) -> None:
    from core.networks import build as models

    spec = ModelSpec((4,))
    model = models.build(spec, seed=0)
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    network = inference.load(Stored(spec, saved(model, tmp_path)))  # type: ignore[arg-type]
    assert np.isnan(network.probabilities(digits(1))).all()


def test_the_shipped_network_is_small_and_predicts_what_it_did_when_trained(
    full_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(full_data))
    model, train = drawing_specs()
    run = Store().find(RunSpec(DataSpec("mnist", MNIST.digest), model, optimizer_spec(), train).key)
    assert run is not None
    assert len(run.read("model.keras")) < 1_000_000
    assert run.dataset["complete"]
    assert run.dataset["train"] == 60_000
    assert run.test_accuracy >= 0.99
    arrays = MNIST.read(full_data)
    found = inference.load(run).probabilities(arrays.x_test[:500])
    np.testing.assert_allclose(found, run.predictions[:500], atol=1e-4)
    accuracy = (run.predictions.argmax(axis=1) == arrays.y_test).mean()
    assert accuracy == pytest.approx(run.test_accuracy)


def test_the_shipped_run_names_nothing_of_the_machine_that_made_it() -> None:
    model, train = drawing_specs()
    run = Store().find(RunSpec(DataSpec("mnist", MNIST.digest), model, optimizer_spec(), train).key)
    assert run is not None
    assert "/" not in (run.folder / "run.json").read_text()
    assert replace(run, folder=Path()).spec == run.spec
    assert np.load(io.BytesIO(run.read("predictions.npy"))).shape == (10_000, 10)
