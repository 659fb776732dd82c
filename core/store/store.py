"""The store of runs: one folder for each finished run, and a small file for each that is under way.

    <cache>/runs/<key>/run.json          the spec, the epochs, the figures, sha256 of the others
    <cache>/runs/<key>/model.keras       the trained network, as Keras saves it
    <cache>/runs/<key>/predictions.npy   float32 (test images, classes)
    <cache>/running/<key>.json           a claim: who trains this run, how far it is
    <cache>/running/<key>.stop           somebody asks the owner of the claim to stop
    <cache>/running/<owner>.beat         when that process was last seen alive

A finished run appears by one rename, so that it is whole or not there. A run that does not match
its checksums is moved to `<cache>/damaged/` and is trained again. The runs stay within a limit:
those that were not used for longest go first. A process that trains writes its beat every second;
a claim without news, whose owner has no beat younger than STALE_AFTER, was interrupted.
"""

import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from locket import lock_file

from core import settings
from core.errors import LabError, Stopped, StoreError, TrainingError, UsageError
from core.i18n import N_
from core.specs.run import RunSpec, variant_of

SHIPPED = Path(__file__).parents[1] / "shipped"
"""Runs that come with the lab, laid out as in a cache. They are found by key, and not listed."""

STALE_AFTER = 10.0
"""Seconds without a beat after which a claim counts as interrupted."""

LEFT_OVER_AFTER = 3600.0
"""Seconds after which a half-written folder has no writer any more."""

USED_EVERY = 600.0
"""Seconds: how exactly the store knows when a run was last used."""

State = Literal["queued", "preparing", "running", "saving", "stopped", "failed", "interrupted"]
ALIVE: tuple[State, ...] = ("queued", "preparing", "running", "saving")


