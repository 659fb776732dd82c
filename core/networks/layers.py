"""The layers of a network, each as one record.

A layer knows what it passes on, how many weights it has, the call that makes it in Keras (which is
also the line of code that is shown), and what it computes, with numpy. The table, the summary, the
code, the diagram, the counts, the Keras model and the predictions of a network follow from a list
of them: see core.networks.structure. A further kind of layer is a further class here.

Shapes are those of one image: (height, width) for a grey picture, (height, width, channels) inside
a convolutional network, (numbers,) after Flatten. Values are float32 (n, *shape).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf, expit, softmax

from core.errors import UsageError
from core.fields import Limit, check, check_choice, check_number
from core.i18n import N_

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]
Floats = npt.NDArray[np.float32]
Call = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""

ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": expit,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + erf(x / np.float32(np.sqrt(2)))) / 2,
    "silu": lambda x: x * expit(x),
    "linear": lambda x: x,
    "softmax": lambda x: softmax(x, axis=-1),
}
"""As Keras defines them, by its names."""

HIDDEN_ACTIVATIONS = tuple(name for name in ACTIVATIONS if name != "softmax")
"""Those that a student chooses from."""

INITIALIZERS = {
    "glorot_uniform": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform",
    "he_normal": "HeNormal",
    "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal",
}
"""Keras's names for how weights begin, and the classes in keras.initializers."""

FILTERS, KERNEL, RATE, PENALTY = Limit(1, 512), Limit(1, 11), Limit(0.0, 0.9), Limit(0, 1)
POOL = Limit(2, 8)
PADDINGS = ("valid", "same")
"""Keras's names: a filter stays inside of the picture, or zeros around it keep its size."""
EPSILON = np.float32(0.001)
"""What Keras's batch normalisation adds to a variance."""


@dataclass(frozen=True)
class Made:
    """An object of Keras among the arguments of a layer."""

    path: str
    """Its class, from `keras` on."""
    arguments: tuple[tuple[str, Any], ...]

    def keras(self) -> Any:
        """The object itself."""
        import keras

        module, name = self.path.split(".")
        return getattr(getattr(keras, module), name)(**dict(self.arguments))

    def __repr__(self) -> str:
        """The Python that makes it."""
        given = ", ".join(f"{name}={value!r}" for name, value in self.arguments)
        return f"keras.{self.path}({given})"


@dataclass(frozen=True)
class Seeds:
    """Where the random numbers of a network come from."""

    weights: Callable[[], int]
    """The next seed for initial weights."""
    dropout: Callable[[], int]
    """The next seed for what a layer forgets in each step."""


LAYERS: dict[str, type["Layer"]] = {}
"""Every kind of layer by its name, which stands in stored runs."""


@dataclass(frozen=True)
class Layer(ABC):
    """One layer; fields that are left at their defaults are no part of a run's key."""

    kind: ClassVar[str]
    """Its class in keras.layers."""
    meaning: ClassVar[str] = ""
    """What it does, as a sentence for students; empty where its numbers say it."""

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            LAYERS[cls.__name__] = cls

    def shape(self, inputs: Shape) -> Shape:
        """The shape that it makes of the shape `inputs`. Raises UsageError if it takes no such."""
        return inputs

    def weights(self, inputs: Shape) -> int:
        """How many weights and biases it has."""
        return 0

    def untrained(self, inputs: Shape) -> int:
        """How many of its weights are no matter of the optimizer."""
        return 0

    @property
    def text(self) -> str:
        """What a line about a network calls it."""
        return type(self).__name__

    @property
    def trained(self) -> bool:
        """True for a kind of layer that has weights."""
        return type(self).weights is not Layer.weights

    def products(self, inputs: Shape) -> int:
        """How many multiplications one image takes."""
        return 0

    @abstractmethod
    def call(self, inputs: Shape) -> Call:
        """The arguments with which a student would call the Keras class."""

    def initial(self, seeds: Seeds) -> dict[str, Any]:
        """The arguments that make its random numbers those of the run."""
        return {}

    def keras(self, inputs: Shape, seeds: Seeds) -> "keras.Layer":
        """The Keras layer, with new weights that follow from `seeds`."""
        import keras

        positional, keywords = self.call(inputs)
        made = {k: v.keras() if isinstance(v, Made) else v for k, v in keywords.items()}
        layer: keras.Layer = getattr(keras.layers, self.kind)(
            *positional, **(made | self.initial(seeds))
        )
        return layer

    def code(self, inputs: Shape) -> str:
        """The line of Python that makes the Keras layer."""
        positional, keywords = self.call(inputs)
        texts = [*map(_literal, positional)]
        texts += [f"{name}={_literal(value)}" for name, value in keywords.items()]
        return f"keras.layers.{self.kind}({', '.join(texts)})"

    @abstractmethod
    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        """What it passes on for `values` with these weights, in the order of Keras's."""


