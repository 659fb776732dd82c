"""Own settings in the sidebar: every setting of a run, those that few need in groups that open."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st

from core import labs
from core.data import Definition
from core.errors import UsageError
from core.fields import Field, Limit, Number, Switch, Text, WholeNumber
from core.i18n import N_
from core.labs import OWN
from core.labs.contract import Lab
from core.networks.known import KNOWN
from core.networks.layers import (
    AveragePooling2D,
    BatchNormalization,
    Channel,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
    Shape,
)
from core.networks.notation import layer_text, network_from, network_lines
from core.specs import NetworkSpec, RunSpec
from core.specs import fields as run_fields
from core.specs.augmentation import Moves, moves_of
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import NONE, SCHEDULES
from pages.ui import base_settings, choice, fields
from pages.ui.text import _

OF_LAYERS = {name: one for name, one in run_fields.OF_LAYERS.items() if name != "activation"}
"""Typed as text: one value for all hidden layers, or one for each."""

HELPS = {
    "l1": N_("Adds to the loss the size of each weight, so many times: small ones become 0."),
    "l2": N_("Adds to the loss the square of each weight, so many times: all become smaller."),
    "dropout": N_("The part of the neurons that is forgotten in a step, from 0 to 0.9."),
    "batch_normalisation": N_(
        "true or false: after the layer, its numbers are brought to one scale."
    ),
}


def _parameters(optimizer: str) -> dict[str, Field[Any]]:
    """The parameters of an optimizer but its learning rate, by Keras's names."""
    found: dict[str, Field[Any]] = {}
    for name, known in OPTIMIZERS[optimizer].parameters.items():
        key, limit = f"{optimizer}_{name}", Limit(known.low, known.high)
        if isinstance(known.default, bool):
            found[name] = Switch(key, name, known.default)
        elif isinstance(known.default, int):
            found[name] = WholeNumber(key, name, known.default, limit)
        else:
            found[name] = Number(key, name, known.default, limit)
    return found


def _of_schedule(schedule: str) -> dict[str, Field[Any]]:
    """The parameters of a schedule, by their names there; none of no schedule."""
    known = run_fields.schedule_parameters(schedule)
    return {name: replace(field, name=f"{schedule}_{name}") for name, field in known.items()}


IMAGES = replace(
    run_fields.IMAGES,
    term=N_("training images"),
    default=0,
    limit=Limit(0, run_fields.IMAGES.limit.high),
)
"""0: all of them."""
COPIES = replace(run_fields.COPIES, limit=Limit(1, run_fields.COPIES.limit.high))

STACK = Text("stack", run_fields.STACK.term, "\n".join(network_lines(run_fields.STACK.default)))
"""Typed as text: a line for each layer."""

ADDED: dict[str, Layer] = {
    type(one).__name__: one
    for one in (
        Channel(),
        Conv2D(32, 3, "relu"),
        MaxPooling2D(),
        AveragePooling2D(),
        Dropout(0.5),
        BatchNormalization(),
        Flatten(),
        Dense(128, "relu"),
    )
}
"""What is added as a further layer, by its name."""

_USUAL: tuple[Field[Any], ...] = (
    run_fields.BUILD,
    STACK,
    base_settings.BASE,
    run_fields.SIDE,
    run_fields.SCALING,
    run_fields.LAYERS,
    *run_fields.NEURONS,
    run_fields.ACTIVATION,
    *(Text(name, one.term, one.text(one.default)) for name, one in OF_LAYERS.items()),
    run_fields.OPTIMIZER,
    run_fields.learning_rate(run_fields.OPTIMIZER.default),
    *(field for name in OPTIMIZERS for field in _parameters(name).values()),
    run_fields.SCHEDULE,
    *(field for name in SCHEDULES for field in _of_schedule(name).values()),
    run_fields.EPOCHS,
    run_fields.BATCH_SIZE,
    run_fields.VALIDATION_SPLIT,
    run_fields.EARLY_STOPPING,
    run_fields.AUGMENTATION,
    *run_fields.MOVES.values(),
    COPIES,
    IMAGES,
    Switch("unique", N_("without duplicates"), False),
    run_fields.SEED,
)
"""All fields, as they are for a lab that begins with nothing else."""


def _values(spec: RunSpec) -> dict[str, Any]:
    """What the fields hold for a run, by their names."""
    optimizer, schedule = spec.optimizer, spec.train.schedule
    augmentation, *_moves = spec.train.augmentation.split()
    found = {
        **_of_network(spec.network),
        "augmentation": augmentation,
        "optimizer": optimizer.name,
        "learning_rate": optimizer.learning_rate,
        "schedule": schedule.name if schedule else NONE,
        "unique": spec.data.unique,
        "images": spec.data.images or 0,
        **{
            name: getattr(spec.train, name)
            for name in ("epochs", "batch_size", "validation_split", "early_stopping", "seed")
        },
    }
    if spec.train.copies:
        found["copies"] = spec.train.copies
    changed = dict(optimizer.parameters)
    for name, field in _parameters(optimizer.name).items():
        found[field.name] = changed.get(name, field.default)
    for name, field in _of_schedule(found["schedule"]).items():
        found[field.name] = getattr(schedule, name)
    if moves := moves_of(spec.train.augmentation):
        found |= {field.name: getattr(moves, name) for name, field in run_fields.MOVES.items()}
    return found


