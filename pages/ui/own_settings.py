"""Own settings in the sidebar: every setting of a run, those that few need in groups that open."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st

from core import labs
from core.fields import Field, Limit, Number, Switch, Text, WholeNumber
from core.i18n import N_
from core.labs import OWN
from core.labs.contract import Lab
from core.specs import RunSpec
from core.specs import fields as run_fields
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import NONE, SCHEDULES
from pages.ui import choice, fields
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


_USUAL: tuple[Field[Any], ...] = (
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
    Switch("unique", N_("without duplicates"), False),
    run_fields.SEED,
)
"""All fields, as they are for a lab that begins with nothing else."""


def _values(spec: RunSpec) -> dict[str, Any]:
    """What the fields hold for a run of a fully connected network, by their names."""
    hidden, optimizer, schedule = spec.network.hidden, spec.optimizer, spec.train.schedule
    found = {
        "layers": len(hidden),
        **{f"layer{i}": size for i, size in enumerate(hidden, 1)},
        "optimizer": optimizer.name,
        "learning_rate": optimizer.learning_rate,
        "schedule": schedule.name if schedule else NONE,
        "unique": spec.data.unique,
        **{
            name: getattr(spec.train, name)
            for name in ("epochs", "batch_size", "validation_split", "early_stopping", "seed")
        },
    }
    changed = dict(optimizer.parameters)
    for name, field in _parameters(optimizer.name).items():
        found[field.name] = changed.get(name, field.default)
    for name, field in _of_schedule(found["schedule"]).items():
        found[field.name] = getattr(schedule, name)
    if hidden:
        found["activation"] = spec.network.activation
        found |= {name: one.text(spec.network.each(name)) for name, one in OF_LAYERS.items()}
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


def draw(lab: Lab) -> dict[str, Any]:
    """The widgets. What they hold, by the names of labs.choose; some of it as it was typed."""
    own: dict[str, Any] = {field.name: field for field in of(lab)}
    with st.expander(_("Own settings"), expanded=True):
        drawn = _main(lab, own)
    if drawn["hidden"]:
        with st.expander(_("Each hidden layer")):
            drawn |= _layers(own)
    with st.expander(_("Optimizer and learning rate")):
        drawn |= _optimizer(own, drawn["optimizer"])
    with st.expander(_("When to stop, and on which images")):
        drawn |= _stop(own)
    return drawn


def read(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What `draw` returned, with all that was typed read. Raises UsageError for what cannot be."""
    typed = {name: OF_LAYERS[name].parse(drawn[name]) for name in OF_LAYERS if name in drawn}
    return {**drawn, **typed}


def _main(lab: Lab, own: Mapping[str, Any]) -> dict[str, Any]:
    """What every lab sheet asks for."""
    layers = fields.number(own["layers"])
    hidden = []
    for i in range(1, layers + 1):
        label = _("Neurons in layer {i}").format(i=i)
        hidden.append(fields.number(own[f"layer{i}"], label=label))
    activation = fields.select(own["activation"])
    optimizer = fields.select(own["optimizer"], on_change=_take_default_rate)
    rate = _learning_rate(lab, optimizer)
    return {
        "hidden": tuple(hidden),
        "activation": activation,
        "optimizer": optimizer,
        "learning_rate": fields.number(rate, step=0.0001, format="%g"),
        "epochs": fields.number(own["epochs"]),
        "batch_size": fields.number(own["batch_size"]),
        "validation_split": fields.number(own["validation_split"], step=0.01, format="%.3g"),
        "seed": fields.number(own["seed"], help=_("Decides the first weights and the shuffling.")),
    }


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
    unique = _("Trains on no image that equals another one. The test images all stay.")
    return {
        "early_stopping": fields.number(own["early_stopping"], help=patience),
        "unique": fields.checkbox(own["unique"], help=unique),
    }


def _any(field: Any, **options: Any) -> Any:
    """A field of any kind, called as Keras calls it."""
    if isinstance(field, Switch):
        return fields.checkbox(field, **options)
    if isinstance(field, WholeNumber):
        return fields.number(field, **options)
    return fields.number(field, format="%g", step=abs(field.default) or 0.1, **options)
