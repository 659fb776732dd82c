"""The sidebar: the choice, which the URL carries, and the pages of each lab."""

from typing import Any

import streamlit as st

from core import data as datasets
from core.data import DATASETS
from core.fields import Field, OneOf
from core.i18n import N_
from core.labs.digits import VARIANTS
from core.specs import fields as run_fields
from pages.ui import download, fields, frame, lab
from pages.ui.text import _


class DataSet(OneOf):
    """A data set by its name."""

    def check(self, value: str) -> None:
        datasets.definition(value)


DATA_SET = DataSet(
    "dataset", N_("data set"), "mnist", {wanted.name: wanted.title for wanted in DATASETS.values()}
)
VARIANT = OneOf(
    "variant",
    N_("variant"),
    "0",
    {
        "0": N_("0 (worked example)"),
        **{str(number): str(number) for number in VARIANTS if number},
        lab.DRAWING: N_("Drawing model"),
        lab.OWN: N_("Own settings"),
    },
)
CHOICE: tuple[Field[Any], ...] = (
    DATA_SET,
    VARIANT,
    run_fields.LAYERS,
    *run_fields.NEURONS,
    run_fields.ACTIVATION,
    run_fields.OPTIMIZER,
    run_fields.learning_rate(run_fields.OPTIMIZER.default),
    run_fields.EPOCHS,
    run_fields.BATCH_SIZE,
    run_fields.VALIDATION_SPLIT,
    run_fields.SEED,
)
"""What the URL of every page may say; without a word of it, the worked example of the sheet."""

HEADINGS = {4: N_("Lab 4: optimizers"), 0: N_("The whole class")}
"""What stands above the pages of a lab, after the first one."""


def choose() -> None:
    """Draw the pickers and set `st.session_state.choice`. Raises LabError if it cannot be had."""
    with st.sidebar:
        st.markdown(f"### {_('Recognition Lab')}")
        for field in CHOICE:  # what a URL says of own settings holds when they are chosen later
            fields.read(field)
        values: dict[str, Any] = {
            "dataset": fields.select(DATA_SET),
            "variant": fields.select(VARIANT),
        }
        if values["variant"] == lab.OWN:
            with st.expander(_("Own settings"), expanded=True):
                values |= _own_settings()
        download.offer(DATASETS[values["dataset"]])
    st.session_state.choice = lab.resolve(values)


def _own_settings() -> dict[str, Any]:
    """Every parameter of a run, within its limits."""
    values: dict[str, Any] = {"layers": fields.number(run_fields.LAYERS)}
    for i, neurons in enumerate(run_fields.NEURONS[: values["layers"]], 1):
        label = _("Neurons in layer {i}").format(i=i)
        values[neurons.name] = fields.number(neurons, label=label)
    values["activation"] = fields.select(run_fields.ACTIVATION)
    values["optimizer"] = fields.select(run_fields.OPTIMIZER, on_change=_take_default_rate)
    rate = run_fields.learning_rate(values["optimizer"])
    return values | {
        "learning_rate": fields.number(rate, step=0.0001, format="%g"),
        "epochs": fields.number(run_fields.EPOCHS),
        "batch_size": fields.number(run_fields.BATCH_SIZE),
        "validation_split": fields.number(run_fields.VALIDATION_SPLIT, step=0.01, format="%.2f"),
        "seed": fields.number(
            run_fields.SEED, help=_("Decides the first weights and the shuffling.")
        ),
    }


def _take_default_rate() -> None:
    """Without another wish an optimizer has Keras's default learning rate."""
    rate = run_fields.learning_rate(st.session_state.optimizer)
    st.session_state[rate.name] = rate.default


def done() -> list[bool]:
    """Which steps are done, in their order."""
    return [lab.is_done(step.name) for step in lab.STEPS]


def navigation() -> list[bool]:
    """Draw the pages of each lab as links, with what `done` says, and return that."""
    states = done()
    st.markdown(f"**{_('The lab, step by step')}**")
    for number, step in enumerate(lab.STEPS):
        if step.lab != lab.STEPS[max(number - 1, 0)].lab:
            st.markdown(f"**{_(HEADINGS[step.lab])}**")
        label = f"{number}. {_(step.title)}" if number and step.lab == 1 else _(step.title)
        st.page_link(
            st.session_state.pages[step.name],
            label=f"{label} ✓" if states[number] else label,
            icon=":material/check_circle:" if states[number] else step.icon,
            query_params=frame.query(step.name),
            width="stretch",
        )
    return states
