"""Paths over surfaces are those of Keras's optimizers; the plane is that of the trained network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.charts import surfaces as motion_charts
from core.data.mnist import DATASET as MNIST
from core.networks import structure
from core.networks.build import build
from core.optimizers import surfaces as motion
from core.optimizers.surfaces import SURFACES, Plane
from core.specs import TrainSpec, dense_network, optimizer_spec
from core.training import fit as training


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    sample = MNIST.sample
    assert sample is not None
    arrays = sample()
    return arrays.x_train[:200], arrays.y_train[:200]


@pytest.mark.parametrize("name", SURFACES)
def test_the_minimum_is_the_lowest_point_and_the_gradient_vanishes_there(name: str) -> None:
    surface = SURFACES[name]
    x, y, losses = motion.grid(surface)
    lowest = float(surface.loss(*surface.minimum))
    assert lowest <= losses.min() + 1e-6
    assert losses.shape == (len(y), len(x))
    assert losses[3, 5] == pytest.approx(float(surface.loss(x[5], y[3])), rel=1e-4)
    place = tf.Variable(surface.minimum)
    with tf.GradientTape() as tape:
        loss = surface.loss(place[0], place[1])
    np.testing.assert_allclose(tape.gradient(loss, place), 0, atol=1e-5)
    assert surface.x.low < surface.start[0] < surface.x.high
    assert surface.y.low < surface.start[1] < surface.y.high


def test_sgd_walks_down_the_gradient() -> None:
    [path] = motion.paths("ravine", [optimizer_spec("sgd", 0.1)], (-8.0, 3.0), 20)
    x, y = -8.0, 3.0
    for point, loss in zip(path.points, path.losses, strict=True):
        np.testing.assert_allclose(point, [x, y], rtol=1e-4)
        assert loss == pytest.approx(x * x / 40 + y * y, rel=1e-4)
        x, y = x - 0.1 * x / 20, y - 0.1 * 2 * y
    assert path.points.shape == (21, 2)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "nadam", "lion", "ftrl"])
def test_a_path_is_the_one_of_the_keras_optimizer_stepped_by_hand(name: str) -> None:
    spec = optimizer_spec(name, 0.05)
    [path] = motion.paths("rosenbrock", [spec], (-1.5, 2.0), 10)
    place = keras.Variable(np.array([-1.5, 2.0], np.float32))
    optimizer = spec.keras()
    for step in range(10):
        x, y = place.numpy()
        gradient = [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
        optimizer.apply([np.array(gradient, np.float32)], [place])
        np.testing.assert_allclose(path.points[step + 1], place.numpy(), rtol=1e-3, atol=1e-4)


def test_a_learning_rate_that_is_too_high_leaves_the_numbers() -> None:
    [path] = motion.paths("rosenbrock", [optimizer_spec("sgd", 1.0)], (-1.5, 2.0), 20)
    assert not np.isfinite(path.losses[-1])
    surface = SURFACES["rosenbrock"]
    goal = ("minimum", surface.minimum)
    picture = motion_charts.paths_chart(motion.grid(surface), [("SGD", path)], goal)
    assert np.nanmax(np.abs(picture.data[2].x)) < motion_charts.FAR
    assert np.isnan(picture.data[2].x[-1])
    figure = motion_charts.losses_chart([("SGD", path)])
    assert "NaN" not in figure.to_json()


@pytest.fixture(scope="module")
def plane(digits: tuple[np.ndarray, np.ndarray]) -> Plane:
    model = build(structure.rows(dense_network((16, 8), "tanh"), (28, 28), 10), 0)
    train = TrainSpec(5, 20, 0)
    training.fit(model, optimizer_spec().keras(), *digits, train)
    kernels = model.get_weights()
    layers = list(zip(kernels[::2], kernels[1::2], strict=True))
    return motion.plane(layers, "tanh", *digits)


def network_at(plane: Plane, x: float, y: float) -> keras.Model:
    """The network that a point of the plane stands for, built by Keras."""
    model = build(structure.rows(dense_network((16, 8), "tanh"), (28, 28), 10), 0)
    first, second = plane.directions
    weights = []
    for layer, along, across in zip(plane.layers, first, second, strict=True):
        weights += [w + x * a + y * b for w, a, b in zip(layer, along, across, strict=True)]
    model.set_weights(weights)
    return model


@pytest.mark.parametrize("point", [(0.0, 0.0), (0.5, -0.25), (-1.0, 1.0)])
def test_a_point_of_the_plane_has_the_loss_of_the_network_with_those_weights(
    plane: Plane, point: tuple[float, float]
) -> None:
    model = network_at(plane, *point)
    model.compile(loss="sparse_categorical_crossentropy")
    expected = model.evaluate(plane.images / np.float32(255), plane.labels, verbose=0)
    assert float(motion.plane_loss(plane)(*point)) == pytest.approx(expected, rel=1e-3)


def test_the_picture_of_the_plane_has_the_trained_network_in_its_middle(plane: Plane) -> None:
    x, y, losses = motion.plane_losses(plane)
    middle = len(x) // 2
    assert (x[middle], y[middle]) == (0, 0)
    loss = motion.plane_loss(plane)
    assert losses[middle, middle] == pytest.approx(float(loss(0.0, 0.0)), rel=1e-4)
    assert losses[2, 5] == pytest.approx(float(loss(x[5], y[2])), rel=1e-3)
    [path] = motion.paths(plane, [optimizer_spec("sgd", 0.05)], (-0.8, 0.7), 50)
    assert path.losses[-1] < path.losses[0] - 0.2


def test_directions_are_as_long_as_the_weights_of_each_neuron(plane: Plane) -> None:
    for direction in plane.directions:
        for (kernel, _bias), (along, bias) in zip(plane.layers, direction, strict=True):
            np.testing.assert_allclose(
                np.linalg.norm(along, axis=0), np.linalg.norm(kernel, axis=0), rtol=1e-4
            )
            assert not bias.any()


def test_the_animation_plays_every_path_from_its_start_to_its_end() -> None:
    surface = SURFACES["saddle"]
    specs = [optimizer_spec("sgd", 0.1), optimizer_spec("adam", 0.1)]
    found = motion.paths("saddle", specs, surface.start, 100)
    named = [("SGD", found[0]), ("Adam", found[1])]
    goal = ("minimum", surface.minimum)
    figure = motion_charts.paths_chart(motion.grid(surface), named, goal)
    assert [trace.name for trace in figure.data] == [None, "minimum", "SGD", "Adam"]
    assert len(figure.data[3].x) == 101
    assert [figure.frames[i].name for i in (0, -1)] == ["0", "100"]
    assert len(figure.frames) <= motion_charts.FRAMES + 1
    first, last = figure.frames[0].data, figure.frames[-1].data
    assert [len(trace.x) for trace in (*first, *last)] == [1, 1, 101, 101]
    assert list(figure.frames[0].traces) == [2, 3]
    labels = [button.label for button in figure.layout.updatemenus[0].buttons]
    assert labels == ["▶ Play", "❚❚ Pause"]
    assert "NaN" not in figure.to_json()
