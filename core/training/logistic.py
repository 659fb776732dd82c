"""Logistic regression by scikit-learn, as the weights of the network that it is.

A network without a hidden layer is logistic regression: the same model, trained in another way. So
what scikit-learn finds becomes the weights of that network, and whatever reads a run reads it.
"""

import time
import warnings

import keras
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from core.data.contract import Images
from core.specs import TrainSpec
from core.training.epochs import Epoch
from core.training.evaluation import evaluate
from core.training.fit import Fit, split

NEVER = -100.0
"""The bias of a class without a training image: e to the power of it is nothing."""


def fit(
    model: keras.Model, x: Images, y: Images, spec: TrainSpec, test: tuple[Images, Images]
) -> Fit:
    """Give `model`, which has an output layer only, the weights of a LogisticRegression.

    x is uint8 (n, height, width) and is scaled to 0..1, y uint8 (n,). The last part of them is the
    validation set, as in core.training.fit. scikit-learn's defaults hold: lbfgs, L2 with C = 1;
    `spec.epochs` is the most iterations, each of which sees all images. The table of epochs has one
    row, for the last iteration. Raises DataError as core.training.fit.split does.
    """
    training = split(len(x), spec.validation_split)
    began = time.perf_counter()
    found = LogisticRegression(max_iter=spec.epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as a fit of few epochs has not either
        found.fit((x[:training] / np.float32(255)).reshape(training, -1), y[:training])
    kernel, bias = model.layers[-1].get_weights()
    kernel[:], bias[:] = 0, NEVER
    kernel[:, found.classes_], bias[found.classes_] = found.coef_.T, found.intercept_
    model.layers[-1].set_weights([kernel, bias])
    seconds = time.perf_counter() - began
    watched = (x[training:], y[training:]) if training < len(x) else test
    on_training, on_watched = evaluate(model, x[:training], y[:training]), evaluate(model, *watched)
    part = "val" if training < len(x) else "test"
    figures = {f"{part}_loss": on_watched.loss, f"{part}_accuracy": on_watched.accuracy}
    row = Epoch(
        **{"val_loss": None, "val_accuracy": None, **figures},
        epoch=int(found.n_iter_.max()),
        loss=on_training.loss,
        accuracy=on_training.accuracy,
        seconds=seconds,
    )
    return Fit([row], None, 0.0, seconds)
