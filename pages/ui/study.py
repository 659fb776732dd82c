"""The study of the Optimizers page: what is chosen, and what of it is done."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from core.charts.studies import MOST, Curves, style
from core.data import Dataset
from core.errors import LabError
from core.i18n import N_
from core.specs.optimizers import OPTIMIZERS, value_text
from core.specs.run import LIMITS, DataSpec, RunSpec, check_choice, check_number
from core.store import Claim, Run
from core.studies import study as studies
from core.studies.study import SEEDS, STUDIES, Study
from pages.ui import address, lab, people
from pages.ui.text import _

DEFAULTS: dict[str, Any] = {
    "study": "L4-A",
    "seeds": 3,
    "optimizers": ["adam", "sgd", "rmsprop"],
    "sweep": "learning_rate",
    "values": "0.01, 0.001, 0.0001",
    "network_from": "lab4",
    "study_epochs": 5,
}
"""What an address without parameters means."""

NETWORKS = {"lab4": N_("Lab 4: 256 neurons, batch 128"), "sidebar": N_("As chosen in the sidebar")}

BROKEN = ("failed", "interrupted")
"""States of a claim that somebody did not ask for."""


@dataclass(frozen=True)
class Chosen:
    """A study with a number of seeds on a data set."""

    study: Study
    seeds: int
    data: Dataset

    @property
    def data_spec(self) -> DataSpec:
        return DataSpec(self.data.name, self.data.digest)

    @property
    def specs(self) -> list[RunSpec]:
        return self.study.specs(self.seeds, self.data_spec)


@dataclass(frozen=True)
class Progress:
    """What is done of a study: finished runs and claims by the keys of its runs."""

    wanted: list[RunSpec]
    runs: Mapping[str, Run]
    claims: Mapping[str, Claim]

    @property
    def missing(self) -> list[RunSpec]:
        return [spec for spec in self.wanted if spec.key not in self.runs]

    @property
    def errors(self) -> list[LabError]:
        """Why runs ended without a result, each reason once."""
        ended = [claim.error for claim in self.claims.values() if claim.state in BROKEN]
        return list({str(error): error for error in ended}.values())

    @property
    def alive(self) -> list[Claim]:
        return [claim for claim in self.claims.values() if claim.alive]

    @property
    def mine(self) -> list[Claim]:
        """What is under way that this student waits for."""
        student, engine = people.student(), lab.engine()
        return [claim for claim in self.alive if student in engine.students(claim.key)]

    @property
    def fraction(self) -> float:
        """How much of all trainings is done, from 0 to 1."""
        under_way = sum(claim.fraction for claim in self.alive)
        return min((len(self.runs) + under_way) / len(self.wanted), 1.0)


def choose() -> Chosen:
    """Draw the widgets of the study. Raises LabError for what cannot be."""
    for key, default in DEFAULTS.items():
        st.session_state.setdefault(key, default)
    address.read("study", DEFAULTS, _take)
    names = {name: f"{name} · {_(study.title)}" for name, study in STUDIES.items()}
    names["own"] = _("Own study")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            _("Study"),
            list(names),
            format_func=names.__getitem__,
            key="study",
            on_change=address.forget,
            args=["study"],
            persist_state="session",
            width=420,
        )
        seeds = st.number_input(
            _("Seeds"),
            int(SEEDS.low),
            int(SEEDS.high),
            key="seeds",
            on_change=address.forget,
            args=["study"],
            persist_state="session",
            width=140,
            help=_("How often each row is trained, each time from other first weights."),
        )
    try:
        study = _own_study() if name == "own" else studies.study(name)
        data = lab.choice().data
        studies.check_size(study, seeds, len(data.arrays.x_train))
    finally:
        _write_url()
    return Chosen(study, seeds, data)


def _own_study() -> Study:
    """The widgets of an own study."""
    names = st.multiselect(
        _("Optimizers"),
        list(OPTIMIZERS),
        format_func=lambda name: OPTIMIZERS[name].title,
        key="optimizers",
        on_change=address.forget,
        args=["study"],
        persist_state="session",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        parameters = dict.fromkeys(p for name in names for p in OPTIMIZERS[name].parameters)
        # What the URL asks for stays, even if no optimizer has it: then own_study says so.
        choices = dict.fromkeys(["learning_rate", *parameters, st.session_state.sweep])
        sweep = st.selectbox(
            _("Parameter to change"),
            list(choices),
            key="sweep",
            on_change=_new_sweep,
            persist_state="session",
            width=300,
        )
        values = st.text_input(
            _("Its values"),
            key="values",
            on_change=address.forget,
            args=["study"],
            persist_state="session",
            width=300,
            help=_("Separated by commas, such as 0.1, 0.01. Empty: Keras's default."),
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        network = st.selectbox(
            _("Network"),
            list(NETWORKS),
            format_func=lambda name: _(NETWORKS[name]),
            key="network_from",
            on_change=address.forget,
            args=["study"],
            persist_state="session",
            width=300,
        )
        epochs = st.number_input(
            _("Epochs"),
            int(LIMITS["epochs"].low),
            int(LIMITS["epochs"].high),
            key="study_epochs",
            on_change=address.forget,
            args=["study"],
            persist_state="session",
            width=140,
        )
    model, train = studies.LAB4_MODEL, studies.LAB4_TRAIN
    if network == "sidebar":
        model, train = lab.choice().spec.model, lab.choice().spec.train
    train = replace(train, epochs=epochs)
    return studies.own_study(names, (sweep, studies.values_from(values)), model, train)


def _new_sweep() -> None:
    """Begin with values that suit the parameter; those of the last one need not."""
    address.forget("study")
    state = st.session_state
    known = [OPTIMIZERS[name].parameters.get(state.sweep) for name in state.optimizers]
    default = next((parameter.default for parameter in known if parameter), None)
    if default is None:
        state["values"] = DEFAULTS["values"]
    else:
        state["values"] = "false, true" if isinstance(default, bool) else value_text(default)


def _take(key: str, text: str) -> None:
    """Give a widget what the URL says. Raises UsageError if it is not allowed."""
    st.session_state[key] = _parse(key, text, DEFAULTS[key])


def _parse(key: str, text: str, default: Any) -> Any:
    """A value of the URL as its widget holds it. Raises UsageError if it is not allowed."""
    if isinstance(default, list):
        chosen = [name for name in text.split(",") if name]
        for name in chosen:
            check_choice(N_("optimizer"), name, tuple(OPTIMIZERS))
        return chosen
    if isinstance(default, int):
        limit = SEEDS if key == "seeds" else LIMITS["epochs"]
        number: Any = text  # which no limit allows
        with suppress(ValueError):
            number = int(text)
        name = N_("seeds") if key == "seeds" else N_("epochs")
        check_number(name, number, limit, whole=True)
        return number
    parameters = dict.fromkeys(p for known in OPTIMIZERS.values() for p in known.parameters)
    choices = {
        "study": (N_("study"), ("own", *STUDIES)),
        "network_from": (N_("network"), tuple(NETWORKS)),
        "sweep": (N_("parameter"), ("learning_rate", *parameters)),
    }
    if key in choices:
        name, allowed = choices[key]
        check_choice(name, text, allowed)
    return text


def _write_url() -> None:
    """Make the URL say what was chosen; the widgets of an own study matter to that alone."""
    own = st.session_state.study == "own"
    values = {
        key: st.session_state[key] if own or key in ("study", "seeds") else default
        for key, default in DEFAULTS.items()
    }
    address.write(values, DEFAULTS)


def progress(chosen: Chosen) -> Progress:
    """Ask the store what is done and what is under way."""
    store = lab.engine().store
    wanted = chosen.specs
    runs = {spec.key: run for spec in wanted if (run := store.find(spec.key))}
    claims = {
        spec.key: claim
        for spec in wanted
        if spec.key not in runs and (claim := store.claimed(spec.key))
    }
    return Progress(wanted, runs, claims)


def start(missing: list[RunSpec]) -> None:
    """Ask for the runs of a study that are not there yet."""
    try:
        for spec in missing:
            lab.engine().submit(spec, people.student())
    except LabError as error:
        st.session_state.start_error = error


def stop(claims: list[Claim]) -> None:
    """Stop what this student waits for, the last in the queue first. What is finished stays."""
    for claim in reversed(claims):
        lab.engine().stop(claim.key, people.student())


def curves(chosen: Chosen, done: Progress, picked: list[str]) -> list[Curves]:
    """The curves of every row, those of `picked` in colour; the colour of a row stays its own."""
    rows = []
    for place, row in enumerate(chosen.study.rows):
        keys = [chosen.study.spec(row, s, chosen.data_spec).key for s in range(chosen.seeds)]
        epochs = [done.runs[key].epochs for key in keys if key in done.runs]
        epochs += [done.claims[key].epochs for key in keys if key in done.claims]
        look = None
        if row.name in picked:
            # More rows than looks: then those that are picked share them out among themselves.
            few = len(chosen.study.rows) <= MOST
            look = style(place if few else picked.index(row.name))
        rows.append(Curves(_(row.name), look, epochs, row.published_training))
    return rows
