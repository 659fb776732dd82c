"""A network with layers that behave otherwise in training: they must know when they are evaluated,
and every step of training must see images distorted in its own way.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.specs import TrainSpec
from core.training import fit as training
from core.training.augmentation import distort
from core.training.evaluation import evaluate

IMAGES, BATCH = 60, 20


def random_images(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return x, random.integers(0, 10, count, dtype=np.uint8)


@pytest.fixture
def model() -> keras.Model:
    """Half of its neurons are left out in training, and others in every batch."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(32, "relu"),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(10, "softmax"),
        ]
    )


def by_keras(model: keras.Model, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Loss and accuracy as Keras tells them."""
    model.compile(loss="categorical_crossentropy", metrics=["categorical_accuracy"])
    truth = keras.utils.to_categorical(y, 10)
    return model.evaluate(x.astype(np.float32) / 255, truth, verbose=0)


def test_figures_of_validation_are_those_of_keras(model: keras.Model) -> None:
    x, y = random_images(IMAGES)
    spec = TrainSpec(1, BATCH, 0.5)
    [epoch] = training.fit(model, keras.optimizers.SGD(0.1), x, y, spec).epochs
    half = IMAGES // 2
    found = [epoch.val_loss, epoch.val_accuracy]
    assert found == pytest.approx(by_keras(model, x[half:], y[half:]), rel=1e-5)


def test_figures_of_the_test_set_during_training_are_those_of_keras(model: keras.Model) -> None:
    x, y = random_images(IMAGES)
    spec, test = TrainSpec(1, BATCH, 0.0), (x[:25], y[:25])
    [epoch] = training.fit(model, keras.optimizers.SGD(0.1), x, y, spec, test=test).epochs
    found = [epoch.test_loss, epoch.test_accuracy]
    assert found == pytest.approx(by_keras(model, *test), rel=1e-5)


def test_final_figures_are_those_of_keras_and_do_not_change(model: keras.Model) -> None:
    x, y = random_images(IMAGES)
    first, second = evaluate(model, x, y), evaluate(model, x, y)
    assert [first.loss, first.accuracy] == pytest.approx(by_keras(model, x, y), rel=1e-5)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)


def seen(model: keras.Model, seed: int) -> np.ndarray:
    """What two epochs of three steps train on when all images are alike: (2, 3, 20, 28, 28)."""
    x, y = random_images(IMAGES)
    x[:] = x[0]
    batches: list[np.ndarray] = []

    def noted(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        changed = distort(images, seed, "light")
        tf.numpy_function(lambda batch: batches.append(batch.copy()), [changed], [])
        return changed

    spec = TrainSpec(2, BATCH, 0.0, seed)
    training.fit(model, keras.optimizers.SGD(0.1), x, y, spec, distort=noted)
    return np.stack(batches).reshape(2, IMAGES // BATCH, BATCH, 28, 28)


def test_every_epoch_and_every_step_is_distorted_in_its_own_way(model: keras.Model) -> None:
    batches = seen(model, seed=1)
    flat = batches.reshape(-1, 28, 28)
    assert len(np.unique(flat, axis=0)) == len(flat), "no image is distorted alike twice"


def test_the_seed_of_a_run_decides_its_distortions(model: keras.Model) -> None:
    once, again, other = (seen(model, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()
