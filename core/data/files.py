"""Finding, checking and downloading the files of a data set."""

import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core import settings
from core.data.contract import Arrays, Dataset, Definition, Progress, Source
from core.errors import DataError, LabError
from core.i18n import N_

RETRY_AFTER = 600
"""Seconds after a failed download before `obtain` tries by itself again."""


def _places(wanted: Definition) -> Iterator[tuple[str, Path]]:
    """The folders where a data set may be, in the order in which they are looked at."""
    if named := settings.data_folder():
        yield "LAB_DATA", named / wanted.folder
    yield "cache", download_folder(wanted)
    keras_home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    yield "keras", keras_home / "datasets" / wanted.folder
    for folder in wanted.system_folders:
        yield "system", folder


def first_folder(wanted: Definition) -> Path:
    """Where a data set is looked for before all other places."""
    return next(_places(wanted))[1]


def download_folder(wanted: Definition) -> Path:
    """Where `fetch` puts the files."""
    return settings.cache_folder() / "datasets" / wanted.folder


def locate(wanted: Definition) -> Source:
    """The first place that has all files of the data set, or its sample.

    Raises DataError, saying which files belong where, if there is neither.
    """
    if not wanted.ways:
        return Source(wanted, "built-in", Path(), 0.0)
    for place, folder in _places(wanted):
        with suppress(OSError):
            changed = max(path.stat().st_mtime for path in wanted.paths(folder))
            return Source(wanted, place, folder, changed)
    if wanted.sample:
        return Source(wanted, "sample", Path(), 0.0)
    raise _missing(wanted)


def _missing(wanted: Definition) -> DataError:
    """What to do about a data set that is not here, for a page and for the command line."""
    text = N_("{title} is not on this machine, and has no download: put {files} into {folder}.")
    if wanted.url:
        text = N_(
            "{title} is not on this machine: put {files} into {folder}, or get it with `python -m "
            "core data fetch {dataset}`."
        )
    elif wanted.home:
        text = N_(
            "{title} is not on this machine: get it from {home} and put {files} into {folder}."
        )
    return DataError(
        text,
        title=wanted.title,
        files=named(wanted),
        home=wanted.home,
        folder=download_folder(wanted),
        dataset=wanted.name,
    )


def named(wanted: Definition) -> str:
    """The names of its files; those of different ways in which they may come behind a slash."""
    return " / ".join(", ".join(way) for way in wanted.ways)


def load(source: Source, progress: Progress | None = None) -> Dataset:
    """Read and check a data set. Raises DataError if a file is damaged or a package is missing.

    The first time it may take minutes: see `prepare`, which hears of `progress`.
    """
    wanted = source.definition
    prepare(source, progress)
    with _damage_told(source):
        if source.origin == "sample" and wanted.sample:
            return _checked(wanted, source.origin, wanted.sample())
        named = wanted.unreadable(source.folder) if wanted.unreadable else ()
        return _checked(wanted, source.origin, wanted.read(source.folder), tuple(named))


def prepare(source: Source, progress: Progress | None = None) -> None:
    """What the data set asks for before it is read: nothing, but for a large archive.

    Raises DataError if a file is damaged or the result cannot be saved.
    """
    if source.definition.prepare and source.files:
        with _damage_told(source):
            source.definition.prepare(source.folder, progress)


@contextmanager
def _damage_told(source: Source) -> Iterator[None]:
    """Whatever goes wrong in here is said in the sentence about that source."""
    try:
        yield
    except LabError:
        raise
    except Exception as error:
        # One changed byte makes NumPy and zipfile raise almost anything: OSError, ValueError,
        # KeyError, EOFError, TypeError, NotImplementedError, zlib.error, even TokenError.
        raise DataError(
            _damage(source),
            title=source.definition.title,
            folder=source.folder,
            reason=str(error).rstrip(".") or type(error).__name__,
            dataset=source.definition.name,
        ) from error


def _damage(source: Source) -> str:
    """The sentence about a source that cannot be read, with {title}, {folder} and {reason}."""
    if not source.files:
        return N_(
            "{title} cannot be made on this machine ({reason}): install the packages of "
            "requirements.txt again."
        )
    if source.origin == "upload":
        return N_("This file is damaged ({reason}): choose another one.")
    if not source.definition.url:
        return N_("{title} in {folder} is damaged ({reason}): replace the files.")
    return N_(
        "{title} in {folder} is damaged ({reason}): replace the files, or delete them and run "
        "`python -m core data fetch {dataset}`."
    )


