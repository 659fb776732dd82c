"""Asking for a run and telling how far it is: what every page that trains shares."""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from core.engine import Place
from core.errors import LabError
from core.i18n import N_
from core.specs import RunSpec
from core.store import Claim, Run
from pages.ui import choice, identity, layout, record, server
from pages.ui.choice import Choice
from pages.ui.text import _, duration, plural

STATES = {
    "importing": N_("Loading TensorFlow, once after the lab was started"),
    "compiling": N_("Loading the images and compiling the network"),
    "preparing": N_("The frozen layers compute their numbers for each image, once"),
    "saving": N_("Testing the network and saving the run"),
}

FOCUS = """<script>{
const end = Date.now() + 5000;
const take = () => {
  const next = document.querySelector(".st-key-KEY button:enabled");
  const lost = document.activeElement.matches("body, [data-testid=stMain]");
  if (next && lost) next.focus();
  else if (Date.now() < end) setTimeout(take, 50);
};
take();
}</script>"""
"""A button that is gone leaves the focus to the page: with the keyboard one begins at the top."""


def button(label: str, claim: Claim | None, kind: Literal["primary", "secondary"]) -> None:
    """The button that starts the run of the choice, with what is known of an earlier attempt."""
    if claim:
        show = st.info if claim.state == "stopped" else st.warning
        show(layout.sentence(claim.error))
    if error := st.session_state.pop("start_error", None):
        layout.show_error(error)
    st.button(label, type=kind, icon=":material/play_arrow:", on_click=_start, key="start")


def offer(current: Choice, runs: Mapping[str, Run]) -> None:
    """Train the network of the choice from a page that reads with `runs`, and go on with it.

    Nothing if it is trained.
    """
    spec = current.spec
    if current.run:
        return
    claim = server.engine().store.claimed(spec.key)
    if goes_on(claim):
        _wait(spec.key)
        keep_focus("stop")
    else:
        label = _("Train {name} and use it here").format(name=current.name)
        button(label, claim, "secondary" if runs else "primary")


@layout.fragment(run_every=1)
def _wait(key: str) -> None:
    """A training that is under way. When it ends, the page goes on with its network."""
    claim = server.engine().store.claimed(key)
    if not goes_on(claim):
        ended()
    assert claim
    progress(claim)


def _start() -> None:
    start(choice.current().spec)


def start(spec: RunSpec) -> None:
    """Ask for a run. The sentence about what went wrong stands above the next `button`."""
    st.session_state.focus_moves = True
    try:
        server.engine().submit(spec, identity.student())
        record.ask(spec.key)
    except LabError as error:
        st.session_state.start_error = error


def _stop(key: str, student: str) -> None:
    st.session_state.focus_moves = True
    server.engine().stop(key, student)


def ended() -> None:
    """Draw the whole page anew: a run that was watched has ended."""
    st.session_state.focus_moves = True
    st.rerun()


def keep_focus(key: str) -> None:
    """Give the focus to the widget of that key if it went with a button that is gone.

    Once after each such change: of Start to Stop, and of Stop to what follows a run.
    """
    if st.session_state.pop("focus_moves", False):
        st.html(FOCUS.replace("KEY", key), unsafe_allow_javascript=True)


def progress(claim: Claim) -> None:
    """How far a run is that is under way, and the button that stops it or joins those who wait."""
    st.progress(claim.fraction, text(claim, server.engine().place(claim.key)))
    if claim.state == "preparing":
        st.caption(_("This is kept: the next time the first epoch begins at once."))
    trouble()
    student, wanted = identity.student(), server.engine().students(claim.key)
    others = len(wanted - {student})
    if student not in wanted:
        st.caption(_("Somebody else asked for this training."))
        st.button(
            _("Wait for it too"),
            icon=":material/group_add:",
            on_click=_start,
            key="join",
            help=_("Then it goes on until it is done, even if the others stop."),
        )
        return
    st.button(
        _("Stop"),
        icon=":material/stop:",
        on_click=_stop,
        args=[claim.key, student],
        key="stop",
    )
    if others:
        st.caption(
            plural(
                "{n} other student waits for it too: for them it goes on.",
                "{n} other students wait for it too: for them it goes on.",
                others,
            ).format(n=others)
        )


def goes_on(claim: Claim | None) -> bool:
    """True while a run is under way, also if another process gave it up and it is wanted here."""
    return claim is not None and (claim.alive or bool(server.engine().students(claim.key)))


def trouble() -> None:
    """Say why no worker can be had, while that is so."""
    if error := server.engine().trouble:
        st.warning(layout.sentence(error), icon=":material/cloud_off:")


def text(claim: Claim, place: Place | None) -> str:
    """Where the run is, and how long it still takes."""
    total = claim.spec.train.epochs
    if claim.state == "queued":
        return _waiting(place)
    if claim.state in STATES:
        seconds = server.engine().expected(claim)
        about = "" if seconds is None else _(", about {n:.0f} s").format(n=max(seconds, 1))
        done = ""
        if claim.state == "preparing" and claim.steps:  # which are images
            done = _(": {n:,} of {total:,}").format(n=claim.steps_done, total=claim.steps)
        return _(STATES[claim.state]) + done + about
    if not claim.alive:
        return _("Another program gave it up: it is trained here")
    text = _("Epoch {n} of {total}").format(n=min(len(claim.epochs) + 1, total), total=total)
    if claim.seconds_left is None:
        return text
    return _("{text}, about {n:.0f} s left").format(text=text, n=claim.seconds_left)


def _waiting(place: Place | None) -> str:
    """Where a run stands in the queue, and when its turn comes."""
    if place is None and server.engine().starting:
        return _(STATES["importing"])
    if place is None:
        return _("Waiting for a free worker")
    if place.seconds is None:
        return _("Waiting for a training process: place {n} of {total} in the queue").format(
            n=place.number, total=place.of
        )
    if place.seconds < 1:
        return _("Starts at once")
    return _("Place {n} of {total} in the queue, starts in {time}").format(
        n=place.number, total=place.of, time=duration(place.seconds)
    )