@dataclass(frozen=True)
class Flatten(Layer):
    """Lays all numbers of an image end to end."""

    kind = "Flatten"
    meaning = N_("Flatten only lays the numbers end to end.")

    def shape(self, inputs: Shape) -> Shape:
        return (math.prod(inputs),)

    def call(self, inputs: Shape) -> Call:
        return (), {}

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        return values.reshape(len(values), -1)


@dataclass(frozen=True)
class Channel(Layer):
    """Gives a grey picture the axis of its one channel, which convolutions need."""

    kind = "Reshape"
    meaning = N_("Reshape gives a grey picture its one channel: convolutions ask for channels.")

    def shape(self, inputs: Shape) -> Shape:
        _require(self, inputs, 2)
        return (*inputs, 1)

    def call(self, inputs: Shape) -> Call:
        return (self.shape(inputs),), {}

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        return values[..., np.newaxis]


@dataclass(frozen=True)
class Dense(Layer):
    """Joins every input with every neuron."""

    kind = "Dense"

    units: int
    activation: str = "linear"
    l1: float = 0.0
    l2: float = 0.0
    initializer: str = "glorot_uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", check("neurons", self.units))
        check_choice(N_("activation"), self.activation, tuple(ACTIVATIONS))
        _check_kernel(self)

    def shape(self, inputs: Shape) -> Shape:
        _require(self, inputs, 1)
        return (self.units,)

    def weights(self, inputs: Shape) -> int:
        return inputs[-1] * self.units + self.units

    def products(self, inputs: Shape) -> int:
        return inputs[-1] * self.units

    def call(self, inputs: Shape) -> Call:
        return (self.units,), {"activation": self.activation, **_kernel(self)}

    def initial(self, seeds: Seeds) -> dict[str, Any]:
        return _seeded_kernel(self, seeds)

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        kernel, bias = weights
        return ACTIVATIONS[self.activation](values @ kernel + bias)


