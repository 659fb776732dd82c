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
    """The arrays that a run uses of a data set: all, or the first training images only."""
    arrays = data.arrays
    return arrays._replace(
        x_train=arrays.x_train[: spec.images], y_train=arrays.y_train[: spec.images]
    )


def receive(data: Dataset) -> None:
    """Keep images, such as those that this machine has not, as long as the process lives."""
    _received[data.digest] = data


@cache
def _load_source(source: datasets.Source) -> Dataset:
    return datasets.load(source)
