"""How large the gradient is in each layer while a network learns, and which units never fire.

A layer learns by its gradient. On the way back through the network it is multiplied by the slope of
every activation that it meets: at most 1/4 for sigmoid, at most 1 for tanh, 0 or 1 for ReLU.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.networks import structure
from core.networks.forward import TrainedNetwork
from core.networks.layers import Dense
from core.specs import RunSpec, TrainSpec, dense_network

IMAGES = 2000
"""Training images that such a network learns from, so that it takes a second."""
PROBE = 500
"""Of them, the first ones, on which gradients and units are looked at."""
EPOCHS, BATCH, NEURONS = 10, 32, 64

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gradients:
    """What was seen before the training and after each epoch."""

    norms: Floats
    """Of the gradient by the weights of each layer, (epochs + 1, layers with the output's)."""
    silent: Floats
    """The part of each hidden layer's units that are 0 for every image, (epochs + 1, layers)."""
    accuracy: Floats
    """On the images that are looked at, (epochs + 1,)."""


def spec_for(spec: RunSpec, layers: int, activation: str, normalised: bool) -> RunSpec:
    """The small network that is looked at: images, optimizer and seed are those of `spec`."""
    return RunSpec(
        replace(spec.data, images=IMAGES),
        dense_network([NEURONS] * layers, activation, batch_normalisation=normalised),
        spec.optimizer,
        TrainSpec(EPOCHS, BATCH, 0.0, spec.train.seed),
    )


def gradients(spec: RunSpec) -> Gradients:
    """Train a fully connected network anew and look at it after each epoch; needs TensorFlow.

    Raises MissingData if this machine has other images than the spec names.
    """
    import keras
    import tensorflow as tf

    from core.networks.build import build
    from core.training import fit as training
    from core.training import images

    data = images.load(spec.data)
    arrays = images.chosen(data, spec.data)
    classes = len(data.class_names)
    rows = structure.rows(spec.network, data.definition.shape, classes)
    model, train = build(rows, spec.train.seed), spec.train
    steps = training.CompiledSteps(
        model, spec.optimizer.keras(), arrays.x_train, arrays.y_train, train.batch_size
    )
    x, y = arrays.x_train[:PROBE], arrays.y_train[:PROBE]
    scaled, truth = tf.constant(x, tf.float32) / 255, keras.utils.to_categorical(y, classes)
    kernels = [layer.kernel for layer in model.layers if isinstance(layer, keras.layers.Dense)]

    def norms() -> list[float]:
        kept = [variable.numpy() for variable in model.non_trainable_variables]
        with tf.GradientTape() as tape:
            outputs = model(scaled, training=True)  # as in a step: with the batch's own statistics
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(truth, outputs))
        for variable, value in zip(model.non_trainable_variables, kept, strict=True):
            variable.assign(value)
        return [float(tf.norm(gradient)) for gradient in tape.gradient(loss, kernels)]

    def seen() -> tuple[list[float], list[float], float]:
        weights = tuple(tuple(layer.get_weights()) for layer in model.layers)
        passed = TrainedNetwork(rows, weights).activations(x)
        hidden = [row.name for row in rows[:-1] if isinstance(row.layer, Dense)]
        silent = [float((abs(passed[name]).max(axis=0) == 0).mean()) for name in hidden]
        right = passed[rows[-1].name].argmax(axis=1) == y
        return norms(), silent, float(right.mean())

    shuffle = np.random.default_rng(train.seed)
    found = [seen()]
    for _ in range(train.epochs):
        order = shuffle.permutation(len(arrays.x_train)).astype(np.int32)
        steps.epoch(order, lambda done: None)
        found.append(seen())
    return Gradients(*(np.array(column) for column in zip(*found, strict=True)))
