"""From a ModelSpec to a Keras model."""

import keras

from core.optimizers import OPTIMIZERS
from core.specs import ModelSpec, OptimizerSpec
from core.structure import CLASSES

IMAGE_SHAPE = (28, 28)


def build(spec: ModelSpec, seed: int) -> keras.Sequential:
    """The network of a spec, from images (n, 28, 28) of 0..1 to probabilities (n, 10).

    The initial weights follow from `seed` and `spec` alone; it seeds Keras globally for that.
    """
    keras.utils.set_random_seed(seed)
    inner = _convolutional(seed) if spec.kind == "drawing" else _dense(spec)
    output = keras.layers.Dense(CLASSES, activation="softmax")
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *inner, output])


def _dense(spec: ModelSpec) -> list[keras.Layer]:
    """The lab's network: Flatten and the hidden Dense layers."""
    hidden = [keras.layers.Dense(neurons, activation=spec.activation) for neurons in spec.hidden]
    return [keras.layers.Flatten(), *hidden]


def _convolutional(seed: int) -> list[keras.Layer]:
    """The network for drawings: twice two convolutions and a pooling, then one Dense layer."""
    layers = keras.layers
    return [
        layers.Reshape((*IMAGE_SHAPE, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5, seed=seed),
    ]


def optimizer(spec: OptimizerSpec) -> keras.optimizers.Optimizer:
    """The Keras optimizer of a spec."""
    kind = getattr(keras.optimizers, OPTIMIZERS[spec.name].title)
    return kind(learning_rate=spec.learning_rate, **dict(spec.parameters))
