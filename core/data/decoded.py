"""What was decoded of the files of a data set, once, in `decoded/` of the cache."""

import fcntl
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core import settings
from core.data.contract import Arrays
from core.data.files import unsaved


class Decoded(NamedTuple):
    """What files hold."""

    arrays: Arrays
    unreadable: Sequence[str] = ()
    """What they hold beside images, by its names."""


def arrays(files: Sequence[Path]) -> Arrays:
    """The images that `prepare` kept of the files."""
    with np.load(_kept(files)) as file:
        return Arrays(*(file[name] for name in Arrays._fields))


def unreadable(files: Sequence[Path]) -> list[str]:
    """What the files hold beside images, by its names."""
    with np.load(_kept(files)) as file:
        return file["unreadable"].tobytes().decode().splitlines()


def prepare(files: Sequence[Path], decode: Callable[[Path], Decoded]) -> None:
    """Decode the files, unless that was done; many who ask at once do it once.

    `decode` may put what it cannot hold in memory into the folder that it is given. The result gets
    its name when it is whole. Raises what `decode` raises, and DataError if the result cannot be
    saved.
    """
    if _is_kept(files):
        return
    path = _kept(files)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            if not _is_kept(files):
                _keep(files, path, decode)
    except OSError as error:
        raise unsaved(path.name, path.parent, error) from error


def _kept(files: Sequence[Path]) -> Path:
    """The file of what was decoded of these files, named after the first."""
    return settings.cache_folder() / "decoded" / f"{files[0].name.partition('.')[0]}.npz"


def _state(files: Sequence[Path]) -> list[int]:
    """What changes when another file gets one of their names, and not when they are moved."""
    return [number for file in files for number in (file.stat().st_size, file.stat().st_mtime_ns)]


def _is_kept(files: Sequence[Path]) -> bool:
    """True if these very files were decoded."""
    unread = suppress(OSError, ValueError, KeyError, zipfile.BadZipFile)
    with unread, np.load(_kept(files)) as file:
        return bool(file["files"].tolist() == _state(files))
    return False


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Only one thread of one process at a time is in here. If it dies, the next one comes in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep(files: Sequence[Path], path: Path, decode: Callable[[Path], Decoded]) -> None:
    state = _state(files)
    found = decode(path.parent)
    part = path.with_suffix(".part")
    text = np.frombuffer("\n".join(found.unreadable).encode(), np.uint8)
    try:
        with part.open("wb") as file:
            np.savez(file, files=np.array(state), unreadable=text, **found.arrays._asdict())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
