"""What the store holds: a finished run, and the claim of one that is under way."""

import hashlib
import io
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from core.errors import Stopped, StoreError, TrainingError
from core.i18n import N_
from core.networks import forward, structure
from core.networks.structure import LayerRow
from core.specs import RunSpec
from core.training.epochs import Epoch

State = Literal[
    "queued",
    "importing",
    "compiling",
    "preparing",
    "running",
    "saving",
    "stopped",
    "failed",
    "interrupted",
]
ALIVE: tuple[State, ...] = (
    "queued",
    "importing",
    "compiling",
    "preparing",
    "running",
    "saving",
)


@dataclass(frozen=True)
class Claim:
    """A run that is under way, or that ended without a result."""

    key: str
    spec: RunSpec
    owner: str
    state: State = "queued"
    epochs: tuple[Epoch, ...] = ()
    steps_done: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Seconds of training so far."""
    stopped_for_all: bool = False
    """Stopped by the teacher: nobody who waits for it takes it up again."""
    reason: str = ""
    """Why it failed: the message of a LabError, and below the values that fill it."""
    reason_values: dict[str, str | float] = field(default_factory=dict)
    machine: str = ""
    """The machine and the process that train it."""
    began: float | None = None
    """When a worker began with it, by the time.monotonic() of this computer."""

    @property
    def alive(self) -> bool:
        return self.state in ALIVE

    @property
    def error(self) -> TrainingError:
        """Why there is no result. Meaningful for a claim that is not alive."""
        if self.state == "failed":
            return TrainingError(self.reason, **self.reason_values)
        if self.state == "stopped":
            return Stopped(self.reason or N_("The training was stopped."))
        return TrainingError(N_("The training was interrupted: start it again."))

    @property
    def fraction(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return self.steps_done / self.steps if self.steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds of training still to come at the speed so far; None in the first half second."""
        if not self.steps_done or self.seconds < 0.5:
            return None
        return self.seconds / self.fraction - self.seconds

    @property
    def seconds_since_began(self) -> float | None:
        """Seconds since a worker began with it, as long as it is alive; None before."""
        return None if self.began is None else time.monotonic() - self.began


@dataclass(frozen=True)
class Run:
    """A finished run, with its figures; its files are read and checked on demand."""

    folder: Path
    spec: RunSpec
    dataset: dict[str, Any]
    """name, source, complete, the number of images (train, validation, test), their shape, and how
    many classes they have."""
    epochs: tuple[Epoch, ...]
    test_loss: float
    test_accuracy: float
    misclassified: int
    confusion: list[list[int]]
    per_class: list[dict[str, float]]
    train_seconds: float
    compile_seconds: float
    versions: dict[str, str]
    finished: str
    """When, as ISO 8601 in UTC."""
    sha256: dict[str, str]
    """Checksums of the files beside run.json."""
    best_epoch: int | None = None
    """With early stopping the epoch whose weights were kept."""
    penalty: float | None = None
    """The part of test_loss that is of L1 and L2; None in networks without them."""
    own_test_accuracy: float | None = None
    """With a split the accuracy on the test images that the data set brings, which are in no part
    of the split; None without one."""

    @property
    def key(self) -> str:
        return self.spec.key

    @property
    def layers(self) -> tuple[LayerRow, ...]:
        """The layers of its network, for its images."""
        shape = tuple(self.dataset["shape"])
        return structure.rows(self.spec.network, shape, self.dataset["classes"])

    @property
    def weighted_f1(self) -> float:
        """Mean F1 of the classes on the test images, each counting as often as it has images."""
        images = sum(row["support"] for row in self.per_class)
        return sum(row["f1"] * row["support"] for row in self.per_class) / images

    @property
    def gap(self) -> float | None:
        """Training minus validation accuracy in the last epoch; None without validation images.

        The training accuracy is that of Keras's table: while the weights changed, with dropout on.
        """
        last = self.epochs[-1]
        return None if last.val_accuracy is None else last.accuracy - last.val_accuracy

    def network(self) -> forward.TrainedNetwork:
        """The trained network, which predicts with numpy. Raises StoreError if it is damaged."""
        return forward.load(self.layers, self.read("model.keras"))

    @property
    def predictions(self) -> npt.NDArray[np.float32]:
        """Probabilities of every test image, (test images, classes)."""
        loaded: npt.NDArray[np.float32] = np.load(
            io.BytesIO(self.read("predictions.npy")), allow_pickle=False
        )
        return loaded

    def read(self, name: str) -> bytes:
        """The content of one file of the run. Raises StoreError if it is missing or damaged."""
        try:
            content = (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise damaged(self.key) from error
        except OSError as error:
            raise unreadable(self.folder, error) from error
        if hashlib.sha256(content).hexdigest() != self.sha256.get(name):
            raise damaged(self.key)
        return content


class Damaged(StoreError):
    """A stored run is not what was stored."""


def damaged(key: str) -> Damaged:
    """The sentence for a run that is not what was stored, or is deleted."""
    return Damaged(N_("The stored run {key} is damaged or gone: train it again."), key=key)


def unreadable(path: Path, error: OSError) -> StoreError:
    """The sentence for a file or folder that cannot be read."""
    return StoreError(
        N_("{path} cannot be read ({reason}): check its permissions and the disk."),
        path=path,
        reason=error.strerror or error,
    )


def unwritable(cache: Path, reason: object) -> StoreError:
    """The sentence for a cache folder that cannot be written."""
    return StoreError(
        N_(
            "{folder} cannot be written ({reason}): make room or set LAB_CACHE to a folder that "
            "can."
        ),
        folder=cache,
        reason=reason,
    )


@contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Turn an OSError into the sentence for a cache folder that cannot be written."""
    try:
        yield
    except OSError as error:
        raise unwritable(cache, error.strerror or error) from error


def dump_json(value: object, indent: int | None = None) -> str:
    """JSON that every parser reads: numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: object) -> object:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case _:
            return value
