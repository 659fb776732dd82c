"""Images are changed a little, each in its own way, and as the seed says."""

import numpy as np
import pytest
import tensorflow as tf

from core import data as datasets
from core.data.contract import Ink
from core.data.mnist import DATASET as MNIST
from core.networks import structure
from core.networks.build import build
from core.specs import TrainSpec, dense_network, optimizer_spec
from core.specs.augmentation import Moves, augmentation_words
from core.training.augmentation import SHIFT, distort, distortion, move
from core.training.fit import fit
from core.training.moves import moved


def changed(images: np.ndarray, *seed: int, ink: Ink = "light") -> np.ndarray:
    return np.asarray(distort(images, np.array(seed, np.int32), ink))


REPORT = {"rotation_range": 10, "shear_range": 0.1, "zoom_range": 0.075} | dict.fromkeys(
    ("width_shift_range", "height_shift_range"), 0.05
)
"""What the report on hand signs gives to Keras's generator."""


def test_moves_are_those_of_keras_s_generator() -> None:
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    image = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    for changes, moves in (
        ({}, Moves()),
        ({"rotation_range": 90, "shear_range": 30, "zoom_range": 0.5}, Moves(90, 0.05, 30, 0.5)),
    ):
        generator = ImageDataGenerator(**(REPORT | changes))
        drawn = [generator.get_random_transform((28, 28, 1), seed) for seed in range(40)]
        expected = [generator.apply_transform(image[..., None] * 1.0, one)[..., 0] for one in drawn]
        draws = np.array(
            [
                (
                    one["theta"] / moves.rotation,
                    one["tx"] / 28 / moves.shift,
                    one["ty"] / 28 / moves.shift,
                    one["shear"] / moves.shear,
                    (one["zx"] - 1) / moves.zoom,
                    (one["zy"] - 1) / moves.zoom,
                )
                for one in drawn
            ]
        ).T
        assert (abs(draws).max(axis=1) > 0.85).all(), "they reach as far"
        assert (abs(draws).max(axis=1) <= 1).all(), "and no further"
        assert abs(moved(image, moves, draws) - np.array(expected)).max() < 0.51  # rounded


@pytest.mark.parametrize("shape", [(28, 28), (20, 24)])
def test_training_moves_images_as_numpy_does(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    draws = tf.random.stateless_uniform([6, 30], [3, 4], -1.0, 1.0).numpy()
    shown = moved(image, Moves(), draws)
    trained = move(tf.constant(np.stack([image] * 30) / np.float32(255)), [3, 4], Moves())
    assert abs(shown - 255 * trained.numpy()).max() < 0.55
    assert len({one.tobytes() for one in shown}) == 30


def test_each_kind_of_move_alone_and_none() -> None:
    image = np.zeros((9, 15), np.uint8)
    image[3:6, 5:10] = 200
    most = np.ones((6, 1))
    nothing = dict.fromkeys(("rotation", "shift", "shear", "zoom"), 0.0)
    np.testing.assert_array_equal(moved(image, Moves(**nothing), most)[0], image)
    shifted = moved(image, Moves(**(nothing | {"shift": 0.2})), most)[0]
    np.testing.assert_allclose(np.argwhere(shifted > 190).mean(axis=0), [4 - 1.8, 7 - 3], atol=0.6)
    turned = moved(image, Moves(**(nothing | {"rotation": 180})), most)[0]
    np.testing.assert_array_equal(turned, image[::-1, ::-1])
    zoomed = moved(image, Moves(**(nothing | {"zoom": 0.5})), most)[0]
    assert zoomed.sum() / image.sum() == pytest.approx(1 / 1.5**2, rel=0.2)


def test_every_augmentation_has_its_function(squares: np.ndarray) -> None:
    assert distortion("none", "light") is None
    for name in ("handwriting", "moves", "moves rotation=90"):
        found = distortion(name, "light")
        assert found is not None
        assert found(squares, [1, 2]).shape == squares.shape


def test_augmentations_in_words() -> None:
    assert augmentation_words("handwriting", str) == "as if drawn by others"
    assert augmentation_words("moves zoom=0", str) == (
        "turned up to 10°, shifted 5%, sheared 0.1°, zoomed 0%"
    )


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
