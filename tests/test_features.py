"""What a frozen base makes of images is what Keras makes of them, and is computed once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core import data as datasets
from core import labs
from core.data.contract import Dataset
from core.data.mnist import DATASET as MNIST
from core.engine import alone
from core.errors import Stopped, TrainingError, UsageError
from core.networks import bases, blocks, structure
from core.networks.bases import BASES
from core.networks.build import build
from core.networks.frozen import Pretrained, base_of_run
from core.networks.layers import BatchNormalization, Channel, Conv2D, Dense, Dropout, Flatten
from core.networks.summary import keras_code
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, optimizer_spec
from core.store import Run, Store
from core.training import features, images
from core.training import fit as training
from core.training.fit import CompiledSteps, Means
from core.training.run import run as train

CONVOLUTIONS = (Channel(), Conv2D(4, 5, "relu"), BatchNormalization(), Dropout(0.2), Flatten())


@pytest.fixture(autouse=True)
def data(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    monkeypatch.setattr(images, "_received", {})
    monkeypatch.setattr(bases, "_received", {})
    bases.weights.cache_clear()
    return datasets.load(datasets.locate(MNIST))


def spec_of(network: NetworkSpec, data: Dataset, n: int = 200) -> RunSpec:
    digest = DataSpec("mnist", data.digest, images=n)
    return RunSpec(digest, network, optimizer_spec("adam", 0.01), TrainSpec(3, 30, 0.2, 5))


def ignore(_: object) -> None:
    pass


@pytest.fixture
def first(data: Dataset) -> Run:
    """A run whose convolutions others continue."""
    spec = spec_of(NetworkSpec((*CONVOLUTIONS, Dense(7, "relu"))), data)
    return alone.train(spec, Store(), ignore)


def test_a_head_on_features_learns_what_it_learns_behind_the_frozen_base(
    first: Run, data: Dataset
) -> None:
    part = base_of_run(first.spec.network, first.key)
    spec = replace(spec_of(NetworkSpec((part, Dense(6, "relu"))), data), train=TrainSpec(2, 30, 0))
    run = alone.train(spec, Store(), ignore)

    rows = structure.rows(spec.network, (28, 28), 10)
    head = build([row for row in rows if not row.frozen], spec.train.seed)
    frozen = build([row for row in rows if row.frozen], 0)
    frozen.set_weights([w for ws in first.network().weights[: len(CONVOLUTIONS)] for w in ws])
    frozen.trainable = False
    # What a frozen base forgets at random while it learns, it does not forget here.
    kept = [layer for layer in frozen.layers if not isinstance(layer, keras.layers.Dropout)]
    through = keras.Sequential([keras.Input((28, 28)), *kept, *head.layers])
    through.compile(spec.optimizer.keras(), "categorical_crossentropy", metrics=["accuracy"])
    x, y = data.x_train[:200] / 255, keras.utils.to_categorical(data.y_train[:200], 10)
    shuffle = np.random.default_rng(spec.train.seed)
    for epoch in run.epochs:
        order = shuffle.permutation(200)
        history = through.fit(x[order], y[order], 30, shuffle=False, verbose=0).history
        assert history["loss"][0] == pytest.approx(epoch.loss, rel=1e-3)
    expected = through.predict(data.x_test / 255, verbose=0)
    np.testing.assert_allclose(run.predictions, expected, atol=1e-3)
    np.testing.assert_allclose(run.network().probabilities(data.x_test), expected, atol=1e-3)
    assert first.key in str(spec.to_dict())


def test_the_stored_network_of_such_a_run_is_whole(
    first: Run, data: Dataset, tmp_path: Path
) -> None:
    part = base_of_run(first.spec.network, first.key)
    run = alone.train(spec_of(NetworkSpec((part,)), data), Store(), ignore)
    Store().delete(first.key)
    path = tmp_path / "model.keras"
    path.write_bytes(run.read("model.keras"))
    model: Any = keras.models.load_model(path)
    np.testing.assert_allclose(
        model.predict(data.x_test / 255, verbose=0), run.predictions, atol=1e-5
    )


def test_without_the_run_that_it_continues_there_is_one_sentence(data: Dataset) -> None:
    spec = spec_of(NetworkSpec((*CONVOLUTIONS, Dense(7, "relu"))), data)
    network = NetworkSpec((base_of_run(spec.network, "mnist-0123456789abcdef"),))
    with pytest.raises(TrainingError, match="The run mnist-0123456789abcdef, which this one co"):
        alone.train(spec_of(network, data), Store(), ignore)


@pytest.mark.slow
def test_a_network_trained_on_photographs_reads_digits(data: Dataset) -> None:
    spec = spec_of(NetworkSpec((labs.base("lite0", Store(), side=32),)), data)
    run = alone.train(spec, Store(), ignore)
    assert run.test_accuracy > 0.4
    assert len(run.read("model.keras")) < 200_000, "the base is not in it"
    again = run.network().probabilities(data.x_test[:20])
    np.testing.assert_allclose(again, run.predictions[:20], atol=1e-4)


@pytest.mark.slow
def test_a_frozen_base_sees_changed_copies_in_turn(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(NetworkSpec((Pretrained("lite0", 32),)), data, 60)
    changing = replace(spec.train, augmentation="handwriting", copies=2)
    seen = []
    epoch = CompiledSteps.epoch

    def watched(steps: Any, order: Any, *others: Any) -> Means:
        seen.append(steps._images[0].numpy()[order.min() : order.max() + 1])
        return epoch(steps, order, *others)

    monkeypatch.setattr(CompiledSteps, "epoch", watched)
    train(replace(spec, train=changing), ignore)
    assert [len(one) for one in seen] == [48] * 3
    assert abs(seen[0] - seen[1]).max() > 0.1
    np.testing.assert_array_equal(seen[0], seen[2])
    with pytest.raises(UsageError, match="choose how many changed copies"):
        replace(spec, train=replace(changing, copies=0))
    with pytest.raises(UsageError, match="Only a frozen network sees changed copies"):
        replace(spec, train=replace(spec.train, copies=1))


def test_the_images_of_a_data_set_s_own_test_are_prepared_with_the_others(data: Dataset) -> None:
    spec = spec_of(NetworkSpec((Pretrained("lite0", 32),)), data, 60)
    moments: list[training.Moment] = []
    found = train(replace(spec, data=replace(spec.data, split=43)), moments.append)
    assert "own_test_accuracy" in found.record
    first = [one.preparing for one in moments].index(False)
    assert {one.steps for one in moments[:first]} == {60 + 300 + 200}
    assert not any(one.preparing for one in moments[first:]), "the curves stay"


def test_more_features_than_the_memory_holds_are_refused_before_any_is_computed(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = structure.rows(NetworkSpec((Pretrained("lite0", 32),)), (28, 28), 10)
    base = features.FrozenBase(Pretrained("lite0", 32), rows)
    monkeypatch.setattr(features, "TOGETHER", 100 * 1280 * 4)
    monkeypatch.setattr(base, "_computed", None)
    with pytest.raises(UsageError, match=r"150 images does not fit .*, 100 in all"):
        base.features([data.x_train[:100], data.x_test[:50]])


def test_features_are_computed_once(
    data: Dataset, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = structure.rows(NetworkSpec((Pretrained("lite0", 32),)), (28, 28), 10)
    base = features.FrozenBase(Pretrained("lite0", 32), rows)
    monkeypatch.setattr(features, "KEPT_TOGETHER", 60)
    moments: list[training.Moment] = []

    def stop(moment: training.Moment) -> None:
        moments.append(moment)
        if moment.steps_done > 60:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        base.features([data.x_train[:150]], stop)
    assert [(one.steps_done, one.steps, one.preparing) for one in moments] == [
        (50, 150, True),
        (60, 150, True),
        (110, 150, True),
    ]
    [found] = base.features([data.x_train[:150]])
    kept = sorted((cache / "features").iterdir())
    assert len(kept) == 3
    kept[0].write_bytes(kept[0].read_bytes()[:1000])
    [again] = base.features([data.x_train[:150]])
    np.testing.assert_array_equal(again, found)
    monkeypatch.setattr(base, "_outputs", None)
    [again] = base.features([data.x_train[:150]])
    np.testing.assert_array_equal(again, found)
    with pytest.raises(TypeError):
        base.features([data.x_train[150:200]])
    other = features.FrozenBase(Pretrained("lite0", 32, "255"), rows)
    [scaled] = other.features([data.x_train[:60]])
    assert abs(scaled - found[:60]).max() > 0.1, "another scaling has features of its own"
    monkeypatch.setattr(features, "MOST_BYTES", found.nbytes)
    other.features([data.x_train[60:120]])
    assert sum(path.stat().st_size for path in (cache / "features").iterdir()) <= found.nbytes


@pytest.mark.parametrize(
    ("name", "application"), [("vgg16", "VGG16"), ("mobilenet_v2", "MobileNetV2")]
)
@pytest.mark.slow
def test_the_others_are_those_of_keras(
    name: str, application: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Dataset
) -> None:
    """With random weights, from a file as Keras publishes them, to a trained run."""
    model = getattr(keras.applications, application)(
        weights=None, include_top=False, pooling="avg", input_shape=(48, 48, 3)
    )
    draw = np.random.default_rng(0)
    weights = [w * draw.uniform(0.8, 1.2, w.shape) for w in model.get_weights()]
    model.set_weights([w if w.ndim > 1 else w + draw.uniform(0, 0.1, w.shape) for w in weights])
    model.save(tmp_path / BASES[name].file)
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    part = labs.base(name, Store(), side=48)
    assert isinstance(part, Pretrained)
    assert part.digest
    assert blocks.weights(BASES[name].architecture) == model.count_params()
    images.receive(data)
    scaled = (data.x_test[:5] / 255).astype(np.float32)
    pixels = part.prepared(scaled)
    expected = model.predict(pixels, verbose=0)
    rows = structure.rows(NetworkSpec((part,)), (28, 28), 10)
    [found] = features.FrozenBase(part, rows).features([data.x_test[:5]])
    scale = abs(expected).max()
    np.testing.assert_allclose(found / scale, expected / scale, atol=1e-4)
    by_numpy = part.forward(scaled, bases.weights(name, part.digest))
    np.testing.assert_allclose(by_numpy / scale, expected / scale, atol=1e-4)
    names: dict[str, Any] = {}
    exec(keras_code(rows).replace("include_top", "weights=None, include_top"), names)
    assert len(names["model"].trainable_variables) == 2, "the head's"
    names["model"].set_weights([*model.get_weights(), *names["model"].get_weights()[-2:]])
    through = keras.Sequential(names["model"].layers[:-1])
    np.testing.assert_allclose(
        through.predict(scaled, verbose=0) / scale, expected / scale, atol=1e-4
    )
    outcome = train(spec_of(NetworkSpec((part,)), data, 40), ignore)
    assert len(outcome.record["epochs"]) == 3