@dataclass(frozen=True)
class Epoch:
    """One row of the table of epochs. Without a validation split the `val_` figures are None.

    Then the test images are watched instead; where they were not, as in runs with a validation
    split, those figures are None. A loss that is not finite (training diverged) is NaN here and
    null in JSON.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    test_loss: float | None = None
    test_accuracy: float | None = None

    @property
    def diverged(self) -> bool:
        """True if the loss is not a number any more."""
        return not math.isfinite(self.loss)

    @property
    def row(self) -> dict[str, float | None]:
        """The figures by their names, those of the test images only where they were watched."""
        watched = self.test_accuracy is not None
        return {k: v for k, v in vars(self).items() if watched or not k.startswith("test_")}


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
    reason: str = ""
    """Why it failed: the message of a LabError, and below the values that fill it."""
    reason_values: dict[str, str | float] = field(default_factory=dict)
    machine: str = ""
    """The machine and the process that train it."""
    began: float | None = None
    """When a worker began with it, in seconds since 1970."""
    beat: float = field(default_factory=time.time)

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


@dataclass(frozen=True)
class Run:
    """A finished run, with its figures; its files are read and checked on demand."""

    folder: Path
    spec: RunSpec
    dataset: dict[str, Any]
    """name, source, complete, and the number of images: train, validation, test."""
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

    @property
    def key(self) -> str:
        return self.spec.key

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
            raise _damaged(self.key) from error
        except OSError as error:
            raise _unreadable(self.folder, error) from error
        if hashlib.sha256(content).hexdigest() != self.sha256.get(name):
            raise _damaged(self.key)
        return content


class Damaged(StoreError):
    """A stored run is not what was stored."""


def _damaged(key: str) -> Damaged:
    return Damaged(N_("The stored run {key} is damaged or gone: train it again."), key=key)


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        N_("{path} cannot be read ({reason}): check its permissions and the disk."),
        path=path,
        reason=error.strerror or error,
    )


class Store:
    """Finished runs and claims in one folder, which several processes may share."""

    def __init__(self, cache: Path | None = None) -> None:
        self.cache = cache or settings.cache_folder()
        self._runs = self.cache / "runs"
        self._running = self.cache / "running"
        self._checked: dict[Path, tuple[Any, Run]] = {}

    # Finished runs

    def save(self, spec: RunSpec, record: Mapping[str, Any], files: Mapping[str, bytes]) -> Run:
        """Store a finished run; `record` has the other fields of Run. Raises StoreError."""
        with _writing(self.cache):
            self._runs.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".", dir=self._runs))
            try:
                for name, content in files.items():
                    (temporary / name).write_bytes(content)
                checksums = {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}
                values = {"spec": spec.to_dict(), **record, "sha256": checksums}
                (temporary / "run.json").write_text(dump_json(values, indent=1))
                temporary.chmod(0o755)
                with self._lock(self._runs):
                    if self.find(spec.key) is None:
                        temporary.rename(self._runs / spec.key)
                    with suppress(OSError):  # the run is stored, also where no other can be deleted
                        self._make_room(spec.key)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        run = self.find(spec.key)
        assert run is not None, "just saved"
        return run

    def find(self, key: str) -> Run | None:
        """The finished run of that key, or None. A damaged one is set aside first.

        Checksums are verified when the run is first seen and when one of its files has changed.
        Raises StoreError if the store cannot be read.
        """
        # A key such as "" or "..", from whoever typed it, must not set other folders aside.
        if key in ("", "..") or (self._runs / key).parent != self._runs:
            return None
        if run := self._find(self._runs / key):
            _mark_used(run.folder)
            return run
        return self._find(SHIPPED / "runs" / key)

    def _find(self, folder: Path) -> Run | None:
        try:
            if not folder.is_dir():
                return None
            files = {path.name: path.stat() for path in folder.iterdir()}
            state = {name: (file.st_size, file.st_mtime_ns) for name, file in files.items()}
            known, run = self._checked.get(folder, (None, None))
            if run is not None and state == known:
                return run
            run = _load(folder)
            for name in run.sha256:
                run.read(name)
            self._checked[folder] = (state, run)
        except (
            FileNotFoundError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            UsageError,
            Damaged,
        ):
            if folder.parent == self._runs:
                self._set_aside(folder)
            return None
        except OSError as error:
            raise _unreadable(folder, error) from error
        return run

    def runs(self) -> list[Run]:
        """All finished runs, the newest first."""
        try:
            keys = [path.name for path in self._runs.iterdir() if not path.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreadable(self._runs, error) from error
        found = [run for key in keys if (run := self._find(self._runs / key))]
        return sorted(found, key=lambda run: run.finished, reverse=True)

    def _set_aside(self, folder: Path) -> None:
        # On a read-only disk it stays where it is, and is still not shown.
        with suppress(OSError):
            aside = self.cache / "damaged"
            aside.mkdir(exist_ok=True)
            folder.rename(aside / f"{folder.name}-{time.time_ns()}")

    def delete(self, key: str) -> None:
        """Remove a finished run, at once and whole, if it is there. Raises StoreError."""
        with _writing(self.cache), self._lock(self._runs):
            self._delete(self._runs / key)

    def _delete(self, folder: Path) -> None:
        self._checked.pop(folder, None)
        doomed = folder.with_name(f".{folder.name}-{time.time_ns()}")
        with suppress(FileNotFoundError):  # another process was faster
            folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def size(self) -> int:
        """Bytes of all finished runs."""
        return sum(map(_size, self._folders()))

    def _folders(self) -> list[Path]:
        """The folders of finished runs, and what writers that were killed have left."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return [path for path in self._runs.iterdir() if path.is_dir()]
        return []

    def _make_room(self, newest: str) -> None:
        """Delete runs until all fit into the limit: the variants of the lab table come last."""
        limit = settings.store_bytes()
        folders = self._folders()
        for folder in folders:
            left_over = folder.name.startswith(".")
            if left_over and time.time() - folder.stat().st_mtime > LEFT_OVER_AFTER:
                shutil.rmtree(folder, ignore_errors=True)
        total = self.size()
        if total <= limit:
            return
        others = [f for f in folders if not f.name.startswith(".") and f.name != newest]
        for folder in sorted(others, key=lambda f: (_is_variant(f), f.stat().st_mtime)):
            if total <= limit:
                return
            total -= _size(folder)
            self._delete(folder)

    # Claims

    def claim(self, spec: RunSpec, owner: str) -> bool:
        """Claim a run for `owner`; False if it is finished or a live claim exists.

        Raises StoreError if the store cannot be written.
        """
        with _writing(self.cache), self._lock(self._running):
            current = self.claimed(spec.key)
            if (current and current.alive) or self.find(spec.key):
                return False
            self._stop_path(spec.key).unlink(missing_ok=True)
            self.update(Claim(spec.key, spec, owner))
        return True

    def update(self, claim: Claim) -> None:
        """Replace a claim's file in one step, with a new beat. Raises StoreError."""
        self._write(
            self._claim_path(claim.key), dump_json(asdict(replace(claim, beat=time.time())))
        )

    def beat(self, owner: str) -> None:
        """Note that the process `owner` is alive, and so are its claims. Raises StoreError."""
        self._write(self._beat_path(owner), f"{time.time()}")

    def end_beat(self, owner: str) -> None:
        """Note that `owner` ends."""
        with suppress(OSError):
            self._beat_path(owner).unlink()

    def ask_to_stop(self, key: str) -> None:
        """Ask the process that trains a run to stop it. Raises StoreError."""
        self._write(self._stop_path(key), "")

    def asked_to_stop(self, key: str) -> bool:
        """True, once, if somebody asked for it."""
        try:
            self._stop_path(key).unlink()
        except OSError:
            return False
        return True

    def _write(self, path: Path, text: str) -> None:
        with _writing(self.cache):
            self._running.mkdir(parents=True, exist_ok=True)
            temporary = self._running / f".{path.name}.{os.getpid()}.{threading.get_ident()}"
            try:
                temporary.write_text(text)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    @contextmanager
    def _lock(self, folder: Path) -> Iterator[None]:
        """To look and then to write in `folder` is one step, among threads and processes."""
        folder.mkdir(parents=True, exist_ok=True)
        with lock_file(str(folder / ".lock")):
            yield

    def claimed(self, key: str) -> Claim | None:
        """The claim of that key, or None. One without a recent beat has the state interrupted."""
        try:
            values = json.loads(self._claim_path(key).read_text())
            values["spec"] = RunSpec.from_dict(values["spec"])
            values["epochs"] = epochs_from(values["epochs"])
            claim = Claim(**values)
            stale = time.time() - max(claim.beat, self._last_beat(claim.owner)) > STALE_AFTER
        except (OSError, ValueError, KeyError, TypeError, LabError):
            return None
        return replace(claim, state="interrupted") if claim.alive and stale else claim

    def claims(self) -> list[Claim]:
        """All claims, also of runs that ended without a result."""
        if not self._running.is_dir():
            return []
        found = (self.claimed(path.stem) for path in sorted(self._running.glob("*.json")))
        return [claim for claim in found if claim]

    def release(self, key: str) -> None:
        """Remove a claim."""
        with suppress(OSError):
            self._claim_path(key).unlink()

    def _claim_path(self, key: str) -> Path:
        return self._running / f"{key}.json"

    def _stop_path(self, key: str) -> Path:
        return self._running / f"{key}.stop"

    def _beat_path(self, owner: str) -> Path:
        return self._running / f"{owner}.beat"

    def _last_beat(self, owner: str) -> float:
        try:
            return float(self._beat_path(owner).read_text())
        except (OSError, ValueError):
            return 0.0


