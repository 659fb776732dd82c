"""Sign Language MNIST: photographs of hands that sign letters, from two tables (tecperson 2017).

A table is a CSV file with a row for each image: its label, then its 28 x 28 pixels. J and Z are
signed by a motion, so that 24 letters are left. The tables are decoded once, as they are or from
the archive that they come in; nothing of it is unpacked to the disk.
"""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

import numpy as np

from core.data import decoded
from core.data.contract import Arrays, Definition, Images, Progress
from core.data.decoded import Decoded
from core.i18n import N_

LETTERS = tuple("ABCDEFGHIKLMNOPQRSTUVWXY")
LABELS = tuple(ord(letter) - ord("A") for letter in LETTERS)

FILES = ("sign_mnist_train.csv", "sign_mnist_test.csv")
SHAPE = (28, 28)
PIXELS = SHAPE[0] * SHAPE[1]
COLUMNS = ["label", *(f"pixel{n}" for n in range(1, PIXELS + 1))]

ROWS, LINE = 100_000, 10_000
"""What a table may have: rows, more than three times as many as the real one, and bytes in a line,
twice as many as the longest row needs."""

AT_ONCE = 1_000
"""Rows between two reports of progress."""


class Table(NamedTuple):
    """One of the two files, wherever it lies."""

    name: str
    size: int
    content: IO[bytes]


def read(folder: Path) -> Arrays:
    """What `prepare` kept of the tables in the folder."""
    return decoded.arrays(DATASET.paths(folder))


def prepare(folder: Path, progress: Progress | None = None) -> None:
    """Decode the tables in the folder, unless that was done.

    Raises ValueError for what is no such table or archive, saying in which line, whatever zipfile
    raises on a damaged archive, and DataError if the result cannot be saved.
    """
    paths = DATASET.paths(folder)
    decoded.prepare(paths, lambda _place: Decoded(_arrays(paths, progress)))


def _arrays(paths: list[Path], progress: Progress | None) -> Arrays:
    with _opened(paths) as tables:
        if progress:
            progress.total = sum(table.size for table in tables)
        try:
            (x_train, y_train), (x_test, y_test) = (_images(table, progress) for table in tables)
        finally:
            if progress:
                progress.close()
    if len(x_train) < len(x_test):
        raise ValueError(f"{FILES[0]} has fewer rows than {FILES[1]}: they may be exchanged")
    if missing := [letter for label, letter in enumerate(LETTERS) if label not in y_train]:
        raise ValueError(f"{FILES[0]} has no images of {', '.join(missing)}")
    return Arrays(x_train, y_train, x_test, y_test)


@contextmanager
def _opened(paths: list[Path]) -> Iterator[list[Table]]:
    """Both tables, from two files or from one archive."""
    with ExitStack() as stack:
        if len(paths) == len(FILES):
            yield [
                Table(path.name, path.stat().st_size, stack.enter_context(path.open("rb")))
                for path in paths
            ]
            return
        archive = stack.enter_context(zipfile.ZipFile(paths[0]))
        members = [_member(archive, name) for name in FILES]
        contents = (stack.enter_context(archive.open(one)) for one in members)
        sizes = (member.file_size for member in members)
        yield [*map(Table, FILES, sizes, contents)]


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """A file of an archive, which may have another one of that name in a folder.

    Raises ValueError if it is not there, or something in the archive leads out of it.
    """
    places = {member: PurePosixPath(member.filename) for member in archive.infolist()}
    for place in places.values():
        if place.is_absolute() or ".." in place.parts:
            raise ValueError(f"{ascii(str(place))[:200]} leads out of it")
    found = [member for member in places if places[member].name == name and not member.is_dir()]
    if not found:
        raise ValueError(f"{name} is not in it")
    return min(found, key=lambda member: len(places[member].parts))


def _images(table: Table, progress: Progress | None) -> tuple[Images, Images]:
    """The images of a table and their classes. Raises ValueError for a wrong line."""
    _check_header(table)
    rows = bytearray()
    read = 0
    for number in count(2):
        line = table.content.readline(LINE)
        read += len(line)
        if progress and (number % AT_ONCE == 0 or not line):
            progress.update(read)
            read = 0
        if not line:
            break
        if number > ROWS:
            raise ValueError(f"{table.name} has more than {ROWS:,} rows")
        if not line.isspace():
            rows += _row(line, f"line {number} of {table.name}")
    if not rows:
        raise ValueError(f"{table.name} has no rows")
    values = np.frombuffer(rows, np.uint8).reshape(-1, len(COLUMNS))
    classes = np.searchsorted(LABELS, values[:, 0]).astype(np.uint8)
    return values[:, 1:].reshape(-1, *SHAPE), classes


def _check_header(table: Table) -> None:
    """Raise ValueError unless a table begins with the names of its columns."""
    found = table.content.readline(LINE).decode("utf-8-sig", "replace").strip().split(",")
    if found == COLUMNS:
        return
    missing = [column for column in COLUMNS if column not in found]
    if found[0] == "label" and missing:
        raise ValueError(f"{table.name} has no column {missing[0]}")
    raise ValueError(f"line 1 of {table.name} is not label, pixel1, pixel2 to pixel{PIXELS}")


def _row(line: bytes, place: str) -> bytes:
    """The values of a row, a byte each. Raises ValueError, with the place, if it is no such row."""
    cells = line.split(b",")
    try:
        values = bytes(map(int, cells))
        if len(values) == len(COLUMNS) and values[0] in LABELS:
            return values
    except ValueError:  # which is said better below
        pass
    raise ValueError(f"{place} {_fault(cells)}")


def _fault(cells: list[bytes]) -> str:
    """What is wrong with the cells of a row."""
    if len(cells) != len(COLUMNS):
        return f"has {len(cells):,} values, not {len(COLUMNS)}"
    for column, cell in zip(COLUMNS, cells, strict=True):
        text = ascii(cell.strip()[:20])[1:]  # without the b of bytes
        try:
            value = int(cell)
        except ValueError:
            return f"has {text} for {column}, which is no whole number"
        if column == "label" and value not in LABELS:
            return f"has the label {value}, but no letter has that"
        if not 0 <= value <= 255:
            return f"has {value} for {column}, not 0 to 255"
    raise AssertionError("the row is right")


DATASET = Definition(
    name="signs",
    title="Sign Language MNIST",
    year=2017,
    shape=SHAPE,
    ink=None,
    class_names=LETTERS,
    one=N_("a hand sign"),
    many=N_("hand signs"),
    licence="CC0, tecperson",
    read=read,
    prepare=prepare,
    files=FILES,
    archives=("sign-language-mnist.zip", "archive.zip"),
    home="https://www.kaggle.com/datasets/datamunge/sign-language-mnist",
    images=27_455,
    about=N_(
        "These images are 1,704 photographs, each of which was cropped, turned a little, made "
        "brighter and darker many times: near-copies of a test image are among the training images."
    ),
    labels=LABELS,
    upload=100,
)
