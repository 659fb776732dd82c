import math

import keras
import numpy as np
import pytest

from core.networks import structure
from core.networks.build import build
from core.networks.known import SIGNS
from core.training.evaluation import NUMBERS, batch_size, evaluate, predict

LOGITS = math.log(18)  # softmax of one 18-fold class beside nine others: 18 / 27 and 1 / 27


@pytest.fixture
def model() -> keras.Model:
    """It answers the class of the bright pixel in the first row with 2/3, any other with 1/27."""
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    kernel = np.zeros((784, 10), np.float32)
    kernel[range(10), range(10)] = LOGITS
    model.set_weights([kernel, np.zeros(10, np.float32)])
    return model


def images(*classes: int) -> np.ndarray:
    """Images that the model above takes for these classes."""
    x = np.zeros((len(classes), 28, 28), np.uint8)
    x[range(len(classes)), 0, classes] = 255
    return x


def test_probabilities_are_of_images_scaled_to_one(model: keras.Model) -> None:
    probabilities = predict(model, images(3))
    assert probabilities.shape == (1, 10)
    assert probabilities.dtype == np.float32
    expected = np.full(10, 1 / 27)
    expected[3] = 2 / 3
    np.testing.assert_allclose(probabilities[0], expected, rtol=1e-5)


def test_figures_are_those_worked_out_by_hand(model: keras.Model) -> None:
    # Three zeros, of which one is taken for a 1; two ones; one 2 taken for a 0.
    truth = np.array([0, 0, 0, 1, 1, 2], np.uint8)
    result = evaluate(model, images(0, 0, 1, 1, 1, 0), truth)
    assert result.misclassified == 2
    assert result.accuracy == pytest.approx(4 / 6)
    # Four times -ln 2/3 and twice -ln 1/27.
    assert result.loss == pytest.approx((4 * math.log(1.5) + 2 * math.log(27)) / 6, rel=1e-5)
    assert result.probabilities.argmax(axis=1).tolist() == [0, 0, 1, 1, 1, 0]


def test_rows_of_the_confusion_matrix_are_true_classes(model: keras.Model) -> None:
    result = evaluate(model, images(0, 0, 1, 1, 1, 0), np.array([0, 0, 0, 1, 1, 2], np.uint8))
    expected = np.zeros((10, 10), int)
    expected[0, 0], expected[0, 1], expected[1, 1], expected[2, 0] = 2, 1, 2, 1
    assert result.confusion == expected.tolist()


def test_figures_of_each_class_and_zero_for_one_never_predicted(model: keras.Model) -> None:
    result = evaluate(model, images(0, 0, 1, 1, 1, 0), np.array([0, 0, 0, 1, 1, 2], np.uint8))
    names = ("precision", "recall", "f1", "support")
    rows = [tuple(row[name] for name in names) for row in result.per_class]
    assert rows[0] == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert rows[1] == pytest.approx((2 / 3, 1, 0.8, 2))
    assert rows[2] == pytest.approx((0, 0, 0, 1))
    assert rows[3:] == [(0, 0, 0, 0)] * 7


def test_a_network_that_knows_everything_has_no_mistakes(model: keras.Model) -> None:
    truth = np.arange(10, dtype=np.uint8)
    result = evaluate(model, images(*range(10)), truth)
    assert (result.misclassified, result.accuracy) == (0, 1.0)
    assert result.confusion == np.eye(10, dtype=int).tolist()


def test_more_images_than_one_batch_keep_their_order(model: keras.Model) -> None:
    classes = np.random.default_rng(0).integers(0, 10, 5000)
    result = evaluate(model, images(*classes), classes.astype(np.uint8))
    assert result.misclassified == 0
    assert len(result.probabilities) == 5000


def test_a_network_that_makes_many_numbers_is_asked_about_fewer_images_at_once(
    model: keras.Model,
) -> None:
    signs = build(structure.rows(SIGNS, (28, 28), 24), 0)
    assert batch_size(model) == 2048
    assert 256 <= batch_size(signs) <= NUMBERS / (28 * 28 * 64)