@dataclass(frozen=True)
class Conv2D(Layer):
    """Moves filters of `kernel` x `kernel` pixels over the picture.

    They stay inside of it, or with the padding "same" go on over zeros around it.
    """

    kind = "Conv2D"
    meaning = N_(
        "A Conv2D layer moves each of its filters, a square of weights for each channel and one "
        "bias, over the whole picture."
    )

    filters: int
    kernel: int
    activation: str = "linear"
    l1: float = 0.0
    l2: float = 0.0
    initializer: str = "glorot_uniform"
    padding: str = "valid"

    def __post_init__(self) -> None:
        filters = check_number(N_("number of filters"), self.filters, FILTERS, whole=True)
        kernel = check_number(N_("size of a filter"), self.kernel, KERNEL, whole=True)
        object.__setattr__(self, "filters", filters)
        object.__setattr__(self, "kernel", kernel)
        check_choice(N_("activation"), self.activation, tuple(ACTIVATIONS))
        check_choice(N_("padding"), self.padding, PADDINGS)
        _check_kernel(self)

    def shape(self, inputs: Shape) -> Shape:
        _require(self, inputs, 3)
        lost = 0 if self.padding == "same" else self.kernel - 1
        left = [side - lost for side in inputs[:2]]
        return (*_large_enough(self, inputs, left), self.filters)

    def weights(self, inputs: Shape) -> int:
        return self.kernel**2 * inputs[-1] * self.filters + self.filters

    def products(self, inputs: Shape) -> int:
        return self.kernel**2 * inputs[-1] * math.prod(self.shape(inputs))

    def call(self, inputs: Shape) -> Call:
        padding = {"padding": self.padding} if self.padding != "valid" else {}
        named = {**padding, "activation": self.activation, **_kernel(self)}
        return (self.filters, self.kernel), named

    def initial(self, seeds: Seeds) -> dict[str, Any]:
        return _seeded_kernel(self, seeds)

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        kernel, bias = weights
        if self.padding == "same":
            before, after = (self.kernel - 1) // 2, self.kernel // 2
            values = np.pad(values, ((0, 0), (before, after), (before, after), (0, 0)))
        windows = sliding_window_view(values, kernel.shape[:2], axis=(1, 2))
        by_channel = kernel.transpose(2, 0, 1, 3)
        return ACTIVATIONS[self.activation](np.tensordot(windows, by_channel, 3) + bias)


