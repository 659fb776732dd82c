"""From a ModelSpec to a Keras model."""

import keras

from core.specs import ModelSpec, OptimizerSpec
from core.structure import CLASSES

IMAGE_SHAPE = (28, 28)


def build(spec: ModelSpec, seed: int) -> keras.Sequential:
    """The network of the lab: Flatten, the hidden Dense layers, Dense 10 softmax.

    The initial weights follow from `seed` and `spec` alone; it seeds Keras globally for that.
    """
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(neurons, activation=spec.activation) for neurons in spec.hidden]
    return keras.Sequential(
        [
            keras.Input(IMAGE_SHAPE),
            keras.layers.Flatten(),
            *hidden,
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def optimizer(spec: OptimizerSpec) -> keras.optimizers.Optimizer:
    """The Keras optimizer of a spec."""
    return keras.optimizers.get(
        {"class_name": spec.name, "config": {"learning_rate": spec.learning_rate}}
    )
