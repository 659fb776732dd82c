"""Logistic regression: scikit-learn's, as a run of the network that it is."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core import data as datasets
from core import labs
from core.data.mnist import DATASET as MNIST
from core.errors import UsageError
from core.networks import structure
from core.networks.build import build
from core.specs import DataSpec, RunSpec, TrainSpec, changed, dense_network
from core.training import evaluation, logistic
from core.training.fit import Moment

TRAIN = TrainSpec(epochs=30, batch_size=128, validation_split=0.2, solver="logistic")


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    data = datasets.load(datasets.locate(MNIST))
    return data.x_train[:500], data.y_train[:500]


def test_the_network_says_what_scikit_learn_says(images: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = images
    model = build(structure.rows(dense_network(), (28, 28), 10), 0)
    found = logistic.fit(model, x, y, TRAIN, lambda moment: None, (x, y))
    flat = x.reshape(len(x), -1) / np.float32(255)
    known = LogisticRegression(max_iter=1000).fit(flat[:400], y[:400])
    np.testing.assert_allclose(
        evaluation.predict(model, x), known.predict_proba(flat), rtol=0, atol=1e-3
    )
    [row] = found.epochs
    assert row.epoch == TRAIN.epochs
    assert row.accuracy == pytest.approx(known.score(flat[:400], y[:400]))
    assert row.val_accuracy == pytest.approx(known.score(flat[400:], y[400:]))


def test_while_it_searches_it_says_that_it_lives_and_can_be_stopped(
    images: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = images
    model = build(structure.rows(dense_network(), (28, 28), 10), 0)
    said: list[Moment] = []
    logistic.fit(model, x, y, TRAIN, said.append, (x, y))
    assert said
    assert {(one.epochs == [], one.finished) for one in said} == {(True, False)}

    def stop(moment: Moment) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        logistic.fit(model, x, y, TRAIN, stop, (x, y))


def test_a_class_without_images_is_never_said(images: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = images
    model = build(structure.rows(dense_network(), (28, 28), 10), 0)
    logistic.fit(model, x[y != 3], y[y != 3], TRAIN, lambda moment: None, (x, y))
    assert 3 not in evaluation.predict(model, x).argmax(axis=1)


def test_it_is_for_networks_without_a_hidden_layer() -> None:
    spec = labs.choose("digits", "3", DataSpec("mnist"), {}).spec
    with pytest.raises(UsageError, match="no hidden layer"):
        changed(spec, {"train": {"solver": "logistic"}})
    one = changed(spec, {"network": dense_network(), "train": {"solver": "logistic"}})
    assert RunSpec.from_dict(one.to_dict()) == one
    assert one.key != changed(spec, {"network": dense_network()}).key
