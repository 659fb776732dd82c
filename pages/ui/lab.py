"""What a student has chosen, and the way through the lab: shared by the sidebar and every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import data as datasets
from core.data import Dataset, Source
from core.engine import Engine
from core.i18n import N_
from core.labs.digits import VARIANTS, Variant
from core.labs import open_store
from core.specs import run as specs
from core.specs.run import ModelSpec
from core.specs import RunSpec, TrainSpec
from core.store import Run
from pages.ui.text import _

OWN = "own"
"""The choice of own settings, where a variant's number would stand."""

DRAWING = "drawing"
"""The choice of the network for drawings."""


@dataclass(frozen=True)
class Step:
    """One page of a lab, in the order of the lab sheet."""

    name: str
    title: str
    icon: str
    lab: int = 1
    """The lab that the page is of; 0 for what is about all of them."""

    @property
    def file(self) -> str:
        return f"pages/{self.name}.py"

    @property
    def path(self) -> str:
        """Where it stands in the URL; the first page stands at the root."""
        return "" if self.name == "overview" else self.name


STEPS = (
    Step("overview", N_("Overview"), ":material/home:"),
    Step("data", N_("Data"), ":material/grid_view:"),
    Step("network", N_("Network"), ":material/hub:"),
    Step("train", N_("Train"), ":material/play_circle:"),
    Step("check", N_("Check digits"), ":material/pin:"),
    Step("mistakes", N_("Mistakes"), ":material/error:"),
    Step("draw", N_("Draw"), ":material/draw:"),
    Step("results", N_("Results"), ":material/download:"),
    Step("optimizers", N_("Optimizers"), ":material/compare_arrows:", 4),
    Step("rules", N_("Update rules"), ":material/function:", 4),
    Step("motion", N_("How it moves"), ":material/route:", 4),
    Step("rate", N_("Learning rate"), ":material/speed:", 4),
    Step("class", N_("Class"), ":material/groups:", 0),
)


@dataclass(frozen=True)
class Choice:
    """The choice of a session: a data set, and a variant of the lab table or own settings."""

    data: Dataset
    number: int | None
    """The variant's number; None for what is not in the table."""
    variant: Variant
    """What the table says; for what is not in it the counts of variant 0."""
    spec: RunSpec

    @property
    def name(self) -> str:
        if self.number is not None:
            return _("Variant {n}").format(n=self.number)
        return _("Drawing model") if self.spec.model.kind == "drawing" else _("Own settings")

    @property
    def run(self) -> Run | None:
        """The finished run of this choice, or None."""
        return find_run(self.spec.key)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, translated."""
        return [_(name) for name in self.data.class_names]


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server; its workers start in the background, ahead of a run."""
    started = Engine(open_store())
    started.start()
    return started


def find_run(key: str) -> Run | None:
    """The finished run of that key. The store is asked each time: it is the only truth."""
    return engine().store.find(key)


def find_variant_run(data: Dataset, number: int) -> Run | None:
    """The finished run of a variant of the table on this data, or None."""
    return find_run(specs.variant_run(specs.DataSpec(data.name, data.digest), number).key)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(name: str, place: str, version: float, _source: Source) -> Dataset:
    return datasets.load(_source)


def load(source: Source) -> Dataset:
    """The data set at `source`, read once per server and shared: its arrays are read-only."""
    return _load(source.definition.name, source.place, source.version, source)


def choice() -> Choice:
    """What the sidebar says now. Shows a sentence and ends the page if its data cannot be had."""
    chosen: Choice = st.session_state.choice
    return chosen


def resolve(values: Mapping[str, Any]) -> Choice:
    """The choice that widget or URL values stand for. Raises LabError for what cannot be.

    `values` has dataset and variant, and for own settings layers, layer1.., activation, optimizer,
    learning_rate, epochs, batch_size, validation_split and seed.
    """
    data = load(datasets.locate(datasets.definition(values["dataset"])))
    if values["variant"] == OWN:
        number, variant = None, VARIANTS[0]
        model = ModelSpec(
            tuple(values[f"layer{i}"] for i in range(1, values["layers"] + 1)),
            values["activation"],
        )
        optimizer = specs.optimizer_spec(values["optimizer"], values["learning_rate"])
        train = TrainSpec(
            values["epochs"], values["batch_size"], values["validation_split"], values["seed"]
        )
    elif values["variant"] == DRAWING:
        number, variant = None, VARIANTS[0]
        model, train = specs.drawing_specs()
        optimizer = specs.optimizer_spec()
    else:
        number = int(values["variant"])
        model, train = specs.variant_specs(number)
        variant, optimizer = VARIANTS[number], specs.optimizer_spec()
    data_spec = specs.DataSpec(data.name, data.digest)
    return Choice(data, number, variant, RunSpec(data_spec, model, optimizer, train))


def mark_done(step: str) -> None:
    """Note for the sidebar that this step is done for the current choice."""
    st.session_state.setdefault("done", set()).add((choice().spec.key, step))


def is_done(step: str) -> bool:
    """True if the step is done for the current choice; trained is what the store says."""
    if step == "train":
        return choice().run is not None
    return (choice().spec.key, step) in st.session_state.get("done", set())
