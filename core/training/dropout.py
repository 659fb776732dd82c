"""Dropout with the meaning of Keras's, from a hash in place of a random generator.

XLA makes random numbers slowly on the CPU: with Keras's Dropout an epoch of a small network took
ten times as long as without, with this it takes little more.
"""

import tensorflow as tf


def dropped(values: tf.Tensor, rate: float, seed: int, step: tf.Tensor) -> tf.Tensor:
    """`values` with about this part of them forgotten, and the others so much larger.

    Which ones follows from seed, step and place alone.
    """
    places = tf.reshape(tf.range(tf.size(values)), tf.shape(values))
    of_step = _mixed(_mixed(tf.constant(seed, tf.uint32)) + tf.cast(step, tf.uint32))
    numbers = _mixed(tf.bitwise.bitwise_xor(_mixed(tf.cast(places, tf.uint32)), of_step))
    kept = numbers >= tf.constant(round(rate * 2**32), tf.uint32)
    return tf.where(kept, values / (1 - rate), 0.0)


def _mixed(numbers: tf.Tensor) -> tf.Tensor:
    """Each uint32 as another one, of which every bit depends on all of its bits.

    The constants are those of Ellis, prospector ("lowbias32"): their bias is the least known.
    """
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97)):
        numbers = _folded(numbers, shift) * tf.constant(factor, tf.uint32)
    return _folded(numbers, 15)


def _folded(numbers: tf.Tensor, shift: int) -> tf.Tensor:
    high = tf.bitwise.right_shift(numbers, tf.constant(shift, tf.uint32))
    return tf.bitwise.bitwise_xor(numbers, high)
