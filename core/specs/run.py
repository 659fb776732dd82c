"""Everything that decides the result of a run, as frozen, checked, hashable records.

    RunSpec = DataSpec + ModelSpec + OptimizerSpec + TrainSpec

A spec refuses values outside LIMITS with a UsageError, from wherever they come: a widget, a URL or
the command line. Equal specs have equal keys, and a key names a run in the store.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from core.errors import UsageError
from core.i18n import N_
from core.labs.digits import VARIANTS
from core.specs.optimizers import OPTIMIZERS, Value


class Limit(NamedTuple):
    """Smallest and largest allowed value, both included."""

    low: float
    high: float


LIMITS: dict[str, Limit] = {
    N_("hidden layers"): Limit(0, 5),
    N_("neurons"): Limit(1, 1024),
    N_("epochs"): Limit(1, 100),
    N_("batch size"): Limit(1, 1024),
    N_("validation split"): Limit(0, 0.5),
    N_("learning rate"): Limit(1e-6, 10),
    N_("seed"): Limit(0, 2**31 - 1),
}

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "gelu", "silu", "linear")

SCHEMA = 2
"""Of stored runs: those of another number belong to another version of the lab."""

KINDS = ("dense", "drawing")
"""Of networks: fully connected layers of any sizes, or the convolutional one for drawings."""


def check(name: str, value: float, *, whole: bool = True) -> None:
    """Raise UsageError unless `value` is a number within LIMITS[name]."""
    check_number(name, value, LIMITS[name], whole=whole)


def check_number(name: str, value: float, limit: Limit, *, whole: bool) -> None:
    """Raise UsageError unless `value` is a number within `limit`."""
    low, high = limit
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        message = (
            N_("{name} is {value}: give a whole number from {low} to {high}.")
            if whole
            else N_("{name} is {value}: give a number from {low} to {high}.")
        )
        raise UsageError(message, name=name, value=value, low=low, high=high)


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UsageError(
            N_("{name} is {value}: choose one of {allowed}."),
            name=name,
            value=value,
            allowed=", ".join(allowed),
        )


@dataclass(frozen=True)
class DataSpec:
    """Which images: the name of the data set and the sha256 of its arrays (see Dataset.digest)."""

    name: str
    digest: str


@dataclass(frozen=True)
class ModelSpec:
    """A fully connected network: neurons of each hidden layer and their activation.

    The kind "drawing" is one convolutional network, which is trained with distorted images; the
    other fields say nothing about it.
    """

    hidden: tuple[int, ...] = ()
    activation: str = "relu"
    kind: str = "dense"

    def __post_init__(self) -> None:
        check_choice(N_("kind of network"), self.kind, KINDS)
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.kind == "drawing":  # one network, one key
            object.__setattr__(self, "hidden", ())
            object.__setattr__(self, "activation", "relu")
            return
        check("hidden layers", len(self.hidden))
        for neurons in self.hidden:
            check("neurons", neurons)
        check_choice(N_("activation"), self.activation, ACTIVATIONS)
        if not self.hidden:  # nothing to activate: one network, one key
            object.__setattr__(self, "activation", "linear")


@dataclass(frozen=True)
class OptimizerSpec:
    """A Keras optimizer, its learning rate, and what differs from Keras's other defaults.

    `parameters` may be given as a dictionary; it is kept as sorted pairs of name and value.
    """

    name: str
    learning_rate: float
    parameters: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        check_choice(N_("optimizer"), self.name, tuple(OPTIMIZERS))
        check("learning rate", self.learning_rate, whole=False)
        object.__setattr__(self, "learning_rate", float(self.learning_rate))
        known = OPTIMIZERS[self.name].parameters
        given = dict(self.parameters)
        for name, value in given.items():
            given[name] = self._checked(name, value)
        kept = ((name, value) for name, value in given.items() if value != known[name].default)
        object.__setattr__(self, "parameters", tuple(sorted(kept)))

    @property
    def text(self) -> str:
        """As a line says it: sgd 0.01 momentum=0.5."""
        changed = [f"{name}={value}" for name, value in self.parameters]
        return " ".join([self.name, f"{self.learning_rate:g}", *changed])

    def _checked(self, name: str, value: Value) -> Value:
        known = OPTIMIZERS[self.name].parameters
        check_choice(N_("parameter"), name, tuple(known))
        default, low, high, _ = known[name]
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise UsageError(
                    N_("{name} is {value}: give true or false."), name=name, value=value
                )
            return value
        check_number(name, value, Limit(low, high), whole=isinstance(default, int))
        return type(default)(value) + 0  # not -0.0, which would be another key


@dataclass(frozen=True)
class TrainSpec:
    """How `fit` is called, and the seed that decides weights and shuffling."""

    epochs: int
    batch_size: int
    validation_split: float
    seed: int = 0

    def __post_init__(self) -> None:
        check("epochs", self.epochs)
        check("batch size", self.batch_size)
        check("validation split", self.validation_split, whole=False)
        check("seed", self.seed)
        # + 0.0: -0.0 equals 0.0, but would be another text and so another key.
        object.__setattr__(self, "validation_split", float(self.validation_split) + 0.0)


def training_images(images: int, validation_split: float) -> int:
    """How many of the images are trained on: the first ones, as Keras's `validation_split` does."""
    return math.floor(images * (1.0 - validation_split))


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the result of one run."""

    data: DataSpec
    model: ModelSpec
    optimizer: OptimizerSpec
    train: TrainSpec

    @cached_property
    def key(self) -> str:
        """The name of the run: data set and 16 hexadecimal digits, equal for equal specs."""
        canonical = json.dumps(self.to_dict(), sort_keys=True)
        return f"{self.data.name}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"

    def to_dict(self) -> dict[str, Any]:
        """The spec as nested dictionaries that JSON can hold."""
        values = asdict(self)
        if self.model.kind == "dense":  # the only kind when the first runs got their keys
            del values["model"]["kind"]
        # Neither had those an optimizer with other than its default parameters.
        values["optimizer"]["parameters"] = dict(self.optimizer.parameters)
        if not self.optimizer.parameters:
            del values["optimizer"]["parameters"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The spec that `to_dict` was made from. Raises KeyError, TypeError or UsageError."""
        parts = {part.name: part.type(**values[part.name]) for part in fields(cls)}  # type: ignore[operator]
        return cls(**parts)


