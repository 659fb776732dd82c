"""Finished runs: one folder for each.

    <cache>/runs/<key>/run.json          schema, spec, epochs, figures, sha256 of the others
    <cache>/runs/<key>/model.keras       the trained network, as Keras saves it
    <cache>/runs/<key>/predictions.npy   float32 (test images, classes)

A run appears and goes by one rename, so that it is whole or not there, without a lock: a folder is
never renamed onto another one that has files. A run that does not match its checksums is moved to
`<cache>/damaged/` and is trained again.

A folder whose run.json names another schema, or none, or has a whole spec that cannot be read here
(a kind of layer is not known), belongs to another version of the lab, which perhaps still uses it,
and only that one can tell what it is worth. It is left alone: not shown, not moved, not deleted.
Nor does it count towards the limit, or one large folder of before would have every new run deleted;
`other_versions` names them for whoever wants the room.
"""

import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from core import settings
from core.errors import LabError, StoreError, UsageError
from core.i18n import N_
from core.specs import SCHEMA, RunSpec, key_of
from core.store.records import Damaged, Run, damaged, dump_json, unreadable, writing
from core.training.epochs import epochs_from

SHIPPED = Path(__file__).parents[1] / "shipped"
"""Runs that come with the lab, laid out as in a cache. They are found by key, and not listed."""

LEFT_OVER_AFTER = 3600.0
"""Seconds after which a half-written folder has no writer any more."""

USED_EVERY = 600.0
"""Seconds: how exactly the store knows when a run was last used."""

WHOLE_FOR = 1.0
"""Seconds for which a run that was whole is not looked at again: a page asks for some twenty runs,
and beside other pages it waits for its turn after each question to the disk."""

TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
"""What a rename onto a folder with files ends with."""


DAMAGE = (
    FileNotFoundError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    UsageError,
    Damaged,
)
"""What reading a run raises that is not what was stored."""


