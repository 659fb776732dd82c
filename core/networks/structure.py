"""A network: its layers in order, and what each of them is for images of a data set.

What goes in and how many classes come out belongs to the data set, so that one network suits all:
the output layer, a softmax over the classes, is added here.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from core.errors import UsageError
from core.fields import Limit, check, check_choice, check_number, check_switch
from core.i18n import N_
from core.networks.frozen import Base, Frozen, Part, Pretrained, part_dict, part_from
from core.networks.layers import (
    HIDDEN_ACTIVATIONS,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Shape,
)

LAYERS_ALLOWED = Limit(1, 40)
SIZES = {
    N_("weights to train"): 10_000_000,
    N_("multiplications for an image"): 200_000_000,
    N_("numbers that a layer passes on"): 250_000,
}
"""The most that a network may have, and what sentences call it. Fully connected ones have half of
the weights at most; one student's networks shall not fill the store and the memory of a class."""


class HiddenLayer(NamedTuple):
    """A hidden layer of a fully connected network, with what belongs to it."""

    neurons: int
    activation: str = "relu"
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    batch_normalisation: bool = False
    initializer: str = "glorot_uniform"

    def layers(self) -> Iterator[Layer]:
        """As layers of a network.

        Normalisation comes after the activation, so that the layer stays one line of Keras, and
        dropout comes last: before normalisation it would change the spread that is measured, and
        only while the network trains.
        """
        yield Dense(self.neurons, self.activation, self.l1, self.l2, self.initializer)
        if self.batch_normalisation:
            yield BatchNormalization()
        if self.dropout != 0:
            yield Dropout(self.dropout)


_USUAL = HiddenLayer(1)

LAYER_SETTINGS = {
    "activation": N_("activation"),
    "l1": N_("L1"),
    "l2": N_("L2"),
    "dropout": N_("dropout"),
    "batch_normalisation": N_("batch normalisation"),
    "initializer": N_("initializer"),
}
"""What is set for each hidden layer beside its neurons, and what sentences call it."""


