"""Dropout by a hash forgets what dropout forgets: a part of the numbers, at random."""

import numpy as np
import pytest
import tensorflow as tf

from core.training.dropout import dropped

SHAPE = (128, 256)
"""Images and units."""


@tf.function(jit_compile=True)
def compiled(values: tf.Tensor, rate: float, seed: int, step: tf.Tensor) -> tf.Tensor:
    return dropped(values, rate, seed, step)


def kept(rate: float = 0.5, seed: int = 0, step: int = 0) -> np.ndarray:
    """Which of SHAPE numbers stay, as 1 and 0."""
    outputs = compiled(tf.ones(SHAPE), rate, seed, tf.constant(step, tf.int64)).numpy()
    assert set(np.unique(outputs)) <= {np.float32(0), np.float32(1 / (1 - rate))}
    return (outputs > 0).astype(float)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_so_many_are_forgotten_in_each_step_of_each_image_and_each_unit(rate: float) -> None:
    masks = np.array([kept(rate, seed=3, step=step) for step in range(40)])
    error = np.sqrt(rate * (1 - rate))
    for axes in [(0, 1, 2), (1, 2), (0, 1), (0, 2)]:
        means = masks.mean(axes)
        counted = masks.size / means.size
        away = abs(means - (1 - rate)) / (error / np.sqrt(counted))
        assert away.max() < 5, axes  # standard errors
        if means.size > 100:
            assert 0.8 < away.mean() * np.sqrt(np.pi / 2) < 1.2, "no more even than chance"


def test_the_others_are_so_much_larger_and_their_gradients_too() -> None:
    values = tf.constant(np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = dropped(values, 0.2, 0, tf.constant(0))
    mask = outputs.numpy() != 0
    np.testing.assert_allclose(outputs.numpy(), np.where(mask, values / 0.8, 0), rtol=1e-6)
    expected = np.where(mask, np.float32(1 / 0.8), 0)
    np.testing.assert_allclose(tape.gradient(outputs, values).numpy(), expected, rtol=1e-6)


def test_masks_follow_from_seed_and_step_alone() -> None:
    np.testing.assert_array_equal(kept(seed=7, step=5), kept(seed=7, step=5))
    plain = dropped(tf.ones(SHAPE), 0.5, 7, tf.constant(5, tf.int64)).numpy() > 0
    np.testing.assert_array_equal(kept(seed=7, step=5) > 0, plain)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """In standard errors."""
    return float(abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) * np.sqrt(one.size))


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1])
def test_layers_steps_units_and_images_are_independent(seed: int) -> None:
    here = kept(seed=seed, step=1000)
    for others in (
        [kept(seed=seed, step=step) for step in (0, 1, 999, 1001, 1000 + 469)],
        [kept(seed=(seed + 1) % 2**31, step=1000), kept(seed=seed ^ 4096, step=1000)],
    ):
        assert max(correlation(here, other) for other in others) < 4.5
    for far in (1, 2, 64, 100):
        assert correlation(here[far:], here[:-far]) < 4.5
        assert correlation(here[:, far:], here[:, :-far]) < 4.5