@dataclass(frozen=True)
class Pooling(Layer):
    """Makes one number of each square of numbers; an odd last row or column is left out."""

    size: int = 2

    def __post_init__(self) -> None:
        size = check_number(N_("size of a square"), self.size, POOL, whole=True)
        object.__setattr__(self, "size", size)

    def shape(self, inputs: Shape) -> Shape:
        _require(self, inputs, 3)
        left = [side // self.size for side in inputs[:2]]
        return (*_large_enough(self, inputs, left), inputs[2])

    def call(self, inputs: Shape) -> Call:
        return (self.size,), {}

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        n, height, width, channels = values.shape
        high, wide = height // self.size, width // self.size
        even = values[:, : high * self.size, : wide * self.size]
        return self.pooled(even.reshape(n, high, self.size, wide, self.size, channels))

    @abstractmethod
    def pooled(self, squares: Floats) -> Floats:
        """One number of each square, which lie along the axes 2 and 4."""


@dataclass(frozen=True)
class MaxPooling2D(Pooling):
    """Keeps the largest number of each square."""

    kind = "MaxPooling2D"
    meaning = N_("MaxPooling2D keeps the largest number of each square.")

    def pooled(self, squares: Floats) -> Floats:
        largest: Floats = squares.max(axis=(2, 4))
        return largest


@dataclass(frozen=True)
class AveragePooling2D(Pooling):
    """Keeps the mean of each square."""

    kind = "AveragePooling2D"
    meaning = N_("AveragePooling2D keeps the mean of each square.")

    def pooled(self, squares: Floats) -> Floats:
        means: Floats = squares.mean(axis=(2, 4))
        return means


@dataclass(frozen=True)
class Dropout(Layer):
    """Forgets this part of the numbers while the network trains, and none afterwards."""

    kind = "Dropout"
    meaning = N_("Dropout forgets a part of the numbers at random while the network trains.")

    rate: float

    def __post_init__(self) -> None:
        rate = check_number(N_("dropout"), self.rate, RATE, whole=False)
        object.__setattr__(self, "rate", rate + 0.0)

    def call(self, inputs: Shape) -> Call:
        return (self.rate,), {}

    def initial(self, seeds: Seeds) -> dict[str, Any]:
        return {"seed": seeds.dropout()}

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        return values


@dataclass(frozen=True)
class BatchNormalization(Layer):
    """Gives each number the mean 0 and the spread 1 over a batch, then a scale and a shift.

    While the network trains it keeps running means of both, which count afterwards.
    """

    kind = "BatchNormalization"
    meaning = N_(
        "BatchNormalization takes the mean off each number and divides by its spread, over a batch "
        "in training and over running means of both afterwards; then a weight scales it and "
        "another one shifts it: four numbers for each."
    )

    def weights(self, inputs: Shape) -> int:
        return 4 * inputs[-1]

    def untrained(self, inputs: Shape) -> int:
        return 2 * inputs[-1]

    def products(self, inputs: Shape) -> int:
        return math.prod(inputs)

    def call(self, inputs: Shape) -> Call:
        return (), {}

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        scale, shift, mean, variance = weights
        return (values - mean) * (scale / np.sqrt(variance + EPSILON)) + shift


def differing(record: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults; those without one always do.

    So a field that is added later, with a default, changes no key.
    """
    values = {field.name: (getattr(record, field.name), field.default) for field in fields(record)}
    return {
        name: value
        for name, (value, default) in values.items()
        if default is MISSING or value != default
    }


def layer_from(values: Mapping[str, Any]) -> Layer:
    """The layer that `layer_dict` was made from. Raises KeyError, TypeError or UsageError."""
    arguments = dict(values)
    return LAYERS[arguments.pop("layer")](**arguments)


def layer_dict(layer: Layer) -> dict[str, Any]:
    """A layer as JSON can hold it: its name, and what differs from its defaults."""
    return {"layer": type(layer).__name__, **differing(layer)}


def _check_kernel(layer: Dense | Conv2D) -> None:
    """Raise UsageError for what begins or holds down the weights in no known way."""
    for name, value in (("l1", layer.l1), ("l2", layer.l2)):
        checked = check_number(name.upper(), value, PENALTY, whole=False)
        object.__setattr__(layer, name, checked + 0.0)
    check_choice(N_("initializer"), layer.initializer, tuple(INITIALIZERS))


def _kernel(layer: Dense | Conv2D) -> dict[str, Any]:
    """What a student would say of the weights, where it is not Keras's default."""
    given = differing(layer)
    keywords: dict[str, Any] = {}
    if "initializer" in given:
        keywords["kernel_initializer"] = layer.initializer
    penalties = tuple((name, given[name]) for name in ("l1", "l2") if name in given)
    if penalties:
        kind = "".join(name.upper() for name, _strength in penalties)
        keywords["kernel_regularizer"] = Made(f"regularizers.{kind}", penalties)
    return keywords


def _seeded_kernel(layer: Dense | Conv2D, seeds: Seeds) -> dict[str, Any]:
    import keras

    kind = getattr(keras.initializers, INITIALIZERS[layer.initializer])
    return {"kernel_initializer": kind(seed=seeds.weights())}


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _require(layer: Layer, inputs: Shape, axes: int) -> None:
    """Raise UsageError unless what comes in has so many axes."""
    if len(inputs) != axes:
        what = {
            1: N_("{layer} cannot follow numbers of the shape {shape}: put Flatten before it."),
            2: N_("{layer} cannot follow numbers of the shape {shape}: put it first."),
            3: N_("{layer} cannot follow numbers of the shape {shape}: put Channel before it.")
            if len(inputs) == 2
            else N_("{layer} cannot follow numbers of the shape {shape}: put it before Flatten."),
        }
        shape = " × ".join(map(str, inputs))
        raise UsageError(what[axes], layer=type(layer).__name__, shape=shape)


def _large_enough(layer: Layer, inputs: Shape, sides: Sequence[int]) -> Sequence[int]:
    """Height and width, if there is anything left of the picture. Raises UsageError otherwise."""
    if min(sides) < 1:
        raise UsageError(
            N_("{layer} leaves nothing of a picture of {shape}: use fewer or smaller layers."),
            layer=layer.kind,
            shape=" × ".join(map(str, inputs[:2])),
        )
    return sides
