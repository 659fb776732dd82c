"""The sidebar: the choice, which the URL carries, and the way through the lab."""

from typing import Any

import streamlit as st

from core import datasets, specs
from core.datasets import DATASETS
from core.errors import LabError
from core.specs import LIMITS
from core.variants import VARIANTS
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


def draw() -> bool:
    """Draw the sidebar and set `st.session_state.choice`; False if the choice cannot be had."""
    with st.sidebar:
        st.markdown(f"### {_('Recognition Lab')}")
        refused = _refused_query()
        values = _pickers()
        try:
            st.session_state.choice = lab.resolve(values)
            problem = None
        except LabError as error:
            problem = error
        download.offer(DATASETS[values["dataset"]])
        if problem is None:
            _way()
    for refusal in refused:
        frame.show_error(refusal)
    if problem:
        frame.show_error(problem)
    return problem is None


def _refused_query() -> list[LabError]:
    """Why values in the URL are not taken, remembered until the choice changes by hand.

    A widget bound to the URL drops what it cannot hold without a word; hence this look before.
    """
    query = {key: st.query_params[key] for key in DEFAULTS if key in st.query_params}
    if query and st.session_state.get("seen_query") != query:
        st.session_state.seen_query = query
        errors = [error for key, text in query.items() if (error := _problem(key, text))]
        if errors:
            st.session_state.refused = errors
    return st.session_state.get("refused", [])


def _problem(key: str, text: str) -> LabError | None:
    """What is wrong with one value of the URL, or None."""
    try:
        if key == "dataset":
            datasets.definition(text)
        elif key == "variant":
            specs.check_choice("variant", text, tuple(_variants()))
        elif key == "activation":
            specs.check_choice("activation", text, specs.ACTIVATIONS)
        elif key == "optimizer":
            specs.check_choice("optimizer", text, tuple(specs.OPTIMIZERS))
        else:
            whole = isinstance(DEFAULTS[key], int)
            specs.check(_limit_name(key), _number(text, whole), whole=whole)
    except LabError as error:
        return error
    return None


def _number(text: str, whole: bool) -> Any:
    """The number in a text, or the text itself, which no limit allows."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _limit_name(key: str) -> str:
    """The entry of LIMITS that holds for a widget."""
    if key == "layers":
        return "hidden layers"
    return "neurons" if key.startswith("layer") else key.replace("_", " ")


def _variants() -> list[str]:
    return [*map(str, VARIANTS), lab.OWN]


def _forget_refused() -> None:
    st.session_state.pop("refused", None)


def _pickers() -> dict[str, Any]:
    """The widgets of the choice, bound to the URL; the values they hold."""
    values: dict[str, Any] = {
        "dataset": st.selectbox(
            _("Data set"),
            list(DATASETS),
            format_func=lambda name: DATASETS[name].title,
            key="dataset",
            bind="query-params",
            on_change=_forget_refused,
        ),
        "variant": st.selectbox(
            _("Variant"),
            _variants(),
            format_func=_variant_label,
            key="variant",
            bind="query-params",
            on_change=_forget_refused,
        ),
    }
    if values["variant"] == lab.OWN:
        with st.expander(_("Own settings"), expanded=True):
            values |= _own_settings()
    return values


def _variant_label(value: str) -> str:
    if value == lab.OWN:
        return _("Own settings")
    if value == "0":
        return _("0 (worked example)")
    return value


def _own_settings() -> dict[str, Any]:
    """Every parameter of a run, within its limits."""
    values = {"layers": _whole("layers", _("Hidden layers"))}
    for i in range(1, values["layers"] + 1):
        values[f"layer{i}"] = _whole(f"layer{i}", _("Neurons in layer {i}").format(i=i))
    return values | {
        "activation": _one_of("activation", _("Activation"), specs.ACTIVATIONS),
        "optimizer": _one_of("optimizer", _("Optimizer"), tuple(specs.OPTIMIZERS), _take_default),
        "learning_rate": _decimal("learning_rate", _("Learning rate"), 0.0001, "%g"),
        "epochs": _whole("epochs", _("Epochs")),
        "batch_size": _whole("batch_size", _("Batch size")),
        "validation_split": _decimal("validation_split", _("Validation split"), 0.01, "%.2f"),
        "seed": _whole("seed", _("Seed"), _("Decides the first weights and the shuffling.")),
    }


def _take_default() -> None:
    """A newly chosen optimizer starts with Keras's default learning rate."""
    _forget_refused()
    st.session_state.learning_rate = specs.OPTIMIZERS[st.session_state.optimizer]


def _whole(key: str, label: str, help: str | None = None) -> int:
    low, high = LIMITS[_limit_name(key)]
    return st.number_input(
        label,
        int(low),
        int(high),
        DEFAULTS[key],
        key=key,
        bind="query-params",
        help=help,
        on_change=_forget_refused,
    )


def _decimal(key: str, label: str, step: float, shown: str) -> float:
    low, high = LIMITS[_limit_name(key)]
    return st.number_input(
        label,
        float(low),
        float(high),
        DEFAULTS[key],
        step,
        format=shown,
        key=key,
        bind="query-params",
        on_change=_forget_refused,
    )


def _one_of(
    key: str, label: str, options: tuple[str, ...], on_change: Any = _forget_refused
) -> str:
    return st.selectbox(label, options, key=key, bind="query-params", on_change=on_change)


def _way() -> None:
    """The steps of the lab as links, each with its state."""
    st.markdown(f"**{_('The lab, step by step')}**")
    for number, step in enumerate(lab.STEPS):
        done = lab.is_done(step.name)
        label = _(step.title) if number == 0 else f"{number}. {_(step.title)}"
        st.page_link(
            step.file,
            label=f"{label} ✓" if done else label,
            icon=":material/check_circle:" if done else step.icon,
            query_params=frame.kept_query(),
            width="stretch",
        )
