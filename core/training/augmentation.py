"""Images of digits, changed in the ways in which drawings differ from them."""

import math

import tensorflow as tf

SIDE = 28
ROTATION = math.radians(15)
SHEAR = 0.3
WIDTH, HEIGHT = (0.75, 1.15), (0.85, 1.1)
SHIFT = 2.0
THINNER, THICKER = 0.8, 1.0
"""How far strokes go towards their erosion or their dilation by 3 x 3 pixels."""


def distort(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Each image float32 (n, 28, 28) turned, leaned, scaled, shifted, with other strokes.

    What happens to each follows from `seed`, two integers, alone. All changes are uniform within
    the constants above, about the middle of the picture; what comes in from outside is black.
    """
    turn, lean, wide, high, right, down, stroke = tf.unstack(
        tf.random.stateless_uniform([7, tf.shape(images)[0]], seed, -1.0, 1.0)
    )
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., tf.newaxis],
        transforms=_transforms(
            turn * ROTATION,
            lean * SHEAR,
            _between(WIDTH, wide),
            _between(HEIGHT, high),
            right * SHIFT,
            down * SHIFT,
        ),
        output_shape=[SIDE, SIDE],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )
    return _strokes(moved, stroke)[..., 0]


def _between(ends: tuple[float, float], share: tf.Tensor) -> tf.Tensor:
    """-1..1 as the range between two ends."""
    low, high = ends
    return low + (high - low) * (share + 1) / 2


def _transforms(
    turn: tf.Tensor,
    lean: tf.Tensor,
    wide: tf.Tensor,
    high: tf.Tensor,
    right: tf.Tensor,
    down: tf.Tensor,
) -> tf.Tensor:
    """(n, 8) as TensorFlow wants them: where each pixel of the result comes from."""
    cos, sin = tf.cos(turn), tf.sin(turn)
    xx, xy = cos / wide, (lean * cos - sin) / wide
    yx, yy = sin / high, (lean * sin + cos) / high
    middle = (SIDE - 1) / 2
    zero = tf.zeros_like(turn)
    x = middle - (xx + xy) * middle + right
    y = middle - (yx + yy) * middle + down
    return tf.stack([xx, xy, x, yx, yy, y, zero, zero], axis=1)


def _strokes(images: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """Thinner strokes for a change below 0, thicker ones above; images (n, 28, 28, 1)."""
    change = tf.reshape(change, [-1, 1, 1, 1])
    dilated = tf.nn.max_pool2d(images, 3, 1, "SAME")
    eroded = -tf.nn.max_pool2d(-images, 3, 1, "SAME")
    thicker = THICKER * tf.maximum(change, 0.0) * (dilated - images)
    thinner = THINNER * tf.maximum(-change, 0.0) * (eroded - images)
    return images + thicker + thinner
