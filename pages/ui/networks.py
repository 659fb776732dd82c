"""Which trained networks read a drawing: the choice, and what is kept of them in memory."""

from collections.abc import Mapping

import streamlit as st

from core import labs
from core.data import Dataset
from core.drawing import recognition
from core.drawing.recognition import Reference
from core.fields import OneOf
from core.i18n import N_
from core.networks.forward import TrainedNetwork
from core.report import words
from core.specs import DataSpec, RunSpec
from core.store import Run
from core.store.runs import shipped
from core.store.students import ASKED
from pages.ui import fields, layout, server
from pages.ui.choice import Choice
from pages.ui.text import _, plural

PICKED = ("network", "beside", "other", "motion_network")
"""What holds a network: fields by their names in an address, and widgets by their keys."""


def finished(current: Choice) -> dict[str, Run]:
    """The finished runs for the data set of the choice that a student may look for, by their keys.

    Those that come with the lab, then what the student chose and asked for, then the experiments of
    the labs: of a class hundreds are stored. An address may name any other one.
    """
    state, data = st.session_state, DataSpec.of(current.data)
    places = (fields.brought() or {}, state)
    of_data = [lab for lab in labs.LABS.values() if data.name in lab.datasets]
    keys = [
        *sorted(shipped()),
        current.spec.key,
        *sorted(key for key, step in state.done if step == ASKED),
        *(one.spec(lab.on(data)).key for lab in of_data for one in lab.experiments),
        *(place.get(name, "") for place in places for name in PICKED),
    ]
    runs = filter(None, map(server.find_run, dict.fromkeys(keys)))
    return {run.key: run for run in runs if run.spec.data.name == data.name}


def pick(current: Choice, runs: Mapping[str, Run]) -> list[Run]:
    """Let the student choose one of these networks, or two to compare.

    At first it is the one that the student chose in the sidebar, if it is trained, with the one
    that comes with the lab beside it.
    """
    names = {key: name(run) for key, run in runs.items()}
    own = current.run.key if current.run else ""
    network = OneOf("network", N_("network"), own or next(iter(runs)), names)
    if st.session_state.get("own_network") != own:  # another choice, or it is trained now
        st.session_state.update(own_network=own, network=network.default)
        st.session_state.pop("other", None)
    first, second = st.columns(2)
    with first:
        chosen = fields.select(network, format_func=names.__getitem__)
    of_lab = next((key for key in runs if key in shipped()), "")
    with second:
        others = {"": _("nothing")} | {key: names[key] for key in runs if key != chosen}
        default = of_lab if chosen == own and of_lab in others else ""
        beside = OneOf("beside", N_("compare with"), default, others)
        other = fields.select(beside, key="other", format_func=others.__getitem__)
    return [runs[key] for key in (chosen, other) if key]


def name(run: Run) -> str:
    """A run in words: its place in the table or its settings, its seed and its accuracy."""
    spec = run.spec
    parts = [
        title(spec),
        _("seed {n}").format(n=spec.train.seed),
        _("test accuracy {share}").format(share=layout.figure(run.test_accuracy)),
    ]
    if not run.dataset["complete"]:
        parts.append(words.images_of(run, _))
    return " · ".join(parts)


def title(spec: RunSpec) -> str:
    """What is trained in words: the experiment of a lab, or its settings."""
    if experiment := labs.experiment_of(spec):
        label = experiment.label(_)
        if not spec.network.dense:
            return label
        return _("{name}: {layers}").format(name=label, layers=layout.layers(spec.network))
    settings = _("{layers}, {optimizer}, {n} epochs").format(
        layers=layout.layers(spec.network),
        optimizer=spec.optimizer_text,
        n=spec.train.epochs,
    )
    return ", ".join([settings, *words.which_images(spec.data, _, plural)])


@st.cache_resource(max_entries=16, show_spinner=False)
def _network(key: str, _run: Run) -> TrainedNetwork:
    return _run.network()


def network(run: Run) -> TrainedNetwork:
    """A trained network, read once per server and shared."""
    return _network(run.key, run)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reference(digest: str, _data: Dataset) -> Reference:
    return recognition.reference(_data)


def reference(data: Dataset) -> Reference:
    """The training images that a drawing is compared with, prepared once per server."""
    return _reference(data.digest, data)
