"""What every data set offers, and what its file in this package says about it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]


class Arrays(NamedTuple):
    """Images (n, 28, 28) and labels (n,), all uint8, for training and for testing."""

    x_train: Images
    y_train: Images
    x_test: Images
    y_test: Images


@dataclass(frozen=True, eq=False)
class Definition:
    """One data set: what it is called, which files hold it and how they are read."""

    name: str
    title: str
    class_names: tuple[str, ...]
    licence: str
    folder: str
    """Where its files lie below a folder of data; empty for the folder itself."""
    url: str
    downloads: Mapping[str, str]
    """File name -> sha256 of that file at `url`."""
    digest: str
    """`Dataset.digest` of the full set."""
    read: Callable[[Path], Arrays]
    """Reads the files in a folder. Raises whatever its reader raises on a damaged file."""
    system_folders: tuple[Path, ...] = ()
    sample: Callable[[], Arrays] | None = None


@dataclass(frozen=True)
class Source:
    """Where a data set was found."""

    definition: Definition
    place: str
    """LAB_DATA, cache, keras, system or sample."""
    folder: Path
    version: float
    """Changes when a file does, so that a source can stand for its content in a cache."""

    @property
    def files(self) -> list[Path]:
        """The files that hold the data; none for the sample."""
        if self.place == "sample":
            return []
        return [self.folder / name for name in self.definition.downloads]


@dataclass(frozen=True)
class Dataset:
    """Images and labels that were checked, read-only, with their origin."""

    definition: Definition
    place: str
    arrays: Arrays

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.definition.class_names

    @cached_property
    def digest(self) -> str:
        """Sha256 over shapes and bytes of the four arrays, in hexadecimal."""
        total = hashlib.sha256()
        for array in self.arrays:
            total.update(repr(array.shape).encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    @property
    def complete(self) -> bool:
        """True if these are all the images of the set, in the published order."""
        return self.digest == self.definition.digest
