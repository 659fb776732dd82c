"""notMNIST: letters A to J in many fonts, light on black, from one archive (Bulatov 2011).

An archive has a folder for each letter, with pictures of 28 x 28 pixels. It is decoded once, into
`decoded/` of the cache; nothing of it is unpacked to the disk.
"""

import gzip
import io
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from core.data import decoded, drawn_letters
from core.data.contract import Arrays, Definition, Progress
from core.data.decoded import Decoded
from core.data.drawn_letters import LETTERS
from core.i18n import N_

SHAPE = (28, 28)

TRAIN, TEST = 210_000, 19_000
"""How many images the lab sheet takes of the large archive; a validation split of 10,000 / 210,000
leaves its 200,000 to train. Of a smaller archive all are taken, as many to test in proportion."""

FILES, FILE_BYTES, BYTES, NAME = 1_000_000, 10**6, 2 * 10**9, 200
"""What an archive may have: files, bytes in one of them and in all of it, characters in a name.
That is about twice what the large one has; an archive with more is a bomb."""

AT_ONCE = 1_000
"""Files between two reports of progress, and images that are put in their places together."""

TAR_END = bytes(1024)
"""How every tar ends. Python takes one without for whole."""

PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">2I", *SHAPE)
"""How a PNG of that size begins. Others are not opened, however large they say they are."""


def read(folder: Path) -> Arrays:
    """What `prepare` kept of the archive in the folder."""
    return decoded.arrays(DATASET.paths(folder))


def unreadable(folder: Path) -> list[str]:
    """The files of the archive that are no images of letters, by their names."""
    return decoded.unreadable(DATASET.paths(folder))


def prepare(folder: Path, progress: Progress | None = None) -> None:
    """Decode the archive in the folder, unless that was done.

    Raises ValueError for an archive that is damaged, and DataError if the result cannot be saved.
    """
    [archive] = DATASET.paths(folder)
    decoded.prepare([archive], lambda place: _decode(archive, place, progress))


def _decode(archive: Path, place: Path, progress: Progress | None) -> Decoded:
    """What an archive holds.

    In memory are the images that are kept and the names of all; all images are on the disk.
    """
    names, others = [], []
    with tempfile.TemporaryFile(dir=place) as pixels:
        for name, image in _files(archive, progress):
            if image is None:
                others.append(ascii(name)[1:-1])
            else:
                names.append(name)
                pixels.write(image)
        _check(names, others)
        return Decoded(_split(names, pixels), sorted(others))


def _check(names: Sequence[str], others: Sequence[str]) -> None:
    """Raise ValueError unless there are images of every letter."""
    found = {name[0] for name in names}
    missing = [letter for letter in LETTERS if letter not in found]
    if not names:
        raise ValueError(f"none of its {len(others):,} files is an image of a letter")
    if missing:
        raise ValueError(f"it has no images of {', '.join(missing)}")


def _split(names: Sequence[str], pixels: BinaryIO) -> Arrays:
    """Training and test images, from a file with the pixels of all images in the order of `names`.

    Shuffled always in the same way, whatever that order is.
    """
    test = max(1, round(len(names) * TEST / (TRAIN + TEST)))
    train = len(names) - test
    if len(names) >= TRAIN + TEST:
        train, test = TRAIN, TEST
    by_name = sorted(range(len(names)), key=names.__getitem__)
    order = np.array(by_name)[np.random.default_rng(0).permutation(len(names))]
    labels = np.array([LETTERS.index(names[index][0]) for index in order[: train + test]], np.uint8)
    places = np.empty(len(names), int)
    places[order] = np.arange(len(names))
    images = np.empty((train + test, *SHAPE), np.uint8)
    pixels.seek(0)
    for start in range(0, len(names), AT_ONCE):
        place = places[start : start + AT_ONCE]
        block = np.frombuffer(pixels.read(len(place) * images[0].size), np.uint8)
        taken = place < len(images)
        images[place[taken]] = block.reshape(-1, *SHAPE)[taken]
    return Arrays(images[:train], labels[:train], images[train:], labels[train:])


class _Limited(gzip.GzipFile):
    """The content of a gzipped archive, as far as it stays within BYTES, and FILE_BYTES for each
    file with what is said about it."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._left = BYTES
        self.end = b""
        self.next_file()

    def next_file(self) -> None:
        self._left_of_file = 2 * FILE_BYTES

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self._left -= len(content)
        self._left_of_file -= len(content)
        if min(self._left, self._left_of_file) < 0:
            raise ValueError("it unpacks to more than any set of images")
        self.end = (self.end + content)[-len(TAR_END) :]
        return content


def _files(archive: Path, progress: Progress | None) -> Iterator[tuple[str, bytes | None]]:
    """The files of an archive: folder and name, such as `A/a.png`, and the pixels of the letter.

    None for a file that is no image of a letter. Raises ValueError for what is no such archive.
    """
    with archive.open("rb") as packed:
        if progress:
            progress.total = archive.stat().st_size
        try:
            done = 0
            for number, (path, content) in enumerate(_contents(packed)):
                image = _image(content) if path.parent.name in LETTERS else None
                yield f"{path.parent.name}/{path.name}", image
                if progress and number % AT_ONCE == 0:
                    progress.update(packed.tell() - done)
                    done = packed.tell()
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise ValueError(error) from error
        finally:
            if progress:
                progress.close()


def _contents(packed: BinaryIO) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Path and content of each file in a gzipped tar. Raises ValueError for links and bombs, and
    OSError, EOFError, TarError or zlib.error for what is damaged."""
    with _Limited(packed) as limited:
        with tarfile.open(fileobj=limited, mode="r|") as tar:
            number = 0
            while member := tar.next():
                # It would keep all of them, a kilobyte each.
                tar.members.clear()  # type: ignore[attr-defined]
                limited.next_file()
                number += 1
                path = _path(member)
                if number > FILES:
                    raise ValueError(f"it has more than {FILES:,} files")
                if file := tar.extractfile(member):
                    yield path, file.read()
        while limited.read(2**16):  # to the end, where the checksum is
            limited.next_file()
        if limited.end != TAR_END:
            raise ValueError("it ends before its end")


def _path(member: tarfile.TarInfo) -> PurePosixPath:
    """Where a file lies in its archive. Raises ValueError for what no set of images has."""
    path, name = PurePosixPath(member.name), ascii(member.name[:NAME])
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name} leads out of it")
    if not (member.isfile() or member.isdir()) or member.issparse():
        raise ValueError(f"{name} is a link or a device")
    if member.size > FILE_BYTES or len(member.name) > NAME:
        raise ValueError(f"{name} is too large for an image")
    return path


def _image(content: bytes) -> bytes | None:
    """The pixels of a grey PNG of 28 x 28, a byte each; None for anything else."""
    if not content.startswith(PNG_HEADER):
        return None
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            return image.tobytes() if image.mode == "L" else None
    except Exception:  # one changed byte makes Pillow raise almost anything
        return None


DATASET = Definition(
    name="notmnist",
    title="notMNIST",
    year=2011,
    shape=SHAPE,
    ink="light",
    class_names=LETTERS,
    one=N_("a letter"),
    many=N_("letters"),
    licence="none is named, Yaroslav Bulatov",
    read=read,
    prepare=prepare,
    unreadable=unreadable,
    archives=("notMNIST_large.tar.gz", "notMNIST_small.tar.gz"),
    images=TRAIN,
    sample=drawn_letters.draw,
    sample_text=drawn_letters.text,
)
