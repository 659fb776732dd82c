"""How optimizers move over a loss surface of two dimensions; every update is Keras's own.

A surface is a function of x and y: a classic one, or the loss of a trained network in a plane
through its weights. Paths are computed where TensorFlow is, in a worker: `paths` and `plane_losses`
import it when they are called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from core.data.contract import Images
from core.fields import Limit
from core.i18n import N_
from core.specs import OptimizerSpec

Floats = npt.NDArray[np.float32]
Loss = Callable[[Any, Any], Any]
"""x and y, numbers or arrays or tensors, to the loss."""

STEPS = Limit(10, 300)
GRID = 61
"""Points along each side of the picture of a surface."""
PLANE_GRID = 31
REACH = 1.0
"""How far the picture of a plane goes, along both directions."""
PLANE_IMAGES = 1000
"""Training images that the loss of a trained network is the mean over."""


class Surface(NamedTuple):
    """A classic test of optimizers."""

    title: str
    formula: str
    """LaTeX."""
    loss: Loss
    x: Limit
    y: Limit
    start: tuple[float, float]
    minimum: tuple[float, float]
    lesson: str
    rates: dict[str, float]
    """Learning rates that suit it; Keras's defaults are for networks and hardly move here."""


SURFACES = {
    "ravine": Surface(
        N_("Ravine"),
        r"L = \frac{x^2}{40} + y^2",
        lambda x, y: x * x / 40 + y * y,
        Limit(-10.0, 10.0),
        Limit(-4.0, 4.0),
        (-8.0, 3.0),
        (0.0, 0.0),
        N_("Steep across, flat along. SGD crawls along it; momentum at the same rate hurries."),
        {"rmsprop": 0.2, "adam": 0.3, "adagrad": 1.0, "adadelta": 10.0, "ftrl": 1.0},
    ),
    "saddle": Surface(
        N_("Saddle"),
        r"L = \frac{x^2}{4} - \frac{y^2}{4} + \frac{y^4}{32}",
        lambda x, y: x * x / 4 - y * y / 4 + y * y * y * y / 32,
        Limit(-4.0, 4.0),
        Limit(-4.0, 4.0),
        (-3.5, 0.01),
        (0.0, 2.0),
        N_("Flat in the middle: down along y, up along x. Who leaves the saddle first?"),
        {"adadelta": 10.0},
    ),
    "rosenbrock": Surface(
        N_("Rosenbrock's banana"),
        r"L = (1 - x)^2 + 100 (y - x^2)^2",
        lambda x, y: (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x),
        Limit(-2.0, 2.0),
        Limit(-1.0, 3.0),
        (-1.5, 2.0),
        (1.0, 1.0),
        N_("A bent valley with steep walls. The valley is found soon; the way along it is long."),
        {"sgd": 0.001, "rmsprop": 0.02, "adadelta": 10.0, "lion": 0.02},
    ),
}
"""Those whose formulas stand in many texts on optimization; Rosenbrock (1960)."""

RATE = 0.1
"""The learning rate on a classic surface that names no other."""


class Path(NamedTuple):
    """Where an optimizer was before its first step and after each."""

    points: Floats
    """(steps + 1, 2): x and y. NaN from where it diverged."""
    losses: Floats
    """(steps + 1,)"""