def _of_network(network: NetworkSpec) -> dict[str, Any]:
    """What the fields of the network hold, by their names."""
    if not network.dense and not network.base:
        return {"build": "stack", "stack": "\n".join(network_lines(network))}
    found: dict[str, Any] = {"build": "dense", "layers": len(network.hidden)}
    if network.base:
        found |= {"build": "base", **base_settings.values(network.base)}
    found |= {f"layer{i}": size for i, size in enumerate(network.hidden, 1)}
    if network.hidden:
        found["activation"] = network.activation
        found |= {name: one.text(network.each(name)) for name, one in OF_LAYERS.items()}
    return found


def of(lab: Lab) -> tuple[Field[Any], ...]:
    """The fields of own settings, which begin with what the lab begins with."""
    return _beginning(lab.name, lab.base)


@cache
def _beginning(lab: str, base: RunSpec) -> tuple[Field[Any], ...]:
    begin = _values(labs.choose(lab, OWN, base.data, {}).spec)  # as on the command line
    for field in run_fields.NEURONS:
        begin.setdefault(field.name, begin.get("layer1", field.default))
    return tuple(replace(field, default=begin.get(field.name, field.default)) for field in _USUAL)


def take(spec: RunSpec) -> None:
    """Choose this run by own settings."""
    st.session_state.update(_values(spec), variant=OWN)
    fields.forget()


def draw(lab: Lab, images: Definition) -> dict[str, Any]:
    """The widgets. What they hold, by the names of labs.choose; some of it as it was typed."""
    own: dict[str, Any] = {field.name: field for field in of(lab)}
    with st.expander(_("Own settings"), expanded=True):
        drawn = _main(lab, own, images)
    if drawn.get("hidden"):
        with st.expander(_("Each hidden layer")):
            drawn |= _layers(own)
    with st.expander(_("Optimizer and learning rate")):
        drawn |= _optimizer(own, drawn["optimizer"])
    with st.expander(_("When to stop, and on which images")):
        drawn |= _stop(own)
    with st.expander(_("Augmentation")):
        drawn |= _augmentation(own, frozen="base" in drawn)
    return drawn