def optimizer_spec(
    name: str = "adam",
    learning_rate: float | None = None,
    parameters: Mapping[str, Value] = MappingProxyType({}),
) -> OptimizerSpec:
    """An optimizer by its Keras name, with Keras's defaults for all that is not given."""
    check_choice(N_("optimizer"), name, tuple(OPTIMIZERS))
    if learning_rate is None:
        learning_rate = OPTIMIZERS[name].learning_rate
    return OptimizerSpec(name, learning_rate, tuple(parameters.items()))


def variant_specs(number: int) -> tuple[ModelSpec, TrainSpec]:
    """The network and the training of a variant of the lab table. Raises UsageError if unknown."""
    if number not in VARIANTS:
        raise UsageError(
            N_("There is no variant {number}: choose one from 0 to {last}."),
            number=number,
            last=max(VARIANTS),
        )
    variant = VARIANTS[number]
    return ModelSpec(variant.hidden), TrainSpec(
        variant.epochs, variant.batch_size, variant.validation_split
    )


def variant_of(spec: RunSpec) -> int | None:
    """The variant of the lab table that a run is of, as it stands there; or None."""
    for number in VARIANTS:
        if (spec.model, spec.train, spec.optimizer) == (*variant_specs(number), optimizer_spec()):
            return number
    return None


def variant_run(data: DataSpec, number: int) -> RunSpec:
    """The run of a variant of the lab table on these images. Raises UsageError if unknown."""
    model, train = variant_specs(number)
    return RunSpec(data, model, optimizer_spec(), train)


def drawing_specs() -> tuple[ModelSpec, TrainSpec]:
    """The network for drawings and its training, as the one that comes with the lab was trained."""
    return ModelSpec(kind="drawing"), TrainSpec(epochs=12, batch_size=128, validation_split=0.0)
