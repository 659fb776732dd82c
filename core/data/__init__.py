"""Data sets of 28 x 28 grey images behind one contract, wherever their files come from.

    locate(name)   where the files are: looks at the disk, reads no image
    load(source)   the images, checked
    obtain(name)   load, after a download if only a sample is on this machine
    fetch(name)    download and verify

A data set is looked for in the folder named by `LAB_DATA`, in `cache/datasets/`, in Keras's own
cache and in system folders. For MNIST a sample of 5,000 images is always there.
"""

from core.data.contract import Dataset, Definition, Source
from core.data.fashion_mnist import FASHION_MNIST
from core.data.files import (
    checksums,
    download_folder,
    fetch,
    load,
    locate,
    obtain,
    present,
)
from core.data.mnist import MNIST
from core.errors import UsageError
from core.i18n import N_

DATASETS: dict[str, Definition] = {d.name: d for d in (MNIST, FASHION_MNIST)}


def definition(name: str) -> Definition:
    """The data set of that name. Raises UsageError if there is none."""
    if name not in DATASETS:
        raise UsageError(
            N_("There is no data set {value}: choose one of {allowed}."),
            value=name,
            allowed=", ".join(DATASETS),
        )
    return DATASETS[name]


__all__ = [
    "DATASETS",
    "Dataset",
    "Definition",
    "Source",
    "checksums",
    "definition",
    "download_folder",
    "fetch",
    "load",
    "locate",
    "obtain",
    "present",
]