class Runs:
    """The finished runs of a cache folder, within the limit of settings.store_bytes.

    Those that were not used for longest make room, and those that `keep` names come last.
    """

    def __init__(self, cache: Path, keep: Callable[[RunSpec], bool]) -> None:
        self._cache = cache
        self._runs = cache / "runs"
        self._keep = keep
        self._checked: dict[Path, tuple[Any, Run]] = {}
        self._whole: dict[str, tuple[float, Run]] = {}
        self._schemas: dict[Path, tuple[Any, bool]] = {}

    def save(self, spec: RunSpec, record: Mapping[str, Any], files: Mapping[str, bytes]) -> Run:
        """Store a finished run; `record` has the other fields of Run. Raises StoreError.

        Of two equal runs the first is kept.
        """
        with writing(self._cache):
            self._runs.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".", dir=self._runs))
            try:
                for name, content in files.items():
                    (temporary / name).write_bytes(content)
                checksums = {n: hashlib.sha256(c).hexdigest() for n, c in files.items()}
                values = {"schema": SCHEMA, "spec": spec.to_dict(), **record, "sha256": checksums}
                (temporary / "run.json").write_text(dump_json(values, indent=1))
                temporary.chmod(0o755)
                self._publish(temporary, self._runs / spec.key)
                with suppress(OSError):  # the run is stored, also where no other can be deleted
                    self._make_room(spec.key)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        run = self._look(spec.key)
        if run is None:  # somebody has deleted it already
            raise damaged(spec.key)
        return run

    def _publish(self, temporary: Path, folder: Path) -> None:
        """Let a run appear, unless there is an equal one. A damaged one is set aside first."""
        if self._find(folder):
            return
        try:
            temporary.rename(folder)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
            if self._find(folder) is None and folder.exists():
                raise _in_the_way(folder) from error

    def find(self, key: str) -> Run | None:
        """The finished run of that key, or None. A damaged one is set aside first.

        Checksums are verified when the run is first seen and when one of its files has changed,
        which is looked at once in WHOLE_FOR seconds. Raises StoreError if the store cannot be read.
        """
        now = time.monotonic()
        looked_at, run = self._whole.get(key, (-math.inf, None))
        if now - looked_at < WHOLE_FOR:
            return run
        if run := self._look(key):
            self._whole[key] = now, run
        return run

    def _look(self, key: str) -> Run | None:
        """The run as it is now."""
        folder = self._folder(key)
        if folder is None:
            return None
        if run := self._find(folder):
            _mark_used(run.folder)
            return run
        return self._find(SHIPPED / "runs" / key) if key in shipped() else None

    def is_finished(self, key: str) -> bool:
        """True if the run need not be trained. Raises StoreError if it could not be stored."""
        if self._look(key):
            return True
        folder = self._folder(key)
        if folder and folder.is_dir():
            raise _in_the_way(folder)
        return False

    def runs(self) -> list[Run]:
        """All finished runs, the newest first."""
        found = [run for folder in self._folders() if (run := self._find(folder))]
        return sorted(found, key=lambda run: run.finished, reverse=True)

    def runs_state(self) -> object:
        """Equal as long as no run came or went, as far as the time of their folder tells."""
        with suppress(OSError):
            return self._runs.stat().st_mtime_ns
        return None

    def other_versions(self) -> list[str]:
        """The names of stored runs of another version of the lab, which are left alone."""
        return sorted(path.name for path in self._folders() if not self._is_ours(path))

    def delete(self, key: str) -> None:
        """Remove a finished run, at once and whole, if it is there. Raises StoreError."""
        if folder := self._folder(key):
            with writing(self._cache):
                self._delete(folder)

    def size(self) -> int:
        """Bytes of all finished runs, and of what is being written."""
        return sum(map(_size, self._counted()))

    def _folder(self, key: str) -> Path | None:
        """Where a run is kept; None for what, from whoever typed it, would lead elsewhere."""
        folder = self._runs / key
        return folder if key not in ("", "..") and folder.parent == self._runs else None

    def _find(self, folder: Path) -> Run | None:
        try:
            if not folder.is_dir() or not self._is_ours(folder):
                return None
            files = {path.name: path.stat() for path in folder.iterdir()}
            state = {name: (file.st_size, file.st_mtime_ns) for name, file in files.items()}
            known, run = self._checked.get(folder, (None, None))
            if run is not None and state == known:
                return run
            run = _load(folder, folder.name)
            self._checked[folder] = (state, run)
        except DAMAGE:
            if folder.parent == self._runs:
                self._set_aside(folder)
            return None
        except OSError as error:
            raise unreadable(folder, error) from error
        return run

    def _set_aside(self, folder: Path) -> None:
        # On a read-only disk it stays where it is, and is still not shown.
        with suppress(OSError):
            aside = self._cache / "damaged"
            aside.mkdir(exist_ok=True)
            moved = aside / f"{folder.name}-{time.time_ns()}"
            folder.rename(moved)
            with suppress(*DAMAGE):
                _load(moved, folder.name)
                moved.rename(folder)  # whole: another process has stored it anew meanwhile

    def _is_ours(self, folder: Path) -> bool:
        """False for a run of another version of the lab; true for a damaged one."""
        path = folder / "run.json"
        try:
            status = path.stat()
            state = (status.st_ino, status.st_size, status.st_mtime_ns)
            known, ours = self._schemas.get(folder, (None, True))
            if state != known:
                values = json.loads(path.read_text())
                ours = not isinstance(values, dict) or _is_readable(values, folder.name)
                self._schemas[folder] = (state, ours)
        except (OSError, ValueError):
            return True
        return ours

    def _folders(self) -> list[Path]:
        """The folders of runs, of whatever version. Raises StoreError."""
        try:
            return [path for path in self._runs.iterdir() if not path.name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(self._runs, error) from error

    def _counted(self) -> list[Path]:
        """The folders that the limit is about, also what writers that were killed have left."""
        with suppress(FileNotFoundError, NotADirectoryError):
            return [path for path in self._runs.iterdir() if path.is_dir() and self._is_ours(path)]
        return []

    def _delete(self, folder: Path) -> None:
        self._whole.pop(folder.name, None)
        self._checked.pop(folder, None)
        self._schemas.pop(folder, None)
        doomed = folder.with_name(f".{folder.name}-{time.time_ns()}")
        with suppress(FileNotFoundError):  # another process was faster
            folder.rename(doomed)
        self._whole.pop(folder.name, None)  # whom a page has found meanwhile
        shutil.rmtree(doomed, ignore_errors=True)

    def _make_room(self, newest: str) -> None:
        """Delete runs until all fit into the limit.

        Two processes that do so at once choose the same ones, and delete each of them once.
        """
        limit = settings.store_bytes()
        folders = self._counted()
        for folder in folders:
            left_over = folder.name.startswith(".")
            if left_over and time.time() - folder.stat().st_mtime > LEFT_OVER_AFTER:
                shutil.rmtree(folder, ignore_errors=True)
        total = self.size()
        if total <= limit:
            return
        others = [f for f in folders if not f.name.startswith(".") and f.name != newest]
        used = {folder: _last_used(folder) for folder in others}
        for folder in sorted(others, key=lambda f: (self._is_kept(f), used[f])):
            if total <= limit:
                return
            total -= _size(folder)
            self._delete(folder)

    def _is_kept(self, folder: Path) -> bool:
        try:
            values = json.loads((folder / "run.json").read_text())
            return self._keep(RunSpec.from_dict(values["spec"]))
        except (OSError, ValueError, KeyError, TypeError, LabError):
            return False


@cache
def shipped() -> frozenset[str]:
    """The keys of the runs that come with the lab."""
    return frozenset(path.name for path in (SHIPPED / "runs").glob("*"))


def _load(folder: Path, key: str) -> Run:
    """The run in a folder, if all of it is what was stored. Raises DAMAGE and OSError."""
    values = json.loads((folder / "run.json").read_text())
    del values["schema"]
    values["spec"] = RunSpec.from_dict(values["spec"])
    values["epochs"] = epochs_from(values["epochs"])
    if values["test_loss"] is None:
        values["test_loss"] = math.nan
    if values["spec"].key != key:
        raise ValueError("the run is not the one its folder names")
    run = Run(folder=folder, **values)
    for name in run.sha256:
        run.read(name)
    return run


def _is_readable(values: Mapping[str, Any], key: str) -> bool:
    """False for what another version has stored under that key; true for a spec that is damaged."""
    if values.get("schema") != SCHEMA:
        return False
    spec = values.get("spec", {})
    with suppress(*DAMAGE):
        if RunSpec.from_dict(spec).key == key:
            return True
    with suppress(*DAMAGE):
        return key_of(spec) != key  # equal: nothing of the spec is lost
    return True


def _mark_used(folder: Path) -> None:
    # The time of a folder is its own: checksums are bound to those of the files in it.
    with suppress(OSError):
        if time.time() - folder.stat().st_mtime > USED_EVERY:
            os.utime(folder)


def _last_used(folder: Path) -> float:
    """When a run was last used; 0 for one that was deleted meanwhile."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    """Bytes of the files in a folder, 0 for one that was deleted meanwhile."""
    try:
        return sum(path.stat().st_size for path in folder.rglob("*"))
    except FileNotFoundError:
        return 0


def _in_the_way(folder: Path) -> StoreError:
    return StoreError(
        N_("{folder} is in the way, of another version of the lab: move it elsewhere."),
        folder=folder,
    )
