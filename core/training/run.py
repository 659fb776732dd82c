"""One run from its spec to its files: load the images, build the network, fit, evaluate, record.

TensorFlow is imported inside the functions: whoever submits a run imports this module too.
"""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.data.contract import Images
from core.networks import structure
from core.networks.layers import Floats
from core.specs import RunSpec, training_images
from core.training import images, tensorflow

if TYPE_CHECKING:
    import keras

    from core.training.fit import Moment


@dataclass(frozen=True)
class Outcome:
    """A trained run on its way to the store: see Store.save."""

    record: dict[str, Any]
    files: dict[str, bytes]


def run(spec: RunSpec, report: "Callable[[Moment], None]") -> Outcome:
    """Train the run in this process; `report` is called as `fit` says.

    Raises MissingData if this machine has other images than the spec names, or not the base that
    its network begins with, and what `report` raises.
    """
    tensorflow.prepare()
    import keras
    import tensorflow as tf

    from core.networks.build import build
    from core.training import augmentation, evaluation, features, schedules
    from core.training import fit as training

    data = images.load(spec.data)
    arrays = images.chosen(data, spec.data)
    rows = structure.rows(spec.network, data.definition.shape, len(data.class_names))
    base = features.FrozenBase(spec.network.base, rows) if spec.network.base else None
    head = build([row for row in rows if not row.frozen], spec.train.seed)
    trained_on = training_images(len(arrays.x_train), spec.train.validation_split)
    optimizer = schedules.optimizer(spec.optimizer, spec.train, trained_on)
    distort = augmentation.distortion(spec.train.augmentation, data.definition.ink)
    x: Images | Floats = arrays.x_train
    x_test: Images | Floats = arrays.x_test
    theirs = [data.whole.x_test] if data.split is not None else []
    own: Sequence[Images | Floats] = theirs
    copies: list[Floats] = []
    if base:
        changed = [
            augmentation.changed(arrays.x_train[:trained_on], distort, spec.train.seed, number)
            for number in range(spec.train.copies)
            if distort
        ]
        wanted = [arrays.x_train, arrays.x_test, *theirs, *changed]
        x, x_test, *others = base.features(wanted, report)
        own, copies = others[: len(theirs)], others[len(theirs) :]
        distort = None
    y, test = arrays.y_train, (x_test, arrays.y_test)
    if spec.train.solver == "logistic":
        from core.training import logistic  # which imports what no other run needs

        tested = (arrays.x_test, arrays.y_test)
        fit = logistic.fit(head, arrays.x_train, y, spec.train, report, tested)
    else:
        fit = training.fit(head, optimizer, x, y, spec.train, report, distort, test, copies)
    result = evaluation.evaluate(head, *test)
    record: dict[str, Any] = {
        "dataset": {
            "name": data.name,
            "source": data.origin,
            "complete": data.complete,
            "train": trained_on,
            "validation": len(arrays.x_train) - trained_on,
            "test": len(arrays.x_test),
            "shape": list(data.definition.shape),
            "classes": len(data.class_names),
        },
        "epochs": [epoch.row for epoch in fit.epochs],
        "test_loss": result.loss,
        "test_accuracy": result.accuracy,
        "misclassified": result.misclassified,
        "confusion": result.confusion,
        "per_class": result.per_class,
        "train_seconds": fit.train_seconds,
        "compile_seconds": fit.compile_seconds,
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    # What only some runs have is left out of the others, which older versions of the lab read.
    if fit.best_epoch is not None:
        record["best_epoch"] = fit.best_epoch
    if result.penalty is not None:
        record["penalty"] = result.penalty
    for x_own in own:
        record["own_test_accuracy"] = evaluation.evaluate(head, x_own, data.whole.y_test).accuracy
    model = head if base is None else base.with_head(head)
    predictions = io.BytesIO()
    np.save(predictions, result.probabilities)
    files = {"predictions.npy": predictions.getvalue(), "model.keras": _keras_file(model)}
    return Outcome(record, files)


def _keras_file(model: "keras.Model") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
