"""The sidebar: the choice, which the URL carries, and the way through the lab."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import streamlit as st

from core import data as datasets
from core.data import DATASETS
from core.errors import LabError
from core.i18n import N_
from core.labs.digits import VARIANTS
from core.specs import run as specs
from core.specs.optimizers import OPTIMIZERS
from core.specs.run import LIMITS
from pages.ui import download, frame, lab
from pages.ui.text import _

DEFAULTS: dict[str, Any] = {
    "dataset": "mnist",
    "variant": "0",
    "layers": 1,
    **{f"layer{i}": 128 for i in range(1, 6)},
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "epochs": 10,
    "batch_size": 32,
    "validation_split": 0.2,
    "seed": 0,
}
"""The worked example of the lab sheet: what a URL without parameters means."""

VARIANT_LABELS = {
    "0": N_("0 (worked example)"),
    **{str(number): str(number) for number in VARIANTS if number},
    lab.DRAWING: N_("Drawing model"),
    lab.OWN: N_("Own settings"),
}


HEADINGS = {4: N_("Lab 4: optimizers"), 0: N_("The whole class")}
"""What stands above the pages of a lab, after the first one."""


def choose() -> None:
    """Draw the pickers and set `st.session_state.choice`. Raises LabError if it cannot be had."""
    with st.sidebar:
        st.markdown(f"### {_('Recognition Lab')}")
        _read_url()
        values = _pickers()
        _write_url(values)
        download.offer(DATASETS[values["dataset"]])
    for refusal in st.session_state.refused:
        frame.show_error(refusal)
    st.session_state.choice = lab.resolve(values)


def _read_url() -> None:
    """Give the widgets what the URL says, once a session; keep what it says wrongly as errors.

    Streamlit's own binding of widgets to the URL writes labels there, which change with the
    language, and drops a wrong value without a word.
    """
    if "refused" in st.session_state:
        return
    st.session_state.refused = []
    for key, default in DEFAULTS.items():
        st.session_state[key] = default
        if key in st.query_params:
            try:
                st.session_state[key] = _parse(key, st.query_params[key])
            except LabError as error:
                st.session_state.refused.append(error)
    if "learning_rate" not in st.query_params:
        _take_default_rate()


def _write_url(values: dict[str, Any]) -> None:
    """Make the URL say what was chosen; what it does not say has its default."""
    rate = OPTIMIZERS[values.get("optimizer", DEFAULTS["optimizer"])].learning_rate
    defaults = {**DEFAULTS, "learning_rate": rate}
    query = {key: str(value) for key, value in values.items() if value != defaults[key]}
    st.session_state.query = query
    if {key: st.query_params[key] for key in st.query_params if key in DEFAULTS} != query:
        for key in DEFAULTS:
            if key in query:
                st.query_params[key] = query[key]
            elif key in st.query_params:
                del st.query_params[key]


def _parse(key: str, text: str) -> Any:
    """A value of the URL as its widget holds it. Raises UsageError if it is not allowed."""
    if key == "dataset":
        return datasets.definition(text).name
    choices = {
        "variant": (N_("variant"), tuple(VARIANT_LABELS)),
        "activation": (N_("activation"), specs.ACTIVATIONS),
        "optimizer": (N_("optimizer"), tuple(OPTIMIZERS)),
    }
    if key in choices:
        specs.check_choice(choices[key][0], text, choices[key][1])
        return text
    whole = isinstance(DEFAULTS[key], int)
    value: Any = text  # which no limit allows: what is not a number gets the same sentence
    with suppress(ValueError):
        value = int(text) if whole else float(text)
    specs.check(_limit_name(key), value, whole=whole)
    return value


def _limit_name(key: str) -> str:
    """The entry of LIMITS that holds for a widget."""
    if key == "layers":
        return "hidden layers"
    return "neurons" if key.startswith("layer") else key.replace("_", " ")


def _forget_refused() -> None:
    st.session_state.refused = []


def _pickers() -> dict[str, Any]:
    """The widgets of the choice; the values they hold."""
    values = {
        "dataset": _one_of("dataset", _("Data set"), {d.name: d.title for d in DATASETS.values()}),
        "variant": _one_of("variant", _("Variant"), VARIANT_LABELS),
    }
    if values["variant"] == lab.OWN:
        with st.expander(_("Own settings"), expanded=True):
            values |= _own_settings()
    return values


def _own_settings() -> dict[str, Any]:
    """Every parameter of a run, within its limits."""
    values: dict[str, Any] = {"layers": _whole("layers", _("Hidden layers"))}
    for i in range(1, values["layers"] + 1):
        values[f"layer{i}"] = _whole(f"layer{i}", _("Neurons in layer {i}").format(i=i))
    return values | {
        "activation": _one_of("activation", _("Activation"), _as_labels(specs.ACTIVATIONS)),
        "optimizer": _one_of("optimizer", _("Optimizer"), _as_labels(OPTIMIZERS), _new_optimizer),
        "learning_rate": _decimal("learning_rate", _("Learning rate"), 0.0001, "%g"),
        "epochs": _whole("epochs", _("Epochs")),
        "batch_size": _whole("batch_size", _("Batch size")),
        "validation_split": _decimal("validation_split", _("Validation split"), 0.01, "%.2f"),
        "seed": _whole("seed", _("Seed"), _("Decides the first weights and the shuffling.")),
    }


def _as_labels(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _new_optimizer() -> None:
    _forget_refused()
    _take_default_rate()


def _take_default_rate() -> None:
    """Without another wish an optimizer has Keras's default learning rate."""
    st.session_state.learning_rate = OPTIMIZERS[st.session_state.optimizer].learning_rate


def _whole(key: str, label: str, help: str | None = None) -> int:
    low, high = LIMITS[_limit_name(key)]
    return st.number_input(
        label,
        int(low),
        int(high),
        key=key,
        help=help,
        on_change=_forget_refused,
        persist_state="session",
    )


def _decimal(key: str, label: str, step: float, shown: str) -> float:
    low, high = LIMITS[_limit_name(key)]
    return st.number_input(
        label,
        float(low),
        float(high),
        step=step,
        format=shown,
        key=key,
        on_change=_forget_refused,
        persist_state="session",
    )


def _one_of(
    key: str, label: str, labels: dict[str, str], on_change: Callable[[], None] = _forget_refused
) -> str:
    """A selection among the keys of `labels`, shown as their translated values."""
    return st.selectbox(
        label,
        list(labels),
        format_func=lambda value: _(labels[value]),
        key=key,
        on_change=on_change,
        persist_state="session",
    )


def done() -> list[bool]:
    """Which steps are done, in their order."""
    return [lab.is_done(step.name) for step in lab.STEPS]


def way() -> list[bool]:
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
            query_params=st.session_state.query,
            width="stretch",
        )
    return states
