"""The fields of a run: what the sidebar, its part of the URL and the command line ask for."""

from dataclasses import dataclass, fields
from typing import Any

from core.fields import LIMITS, Each, Field, Number, OneOf, Switch, WholeNumber, named
from core.i18n import N_
from core.networks import frozen
from core.networks.known import CONVNET
from core.networks.layers import HIDDEN_ACTIVATIONS, INITIALIZERS, PENALTY, RATE
from core.networks.notation import network_from, network_lines
from core.networks.structure import LAYER_SETTINGS, NetworkSpec
from core.specs import data, train
from core.specs.augmentation import AUGMENTATIONS, PARAMETERS, Moves
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import NONE, SCHEDULES
from core.specs.schedules import PARAMETERS as OF_SCHEDULES

LAYERS = WholeNumber("layers", N_("hidden layers"), 1, LIMITS["hidden layers"])
NEURONS = [
    WholeNumber(f"layer{i}", N_("neurons"), 128, LIMITS["neurons"])
    for i in range(1, int(LIMITS["hidden layers"].high) + 1)
]
"""Of each hidden layer."""
ACTIVATION = OneOf("activation", N_("activation"), "relu", named(HIDDEN_ACTIVATIONS))
L1 = Number("l1", LAYER_SETTINGS["l1"], 0.0, PENALTY)
L2 = Number("l2", LAYER_SETTINGS["l2"], 0.0, PENALTY)
DROPOUT = Number("dropout", LAYER_SETTINGS["dropout"], 0.0, RATE)
BATCH_NORMALISATION = Switch(
    "batch_normalisation", LAYER_SETTINGS["batch_normalisation"], default=False
)
INITIALIZER = OneOf(
    "initializer", LAYER_SETTINGS["initializer"], "glorot_uniform", named(INITIALIZERS)
)
OF_LAYERS = {
    field.name: Each(field.name, field.term, (field.default,), field)
    for field in (ACTIVATION, L1, L2, DROPOUT, BATCH_NORMALISATION, INITIALIZER)
}
"""What is set for all hidden layers, or for each of them."""
BUILD = OneOf(
    "build",
    N_("network"),
    "dense",
    {
        "dense": N_("fully connected"),
        "stack": N_("layers in any order"),
        "base": N_("begins with a trained one"),
    },
)


@dataclass(frozen=True)
class Stack(Field[NetworkSpec]):
    """A network of layers in any order, as core.networks.notation writes it."""

    def parse(self, text: str) -> NetworkSpec:
        return network_from(text)

    def text(self, value: NetworkSpec) -> str:
        return ", ".join(network_lines(value))


STACK = Stack("stack", N_("layers"), CONVNET)
IMAGES = WholeNumber("images", N_("number of images"), 1000, data.IMAGES)
SIDE = WholeNumber("side", N_("size of the images"), 96, frozen.SIDE)
COPIES = WholeNumber("copies", N_("changed copies"), 5, train.COPIES)
SCALING = OneOf("scaling", N_("scaling"), "own", frozen.SCALINGS)
"""Of the images that go into a pre-trained network."""
OPTIMIZER = OneOf("optimizer", N_("optimizer"), "adam", named(OPTIMIZERS))
EPOCHS = WholeNumber("epochs", N_("epochs"), 10, LIMITS["epochs"])
BATCH_SIZE = WholeNumber("batch_size", N_("batch size"), 32, LIMITS["batch size"])
VALIDATION_SPLIT = Number(
    "validation_split", N_("validation split"), 0.2, LIMITS["validation split"]
)
SEED = WholeNumber("seed", N_("seed"), 0, LIMITS["seed"])
SCHEDULE = OneOf(
    "schedule",
    N_("learning-rate schedule"),
    NONE,
    {NONE: N_("none"), **{name: kind.title for name, kind in SCHEDULES.items()}},
)
EARLY_STOPPING = WholeNumber("early_stopping", N_("early stopping"), 0, train.PATIENCE)
"""Epochs to wait for a lower validation loss; 0: all epochs are trained."""

AUGMENTATION = OneOf("augmentation", N_("augmentation"), "none", AUGMENTATIONS)
MOVES = {
    name: Number(f"moves_{name}", term, getattr(Moves, name), limit)
    for name, (term, limit) in PARAMETERS.items()
}
"""How far images are moved."""


def schedule_parameters(schedule: str) -> dict[str, Field[Any]]:
    """The parameters of a schedule, by their names there; none of no schedule."""
    found: dict[str, Field[Any]] = {}
    known = fields(SCHEDULES[schedule]) if schedule != NONE else ()
    for one in sorted(known, key=lambda one: one.name == "warmup"):  # which is the last
        term, limit = OF_SCHEDULES[one.name]
        name, default = f"schedule_{one.name}", one.default
        assert isinstance(default, float | int), "every parameter has a default"
        if isinstance(default, int):
            found[one.name] = WholeNumber(name, term, default, limit)
        else:
            found[one.name] = Number(name, term, default, limit)
    return found


def learning_rate(optimizer: str) -> Number:
    """The learning rate; by default what Keras has for this optimizer."""
    default = OPTIMIZERS[optimizer].learning_rate
    return Number("learning_rate", N_("learning rate"), default, LIMITS["learning rate"])
