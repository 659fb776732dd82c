"""Own settings in the sidebar: every setting of a run, those that few need in groups that open."""

from collections.abc import Mapping
from dataclasses import replace
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

UNIQUE = Switch("unique", N_("without duplicates"), False)


def of(lab: Lab) -> tuple[Field[Any], ...]:
    """The fields of own settings, which begin with what the lab begins with."""
    base = labs.choose(lab.name, OWN, lab.base.data, {}).spec  # as on the command line
    hidden = base.network.hidden
    first = hidden[0] if hidden else run_fields.NEURONS[0].default
    sizes = [*hidden, *[first] * (len(run_fields.NEURONS) - len(hidden))]
    activation = base.network.activation if hidden else run_fields.ACTIVATION.default
    train = base.train
    return (
        replace(run_fields.LAYERS, default=len(hidden)),
        *(
            replace(field, default=size)
            for field, size in zip(run_fields.NEURONS, sizes, strict=True)
        ),
        replace(run_fields.ACTIVATION, default=activation),
        *(_typed(base, name) for name in OF_LAYERS),
        replace(run_fields.OPTIMIZER, default=base.optimizer.name),
        _learning_rate(lab, base.optimizer.name),
        *(field for name in OPTIMIZERS for field in _parameters(name).values()),
        replace(run_fields.SCHEDULE, default=train.schedule.name if train.schedule else NONE),
        *(field for name in SCHEDULES for field in _of_schedule(name).values()),
        replace(run_fields.EPOCHS, default=train.epochs),
        replace(run_fields.BATCH_SIZE, default=train.batch_size),
        replace(run_fields.VALIDATION_SPLIT, default=train.validation_split),
        replace(run_fields.EARLY_STOPPING, default=train.early_stopping),
        UNIQUE,
        replace(run_fields.SEED, default=train.seed),
    )


def _typed(base: RunSpec, name: str) -> Text:
    """A setting of the hidden layers as text."""
    known = OF_LAYERS[name]
    values = base.network.each(name) if base.network.hidden else known.default
    return Text(name, known.term, known.text(values))


def _learning_rate(lab: Lab, optimizer: str) -> Number:
    """Its default is the lab's for the lab's optimizer, and Keras's for any other."""
    field = run_fields.learning_rate(optimizer)
    known = lab.base.optimizer
    return replace(field, default=known.learning_rate) if optimizer == known.name else field


def _parameters(optimizer: str) -> dict[str, Field[Any]]:
    """The other parameters of an optimizer, by Keras's names."""
    found: dict[str, Field[Any]] = {}
    for name, known in OPTIMIZERS[optimizer].parameters.items():
        key, limit = f"{optimizer}-{name}", Limit(known.low, known.high)
        if isinstance(known.default, bool):
            found[name] = Switch(key, name, known.default)
        elif isinstance(known.default, int):
            found[name] = WholeNumber(key, name, known.default, limit)
        else:
            found[name] = Number(key, name, known.default, limit)
    return found


def _of_schedule(schedule: str) -> dict[str, Field[Any]]:
    """The parameters of a schedule, by their names there."""
    known = run_fields.schedule_parameters(schedule)
    return {name: replace(field, name=f"{schedule}-{name}") for name, field in known.items()}


def draw(lab: Lab) -> dict[str, Any]:
    """The widgets. What they hold, by the names of labs.choose; some of it as it was typed."""
    own: dict[str, Any] = {field.name: field for field in of(lab)}
    with st.expander(_("Own settings"), expanded=True):
        drawn = _main(lab, own)
    with st.expander(_("Each hidden layer")):
        drawn |= _layers(own)
    with st.expander(_("Optimizer and learning rate")):
        drawn |= _optimizer(own, drawn["optimizer"])
    with st.expander(_("When to stop, and on which images")):
        drawn |= _stop(own)
    return drawn


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
        "validation_split": fields.number(own["validation_split"], step=0.01, format="%.2f"),
        "seed": fields.number(own["seed"], help=_("Decides the first weights and the shuffling.")),
    }


def _layers(own: Mapping[str, Any]) -> dict[str, Any]:
    """What holds the weights down, and how they begin."""
    st.caption(_("One value for all hidden layers, or one for each: 0.1, 0.1, 0"))
    helps = {
        "l1": _("Adds to the loss the size of each weight, so many times: small ones become 0."),
        "l2": _("Adds to the loss the square of each weight, so many times: all become smaller."),
        "dropout": _("The part of the neurons that is forgotten in a step, from 0 to 0.9."),
        "batch_normalisation": _(
            "true or false: after the layer, its numbers are brought to one scale."
        ),
        "initializer": ", ".join(run_fields.INITIALIZER.choices),
    }
    return {name: fields.text(own[name], help=helps[name]) for name in OF_LAYERS}


def _optimizer(own: Mapping[str, Any], optimizer: str) -> dict[str, Any]:
    """The other parameters of the optimizer, and how its learning rate changes."""
    known = OPTIMIZERS[optimizer].parameters
    parameters = {
        name: _any(field, help=_(known[name].meaning))
        for name, field in _parameters(optimizer).items()
    }
    schedule = fields.select(own["schedule"])
    meaning = SCHEDULES[schedule].meaning if schedule != NONE else ""
    if meaning:
        st.caption(_(meaning))
    of_schedule = _of_schedule(schedule) if schedule != NONE else {}
    return {
        "parameters": parameters,
        "schedule": schedule,
        "schedule_parameters": {name: _any(field) for name, field in of_schedule.items()},
    }


def _stop(own: Mapping[str, Any]) -> dict[str, Any]:
    """When the training ends before its last epoch, and whether equal images stay."""
    patience = fields.number(
        own["early_stopping"],
        help=_(
            "Epochs to wait for a lower validation loss, then the best weights are kept. 0: no."
        ),
    )
    return {"early_stopping": patience, "unique": fields.checkbox(UNIQUE)}


def _any(field: Any, **options: Any) -> Any:
    """A field of any kind, called as Keras calls it."""
    if isinstance(field, Switch):
        return fields.checkbox(field, **options)
    if isinstance(field, WholeNumber):
        return fields.number(field, **options)
    return fields.number(field, format="%g", step=abs(field.default) or 0.1, **options)


def read(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """What `draw` returned, with all that was typed read. Raises UsageError for what cannot be."""
    typed = {name: OF_LAYERS[name].parse(drawn[name]) for name in OF_LAYERS if name in drawn}
    return {**drawn, **typed}


def take(settings: Mapping[str, Any]) -> None:
    """Choose these own settings, by the names of their fields as labs.variations has them."""
    known = dict(settings)
    hidden, optimizer, schedule = known.pop("hidden"), known["optimizer"], known["schedule"]
    for i, size in enumerate(hidden, 1):
        known[f"layer{i}"] = size
    for name, value in known.pop("parameters").items():
        known[f"{optimizer}-{name}"] = value
    for name, value in known.pop("schedule_parameters").items():
        known[f"{schedule}-{name}"] = value
    for name in OF_LAYERS.keys() & known.keys():
        known[name] = OF_LAYERS[name].text(known[name])
    st.session_state.update(known, variant=OWN, layers=len(hidden))
    fields.forget()


def _take_default_rate() -> None:
    """Without another wish an optimizer has its default learning rate."""
    rate = _learning_rate(choice.lab(), st.session_state.optimizer)
    st.session_state[rate.name] = rate.default
