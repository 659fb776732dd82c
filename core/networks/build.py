"""From the layers of a network to a Keras model."""

import random
from collections.abc import Sequence

import keras

from core.networks.layers import Seeds
from core.networks.structure import LayerRow


def build(rows: Sequence[LayerRow], seed: int) -> keras.Sequential:
    """The network, from images (n, *shape) of 0..1 to probabilities (n, classes).

    The initial weights follow from `seed` and the layers alone. Those of a dense network are what
    Keras gives after `keras.utils.set_random_seed(seed)`. That is not called here: it seeds
    Python's global generator, from which other threads of a worker draw too, and now and then the
    weights would be others.
    """
    draws = random.Random(seed)
    seeds = Seeds(seed, lambda: draws.randint(1, 10**9))
    layers = [row.layer.keras(row.inputs, seeds) for row in rows]
    return keras.Sequential([keras.Input(rows[0].inputs), *layers])
