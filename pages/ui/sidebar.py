"""The sidebar: a lab, its data sets and its experiments, and the pages of the lab."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from core import data as datasets
from core import labs
from core.data import DATASETS
from core.errors import LabError
from core.fields import Field, Number, OneOf
from core.i18n import N_
from core.labs import LABS, OWN
from core.labs.contract import Lab, Step
from core.labs.steps import CLASS
from core.specs import fields as run_fields
from pages.ui import choice, download, fields, layout
from pages.ui.text import _

LAB = OneOf("lab", N_("lab"), next(iter(LABS)), {lab.name: lab.title for lab in LABS.values()})


class DataSet(OneOf):
    """A data set of a lab, by its name."""

    def check(self, value: str) -> None:
        datasets.definition(value)
        super().check(value)


def choose() -> None:
    """Draw the pickers and set `st.session_state.choice`: to a LabError if it cannot be had."""
    with st.sidebar:
        st.markdown(f"### {_('Recognition Lab')}")
        _name_lab_in_address()
        lab = labs.lab(fields.select(LAB, on_change=_change_lab))
        titles = {name: DATASETS[name].title for name in lab.datasets}
        dataset = fields.select(DataSet("dataset", N_("data set"), lab.datasets[0], titles))
        own = own_fields(lab)
        for field in own:  # what a URL says of own settings holds when they are chosen later
            fields.read(field)
        experiment = fields.select(_experiments(lab))
        settings = {}
        if experiment == OWN:
            with st.expander(_("Own settings"), expanded=True):
                settings = _own_settings(lab)
        _remember(lab)
    try:
        st.session_state.choice = choice.make(lab.name, dataset, experiment, settings)
    except LabError as error:  # which the page says, with the way to get the data
        st.session_state.choice = error
    else:
        with st.sidebar:
            download.offer(DATASETS[dataset])


def _name_lab_in_address() -> None:
    """Let an address that names no lab name the one lab that has its page, if only one has it.

    Before there were labs in addresses, one that named a variant was of the first lab.
    """
    brought = fields.brought()
    if brought is None or LAB.name in brought or "variant" in brought:
        return
    step = st.session_state.step.name
    owners = [lab.name for lab in LABS.values() if step in {one.name for one in lab.steps}]
    if len(owners) == 1:
        brought[LAB.name] = owners[0]


def _remember(lab: Lab) -> None:
    """Note what is chosen in this lab, for when a student comes back to it."""
    state = st.session_state
    names = [field.name for field in (_experiments(lab), *own_fields(lab))]
    chosen = {name: state[name] for name in names if name in state}
    state.setdefault("chosen", {})[lab.name] = chosen


def _change_lab() -> None:
    """Another lab was chosen: take up what was chosen there, on its first page if need be."""
    lab = choice.lab()
    chosen = st.session_state.get("chosen", {}).get(lab.name, {})
    for field in (_experiments(lab), *own_fields(lab)):
        st.session_state[field.name] = chosen.get(field.name, field.default)
    if st.session_state.step.name not in {step.name for step in (*lab.steps, CLASS)}:
        st.session_state.leave_for = lab.steps[0].name


def _experiments(lab: Lab) -> OneOf:
    """The experiments of a lab, without the word that stands above them, and own settings."""
    word = f"{_(lab.word)} "
    titles = {one.name: one.label(_).removeprefix(word) for one in lab.experiments}
    titles[OWN] = N_("Own settings")
    return OneOf("variant", lab.word, lab.experiments[0].name, titles)


def own_fields(lab: Lab) -> tuple[Field[Any], ...]:
    """The fields of own settings, which begin with what the lab begins with."""
    base = labs.choose(lab.name, OWN, lab.base.data, {}).spec  # as on the command line
    hidden = base.network.hidden
    first = hidden[0] if hidden else run_fields.NEURONS[0].default
    sizes = [*hidden, *[first] * (len(run_fields.NEURONS) - len(hidden))]
    activation = base.network.activation if hidden else run_fields.ACTIVATION.default
    return (
        replace(run_fields.LAYERS, default=len(hidden)),
        *(
            replace(field, default=size)
            for field, size in zip(run_fields.NEURONS, sizes, strict=True)
        ),
        replace(run_fields.ACTIVATION, default=activation),
        replace(run_fields.OPTIMIZER, default=base.optimizer.name),
        _learning_rate(lab, base.optimizer.name),
        replace(run_fields.EPOCHS, default=base.train.epochs),
        replace(run_fields.BATCH_SIZE, default=base.train.batch_size),
        replace(run_fields.VALIDATION_SPLIT, default=base.train.validation_split),
        replace(run_fields.SEED, default=base.train.seed),
    )


def _learning_rate(lab: Lab, optimizer: str) -> Number:
    """Its default is the lab's for the lab's optimizer, and Keras's for any other."""
    field = run_fields.learning_rate(optimizer)
    known = lab.base.optimizer
    return replace(field, default=known.learning_rate) if optimizer == known.name else field


def _own_settings(lab: Lab) -> dict[str, Any]:
    """Every setting of a run, within its limits, as labs.choose takes them."""
    own: dict[str, Any] = {field.name: field for field in own_fields(lab)}
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


def take(settings: Mapping[str, Any]) -> None:
    """Choose these own settings, by the names of their fields as labs.variations has them."""
    hidden = settings["hidden"]
    sizes = {f"layer{i}": size for i, size in enumerate(hidden, 1)}
    others = {name: value for name, value in settings.items() if name != "hidden"}
    st.session_state.update(variant=OWN, layers=len(hidden), **sizes, **others)
    fields.forget()


def _take_default_rate() -> None:
    """Without another wish an optimizer has its default learning rate."""
    rate = _learning_rate(choice.lab(), st.session_state.optimizer)
    st.session_state[rate.name] = rate.default


def done() -> list[bool]:
    """Which steps of the lab are done, in their order."""
    return [choice.is_done(step) for step in choice.lab().steps]


def navigation() -> list[bool]:
    """Draw the pages of the lab as links, with what `done` says, and return that."""
    states = done()
    st.markdown(f"**{_('The lab, step by step')}**")
    for number, (step, is_done) in enumerate(zip(choice.lab().steps, states, strict=True)):
        title = f"{number}. {_(step.title)}" if number else _(step.title)
        _link(step, f"{title} ✓" if is_done else title)
    st.markdown(f"**{_('The whole class')}**")
    _link(CLASS, _(CLASS.title))
    return states


def _link(step: Step, label: str) -> None:
    st.page_link(
        st.session_state.pages[step.name],
        label=label,
        icon=step.icon,
        query_params=layout.query(step.name),
        width="stretch",
    )
