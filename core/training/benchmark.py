"""The compiled fit against plain `Model.fit`, as a ratio within one process."""

import statistics
import time
from dataclasses import replace
from functools import partial
from typing import Any

import keras

from core.data import Dataset
from core.errors import UsageError
from core.i18n import N_
from core.networks import structure
from core.networks.build import build
from core.specs import RunSpec, training_images
from core.training import fit as training
from core.training import images, schedules


def compare(spec: RunSpec, data: Dataset, repeats: int) -> dict[str, Any]:
    """Time both ways in turn on the training images of `data` that the run uses, `repeats` times.

    Both train the same network for as many epochs with validation, from images in memory that
    neither distorts, and without early stopping.
    `fit` gets them as the lab sheet does, `x / 255` in float64. The seconds of the compiled fit are
    those of its epochs; what XLA compiles first is reported apart, and so is one `fit` before the
    count that pays for its own tracing.
    """
    if spec.network.base:
        raise UsageError(
            N_("Keras's fit would compute a frozen base anew in every epoch: leave it out.")
        )
    arrays = images.chosen(data, spec.data)
    x, y = arrays.x_train, arrays.y_train
    train, classes = replace(spec.train, early_stopping=0), len(data.class_names)
    rows = structure.rows(spec.network, data.definition.shape, classes)
    scaled, one_hot = x / 255, keras.utils.to_categorical(y, classes)
    trained_on = training_images(len(x), train.validation_split)
    optimizer = partial(schedules.optimizer, spec.optimizer, train, trained_on)
    network = build(rows, train.seed)
    network.compile(optimizer(), "categorical_crossentropy", metrics=["accuracy"])

    def plain(epochs: int) -> float:
        began = time.perf_counter()
        network.fit(
            scaled,
            one_hot,
            batch_size=train.batch_size,
            epochs=epochs,
            validation_split=train.validation_split,
            callbacks=training.callbacks(train),
            verbose=0,
        )
        return time.perf_counter() - began

    def compiled() -> training.Fit:
        return training.fit(build(rows, train.seed), optimizer(), x, y, train)

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
