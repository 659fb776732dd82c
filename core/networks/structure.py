"""A network: its layers in order, and what each of them is for images of a data set.

What goes in and how many classes come out belongs to the data set, so that one network suits all:
the output layer, a softmax over the classes, is added here.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.fields import Limit, check, check_choice, check_number
from core.i18n import N_
from core.networks.layers import (
    HIDDEN_ACTIVATIONS,
    Dense,
    Flatten,
    Layer,
    Shape,
    layer_dict,
    layer_from,
)

LAYERS_ALLOWED = Limit(1, 40)


@dataclass(frozen=True)
class NetworkSpec:
    """The layers from the picture up to the output layer, which follows from the data set."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        check_number(N_("number of layers"), len(self.layers), LAYERS_ALLOWED, whole=True)

    @property
    def dense(self) -> bool:
        """True if it has nothing but fully connected layers."""
        return isinstance(self.layers[0], Flatten) and all(
            isinstance(layer, Dense) for layer in self.layers[1:]
        )

    @property
    def hidden(self) -> tuple[int, ...]:
        """Neurons of each Dense layer before the output."""
        return tuple(layer.units for layer in self.layers if isinstance(layer, Dense))

    @property
    def activation(self) -> str:
        """Of the Dense layers, each named once; linear where there are none."""
        names = [layer.activation for layer in self.layers if isinstance(layer, Dense)]
        return ", ".join(dict.fromkeys(names)) or "linear"

    @property
    def text(self) -> str:
        """As a line says it: 256+256, or the layers by their names."""
        if self.dense:
            return "+".join(map(str, self.hidden)) or "–"
        return "+".join(type(layer).__name__ for layer in self.layers)

    def to_list(self) -> list[dict[str, Any]]:
        """The layers as JSON can hold them."""
        return [layer_dict(layer) for layer in self.layers]

    @classmethod
    def from_list(cls, values: Sequence[Mapping[str, Any]]) -> "NetworkSpec":
        """The network that `to_list` was made from. Raises KeyError, TypeError or UsageError."""
        return cls(tuple(map(layer_from, values)))


def dense_network(hidden: Sequence[int] = (), activation: str = "relu") -> NetworkSpec:
    """A fully connected network with so many neurons in each hidden layer.

    Raises UsageError for more or other layers than a student may choose.
    """
    check("hidden layers", len(hidden))
    check_choice(N_("activation"), activation, HIDDEN_ACTIVATIONS)
    return NetworkSpec((Flatten(), *(Dense(neurons, activation) for neurons in hidden)))


@dataclass(frozen=True)
class LayerRow:
    """One layer in its network."""

    layer: Layer
    name: str
    """As Keras names it in a new session."""
    inputs: Shape
    """What comes in for one image."""
    shape: Shape
    """What it passes on for one image."""
    share: float
    """Its part of all the weights of the network, from 0 to 1."""

    @property
    def type(self) -> str:
        """Its class in keras.layers."""
        return self.layer.kind

    @property
    def weights(self) -> int:
        """Weights and biases."""
        return self.layer.weights(self.inputs)

    @property
    def output(self) -> int:
        """How many numbers it passes on for one image."""
        return math.prod(self.shape)

    @property
    def code(self) -> str:
        """The call of `keras.layers` that makes it."""
        return self.layer.code(self.inputs)


@cache
def rows(network: NetworkSpec, shape: Shape, classes: int) -> tuple[LayerRow, ...]:
    """Every layer from images of `shape` to the outputs for so many classes.

    Raises UsageError if a layer cannot follow the one before it.
    """
    placed = []
    inputs = shape
    for layer in (*network.layers, Dense(classes, "softmax")):
        outputs = layer.shape(inputs)
        placed.append((layer, inputs, outputs))
        inputs = outputs
    total = sum(layer.weights(inputs) for layer, inputs, _outputs in placed)
    seen: Counter[str] = Counter()
    found = []
    for layer, inputs, outputs in placed:
        name = _keras_name(layer.kind)
        numbered = f"{name}_{seen[name]}" if seen[name] else name
        found.append(LayerRow(layer, numbered, inputs, outputs, layer.weights(inputs) / total))
        seen[name] += 1
    return tuple(found)


def weights(network: NetworkSpec, shape: Shape, classes: int) -> int:
    """How many weights and biases the network has."""
    return sum(row.weights for row in rows(network, shape, classes))


def _keras_name(kind: str) -> str:
    """MaxPooling2D as max_pooling2d: how Keras makes names of classes."""
    upper_after_lower = (
        f"_{letter}" if letter.isupper() and before.islower() else letter
        for before, letter in zip(f"{kind[0]}{kind}", kind, strict=False)
    )
    return "".join(upper_after_lower).lower()
