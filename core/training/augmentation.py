"""Training images, changed in ways in which other images may differ from them."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from core.data.contract import Images, Ink
from core.specs.augmentation import NONE, Moves, moves_of
from core.training.moves import origins

Distort = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Images float32 (n, height, width) and a seed (2,) to changed images."""

SIDE = 28
"""Height and width of the images that SHIFT was chosen for."""
AT_ONCE = 1000
"""Images that are changed together, where they are kept."""
ROTATION = math.radians(15)
SHEAR = 0.3
WIDTH, HEIGHT = (0.75, 1.15), (0.85, 1.1)
SHIFT = 2.0
"""Pixels; of other than SIDE pixels the same part."""
THINNER, THICKER = 0.8, 1.0
"""How far strokes go towards their erosion or their dilation by 3 x 3 pixels."""


def distortion(augmentation: str, ink: Ink | None) -> Distort | None:
    """What is done to the images of a batch, by the text of core.specs.augmentation."""
    if augmentation == NONE:
        return None
    if moves := moves_of(augmentation):
        return partial(move, moves=moves)
    return partial(distort, ink=ink)


def move(images: tf.Tensor, seed: tf.Tensor, moves: Moves) -> tf.Tensor:
    """Each image, float32 (n, height, width), moved in its own way, which follows from `seed`."""
    draws = tf.random.stateless_uniform([6, tf.shape(images)[0]], seed, -1.0, 1.0)
    found = origins(moves, tf.unstack(draws), images.shape[1:], tf)
    return _seen_from(images, found, "NEAREST")


def _seen_from(images: tf.Tensor, numbers: Sequence[tf.Tensor], fill: str) -> tf.Tensor:
    """Images (n, height, width) whose pixels come from where six numbers say: see `origins`."""
    zero = tf.zeros_like(numbers[0])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., tf.newaxis],
        transforms=tf.stack([*numbers, zero, zero], axis=1),
        output_shape=images.shape[1:],
        interpolation="BILINEAR",
        fill_mode=fill,
        fill_value=0.0,
    )[..., 0]


def changed(images: Images, distort: Distort, seed: int, number: int) -> Images:
    """The changed copy of that number of images uint8 (n, height, width): the same for a seed."""
    copies = []
    for first in range(0, len(images), AT_ONCE):
        scaled = tf.constant(images[first : first + AT_ONCE], tf.float32) / 255
        one = distort(scaled, tf.constant([seed, number * len(images) + first])).numpy()
        copies.append(np.round(255 * one.clip(0, 1)).astype(np.uint8))
    return np.concatenate(copies)


def distort(images: tf.Tensor, seed: tf.Tensor, ink: Ink | None) -> tf.Tensor:
    """Each image, float32 (n, height, width) of 0..1, turned, leaned, scaled, shifted, restroked.

    What happens to each follows from `seed`, two integers, alone. All changes are uniform within
    the constants above, about the middle of the picture; what comes in from outside is background:
    black, or white where the ink is dark.
    """
    light = 1 - images if ink == "dark" else images
    turn, lean, wide, high, right, down, stroke = tf.unstack(
        tf.random.stateless_uniform([7, tf.shape(images)[0]], seed, -1.0, 1.0)
    )
    height, width = images.shape[1:]
    numbers = _numbers(
        turn * ROTATION,
        lean * SHEAR,
        (_between(WIDTH, wide), _between(HEIGHT, high)),
        (right * (SHIFT * (width / SIDE)), down * (SHIFT * (height / SIDE))),
        ((width - 1) / 2, (height - 1) / 2),
    )
    changed = _strokes(_seen_from(light, numbers, "CONSTANT")[..., tf.newaxis], stroke)[..., 0]
    return 1 - changed if ink == "dark" else changed


def _between(ends: tuple[float, float], share: tf.Tensor) -> tf.Tensor:
    """-1..1 as the range between two ends."""
    low, high = ends
    return low + (high - low) * (share + 1) / 2


def _numbers(
    turn: tf.Tensor,
    lean: tf.Tensor,
    scale: tuple[tf.Tensor, tf.Tensor],
    shift: tuple[tf.Tensor, tf.Tensor],
    middle: tuple[float, float],
) -> list[tf.Tensor]:
    """As `origins`, with the scale after all else. Pairs are across and down."""
    cos, sin = tf.cos(turn), tf.sin(turn)
    (wide, high), (right, down), (across, below) = scale, shift, middle
    xx, xy = cos / wide, (lean * cos - sin) / wide
    yx, yy = sin / high, (lean * sin + cos) / high
    # For a square exactly what it was before there were others: a stored run can be made again.
    x = across - (xx + xy * (below / across)) * across + right
    y = below - (yx * (across / below) + yy) * below + down
    return [xx, xy, x, yx, yy, y]


def _strokes(images: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """Thinner strokes for a change below 0, thicker ones above; images (n, height, width, 1)."""
    change = tf.reshape(change, [-1, 1, 1, 1])
    dilated = tf.nn.max_pool2d(images, 3, 1, "SAME")
    eroded = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    thicker = THICKER * tf.maximum(change, 0.0) * (dilated - images)
    thinner = THINNER * tf.maximum(-change, 0.0) * (eroded - images)
    return images + thicker + thinner
