"""The gradients of layers are Keras's, and what they show is what the lesson says."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf

from core import data as datasets
from core.charts.gradients import common_limits, gradient_norms
from core.data.mnist import DATASET as MNIST
from core.networks import structure
from core.networks.build import build
from core.specs import DataSpec, RunSpec, TrainSpec, changed, dense_network, optimizer_spec
from core.training.gradients import EPOCHS, IMAGES, PROBE, Gradients, gradients, spec_for


def images() -> datasets.Dataset:
    return datasets.load(datasets.locate(MNIST))


@cache
def found(activation: str, rate: float = 0.1, normalised: bool = False) -> Gradients:
    base = RunSpec(
        DataSpec.of(images()), dense_network(), optimizer_spec("sgd", rate), TrainSpec(1, 1, 0)
    )
    spec = spec_for(base, 3, activation, normalised)
    return gradients(changed(spec, {"data": {"images": 600}, "train": {"epochs": 3}}))


def test_before_the_training_they_are_those_of_the_first_weights() -> None:
    data = images()
    model = build(structure.rows(dense_network([64] * 3, "tanh"), (28, 28), 10), 0)
    with tf.GradientTape() as tape:
        outputs = model(data.x_train[:PROBE].astype(np.float32) / 255)
        truth = keras.utils.to_categorical(data.y_train[:PROBE], 10)
        loss = tf.reduce_mean(keras.losses.categorical_crossentropy(truth, outputs))
    kernels = [weights for weights in model.trainable_variables if weights.name == "kernel"]
    known = [np.linalg.norm(gradient.numpy()) for gradient in tape.gradient(loss, kernels)]
    np.testing.assert_allclose(found("tanh").norms[0], known, rtol=1e-3)


def test_there_is_a_row_before_the_training_and_one_for_each_epoch() -> None:
    one = found("tanh")
    assert one.norms.shape == (4, 4)
    assert one.silent.shape == (4, 3)
    assert one.accuracy[-1] > one.accuracy[0] + 0.3
    assert (one.norms[1:] != one.norms[:-1]).all()


def test_with_sigmoid_little_is_left_for_the_first_layer() -> None:
    sigmoid, tanh = found("sigmoid").norms[0], found("tanh").norms[0]
    assert sigmoid[0] / sigmoid[-1] < 0.1 < tanh[0] / tanh[-1]


def test_batch_normalisation_keeps_the_gradient_of_the_first_layer() -> None:
    plain, normalised = found("sigmoid").norms[0], found("sigmoid", normalised=True).norms[0]
    assert normalised[0] / normalised[-1] > 3 * plain[0] / plain[-1]


@pytest.mark.slow
def test_units_of_relu_may_die_and_others_do_not() -> None:
    assert found("relu", rate=10.0).silent[-1].max() > 0.5
    assert found("relu").silent[0].max() < 0.2
    assert not found("tanh").silent.any()


def test_charts_of_networks_share_an_axis() -> None:
    pair = [found("sigmoid"), found("relu")]
    low, high = common_limits(pair)
    assert low <= min(one.norms[one.norms > 0].min() for one in pair)
    assert high >= max(one.norms.max() for one in pair)
    figure = gradient_norms(pair[0], (low, high))
    assert [trace.name for trace in figure.data] == ["layer 1", "layer 2", "layer 3", "output"]
    assert figure.layout.yaxis.range == pytest.approx((np.log10(low), np.log10(high)))


def test_the_page_looks_at_few_images() -> None:
    base = RunSpec(
        DataSpec("mnist"), dense_network(), optimizer_spec(), TrainSpec(50, 128, 0.2, seed=4)
    )
    spec = spec_for(base, 5, "relu", True)
    assert spec.data.images == IMAGES
    assert (spec.train.epochs, spec.train.seed) == (EPOCHS, 4)
    assert len(spec.network.hidden) == 5