def _checked(
    wanted: Definition, origin: str, arrays: Arrays, unreadable: tuple[str, ...] = ()
) -> Dataset:
    """The arrays as a read-only Dataset. Raises ValueError if they are not what was promised."""
    classes = len(wanted.class_names)
    height, width = wanted.shape
    for part in ("train", "test"):
        images, labels = getattr(arrays, f"x_{part}"), getattr(arrays, f"y_{part}")
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != wanted.shape:
            raise ValueError(
                f"x_{part} is {images.dtype} {images.shape}, not uint8 (n, {height}, {width})"
            )
        if labels.shape != images.shape[:1] or not labels.size:
            raise ValueError(f"labels {labels.shape} for {len(images)} images in the {part} part")
        whole = np.issubdtype(labels.dtype, np.integer)
        if not whole or not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(f"y_{part} has labels other than 0 to {classes - 1}")
    arrays = Arrays(*(array.astype(np.uint8, copy=False) for array in arrays))
    for array in arrays:
        array.flags.writeable = False
    return Dataset(wanted, origin, arrays, unreadable)


def fetch(wanted: Definition, progress: Progress | None = None) -> None:
    """Download the files of a data set into the cache and verify their sha256.

    A file appears under its final name only when it is whole. Raises DataError if a file cannot be
    downloaded, differs from what was published, or cannot be saved, and for a set without download,
    saying which files belong where. A set without files needs nothing.
    """
    if not wanted.url and wanted.ways:
        raise _missing(wanted)
    folder = download_folder(wanted)
    for name, sha256 in zip(wanted.files, wanted.sha256, strict=True):
        retrieve(wanted.url + name, f"sha256:{sha256}", folder, wanted.title, progress)


def retrieve(
    url: str, known_hash: str | None, folder: Path, title: str, progress: Progress | None = None
) -> None:
    """Download a file into a folder and verify it, as `fetch` does; `title` is in sentences."""
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    name = url.rpartition("/")[2]
    try:
        pooch.retrieve(
            url,
            known_hash,
            fname=name,
            path=folder,
            downloader=pooch.HTTPDownloader(progressbar=progress or False, timeout=(5, 30)),
        )
    except requests.RequestException as error:
        raise DataError(
            N_("{title} could not be downloaded: check the network and try again."), title=title
        ) from error
    except ValueError as error:
        raise DataError(
            N_("The download of {file} is not the published file: try again later."), file=name
        ) from error
    except OSError as error:
        raise unsaved(name, folder, error) from error


def unsaved(file: str, folder: Path, error: OSError) -> DataError:
    """The sentence for a file of a data set that cannot be saved."""
    return DataError(
        N_("{file} could not be saved in {folder} ({reason})."),
        file=file,
        folder=folder,
        reason=error.strerror or error,
    )


def add(
    wanted: Definition, contents: Mapping[str, BinaryIO], progress: Progress | None = None
) -> None:
    """Put files of a data set into the cache, by their names, as soon as they were read.

    Raises DataError unless the files are all that one way to bring the set has, and if they are
    damaged or cannot be saved; then nothing is left of them.
    """
    if not any(contents.keys() == {*way} for way in wanted.ways):
        raise DataError(
            N_("{title} cannot be read from {file}: choose {files}."),
            file=", ".join(contents),
            title=wanted.title,
            files=named(wanted),
        )
    folder = download_folder(wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as new:
            for name, content in contents.items():
                with (Path(new) / name).open("wb") as file:
                    shutil.copyfileobj(content, file)
            load(Source(wanted, "upload", Path(new), 0.0), progress)
            for name in contents:
                (Path(new) / name).replace(folder / name)
    except OSError as error:
        raise unsaved(", ".join(contents), folder, error) from error


def checksums(source: Source) -> list[tuple[Path, str]]:
    """Each file of the source with its sha256 in hexadecimal."""
    return [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in source.files]


def obtain(wanted: Definition, progress: Progress | None = None) -> Dataset:
    """The data set, after one attempt to download it if this machine has a sample or nothing.

    An attempt that failed is not repeated for RETRY_AFTER seconds. Raises DataError if there is
    nothing to load.
    """
    if wanted.url and not (present(wanted) or settings.offline() or _failed_lately(wanted)):
        try:
            fetch(wanted, progress)
        except LabError:
            _note_failure(wanted)
    return load(locate(wanted), progress)


def present(wanted: Definition) -> bool:
    """True if files of the data set, not only a sample, are on this machine."""
    return at_hand(wanted) and locate(wanted).origin != "sample"


def at_hand(wanted: Definition) -> bool:
    """True if there are images of the data set or in their place, without a download."""
    try:
        locate(wanted)
    except LabError:
        return False
    return True


def _failure_mark(wanted: Definition) -> Path:
    return settings.cache_folder() / "datasets" / f"{wanted.name}.failed"


def _failed_lately(wanted: Definition) -> bool:
    try:
        return time.time() - _failure_mark(wanted).stat().st_mtime < RETRY_AFTER
    except OSError:
        return False


def _note_failure(wanted: Definition) -> None:
    with suppress(OSError):
        _failure_mark(wanted).parent.mkdir(parents=True, exist_ok=True)
        _failure_mark(wanted).touch()
