"""Asking for a run and telling how far it is: what every page that trains shares."""

from typing import Literal

import streamlit as st

from core.errors import LabError
from core.i18n import N_
from core.runs import Claim
from pages.ui import frame, lab
from pages.ui.text import _

STATES = {
    "queued": N_("Waiting for a free worker"),
    "preparing": N_("Preparing: loading TensorFlow and the data, compiling the network"),
    "saving": N_("Testing the network and saving the run"),
}


def button(label: str, claim: Claim | None, kind: Literal["primary", "secondary"]) -> None:
    """The button that starts the run of the choice, with what is known of an earlier attempt."""
    if claim:
        show = st.info if claim.state == "stopped" else st.warning
        show(frame.sentence(claim.error))
    if error := st.session_state.pop("start_error", None):
        frame.show_error(error)
    st.button(label, type=kind, icon=":material/play_arrow:", on_click=_start)


def _start() -> None:
    """Ask for the run of the current choice."""
    try:
        lab.engine().submit(lab.choice().spec)
    except LabError as error:
        st.session_state.start_error = error


def progress(claim: Claim) -> None:
    """How far a run is that is under way, and the button that stops it."""
    st.progress(claim.fraction, _text(claim, claim.spec.train.epochs))
    if lab.engine().owns(claim.key):
        st.button(
            _("Stop"),
            icon=":material/stop:",
            on_click=lab.engine().stop,
            args=[claim.key],
            key="stop",
        )
    else:
        st.caption(_("Another program on this computer trains this run: stop it there."))


def _text(claim: Claim, total: int) -> str:
    """Where the run is, and how long it still takes."""
    if claim.state != "running":
        return _(STATES[claim.state])
    text = _("Epoch {n} of {total}").format(n=min(len(claim.epochs) + 1, total), total=total)
    if claim.seconds_left is None:
        return text
    return _("{text}, about {n:.0f} s left").format(text=text, n=claim.seconds_left)
