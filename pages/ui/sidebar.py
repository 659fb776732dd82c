"""The sidebar: a lab, its data sets and its experiments, and the pages of the lab."""

import streamlit as st

from core import data as datasets
from core import labs
from core.data import DATASETS
from core.errors import LabError
from core.fields import OneOf
from core.i18n import N_
from core.labs import LABS, OWN
from core.labs.contract import Lab, Step
from core.labs.steps import CLASS
from pages.ui import choice, download, fields, layout, own_settings
from pages.ui.text import _

LAB = OneOf("lab", N_("lab"), next(iter(LABS)), {lab.name: lab.title for lab in LABS.values()})

DATASET = "dataset"


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
        dataset = fields.select(DataSet(DATASET, N_("data set"), _first(lab), titles))
        for field in own_settings.of(lab):  # what a URL says of them holds when they are chosen
            fields.read(field)
        experiment = fields.select(_experiments(lab))
        typed = own_settings.draw(lab, DATASETS[dataset]) if experiment == OWN else {}
        _remember(lab)
    try:
        settings = own_settings.read(typed)
        st.session_state.choice = choice.make(lab.name, dataset, experiment, settings)
    except LabError as error:  # which the page says, with the way to get the data
        st.session_state.choice = error
    else:
        with st.sidebar:
            download.offer(DATASETS[dataset])


def _first(lab: Lab) -> str:
    """The data set that a lab opens with: the first of which images are on this computer."""
    at_hand = (name for name in lab.datasets if datasets.at_hand(DATASETS[name]))
    return next(at_hand, lab.datasets[0])


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
    names = [field.name for field in (_experiments(lab), *own_settings.of(lab))]
    chosen = {name: state[name] for name in (DATASET, *names) if name in state}
    state.setdefault("chosen", {})[lab.name] = chosen
    state.about = lab.datasets[0]


def _change_lab() -> None:
    """Another lab was chosen: take up what was chosen there, on its first page if need be.

    Two labs that are about the same data set share the choice of one.
    """
    lab = choice.lab()
    chosen = st.session_state.get("chosen", {}).get(lab.name, {})
    if lab.datasets[0] != st.session_state.get("about"):
        st.session_state[DATASET] = chosen.get(DATASET, _first(lab))
    for field in (_experiments(lab), *own_settings.of(lab)):
        st.session_state[field.name] = chosen.get(field.name, field.default)
    if st.session_state.step.name not in {step.name for step in (*lab.steps, CLASS)}:
        st.session_state.leave_for = lab.steps[0].name


def _experiments(lab: Lab) -> OneOf:
    """The experiments of a lab, without the word that stands above them, and own settings."""
    word = f"{_(lab.word)} "
    titles = {one.name: one.label(_).removeprefix(word) for one in lab.experiments}
    titles[OWN] = N_("Own settings")
    return OneOf("variant", lab.word, lab.experiments[0].name, titles)


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
