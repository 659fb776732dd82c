"""Everything that decides the result of a run, as one frozen, checked, hashable record.

    RunSpec = DataSpec + NetworkSpec + OptimizerSpec + TrainSpec

A spec refuses values outside its limits with a UsageError, from wherever they come: a widget, a URL
or the command line. Equal specs have equal keys, and a key names a run in the store.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self, TypeVar

from core.errors import UsageError
from core.i18n import N_
from core.networks.layers import differing
from core.networks.structure import LAYER_SETTINGS, NetworkSpec, dense_network
from core.specs.data import DataSpec
from core.specs.optimizers import OptimizerSpec, Value, optimizer_spec
from core.specs.schedules import NONE, schedule
from core.specs.train import TrainSpec, train_dict, train_from

SCHEMA = 2
"""The meaning of what is stored. A run of another schema is of another version of the lab."""

Record = TypeVar("Record")


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides the result of one run."""

    data: DataSpec
    network: NetworkSpec
    optimizer: OptimizerSpec
    train: TrainSpec

    def __post_init__(self) -> None:
        if self.train.solver == "logistic" and self.network != dense_network():
            raise UsageError(
                N_("Logistic regression has no hidden layer: leave out hidden layers.")
            )
        copied = self.network.base is not None and self.train.augmentation != "none"
        if copied and not self.train.copies:
            raise UsageError(
                N_("With a frozen base, choose how many changed copies of each image are made.")
            )
        if self.train.copies and not copied:
            raise UsageError(
                N_("Only a frozen network sees changed copies of an image: leave them out.")
            )

    @cached_property
    def key(self) -> str:
        """The name of the run: data set and 16 hexadecimal digits, equal for equal specs."""
        return key_of(self.to_dict())

    @property
    def optimizer_text(self) -> str:
        """Optimizer and schedule as a line says them: sgd 0.1 momentum=0.9, time decay=0.002."""
        schedule = self.train.schedule
        return f"{self.optimizer.text}, {schedule.text}" if schedule else self.optimizer.text

    def on(self, data: DataSpec) -> Self:
        """The same run on other images; how many of them it uses stays."""
        return replace(self, data=replace(self.data, name=data.name, digest=data.digest))

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as dictionaries and lists that JSON can hold."""
        optimizer = differing(self.optimizer)
        if self.optimizer.parameters:
            optimizer["parameters"] = dict(self.optimizer.parameters)
        return {
            "data": differing(self.data),
            "network": self.network.to_list(),
            "optimizer": optimizer,
            "train": train_dict(self.train),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The spec that `to_dict` was made from. Raises KeyError, TypeError or UsageError."""
        return cls(
            DataSpec(**values["data"]),
            NetworkSpec.from_list(values["network"]),
            OptimizerSpec(**values["optimizer"]),
            train_from(values["train"]),
        )


def key_of(values: Mapping[str, Any]) -> str:
    """The key of what `to_dict` returned, also that of another version of the lab.

    Raises KeyError or TypeError for what is no such dictionary.
    """
    canonical = json.dumps({"schema": SCHEMA, **values}, sort_keys=True)
    return f"{values['data']['name']}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def changed(record: Record, changes: Mapping[str, Any]) -> Record:
    """A copy of nested records with some fields changed.

    A mapping changes fields of that part, any other value replaces it:
    `changed(spec, {"network": dense_network([64]), "train": {"epochs": 3}})`. Of an optimizer also
    single parameters change, and another one begins with Keras's defaults. Raises TypeError for an
    unknown field and UsageError for a value that is not allowed.
    """
    if isinstance(record, OptimizerSpec):
        return _optimizer(record, **changes)  # type: ignore[return-value]  # a Record too
    parts = {
        name: changed(getattr(record, name), value) if isinstance(value, Mapping) else value
        for name, value in changes.items()
    }
    copy: Record = replace(record, **parts)  # type: ignore[type-var]  # dataclasses all
    return copy


def with_settings(spec: RunSpec, values: Mapping[str, Any]) -> RunSpec:
    """A run with the settings that a student gave, by the names of their widgets and options.

    unique, images; base, what the network is to begin with; hidden and the other arguments of
    dense_network, or stack, a network of layers in any order; optimizer, learning_rate, parameters;
    schedule by its name, or `none`, and schedule_parameters; the other fields of TrainSpec. What is
    missing or None stays, but behind a base stand only the layers that are given. Another optimizer
    or schedule begins with its defaults. Raises UsageError for what is not allowed, and for hidden
    layers of a network that is not fully connected.
    """
    given = {name: value for name, value in values.items() if value is not None}
    return replace(
        spec,
        data=replace(
            spec.data,
            unique=given.get("unique", spec.data.unique),
            images=given.get("images", spec.data.images),
        ),
        network=_network(spec.network, given),
        optimizer=_optimizer(
            spec.optimizer,
            given.get("optimizer"),
            given.get("learning_rate"),
            given.get("parameters", {}),
        ),
        train=_train(spec.train, given),
    )


def _network(network: NetworkSpec, given: Mapping[str, Any]) -> NetworkSpec:
    wanted = {name: given[name] for name in LAYER_SETTINGS if name in given}
    if "base" in given and "stack" in given:
        raise UsageError(N_("A base and layers in any order are two networks: give one of them."))
    if "base" in given:
        _flatten, *behind = dense_network(given.get("hidden", ()), **wanted).layers
        return NetworkSpec((given["base"], *behind))
    if "stack" in given:
        network = given["stack"]
    if "hidden" not in given and not wanted:
        return network
    if not network.dense or "stack" in given:
        raise UsageError(
            N_(
                "This network has layers of its own: leave out hidden layers and what is set for "
                "them."
            )
        )
    hidden = given.get("hidden", network.hidden)
    kept = {
        name: _kept(network, name, len(hidden))
        for name in LAYER_SETTINGS
        if name not in wanted and network.hidden
    }
    return dense_network(hidden, **(kept | wanted))


def _kept(network: NetworkSpec, name: str, layers: int) -> Sequence[Any]:
    """A setting of the hidden layers for so many of them."""
    values = [getattr(layer, name) for layer in network.hidden_layers]
    if len(values) == layers:
        return values
    if layers and len(set(values)) > 1:
        raise UsageError(
            N_("{name} is not the same in all hidden layers: give it for each of {layers}."),
            name=LAYER_SETTINGS[name],
            layers=layers,
        )
    return values[:1]


def _train(train: TrainSpec, given: Mapping[str, Any]) -> TrainSpec:
    changes = {name: given[name] for name in vars(train) if name in given}
    begin = train.schedule
    name = given.get("schedule", begin.name if begin else NONE)
    parameters = dict(given.get("schedule_parameters", {}))
    if name == NONE:
        if parameters:
            raise UsageError(N_("Choose a learning-rate schedule for its parameters."))
        return replace(train, **(changes | {"schedule": None}))
    kept = differing(begin) if begin and begin.name == name else {}
    return replace(train, **(changes | {"schedule": schedule(name, kept | parameters)}))


def _optimizer(
    optimizer: OptimizerSpec,
    name: str | None = None,
    learning_rate: float | None = None,
    parameters: Mapping[str, Value] = MappingProxyType({}),
) -> OptimizerSpec:
    begin = optimizer if name in (None, optimizer.name) else optimizer_spec(name)
    rate = begin.learning_rate if learning_rate is None else learning_rate
    return optimizer_spec(begin.name, rate, {**dict(begin.parameters), **parameters})
