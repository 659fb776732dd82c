"""When an answer is to be believed."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import data as datasets
from core.data import Source
from core.data.mnist import DATASET as MNIST
from core.drawing import recognition
from core.drawing.preparation import Drawing
from core.drawing.recognition import ALIKE, SURE, THICK
from tests import toy


class Says:
    """A network that always says the same."""

    def __init__(self, *probabilities: float) -> None:
        self._row = np.array(probabilities, np.float32)

    def probabilities(self, digits: np.ndarray) -> np.ndarray:
        return np.tile(self._row, (len(digits), 1))


SURELY_1 = Says(0.1, 0.9)


DATA = datasets.load(Source(MNIST, "sample", Path(), 0.0))
TOY = datasets.load(datasets.locate(toy.DATASET))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return DATA.arrays.x_train


def drawing(digit: np.ndarray, *, blank: bool = False, thickness: float = 0.1) -> Drawing:
    return Drawing(digit, {}, blank, thickness)


def only(network: Says, digit: np.ndarray, **how: Any) -> recognition.Answer:
    known = recognition.reference(DATA)
    [answer] = recognition.recognise(network, [drawing(digit, **how)], known)  # type: ignore[arg-type]
    return answer


def test_a_known_image_with_a_large_probability_is_sure(images: np.ndarray) -> None:
    answer = only(SURELY_1, images[7])
    assert (answer.label, answer.unsure) == (1, False)
    assert answer.certainty == pytest.approx(0.9)
    assert answer.similarity == pytest.approx(1, abs=1e-5)


def test_a_small_probability_is_unsure(images: np.ndarray) -> None:
    assert not only(Says(1 - SURE, SURE), images[7]).unsure
    assert only(Says(1.01 - SURE, SURE - 0.01), images[7]).unsure


def test_a_picture_like_no_other_is_unsure_whatever_the_network_says(images: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    answer = only(SURELY_1, noise)
    assert answer.similarity < ALIKE
    assert answer.unsure


def test_a_patch_is_unsure_whatever_the_network_says(images: np.ndarray) -> None:
    assert not only(SURELY_1, images[7], thickness=THICK).unsure
    assert only(SURELY_1, images[7], thickness=THICK + 0.01).unsure


def test_nothing_drawn_is_no_class(images: np.ndarray) -> None:
    answer = only(SURELY_1, np.zeros((28, 28), np.uint8), blank=True)
    assert answer.label is None
    assert answer.unsure
    np.testing.assert_allclose(answer.probabilities, [0.5, 0.5])


def test_a_diverged_network_is_unsure_without_a_warning(images: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert only(Says(float("nan"), float("nan")), images[7]).unsure


def test_the_most_similar_image_is_found(images: np.ndarray) -> None:
    known = recognition.reference(DATA)
    moved = np.roll(images[11], 1, axis=0)
    [(index, similarity), (other, _)] = recognition.most_similar(
        [drawing(moved), drawing(images[12])], known
    )
    assert (index, other) == (11, 12)
    assert 0.8 < similarity < 1


def test_no_drawings_no_answers() -> None:
    assert recognition.recognise(SURELY_1, [], recognition.reference(DATA)) == []  # type: ignore[arg-type]


def test_dark_ink_is_compared_by_its_ink_and_not_by_its_paper() -> None:
    """All pictures that are mostly white are alike if their white counts."""
    known = recognition.reference(TOY)
    image = TOY.arrays.x_train[4]
    dot = np.full_like(image, 255)
    dot[2, 2] = 0
    [(same, whole), (_, little)] = recognition.most_similar([drawing(image), drawing(dot)], known)
    assert (same, round(whole, 3)) == (4, 1)
    assert little < 0.4
