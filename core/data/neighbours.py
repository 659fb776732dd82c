"""Which images are most like another one."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from core.data.contract import Dataset, Images

AT_ONCE = 4096
"""Images among which one is looked for together: as numbers of 4 bytes that takes 13 MB."""


class Neighbours(NamedTuple):
    """The images that are most like each of some others, the most similar first."""

    numbers: npt.NDArray[np.intp]
    """(n, most)"""
    similarity: npt.NDArray[np.float32]
    """Correlation of the pixels (n, most), at most 1: what is only brighter, or has more contrast,
    is the same."""


def nearest(images: Images, among: Images, most: int = 1) -> Neighbours:
    """Those of `among` that are most like each of `images`, both uint8 (n, height, width)."""
    most = min(most, len(among))
    wanted = _vectors(images)
    numbers = np.empty((len(images), 0), np.intp)
    similarity = np.empty((len(images), 0), np.float32)
    for start in range(0, len(among), AT_ONCE):
        part = _vectors(among[start : start + AT_ONCE])
        similarity = np.hstack([similarity, wanted @ part.T])
        counted = np.arange(start, start + len(part))
        numbers = np.hstack([numbers, np.tile(counted, (len(images), 1))])
        best = np.argpartition(-similarity, most - 1, axis=1)[:, :most]
        numbers, similarity = _take(best, numbers, similarity)
    return Neighbours(*_take(np.argsort(-similarity, axis=1), numbers, similarity))


def _take(
    places: npt.NDArray[np.intp],
    numbers: npt.NDArray[np.intp],
    similarity: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """What stands at these places of each row of both."""
    return (
        np.take_along_axis(numbers, places, axis=1),
        np.take_along_axis(similarity, places, axis=1),
    )


def _vectors(images: Images) -> npt.NDArray[np.float32]:
    """Pixels as vectors of mean 0 and length 1 (n, pixels); of an image of one shade zeros."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def copied(data: Dataset, images: int) -> float:
    """For which part of its first test images the most similar training image has their label.

    So many are right who learn nothing and only look for the picture that they saw before.
    """
    x, y = data.x_test[:images], data.y_test[:images]
    [found] = nearest(x, data.x_train).numbers.T
    return float((data.y_train[found] == y).mean())
