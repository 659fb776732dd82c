"""What runs in a worker process: one run from its spec to its files.

TensorFlow is imported inside the functions: whoever submits a task imports this module too.
"""

import io
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import data as datasets
from core.data import Dataset
from core.errors import DataError, MissingData, Stopped
from core.i18n import N_
from core.specs.run import DataSpec, RunSpec, training_images
from core.store.store import Epoch

if TYPE_CHECKING:
    import keras

    from core.training.fit import Moment

TOPIC = "recognition-lab"
"""The dask topic on which workers report progress."""

REPORT_SECONDS = 0.2

_received: dict[str, Dataset] = {}
"""Data sets by their digest, which this machine has not but was sent."""

_loading = threading.Lock()
"""Trainings and short questions run on several threads of a worker."""


@dataclass(frozen=True)
class Outcome:
    """A trained run on its way to the store: see Store.save."""

    record: dict[str, Any]
    files: dict[str, bytes]


def prepare() -> None:
    """Import TensorFlow, once per process, and give way to the server in the race for the cores."""
    with _loading:
        _prepare()


@cache
def _prepare() -> None:
    os.nice(19)
    # Where memory is short, Linux is to end a worker, which is started again, and not the server.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # 5% off an epoch where it was measured, on a processor with AVX-512.
    wide = "--xla_cpu_prefer_vector_width=512"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {wide}".strip()
    with _silent_stderr():
        import tensorflow as tf

        # Its warning about functions that are traced again: every run has functions of its own.
        tf.get_logger().setLevel("ERROR")
        import core.training.evaluation
        import core.training.fit  # noqa: F401

        tf.zeros(())  # The first operation looks for devices, and complains where there is no GPU.


def train(spec: RunSpec, task: str) -> Outcome:
    """Load the data, build the network, fit, evaluate. Runs inside a dask task.

    Reports on TOPIC and raises Stopped soon after `distributed.Event(task)` is set. Raises
    MissingData if this machine has other data than the spec names.
    """
    from distributed import Event, get_worker

    worker, stop = get_worker(), Event(task)
    last = 0.0

    def tell(
        state: str,
        epochs: Sequence[Epoch] = (),
        steps_done: int = 0,
        steps: int = 0,
        seconds: float = 0.0,
    ) -> None:
        nonlocal last
        last = time.monotonic()
        news = {
            "task": task,
            "state": state,
            "machine": f"{socket.gethostname()}:{os.getpid()}",
            "epochs": [asdict(epoch) for epoch in epochs],
            "steps_done": steps_done,
            "steps": steps,
            "seconds": seconds,
        }
        worker.log_event(TOPIC, news)

    def heed_stop() -> None:
        if stop.is_set():
            raise Stopped(N_("The training was stopped."))

    def report(moment: "Moment") -> None:
        finished = len(moment.epochs) == spec.train.epochs
        if time.monotonic() - last < REPORT_SECONDS and not finished:
            return
        heed_stop()
        state = "saving" if finished else "running"
        tell(state, moment.epochs, moment.steps_done, moment.steps, moment.seconds)

    heed_stop()
    tell("preparing")
    try:
        return run(spec, report)
    except MissingData as missing:
        missing.values["worker"] = worker.address
        raise


def run(spec: RunSpec, report: "Callable[[Moment], None]") -> Outcome:
    """The run itself, without the queue around it; `report` is called as `training.fit` says."""
    prepare()
    import keras
    import tensorflow as tf

    from core.networks import build as models
    from core.training import augmentation, evaluation
    from core.training import fit as training

    data = load(spec.data)
    arrays = data.arrays
    model = models.build(spec.model, spec.train.seed)
    optimizer = models.optimizer(spec.optimizer)
    drawing = spec.model.kind == "drawing"
    distort = partial(augmentation.distort, ink=data.definition.ink) if drawing else None
    test = (arrays.x_test, arrays.y_test)
    fit = training.fit(
        model, optimizer, arrays.x_train, arrays.y_train, spec.train, report, distort, test
    )
    result = evaluation.evaluate(model, arrays.x_test, arrays.y_test)
    trained_on = training_images(len(arrays.x_train), spec.train.validation_split)
    record = {
        "dataset": {
            "name": data.name,
            "source": data.place,
            "complete": data.complete,
            "train": trained_on,
            "validation": len(arrays.x_train) - trained_on,
            "test": len(arrays.x_test),
        },
        "epochs": [asdict(epoch) for epoch in fit.epochs],
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
    predictions = io.BytesIO()
    np.save(predictions, result.probabilities)
    files = {"predictions.npy": predictions.getvalue(), "model.keras": _keras_file(model)}
    return Outcome(record, files)


def load(spec: DataSpec) -> Dataset:
    """The images that a spec names, kept in memory. Raises MissingData if this machine has others.

    A worker on another machine is then sent them: see `receive`.
    """
    with _loading:
        if spec.digest in _received:
            return _received[spec.digest]
        with suppress(DataError):
            data = _load_source(datasets.locate(datasets.definition(spec.name)))
            if data.digest == spec.digest:
                return data
    raise MissingData(
        N_("The {title} images changed since this run was chosen: open the page again."),
        title=datasets.definition(spec.name).title,
        data=spec,
    )


def receive(data: Dataset) -> None:
    """Keep images that this machine has not, as long as the process lives."""
    _received[data.digest] = data


@cache
def _load_source(source: datasets.Source) -> Dataset:
    return datasets.load(source)


def _keras_file(model: "keras.Model") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what TensorFlow's C++ side says before its log level takes effect."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
