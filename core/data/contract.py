"""What every data set offers, and what its file in this package says about it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]


Ink = Literal["light", "dark"]
"""Light ink on black, as in MNIST, or dark ink on white."""


class Progress(Protocol):
    """What long work reports to: the interface of a tqdm bar, as pooch expects it."""

    total: int

    def update(self, n: int) -> object: ...
    def reset(self) -> object: ...
    def close(self) -> object: ...


class Arrays(NamedTuple):
    """Images (n, height, width) and labels (n,), all uint8, for training and for testing."""

    x_train: Images
    y_train: Images
    x_test: Images
    y_test: Images


class Duplicates(NamedTuple):
    """How many images equal another one, pixel by pixel, and which training images are left."""

    train: int
    """Training images that equal an earlier training image."""
    test: int
    """Test images that equal an earlier test image."""
    both: int
    """Training images that equal a test image."""
    kept: npt.NDArray[np.bool_]
    """(n,): the training images that equal no earlier one and no test image."""

    @classmethod
    def of(cls, arrays: Arrays) -> "Duplicates":
        """Those of a data set: 0.5 s for 200,000 images of 28 x 28."""
        train, test = _fingerprints(arrays.x_train), _fingerprints(arrays.x_test)
        first = np.zeros(len(train), dtype=bool)
        first[np.unique(train, return_index=True)[1]] = True
        tested = np.isin(train, test)
        again = len(test) - len(np.unique(test))
        return cls(int((~first).sum()), again, int(tested.sum()), first & ~tested)


def _fingerprints(images: Images) -> npt.NDArray[np.uint64]:
    """A number for each image, the same for equal ones (n,)."""
    digests = (hashlib.blake2b(image, digest_size=8).digest() for image in images)
    return np.frombuffer(b"".join(digests), np.uint64)


@dataclass(frozen=True, eq=False)
class Definition:
    """One data set: what it shows, and which files hold it.

    Raises ValueError for other than 2 to 255 classes, and for a digest without `images`.
    """

    name: str
    """In URLs, on the command line and in the keys of runs: small letters and hyphens."""
    title: str
    year: int
    """Of its publication: the older a set, the earlier in every list."""
    shape: tuple[int, int]
    """Height and width of an image."""
    ink: Ink | None
    """None for photographs, which have neither ink nor paper."""
    class_names: tuple[str, ...]
    one: str
    """What an image shows, with its article: `N_("a digit")`."""
    many: str
    """What the images show: `N_("digits")`."""
    licence: str
    read: Callable[[Path], Arrays]
    """Reads the files in a folder. Raises whatever its reader raises on a damaged file."""
    prepare: Callable[[Path, Progress | None], None] | None = None
    """Called before `read`: makes of the files in a folder, once, what can be read in a moment."""
    unreadable: Callable[[Path], Sequence[str]] | None = None
    """After `prepare`: what the files in a folder hold beside images, by its names."""
    files: tuple[str, ...] = ()
    """Their names; none for a set that comes in an archive, or that `read` makes of nothing."""
    archives: tuple[str, ...] = ()
    """Files each of which holds the set: the first that is there is taken, before `files`."""
    folder: str = ""
    """Where the files lie below a folder of data; empty for the folder itself."""
    home: str = ""
    """The page where a person gets the files; empty if there is a download, or no page any more."""
    url: str = ""
    """The address that the names of the files are added to; empty if there is no download."""
    sha256: tuple[str, ...] = ()
    """Of each file at `url`, in hexadecimal."""
    digest: str = ""
    """`Dataset.digest` of the full set; empty if only its files tell."""
    images: int = 0
    """How many training images the full set has: what has fewer is not complete."""
    about: str = ""
    """How its images were made, where that makes test images easier than they look; a sentence."""
    labels: tuple[int, ...] = ()
    """What its files call the classes, in their order; empty for 0, 1, 2 and so on."""
    upload: int = 300
    """Megabytes of the largest file of it that the teacher may upload."""
    system_folders: tuple[Path, ...] = ()
    sample: Callable[[], Arrays] | None = None
    """Some of the images, or others in their place, for machines without the files."""
    sample_text: Callable[[Callable[[str], str]], str] | None = None
    """What `sample` makes if it is not some of the images, translated by a function."""

    def __post_init__(self) -> None:
        if not 2 <= len(self.class_names) <= 255:
            raise ValueError(f"{self.name} has {len(self.class_names)} classes, not 2 to 255")
        if self.digest and not self.images:
            raise ValueError(f"{self.name} has a digest, but no number of images")

    @property
    def negative(self) -> bool:
        """True if its images are shown as negatives: dark ink on white, as in the lab sheet."""
        return self.ink == "light"

    @property
    def table(self) -> bool:
        """True if its files are tables, with a row for each image."""
        return any(name.endswith(".csv") for name in self.files)

    def label(self, number: int) -> int:
        """What its files call the class of that number."""
        return self.labels[number] if self.labels else number

    def instead(self, origin: str) -> Callable[[Callable[[str], str]], str] | None:
        """What says, translated, which images these are, if they are not of this set at all."""
        return self.sample_text if origin == "sample" else None

    @property
    def ways(self) -> tuple[tuple[str, ...], ...]:
        """The names of its files in every way in which they may come; none for a set without."""
        return (*((name,) for name in self.archives), *filter(None, [self.files]))

    def paths(self, folder: Path) -> list[Path]:
        """Its files, where they lie in a folder: of several ways the first that is there."""
        ways = [[folder / name for name in way] for way in self.ways] or [[]]
        return next((paths for paths in ways if all(map(Path.is_file, paths))), ways[0])


@dataclass(frozen=True)
class Source:
    """Where a data set was found."""

    definition: Definition
    origin: str
    """LAB_DATA, cache, keras, system, sample, upload, or built-in for a set without files."""
    folder: Path
    version: float
    """Changes when a file does, so that a source can stand for its content in a cache."""

    @property
    def files(self) -> list[Path]:
        """The files that hold the data; none for the sample."""
        if self.origin == "sample":
            return []
        return self.definition.paths(self.folder)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels that were checked, read-only, with their origin."""

    definition: Definition
    origin: str
    arrays: Arrays
    unreadable: tuple[str, ...] = ()
    """What its files hold beside images, by its names."""
    undivided: "Dataset | None" = None
    """What it was divided from anew: see core.data.divided."""
    split: int | None = None
    """The seed of that."""

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def x_train(self) -> Images:
        """Training images, (n, height, width)."""
        return self.arrays.x_train

    @property
    def y_train(self) -> Images:
        """Their labels, (n,)."""
        return self.arrays.y_train

    @property
    def x_test(self) -> Images:
        """Test images, (n, height, width)."""
        return self.arrays.x_test

    @property
    def y_test(self) -> Images:
        """Their labels, (n,)."""
        return self.arrays.y_test

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.definition.class_names

    @property
    def whole(self) -> "Dataset":
        """All its images, in the parts in which its files have them."""
        return self.undivided or self

    @cached_property
    def digest(self) -> str:
        """Sha256 over shapes and bytes of the four arrays of the whole, in hexadecimal."""
        if self.undivided:
            return self.undivided.digest
        total = hashlib.sha256()
        for array in self.arrays:
            total.update(repr(array.shape).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    @property
    def complete(self) -> bool:
        """True if these are all the images of the set, in the published order."""
        if self.definition.digest:
            return self.digest == self.definition.digest
        return self.origin != "sample" and len(self.whole.x_train) >= self.definition.images

    @cached_property
    def duplicates(self) -> Duplicates:
        """Its images that equal another one."""
        return Duplicates.of(self.arrays)
