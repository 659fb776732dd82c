"""The compiled fit against plain `Model.fit`, as a ratio within one process."""

import statistics
import time
from typing import Any

import keras

from core.data import Dataset
from core.networks import structure
from core.networks.build import build
from core.specs import RunSpec
from core.training import fit as training
from core.training import images


def compare(spec: RunSpec, data: Dataset, repeats: int) -> dict[str, Any]:
    """Time both ways in turn on the training images of `data` that the run uses, `repeats` times.

    Both train the same network for as many epochs with validation, from images in memory that
    neither distorts.
    `fit` gets them as the lab sheet does, `x / 255` in float64. The seconds of the compiled fit are
    those of its epochs; what XLA compiles first is reported apart, and so is one `fit` before the
    count that pays for its own tracing.
    """
    arrays = images.chosen(data, spec.data)
    x, y = arrays.x_train, arrays.y_train
    train, classes = spec.train, len(data.class_names)
    rows = structure.rows(spec.network, data.definition.shape, classes)
    scaled, one_hot = x / 255, keras.utils.to_categorical(y, classes)
    network = build(rows, train.seed)
    network.compile(spec.optimizer.keras(), "categorical_crossentropy", metrics=["accuracy"])

    def plain(epochs: int) -> float:
        began = time.perf_counter()
        network.fit(
            scaled,
            one_hot,
            batch_size=train.batch_size,
            epochs=epochs,
            validation_split=train.validation_split,
            verbose=0,
        )
        return time.perf_counter() - began

    def compiled() -> training.Fit:
        return training.fit(build(rows, train.seed), spec.optimizer.keras(), x, y, train)

    first_fit_seconds = plain(epochs=1)
    fit_seconds, fits = [], []
    for _ in range(repeats):
        fit_seconds.append(plain(train.epochs))
        fits.append(compiled())
    ratios = [a / b.train_seconds for a, b in zip(fit_seconds, fits, strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "fit_seconds": fit_seconds,
        "compiled_seconds": [fit.train_seconds for fit in fits],
        "first_fit_seconds": first_fit_seconds,
        "compile_seconds": [fit.compile_seconds for fit in fits],
        "images": len(x),
        "epochs": train.epochs,
    }
