"""From a ModelSpec to a Keras model."""

import random
from collections.abc import Callable

import keras

from core.networks.summary import CLASSES
from core.specs.optimizers import OPTIMIZERS
from core.specs.run import ModelSpec, OptimizerSpec

IMAGE_SHAPE = (28, 28)

Kernel = Callable[[], keras.initializers.Initializer]
"""Gives each layer in turn the initializer of its weights."""


def build(spec: ModelSpec, seed: int) -> keras.Sequential:
    """The network of a spec, from images (n, 28, 28) of 0..1 to probabilities (n, 10).

    The initial weights follow from `seed` and `spec` alone. Those of a dense network are what Keras
    gives after `keras.utils.set_random_seed(seed)`. That is not called here: it seeds Python's
    global generator, from which other threads of a worker draw too, and now and then the weights
    would be others.
    """
    draws = random.Random(seed)

    def kernel() -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(draws.randint(1, 10**9))

    inner = _convolutional(kernel, seed) if spec.kind == "drawing" else _dense(spec, kernel)
    output = keras.layers.Dense(CLASSES, activation="softmax", kernel_initializer=kernel())
    return keras.Sequential([keras.Input(IMAGE_SHAPE), *inner, output])


def _dense(spec: ModelSpec, kernel: Kernel) -> list[keras.Layer]:
    """The lab's network: Flatten and the hidden Dense layers."""
    hidden = [
        keras.layers.Dense(neurons, activation=spec.activation, kernel_initializer=kernel())
        for neurons in spec.hidden
    ]
    return [keras.layers.Flatten(), *hidden]


def _convolutional(kernel: Kernel, seed: int) -> list[keras.Layer]:
    """The network for drawings: twice two convolutions and a pooling, then one Dense layer."""
    layers = keras.layers

    def convolution(filters: int) -> keras.Layer:
        return layers.Conv2D(filters, 3, activation="relu", kernel_initializer=kernel())

    return [
        layers.Reshape((*IMAGE_SHAPE, 1)),
        convolution(32),
        convolution(32),
        layers.MaxPooling2D(),
        convolution(64),
        convolution(64),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu", kernel_initializer=kernel()),
        layers.Dropout(0.5, seed=seed),
    ]


def optimizer(spec: OptimizerSpec) -> keras.optimizers.Optimizer:
    """The Keras optimizer of a spec."""
    kind = getattr(keras.optimizers, OPTIMIZERS[spec.name].title)
    return kind(learning_rate=spec.learning_rate, **dict(spec.parameters))
