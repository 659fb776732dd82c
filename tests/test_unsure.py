"""When an answer counts as unsure: the three thresholds, as the lab promises them in figures."""

import math

import numpy as np
import pytest

from core.data import Dataset
from core.data.contract import Arrays
from core.data.mnist import DATASET as MNIST
from core.drawing import recognition
from core.drawing.preparation import Drawing


class Says:
    """A network that gives its answer this probability, whatever it is shown."""

    def __init__(self, probability: float) -> None:
        self._row = np.array([1 - probability, probability], np.float32)

    def probabilities(self, digits: np.ndarray) -> np.ndarray:
        return np.tile(self._row, (len(digits), 1))


def unsure(probability: float = 0.99, similarity: float = 1.0, thickness: float = 0.1) -> bool:
    """Whether a drawing is unsure that is so much like the only known image."""
    known, other = np.zeros((2, 28, 28))
    known[5:11, 5:23], other[17:23, 5:23] = 1, 1  # too far apart to meet when they are blurred
    digit = 255 * (similarity * known + math.sqrt(1 - similarity**2) * other)
    drawing = Drawing(np.rint(digit).astype(np.uint8), {}, blank=False, thickness=thickness)
    images, labels = (255 * known[np.newaxis]).astype(np.uint8), np.zeros(1, np.uint8)
    data = Dataset(MNIST, "sample", Arrays(images, labels, images, labels))
    reference = recognition.reference(data)
    [answer] = recognition.recognise(Says(probability), [drawing], reference)  # type: ignore[arg-type]
    assert answer.similarity == pytest.approx(similarity, abs=0.002)
    assert answer.certainty == pytest.approx(probability)
    return answer.unsure


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.6, True), (0.795, True), (0.8, False), (0.805, False)]
)
def test_a_probability_below_0_8_is_unsure(probability: float, expected: bool) -> None:
    assert unsure(probability=probability) is expected


@pytest.mark.parametrize(
    ("similarity", "expected"), [(0.7, True), (0.895, True), (0.905, False), (0.99, False)]
)
def test_a_similarity_below_0_9_is_unsure(similarity: float, expected: bool) -> None:
    assert unsure(similarity=similarity) is expected


@pytest.mark.parametrize(
    ("thickness", "expected"), [(0.02, False), (0.275, False), (0.28, False), (0.285, True)]
)
def test_strokes_thicker_than_0_28_are_unsure(thickness: float, expected: bool) -> None:
    assert unsure(thickness=thickness) is expected
