"""Images are changed a little, each in its own way, and as the seed says."""

import numpy as np
import pytest

from core import data as datasets
from core.data.contract import Ink
from core.data.mnist import DATASET as MNIST
from core.networks import structure
from core.networks.build import build
from core.specs import TrainSpec, dense_network, optimizer_spec
from core.specs.train import AUGMENTATIONS
from core.training.augmentation import DISTORTIONS, SHIFT, distort, distortion
from core.training.fit import fit


def changed(images: np.ndarray, *seed: int, ink: Ink = "light") -> np.ndarray:
    return np.asarray(distort(images, np.array(seed, np.int32), ink))


def test_every_augmentation_has_its_function() -> None:
    assert list(DISTORTIONS) == list(AUGMENTATIONS)
    assert distortion("none", "light") is None
    assert distortion("handwriting", "light") is not None


@pytest.fixture
def squares() -> np.ndarray:
    images = np.zeros((200, 28, 28), np.float32)
    images[:, 9:19, 11:17] = 1
    return images


def test_shape_and_range_stay(squares: np.ndarray) -> None:
    found = changed(squares, 1, 2)
    assert found.shape == squares.shape
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_seed_decides(squares: np.ndarray) -> None:
    np.testing.assert_array_equal(changed(squares, 1, 2), changed(squares, 1, 2))
    assert (changed(squares, 1, 2) != changed(squares, 1, 3)).any()
    assert (changed(squares, 1, 2) != changed(squares, 2, 2)).any()


def test_each_image_is_changed_in_its_own_way_about_the_middle(squares: np.ndarray) -> None:
    found = changed(squares, 5, 0)
    assert len({image.tobytes() for image in found}) == len(found)
    mass = found.sum(axis=(1, 2))
    rows = (found.sum(axis=2) * np.arange(28)).sum(axis=1) / mass
    columns = (found.sum(axis=1) * np.arange(28)).sum(axis=1) / mass
    for middle in (rows, columns):
        assert np.abs(middle - 13.5).max() < SHIFT * 1.6
        assert middle.mean() == pytest.approx(13.5, abs=0.4)
        assert middle.std() > 0.5


def test_strokes_become_thinner_and_thicker(squares: np.ndarray) -> None:
    mass = changed(squares, 0, 0).sum(axis=(1, 2))
    assert mass.min() < 0.7 * 60
    assert mass.max() > 1.3 * 60


def test_nothing_stays_nothing() -> None:
    assert not changed(np.zeros((3, 28, 28), np.float32), 0, 0).any()


def test_images_that_are_no_squares_are_moved_by_the_same_part_of_their_sides() -> None:
    images = np.zeros((300, 28, 56), np.float32)
    images[:, 9:19, 23:33] = 1
    found = changed(images, 3, 4)
    assert found.shape == images.shape
    mass = found.sum(axis=(1, 2))
    rows = (found.sum(axis=2) * np.arange(28)).sum(axis=1) / mass
    columns = (found.sum(axis=1) * np.arange(56)).sum(axis=1) / mass
    assert rows.mean() == pytest.approx(13.5, abs=0.4)
    assert columns.mean() == pytest.approx(27.5, abs=0.5)
    assert np.abs(rows - 13.5).max() < SHIFT * 1.6
    assert SHIFT * 1.6 < np.abs(columns - 27.5).max() < SHIFT * 2 * 1.6


def test_dark_ink_moves_over_white_paper(squares: np.ndarray) -> None:
    light, dark = changed(squares, 1, 2), changed(1 - squares, 1, 2, ink="dark")
    np.testing.assert_allclose(dark, 1 - light, atol=1e-6)
    assert (changed(np.ones((3, 20, 24), np.float32), 0, 0, ink="dark") == 1).all()


def test_a_network_without_convolutions_learns_from_distorted_images_too() -> None:
    data = datasets.load(datasets.locate(MNIST))
    train = TrainSpec(epochs=2, batch_size=100, validation_split=0, augmentation="handwriting")
    network = build(structure.rows(dense_network((64,)), (28, 28), 10), train.seed)
    found = fit(
        network,
        optimizer_spec().keras(),
        data.x_train,
        data.y_train,
        train,
        distort=distortion(train.augmentation, "light"),
    )
    assert found.epochs[1].accuracy > found.epochs[0].accuracy
