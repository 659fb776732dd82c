"""What a student has chosen: shared by the sidebar and every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import data as datasets
from core import labs
from core.data import Dataset, Definition
from core.errors import LabError
from core.labs.contract import Lab, Step
from core.labs.steps import TRAIN
from core.networks import structure
from core.networks.structure import LayerRow
from core.report import words
from core.specs import DataSpec
from core.store import Run
from pages.ui import record, server
from pages.ui.text import _


@dataclass(frozen=True)
class Choice(labs.Choice):
    """The choice of a session, with its images."""

    data: Dataset
    """Divided as the run says."""

    @property
    def name(self) -> str:
        """The experiment in words."""
        return words.name(self, _)

    @property
    def run(self) -> Run | None:
        """The finished run of this choice, or None."""
        return server.find_run(self.spec.key)

    @property
    def layers(self) -> tuple[LayerRow, ...]:
        """The layers of the chosen network, for the images of the choice."""
        known = self.data.definition
        return structure.rows(self.spec.network, known.shape, len(known.class_names))

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, translated."""
        return [_(name) for name in self.data.class_names]


def lab() -> Lab:
    """The lab that the sidebar names."""
    return labs.lab(st.session_state.lab)


def missing() -> Definition | None:
    """The data set that the lab is about, where this computer has no images of it."""
    wanted = datasets.definition(lab().datasets[0])
    return None if datasets.at_hand(wanted) else wanted


def make(lab: str, dataset: str, experiment: str, settings: Mapping[str, Any]) -> Choice:
    """The choice that widgets stand for: see labs.choose. Raises LabError for what cannot be."""
    data = server.load(datasets.locate(datasets.definition(dataset)))
    chosen = labs.choose(lab, experiment, DataSpec.of(data), settings)
    return Choice(**vars(chosen), data=datasets.divided(data, chosen.spec.data.split))


def current() -> Choice:
    """What the sidebar says now. Raises the LabError that says why its images cannot be had."""
    chosen: Choice | LabError = st.session_state.choice
    if isinstance(chosen, LabError):
        raise chosen
    return chosen


def mark_done() -> None:
    """Note for the sidebar that the step of this page is done for the current choice."""
    if not isinstance(st.session_state.choice, LabError):  # for a page that needs no images
        record.mark_done(current().spec.key, st.session_state.step.name)


def is_done(step: Step) -> bool:
    """True if the step is done for the current choice; trained is what the store says."""
    if isinstance(st.session_state.choice, LabError):
        return False
    if step.file == TRAIN.file:  # whatever the lab calls it
        return current().run is not None
    return is_marked(step)


def is_marked(step: Step) -> bool:
    """True if the student was on that page with the current choice, and saw what it shows."""
    return (current().spec.key, step.name) in st.session_state.done