def _mark_used(folder: Path) -> None:
    # The time of a folder is its own: checksums are bound to those of the files in it.
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > USED_EVERY:
            os.utime(folder)


def _size(folder: Path) -> int:
    """Bytes of the files in a folder, 0 for one that was deleted meanwhile."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*"))
    except FileNotFoundError:
        return 0


def _is_variant(folder: Path) -> bool:
    """True for the run of a variant of the lab table."""
    try:
        values = json.loads((folder / "run.json").read_text())
        return variant_of(RunSpec.from_dict(values["spec"])) is not None
    except (OSError, ValueError, KeyError, TypeError, LabError):
        return False


def _load(folder: Path) -> Run:
    values = json.loads((folder / "run.json").read_text())
    values["spec"] = RunSpec.from_dict(values["spec"])
    values["epochs"] = epochs_from(values["epochs"])
    if values["test_loss"] is None:
        values["test_loss"] = math.nan
    if values["spec"].key != folder.name:
        raise ValueError("the run is not the one its folder names")
    return Run(folder=folder, **values)


def epochs_from(rows: list[dict[str, Any]]) -> tuple[Epoch, ...]:
    """The table of epochs from rows as JSON holds them."""
    epochs = []
    for row in rows:
        diverged = {"loss"} if row["loss"] is None else set()
        for part in ("val", "test"):
            if row.get(f"{part}_loss") is None and row.get(f"{part}_accuracy") is not None:
                diverged.add(f"{part}_loss")
        epochs.append(Epoch(**{**row, **dict.fromkeys(diverged, math.nan)}))
    return tuple(epochs)


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


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            N_(
                "{folder} cannot be written ({reason}): make room or set LAB_CACHE to a folder "
                "that can."
            ),
            folder=cache,
            reason=error.strerror or error,
        ) from error