@dataclass(frozen=True)
class Plane:
    """A plane through the weights of a trained dense network, and images to measure the loss on.

    The point (x, y) stands for weights + x * first direction + y * second direction. (0, 0) is the
    trained network.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    """Kernel and bias of each layer."""
    directions: tuple[tuple[tuple[Floats, Floats], ...], ...]
    """Two, shaped like the layers."""
    activation: str
    images: Images
    labels: Images


def grid(surface: Surface) -> tuple[Floats, Floats, Floats]:
    """x (GRID,), y (GRID,) and the losses (GRID, GRID), a row for each y."""
    x = np.linspace(*surface.x, GRID, dtype=np.float32)
    y = np.linspace(*surface.y, GRID, dtype=np.float32)
    return x, y, np.asarray(surface.loss(*np.meshgrid(x, y)), np.float32)


def plane(
    layers: Sequence[tuple[Floats, Floats]], activation: str, images: Images, labels: Images
) -> Plane:
    """A plane with two random directions, the same for the same layers.

    Each direction is scaled, neuron by neuron, to the norm of the trained weights, so that a step
    of 1 changes every neuron as much as it is large (filter normalisation: Li et al., "Visualizing
    the Loss Landscape of Neural Nets", 2018). Biases stay as they are.
    """
    random = np.random.default_rng(0)

    def direction() -> tuple[tuple[Floats, Floats], ...]:
        found = []
        for kernel, bias in layers:
            noise = random.normal(size=kernel.shape).astype(np.float32)
            scale = np.linalg.norm(kernel, axis=0) / np.linalg.norm(noise, axis=0)
            found.append((noise * scale, np.zeros_like(bias)))
        return tuple(found)

    return Plane(tuple(layers), (direction(), direction()), activation, images, labels)


def plane_loss(plane: Plane) -> Loss:
    """The mean cross-entropy of the network of a plane, as a function for tensors x and y."""
    import keras
    import tensorflow as tf

    inputs = plane.images.reshape(len(plane.images), -1).astype(np.float32) / 255
    labels = tf.one_hot(plane.labels, plane.layers[-1][1].shape[0])
    activation = keras.activations.get(plane.activation)
    parts = (plane.layers, *plane.directions)
    # The first layer is a sum of three products that no step changes.
    first = [tf.constant(inputs @ layers[0][0] + layers[0][1]) for layers in parts]
    others = list(zip(*(layers[1:] for layers in parts), strict=True))

    def loss(x: Any, y: Any) -> Any:
        values = first[0] + x * first[1] + y * first[2]
        for (kernel, bias), (kernel_x, _bias_x), (kernel_y, _bias_y) in others:
            values = activation(values) @ (kernel + x * kernel_x + y * kernel_y) + bias
        losses = keras.losses.categorical_crossentropy(labels, values, from_logits=True)
        return tf.reduce_mean(losses)

    return loss


def plane_losses(plane: Plane) -> tuple[Floats, Floats, Floats]:
    """As `grid`, for a plane from -REACH to REACH along both directions."""
    import tensorflow as tf

    axis = np.linspace(-REACH, REACH, PLANE_GRID, dtype=np.float32)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    loss = plane_loss(plane)

    @tf.function
    def everywhere(points: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(lambda point: loss(point[0], point[1]), points)

    losses = everywhere(tf.constant(points)).numpy()
    return axis, axis, losses.reshape(PLANE_GRID, PLANE_GRID)


def paths(
    surface: str | Plane,
    optimizers: Sequence[OptimizerSpec],
    start: tuple[float, float],
    steps: int,
) -> list[Path]:
    """The path of each optimizer over a surface, a name in SURFACES or a plane.

    Keras's optimizer moves one variable of two numbers by the gradient of the loss.
    """
    loss = SURFACES[surface].loss if isinstance(surface, str) else plane_loss(surface)
    return [_path(loss, optimizer, start, steps) for optimizer in optimizers]


def _path(loss: Loss, spec: OptimizerSpec, start: tuple[float, float], steps: int) -> Path:
    import keras
    import tensorflow as tf

    position = keras.Variable(np.array(start, np.float32))
    optimizer = spec.keras()
    optimizer.build([position])

    @tf.function
    def walk() -> tuple[tf.Tensor, tf.Tensor]:
        points = tf.TensorArray(tf.float32, steps + 1)
        losses = tf.TensorArray(tf.float32, steps + 1)
        for step in tf.range(steps + 1):
            with tf.GradientTape() as tape:
                value = loss(position.value[0], position.value[1])
            points = points.write(step, tf.convert_to_tensor(position.value))
            losses = losses.write(step, value)
            gradient = tape.gradient(value, position.value)
            optimizer.apply([tf.convert_to_tensor(gradient)], [position])
        return points.stack(), losses.stack()

    points, losses = walk()
    return Path(points.numpy(), losses.numpy())
