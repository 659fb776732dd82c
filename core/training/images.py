"""The images that a run names, as far as this process can have them."""

import threading
from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt

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
    """The images that a spec names, divided as it says. Raises MissingData if they are not here.

    A worker on another machine is then sent them: see `receive`.
    """
    return datasets.divided(_whole(spec), spec.split)


def _whole(spec: DataSpec) -> Dataset:
    """The images, kept in memory."""
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

    Raises DataError as `used` does.
    """
    data = datasets.divided(data, spec.split)
    x, y, *test = data.arrays
    if spec.unique or spec.without or spec.draw is not None:
        numbers = used(data, spec)
        return Arrays(x[numbers], y[numbers], *test)
    return Arrays(x[: spec.images], y[: spec.images], *test)


def used(data: Dataset, spec: DataSpec) -> npt.NDArray[np.intp]:
    """Which training images of a data set a run uses, by their numbers, in their order.

    First those go that equal another image, if they are to, then those after the first so many, and
    last those that are left out by their numbers. With a draw they are in an order in which the
    classes take turns, so that few images have each class about equally often. With a split the
    numbers are those of the divided set. Raises DataError for a number that none has.
    """
    data = datasets.divided(data, spec.split)
    if spec.without and spec.without[-1] >= len(data.x_train):
        raise DataError(
            N_("There is no training image {number} to leave out: {title} has {n} here."),
            number=spec.without[-1],
            title=data.definition.title,
            n=len(data.x_train),
        )
    numbers = np.flatnonzero(data.duplicates.kept) if spec.unique else np.arange(len(data.x_train))
    if spec.draw is not None:
        numbers = np.random.default_rng(spec.draw).permutation(numbers)
        numbers = numbers[_taking_turns(data.y_train[numbers])]
    numbers = numbers[: spec.images]
    return numbers[~np.isin(numbers, spec.without)]


def _taking_turns(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """The places of labels (n,) in an order in which those of each class stay as they are."""
    turn = np.empty(len(labels), np.intp)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        turn[places] = np.arange(len(places))
    return np.argsort(turn, kind="stable")


def available(data: Dataset, spec: DataSpec) -> int:
    """How many training images there are for a run, before it takes the first so many."""
    data = datasets.divided(data, spec.split)
    return int(data.duplicates.kept.sum()) if spec.unique else len(data.x_train)


def receive(data: Dataset) -> None:
    """Keep images, such as those that this machine has not, as long as the process lives."""
    _received[data.digest] = data.whole


@cache
def _load_source(source: datasets.Source) -> Dataset:
    return datasets.load(source)
