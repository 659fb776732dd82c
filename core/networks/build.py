"""From the layers of a network to a Keras model."""

import random
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

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
    seeds = Seeds(lambda: draws.randint(1, 10**9), partial(next, _dropout_seeds(seed)))
    layers = [row.layer.keras(row.inputs, seeds) for row in rows]
    return keras.Sequential([keras.Input(rows[0].inputs), *layers])


def _dropout_seeds(seed: int) -> Iterator[int]:
    """Of the first Dropout the seed of the run; others, lest layers of one size forget alike."""
    yield seed
    for number in count(1):
        yield random.Random(f"{seed} {number}").randrange(2**31)