def read(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What `draw` returned, with all that was typed read, and the base that is named.

    Raises UsageError for what cannot be, and DataError if weights of a base are not here.
    """
    parsed: dict[str, Field[Any]] = {**OF_LAYERS, "stack": run_fields.STACK}
    typed = {name: field.parse(drawn[name]) for name, field in parsed.items() if name in drawn}
    if "base" in drawn:
        typed["base"] = base_settings.read(drawn)
    return {**drawn, **typed}


def _main(lab: Lab, own: Mapping[str, Any], images: Definition) -> dict[str, Any]:
    """What every lab sheet asks for."""
    match fields.select(own["build"]):
        case "dense":
            network = _hidden(own)
        case "stack":
            network = _stack(own, images)
        case _:
            network = {**base_settings.draw(), **_hidden(own)}
    optimizer = fields.select(own["optimizer"], on_change=_take_default_rate)
    rate = _learning_rate(lab, optimizer)
    return {
        **network,
        "optimizer": optimizer,
        "learning_rate": fields.number(rate, step=0.0001, format="%g"),
        "epochs": fields.number(own["epochs"]),
        "batch_size": fields.number(own["batch_size"]),
        "validation_split": fields.number(own["validation_split"], step=0.01, format="%.3g"),
        "seed": fields.number(own["seed"], help=_("Decides the first weights and the shuffling.")),
    }


def _hidden(own: Mapping[str, Any]) -> dict[str, Any]:
    """The hidden layers of a fully connected network."""
    hidden = []
    for i in range(1, fields.number(own["layers"]) + 1):
        label = _("Neurons in layer {i}").format(i=i)
        hidden.append(fields.number(own[f"layer{i}"], label=label))
    return {"hidden": tuple(hidden), "activation": fields.select(own["activation"])}


def _stack(own: Mapping[str, Any], images: Definition) -> dict[str, Any]:
    """Layers in any order, a line for each, and the shape that each of them makes."""
    st.selectbox(
        _("Begin with the network of …"),
        list(KNOWN),
        index=None,
        format_func=lambda name: _(KNOWN[name][0]),
        key="known_network",
        on_change=_begin_with,
    )
    help = _(
        "Channel comes first where there are convolutions. Conv2D 32 3 relu padding=same has 32 "
        "filters of 3 × 3 pixels, and keeps the size of the picture."
    )
    stack = fields.area(own["stack"], label=_("Layers, one in a line"), help=help)
    st.selectbox(
        _("Add a layer"),
        list(ADDED),
        index=None,
        key="added_layer",
        on_change=_add_layer,
    )
    lines, error = _shapes(stack, images)
    st.caption("  \n".join([_("What each layer passes on:"), *lines]))
    if error:  # the page says it too, which a telephone hides behind the sidebar
        st.caption(f":red[{error.sentence(_)}]")
    return {"stack": stack}


def _begin_with() -> None:
    """Let the layers be those of a known network."""
    state = st.session_state
    if state.known_network:
        state.stack = "\n".join(network_lines(KNOWN[state.known_network][1]))
        state.known_network = None
        fields.forget()


def _add_layer() -> None:
    """Write a further layer below the others."""
    state = st.session_state
    if state.added_layer:
        state.stack = "\n".join([*state.stack.split("\n"), layer_text(ADDED[state.added_layer])])
        state.added_layer = None
        fields.forget()


def _shapes(stack: str, images: Definition) -> tuple[list[str], UsageError | None]:
    """The shape after each layer with its name, and what is wrong with the layer after the last."""
    shape: Shape = images.shape
    lines = []
    try:
        for layer in (*network_from(stack).behind, Dense(len(images.class_names), "softmax")):
            shape = layer.shape(shape)
            lines.append(f"{type(layer).__name__} → {' × '.join(map(str, shape))}")
    except UsageError as error:
        return lines, error
    return lines, None


def _learning_rate(lab: Lab, optimizer: str) -> Number:
    """Its default is the lab's for the lab's optimizer, and Keras's for any other."""
    field = run_fields.learning_rate(optimizer)
    known = lab.base.optimizer
    return replace(field, default=known.learning_rate) if optimizer == known.name else field


def _take_default_rate() -> None:
    """Without another wish an optimizer has its default learning rate."""
    rate = _learning_rate(choice.lab(), st.session_state.optimizer)
    st.session_state[rate.name] = rate.default


def _layers(own: Mapping[str, Any]) -> dict[str, Any]:
    """What holds the weights down, and how they begin."""
    st.caption(_("One value for all hidden layers, or one for each: 0.1, 0.1, 0"))
    helps = {name: _(text) for name, text in HELPS.items()}
    helps["initializer"] = ", ".join(run_fields.INITIALIZER.choices)
    return {name: fields.text(own[name], help=helps[name]) for name in OF_LAYERS}


def _optimizer(own: Mapping[str, Any], optimizer: str) -> dict[str, Any]:
    """The other parameters of the optimizer, and how its learning rate changes."""
    known = OPTIMIZERS[optimizer].parameters
    parameters = {
        name: _any(own[field.name], help=_(known[name].meaning))
        for name, field in _parameters(optimizer).items()
    }
    schedule = fields.select(own["schedule"])
    if schedule != NONE:
        st.caption(_(SCHEDULES[schedule].meaning))
    return {
        "parameters": parameters,
        "schedule": schedule,
        "schedule_parameters": {
            name: _any(own[field.name]) for name, field in _of_schedule(schedule).items()
        },
    }


def _stop(own: Mapping[str, Any]) -> dict[str, Any]:
    """When the training ends before its last epoch, and whether equal images stay."""
    patience = _(
        "Epochs to wait for a lower validation loss; then the best weights are kept. 0: no."
    )
    images = _("The first so many, those for validation included; 0: all of them.")
    unique = _("Trains on no image that equals another one. The test images all stay.")
    return {
        "early_stopping": fields.number(own["early_stopping"], help=patience),
        "images": fields.number(own["images"], help=images) or None,
        "unique": fields.checkbox(own["unique"], help=unique),
    }


def _augmentation(own: Mapping[str, Any], *, frozen: bool) -> dict[str, Any]:
    """What is done to the training images anew in every epoch, or before what is frozen."""
    name = fields.select(own["augmentation"])
    copies = 0
    if frozen and name != run_fields.AUGMENTATION.default:
        help = _("So many changed copies of each image are made, and the epochs take them in turn.")
        copies = fields.number(own["copies"], help=help)
    if name != "moves":
        return {"augmentation": name, "copies": copies}
    st.caption(_("At most so far either way: rotation and shear in degrees, the others as parts."))
    values = {
        parameter: fields.number(own[field.name], format="%g", step=abs(field.default))
        for parameter, field in run_fields.MOVES.items()
    }
    return {"augmentation": Moves(**values).text, "copies": copies}


def _any(field: Any, **options: Any) -> Any:
    """A field of any kind, called as Keras calls it."""
    if isinstance(field, Switch):
        return fields.checkbox(field, **options)
    if isinstance(field, WholeNumber):
        return fields.number(field, **options)
    return fields.number(field, format="%g", step=abs(field.default) or 0.1, **options)