@dataclass(frozen=True)
class NetworkSpec:
    """The layers from the picture up to the output layer, which follows from the data set.

    The first may be a base, which was learned elsewhere: see core.networks.frozen.
    """

    layers: tuple[Part, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        check_number(N_("number of layers"), len(self.layers), LAYERS_ALLOWED, whole=True)
        if any(isinstance(part, Base) for part in self.layers[1:]):
            raise UsageError(N_("A network can only begin with a frozen one."))

    @property
    def base(self) -> Base | None:
        """What it begins with and leaves as it is, if there is such a thing."""
        first = self.layers[0]
        return first if isinstance(first, Base) else None

    @property
    def behind(self) -> tuple[Layer, ...]:
        """The layers that it trains: all, or those behind its base."""
        return tuple(part for part in self.layers if not isinstance(part, Base))

    @property
    def dense(self) -> bool:
        """True for fully connected layers alone, each with what dense_network puts behind it."""
        made = (layer for hidden in self.hidden_layers for layer in hidden.layers())
        return self.layers == (Flatten(), *made)

    @property
    def dense_behind(self) -> bool:
        """True for a base with fully connected layers alone behind it, or with none."""
        return self.base is not None and NetworkSpec((Flatten(), *self.behind)).dense

    @property
    def hidden_layers(self) -> tuple[HiddenLayer, ...]:
        """The Dense layers before the output, each with what follows it."""
        found: list[HiddenLayer] = []
        for layer in self.layers:
            match layer:
                case Dense():
                    found.append(
                        HiddenLayer(
                            layer.units,
                            layer.activation,
                            layer.l1,
                            layer.l2,
                            initializer=layer.initializer,
                        )
                    )
                case BatchNormalization() if found:
                    found[-1] = found[-1]._replace(batch_normalisation=True)
                case Dropout() if found:
                    found[-1] = found[-1]._replace(dropout=layer.rate)
        return tuple(found)

    def each(self, name: str) -> tuple[Any, ...]:
        """A setting of the hidden layers of a dense network: one value for all, or one for each."""
        values = tuple(getattr(layer, name) for layer in self.hidden_layers)
        return values[:1] if len(set(values)) == 1 else values

    @property
    def extras(self) -> dict[str, str]:
        """Those settings of the hidden layers, but for the activation, that are not as usual."""
        found = {name: self.each(name) for name in LAYER_SETTINGS if name != "activation"}
        return {
            name: ",".join(str(value).removesuffix(".0") for value in values)
            for name, values in found.items()
            if any(value != getattr(_USUAL, name) for value in values)
        }

    @property
    def hidden(self) -> tuple[int, ...]:
        """Neurons of each Dense layer before the output."""
        return tuple(layer.units for layer in self.layers if isinstance(layer, Dense))

    @property
    def activation(self) -> str:
        """Of the Dense layers: one if it is the same in all; linear where there are none."""
        return ", ".join(self.each("activation")) or "linear"

    @property
    def text(self) -> str:
        """As a line says it: 256+256 l2=0.001, or the layers by their names."""
        if self.dense:
            hidden = "+".join(map(str, self.hidden)) or "–"
            return " ".join([hidden, *(f"{name}={text}" for name, text in self.extras.items())])
        return "+".join(part.text for part in self.layers)

    def to_list(self) -> list[dict[str, Any]]:
        """The layers as JSON can hold them."""
        return [part_dict(part) for part in self.layers]

    @classmethod
    def from_list(cls, values: Sequence[Mapping[str, Any]]) -> "NetworkSpec":
        """The network that `to_list` was made from. Raises KeyError, TypeError or UsageError."""
        return cls(tuple(map(part_from, values)))


def dense_network(
    hidden: Sequence[int] = (),
    activation: str | Sequence[str] = "relu",
    *,
    l1: float | Sequence[float] = 0.0,
    l2: float | Sequence[float] = 0.0,
    dropout: float | Sequence[float] = 0.0,
    batch_normalisation: bool | Sequence[bool] = False,
    initializer: str | Sequence[str] = "glorot_uniform",
) -> NetworkSpec:
    """A fully connected network with so many neurons in each hidden layer.

    Each setting is one value for all hidden layers, or one for each. Raises UsageError for more or
    other layers than a student may choose.
    """
    check("hidden layers", len(hidden))
    neurons = tuple(hidden) or (1,)  # what is set for no layer is checked all the same
    given = {
        "activation": activation,
        "l1": l1,
        "l2": l2,
        "dropout": dropout,
        "batch_normalisation": batch_normalisation,
        "initializer": initializer,
    }
    settings = [_for_each(name, value, len(neurons)) for name, value in given.items()]
    layers: list[Layer] = []
    for layer in map(HiddenLayer, neurons, *settings):
        check_switch(LAYER_SETTINGS["batch_normalisation"], layer.batch_normalisation)
        check_choice(N_("activation"), layer.activation, HIDDEN_ACTIVATIONS)
        layers += layer.layers()
    return NetworkSpec((Flatten(), *(layers if len(hidden) else ())))


def _for_each(name: str, value: Any, layers: int) -> list[Any]:
    """A setting of so many hidden layers. Raises UsageError for another number of values."""
    values = [value] if isinstance(value, str) or not isinstance(value, Iterable) else [*value]
    if len(values) not in (1, layers):
        raise UsageError(
            N_("{name} has {n} values: give one, or one for each of {layers} hidden layers."),
            name=LAYER_SETTINGS[name],
            n=len(values),
            layers=layers,
        )
    return values if len(values) == layers else values * layers


@dataclass(frozen=True)
class LayerRow:
    """One layer in its network."""

    layer: Layer
    name: str
    """As Keras names it in a new session; a pre-trained network by its name in bases."""
    inputs: Shape
    """What comes in for one image."""
    shape: Shape
    """What it passes on for one image."""
    share: float
    """Its part of all the weights of the network, from 0 to 1."""
    frozen: bool = False
    """True for what was learned elsewhere, and stays as it is."""

    @property
    def type(self) -> str:
        """Its class in keras.layers."""
        return self.layer.kind

    @property
    def weights(self) -> int:
        """Weights and biases."""
        return self.layer.weights(self.inputs)

    @property
    def untrained(self) -> int:
        """How many of them are no matter of the optimizer."""
        return self.weights if self.frozen else self.layer.untrained(self.inputs)

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

    Raises UsageError if a layer cannot follow the one before it, or all together are too large.
    """
    placed = []
    inputs = shape
    for part in (*network.layers, Dense(classes, "softmax")):
        for layer in part.layers if isinstance(part, Frozen) else (part,):
            outputs = layer.shape(inputs)
            placed.append((layer, inputs, outputs, isinstance(part, Base)))
            inputs = outputs
    _check_sizes(placed)
    total = sum(layer.weights(inputs) for layer, inputs, *_ in placed)
    seen: Counter[str] = Counter()
    found = []
    for layer, inputs, outputs, frozen in placed:
        name = layer.name if isinstance(layer, Pretrained) else _keras_name(layer.kind)
        numbered = f"{name}_{seen[name]}" if seen[name] else name
        share = layer.weights(inputs) / total
        found.append(LayerRow(layer, numbered, inputs, outputs, share, frozen))
        seen[name] += 1
    return tuple(found)


def _check_sizes(placed: Iterable[tuple[Layer, Shape, Shape, bool]]) -> None:
    """Raise UsageError if what is trained is larger than SIZES allow."""
    trained = [one for one in placed if not one[3]]
    sizes = (
        sum(layer.weights(inputs) for layer, inputs, *_others in trained),
        sum(layer.products(inputs) for layer, inputs, *_others in trained),
        max(math.prod(outputs) for _layer, _inputs, outputs, _frozen in trained),
    )
    for (name, most), size in zip(SIZES.items(), sizes, strict=True):
        if size > most:
            raise UsageError(
                N_("The network is too large: {n:,} {name}, and {most:,} are allowed."),
                n=size,
                name=name,
                most=most,
            )


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
