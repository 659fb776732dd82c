"""Data sets of grey images behind one contract, wherever their files come from.

    DATASETS            every data set by its name, from the oldest to the newest
    definition(name)    the one of that name
    locate(definition)  where the files are: looks at the disk, reads no image
    load(source)        the images, checked; an archive is prepared first, once
    divided(data, seed) with some of the training images as test images
    obtain(definition)  load, after a download if only a sample is on this machine
    fetch(definition)   download and verify
    add(definition, ..) keep files that somebody brings
    named(definition)   the names of its files, for a sentence

A data set is a module of this package that defines DATASET, a Definition: nothing else lists it. It
is looked for in the folder named by `LAB_DATA`, in `cache/datasets/`, in Keras's own cache and in
system folders. Without files there are 5,000 images all the same: some of MNIST, and drawn letters
for notMNIST.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from core.data.contract import Dataset, Definition, Source
from core.data.divided import divided
from core.data.files import (
    add,
    at_hand,
    checksums,
    download_folder,
    fetch,
    first_folder,
    load,
    locate,
    named,
    obtain,
    prepare,
    present,
)
from core.errors import UsageError
from core.i18n import N_


def _defined() -> Iterator[Definition]:
    """What the modules of this package call DATASET; also inside of the zip that workers get."""
    for module in pkgutil.iter_modules(__path__):
        found = getattr(import_module(f"{__name__}.{module.name}"), "DATASET", None)
        if found is not None:
            yield found


DATASETS: dict[str, Definition] = {
    found.name: found for found in sorted(_defined(), key=lambda found: (found.year, found.name))
}


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
    "add",
    "at_hand",
    "checksums",
    "definition",
    "divided",
    "download_folder",
    "fetch",
    "first_folder",
    "load",
    "locate",
    "named",
    "obtain",
    "prepare",
    "present",
]
