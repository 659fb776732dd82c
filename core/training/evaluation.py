"""What a trained network gets right and wrong on the test set."""

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from core.data.contract import Images
from core.networks.layers import Floats

NUMBERS = 2**25
"""How many numbers a layer may make at once: 128 MB."""


@dataclass(frozen=True)
class Evaluation:
    """Figures over a test set; `probabilities` is float32 (n, classes)."""

    probabilities: Floats
    loss: float
    """As Keras's `evaluate` says it, with the penalty in it."""
    penalty: float | None
    """What L1 and L2 add to the loss of the data; None in networks without them."""
    accuracy: float
    misclassified: int
    confusion: list[list[int]]
    """Row: true class, column: predicted class."""
    per_class: list[dict[str, Any]]
    """precision, recall, f1 and support of each class (0 where a class was never predicted)."""


def evaluate(model: keras.Model, x: Images | Floats, y: Images) -> Evaluation:
    """Predict every image, x as in `predict`, and compare with the labels y uint8 (n,)."""
    classes = model.output_shape[-1]
    probabilities = predict(model, x)
    truth = keras.utils.to_categorical(y, classes)
    losses = keras.ops.convert_to_numpy(keras.losses.categorical_crossentropy(truth, probabilities))
    penalty = penalty_of(model)
    predicted = probabilities.argmax(axis=1)
    labels = np.arange(classes)
    figures = precision_recall_fscore_support(y, predicted, labels=labels, zero_division=0)
    return Evaluation(
        probabilities=probabilities,
        loss=float(losses.mean()) + (penalty or 0.0),
        penalty=penalty,
        accuracy=float((predicted == y).mean()),
        misclassified=int((predicted != y).sum()),
        confusion=confusion_matrix(y, predicted, labels=labels).tolist(),
        per_class=[
            dict(zip(("precision", "recall", "f1", "support"), map(float, row), strict=True))
            for row in zip(*figures, strict=True)
        ],
    )


def penalty_of(model: keras.Model) -> float | None:
    """What L1 and L2 add to the loss of a model as it is; None without them."""
    return float(sum(model.losses)) if model.losses else None


def predict(model: keras.Model, x: Images | Floats) -> Floats:
    """Probabilities (n, classes) of images uint8 (n, height, width), scaled to 0..1 here.

    Or of features float32 (n, features), as they are.
    """
    scaled = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x
    return np.asarray(model.predict(scaled, batch_size=batch_size(model), verbose=0))


def batch_size(model: keras.Model) -> int:
    """How many images to predict at once: fewer where a layer makes many numbers of each."""
    largest = max(math.prod(layer.output.shape[1:]) for layer in model.layers)
    return max(32, min(2048, NUMBERS // largest))
