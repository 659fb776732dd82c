"""The images that a run names, as far as this process can have them."""

import threading
from contextlib import suppress
from functools import cache

from core import data as datasets
from core.data import Dataset
from core.data.contract import Arrays
from core.errors import DataError, MissingData
from core.i18n import N_
from core.specs import DataSpec

_received: dict[str, Dataset] = {}
"""Data sets by their digest, which this machine has not but was sent, or which are in memory."""

_loading = threading.Lock()
"""Trainings and short questions run on several threads of a process."""


def load(spec: DataSpec) -> Dataset:
    """The images that a spec names, kept in memory. Raises MissingData if this machine has others.

    A worker on another machine is then sent them: see `receive`.
    """
    with _loading:
        if spec.digest in _received:
            return _received[spec.digest]
        with suppress(DataError):
            data = _load_source(datasets.locate(datasets.definition(spec.name)))
            if data.digest == spec.digest:
                return data
    raise MissingData(
        N_("The {title} images changed since this run was chosen: open the page again."),
        title=datasets.definition(spec.name).title,
        data=spec,
    )


def chosen(data: Dataset, spec: DataSpec) -> Arrays:
    """The arrays that a run uses of a data set: all, or some of the training images only.

    First those go that equal another image, if they are to, then those after the first so many.
    """
    x, y, *test = data.arrays
    if spec.unique:
        kept = data.duplicates.kept
        x, y = x[kept], y[kept]
    return Arrays(x[: spec.images], y[: spec.images], *test)


def available(data: Dataset, spec: DataSpec) -> int:
    """How many training images there are for a run, before it takes the first so many."""
    return int(data.duplicates.kept.sum()) if spec.unique else len(data.x_train)


def receive(data: Dataset) -> None:
    """Keep images, such as those that this machine has not, as long as the process lives."""
    _received[data.digest] = data


@cache
def _load_source(source: datasets.Source) -> Dataset:
    return datasets.load(source)
