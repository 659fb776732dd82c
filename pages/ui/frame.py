"""The frame of every page: title, question, choice, and the next step of the lab."""

import streamlit as st

from core.errors import LabError
from core.runs import Run
from pages.ui.lab import STEPS, Choice, choice
from pages.ui.text import _


def begin(question: str) -> Choice:
    """Draw the head of the current page; `question` says in one sentence what to find out here."""
    step = st.session_state.step
    st.title(_(step.title))
    st.write(question)
    current = choice()
    st.caption(summary(current))
    return current


def summary(current: Choice) -> str:
    """The choice in one line: data set with its size, variant with its settings, run."""
    arrays, spec = current.data.arrays, current.spec
    size = _("{train:,} + {test:,} images").format(
        train=len(arrays.x_train), test=len(arrays.x_test)
    )
    part = "" if current.data.complete else _(" (not the full set)")
    hidden = " + ".join(str(n) for n in spec.model.hidden) or _("no hidden layer")
    settings = _("{hidden}, {epochs} epochs, batch {batch}, validation {split:.0%}").format(
        hidden=hidden,
        epochs=spec.train.epochs,
        batch=spec.train.batch_size,
        split=spec.train.validation_split,
    )
    return f"**{current.data.definition.title}**, {size}{part} · **{current.name}**: {settings}"


def finished_run(current: Choice) -> Run:
    """The run of the choice. If it is not trained yet, says so with a link, and ends the page."""
    run = current.run
    if run is None:
        st.info(
            _("This network is not trained yet. Train it first; then its results appear here."),
            icon=":material/hourglass_empty:",
        )
        link("train", _("Go to Train"))
        st.stop()
    return run


def link(name: str, label: str) -> None:
    """A link to a page of the lab that keeps the choice."""
    step = next(step for step in STEPS if step.name == name)
    st.page_link(step.file, label=label, icon=step.icon, query_params=kept_query())


def kept_query() -> list[tuple[str, str]]:
    """The part of the URL that carries the choice, for links to other pages."""
    return [(key, value) for key in st.query_params for value in st.query_params.get_all(key)]


def next_step() -> None:
    """A link to the next page of the lab, at the end of a page."""
    names = [step.name for step in STEPS]
    following = STEPS[names.index(st.session_state.step.name) + 1]
    st.divider()
    link(following.name, _("Next: {page}").format(page=_(following.title)))


def show_error(error: LabError) -> None:
    """An error as one sentence."""
    st.error(error.sentence(_), icon=":material/warning:")
