"""Logistic regression by scikit-learn, as the weights of the network that it is.

A network without a hidden layer is logistic regression: the same model, trained in another way. So
what scikit-learn finds becomes the weights of that network, and whatever reads a run reads it.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from core.data.contract import Images
from core.specs import TrainSpec
from core.training.epochs import Epoch
from core.training.evaluation import evaluate
from core.training.fit import CHUNK_SECONDS, Fit, Moment, split

ITERATIONS = 1000
"""At most; each sees all images. On 10,000 letters it converges after 267."""
NEVER = -100.0
"""The bias of a class without a training image: e to the power of it is nothing."""


def fit(
    model: keras.Model,
    x: Images,
    y: Images,
    spec: TrainSpec,
    report: Callable[[Moment], None],
    test: tuple[Images, Images],
) -> Fit:
    """Give `model`, which has an output layer only, the weights of a LogisticRegression.

    Images, `report` and DataError are those of core.training.fit.fit; an exception from `report`
    waits for scikit-learn's end. Its defaults hold (lbfgs, L2 with C = 1), but it goes on until it
    converges. The table of epochs has one row, which stands where the last one of a fit does.
    """
    training = split(len(x), spec.validation_split)
    began = time.perf_counter()
    found = LogisticRegression(max_iter=ITERATIONS)
    scaled = (x[:training] / np.float32(255)).reshape(training, -1)
    with ThreadPoolExecutor(1) as beside:
        ended = beside.submit(found.fit, scaled, y[:training])
        while not ended.done():
            report(Moment([], 0, spec.epochs, time.perf_counter() - began))
            wait([ended], CHUNK_SECONDS)
        ended.result()
    kernel, bias = model.layers[-1].get_weights()
    kernel[:], bias[:] = 0, NEVER
    kernel[:, found.classes_], bias[found.classes_] = found.coef_.T, found.intercept_
    model.layers[-1].set_weights([kernel, bias])
    seconds = time.perf_counter() - began
    on_training = evaluate(model, x[:training], y[:training])
    part, watched = "val", (x[training:], y[training:])
    if training == len(x):
        part, watched = "test", test
    on_watched = evaluate(model, *watched)
    figures = {f"{part}_loss": on_watched.loss, f"{part}_accuracy": on_watched.accuracy}
    row = Epoch(
        **{"val_loss": None, "val_accuracy": None, **figures},
        epoch=spec.epochs,
        loss=on_training.loss,
        accuracy=on_training.accuracy,
        seconds=seconds,
    )
    return Fit([row], None, 0.0, seconds)
