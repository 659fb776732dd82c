"""A data set divided anew: some of its training images are the test images."""

from functools import lru_cache

import numpy as np

from core.data.contract import Arrays, Dataset
from core.errors import DataError
from core.i18n import N_

SHARE = 0.3
"""The part of the training images of each class that is tested on, as in lab C6."""


def divided(data: Dataset, split: int | None) -> Dataset:
    """The data set with SHARE of its training images as test images, and both parts shuffled.

    Its own test images are in no part then. It is what scikit-learn's `train_test_split` gives for
    the labels as `stratify` and `split` as `random_state`. Without a split it is the data set as
    its files have it. Raises DataError for too few images to divide.
    """
    return data.whole if split is None else _divided(data.whole, split)


@lru_cache(maxsize=4)
def _divided(whole: Dataset, split: int) -> Dataset:
    from sklearn.model_selection import train_test_split  # a second, for those who divide

    x, y = whole.x_train, whole.y_train
    try:
        train, test = train_test_split(
            np.arange(len(y)), test_size=SHARE, stratify=y, random_state=split
        )
    except ValueError as error:
        raise DataError(
            N_("{title} has too few images of a class here to be divided into two parts."),
            title=whole.definition.title,
        ) from error
    arrays = Arrays(x[train], y[train], x[test], y[test])
    for array in arrays:
        array.flags.writeable = False
    return Dataset(whole.definition, whole.origin, arrays, whole.unreadable, whole, split)
