"""What a trained network says, computed with numpy: no TensorFlow, no wait, below a millisecond.

A page that draws predicts after every stroke, for a whole class on two cores. Importing TensorFlow
for that takes 5 seconds and 600 MB in each process. The layers of the lab are few lines in numpy;
tests compare them with Keras.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import h5py
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf, expit, softmax

from core.data.contract import Images
from core.specs.run import ModelSpec
from core.store import Run

Floats = npt.NDArray[np.float32]
Layer = Callable[[Floats], Floats]

BATCH = 64
"""Images at once: bounds the memory that convolutions take."""

ACTIVATIONS: dict[str, Layer] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": expit,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + erf(x / np.float32(np.sqrt(2)))) / 2,
    "silu": lambda x: x * expit(x),
    "linear": lambda x: x,
    "softmax": lambda x: softmax(x, axis=1),
}
"""As Keras defines them, by its names."""


@dataclass(frozen=True)
class Network:
    """A trained network: its layers, from the input to the probabilities."""

    layers: tuple[Layer, ...]

    def probabilities(self, digits: Images) -> Floats:
        """Of uint8 (n, 28, 28), light ink on black: float32 (n, classes), rows that add up to 1.

        They are NaN for a network whose training diverged.
        """
        return np.concatenate(
            [self._batch(digits[first : first + BATCH]) for first in range(0, len(digits), BATCH)]
        )

    def _batch(self, digits: Images) -> Floats:
        values = np.asarray(digits / np.float32(255), np.float32)
        with np.errstate(all="ignore"):
            for layer in self.layers:
                values = layer(values)
        return np.asarray(values, np.float32)


def load(run: Run) -> Network:
    """The network of a stored run, from its spec and its weights.

    Raises StoreError if the run is damaged.
    """
    return Network(_layers(run.spec.model, weights(run)))


def weights(run: Run) -> list[tuple[Floats, Floats]]:
    """Kernel and bias of each layer that has weights, in the order of the network.

    Raises StoreError if the run is damaged.
    """
    with (
        zipfile.ZipFile(io.BytesIO(run.read("model.keras"))) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        layers = file["layers"]

        def named(name: str) -> list[tuple[Floats, Floats]]:
            """Those of one class of layers: name, name_1, name_2 and so on."""
            found: list[tuple[Floats, Floats]] = []
            while (key := f"{name}_{len(found)}" if found else name) in layers:
                weights = layers[key]["vars"]
                found.append((weights["0"][()], weights["1"][()]))
            return found

        return [*named("conv2d"), *named("dense")]


def _layers(spec: ModelSpec, weights: list[tuple[Floats, Floats]]) -> tuple[Layer, ...]:
    """The layers that models.build gives a spec, with these weights; Dropout does nothing here."""
    if spec.kind == "drawing":
        first, second, third, fourth, hidden, output = weights
        return (
            lambda images: images[..., np.newaxis],
            _convolution(*first),
            _convolution(*second),
            _pooling,
            _convolution(*third),
            _convolution(*fourth),
            _pooling,
            _flatten,
            _dense(*hidden, "relu"),
            _dense(*output, "softmax"),
        )
    *inner, output = weights
    hidden_layers = [_dense(*layer, spec.activation) for layer in inner]
    return (_flatten, *hidden_layers, _dense(*output, "softmax"))


def _flatten(values: Floats) -> Floats:
    return values.reshape(len(values), -1)


def _dense(kernel: Floats, bias: Floats, activation: str) -> Layer:
    return lambda values: ACTIVATIONS[activation](values @ kernel + bias)


def _convolution(kernel: Floats, bias: Floats) -> Layer:
    """Conv2D with ReLU, "valid" and of stride 1; kernel (height, width, channels, filters)."""
    by_channel = kernel.transpose(2, 0, 1, 3)

    def layer(values: Floats) -> Floats:
        windows = sliding_window_view(values, kernel.shape[:2], axis=(1, 2))
        return ACTIVATIONS["relu"](np.tensordot(windows, by_channel, 3) + bias)

    return layer


def _pooling(values: Floats) -> Floats:
    """MaxPooling2D of 2 x 2; an odd last row or column is left out."""
    n, height, width, channels = values.shape
    even = values[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
