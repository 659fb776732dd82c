"""What a student did, in the session and in the store: there it outlives a reload and a restart.

A session reads the store once, when it begins, and writes what changes. Where the store cannot be
written, what is done now lasts as long as the session.
"""

import io
import time
from collections.abc import Callable
from contextlib import suppress

import streamlit as st
from PIL import Image

from core.data.contract import Images
from core.drawing import preparation
from core.errors import LabError
from core.labs.steps import CLASS
from core.store.students import (
    ASKED,
    NAME_LENGTH,
    Drawing,
    Opinions,
    Record,
    Students,
    check_room,
    tidy,
)
from pages.ui import identity, server
from pages.ui.text import _

SEEN_EVERY = 60.0
"""Seconds: how exactly the class knows when a student was last seen."""


def begin() -> None:
    """Take up what the student did before, once in a session."""
    state = st.session_state
    if "done" in state:
        return
    before, kept = Record(), []
    with suppress(LabError):
        before = _students().record(identity.student())
    for one in before.drawings:
        with suppress(LabError):
            kept.append((one.dataset, preparation.read(one.picture, one.dataset), one.truth))
    state.nickname, state.done, state.kept = before.nickname, set(before.done), kept
    state.wrong_labels = set(before.wrong_labels)


def see() -> None:
    """Note which step of which run the student looks at: a change at once, and else each minute.

    Whoever looks at the class is no part of it.
    """
    state = st.session_state
    if state.step == CLASS or isinstance(state.choice, LabError):
        return
    place = (state.lab, state.step.name, state.choice.spec)
    known, when = state.get("seen", (None, 0.0))
    if place == known and time.monotonic() - when < SEEN_EVERY:
        return
    state.seen = (place, time.monotonic())
    with suppress(LabError):
        state.number = _students().see(identity.student(), *place)


def mark_done(key: str, step: str) -> None:
    """Note that a step is done for a run."""
    done: set[tuple[str, str]] = st.session_state.done
    if (key, step) not in done:
        done.add((key, step))
        _write(lambda: _students().mark_done(identity.student(), key, step))


def ask(key: str) -> None:
    """Note that the student has asked for the training of a run."""
    mark_done(key, ASKED)


def keep(dataset: str, picture: Images, truth: int) -> None:
    """Keep a drawing with its right answer. Raises UsageError if there is no room for it."""
    kept = st.session_state.kept
    check_room(len(kept))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    drawing = Drawing(dataset, file.getvalue(), truth)
    st.session_state.is_stored = _write(lambda: _students().keep(identity.student(), drawing))
    kept.append((dataset, picture, truth))


def forget(dataset: str) -> None:
    """Forget the drawings that are kept for a data set; those for others stay."""
    st.session_state.kept = [one for one in st.session_state.kept if one[0] != dataset]
    _write(lambda: _students().forget(identity.student(), dataset))


def forget_last(dataset: str) -> None:
    """Forget the drawing that was kept last for a data set."""
    kept = st.session_state.kept
    del kept[max(i for i, one in enumerate(kept) if one[0] == dataset)]
    _write(lambda: _students().forget_last(identity.student(), dataset))


def judge(digest: str, image: int, wrong: bool) -> None:
    """Note whether the student takes the label of a training image of a data set for wrong."""
    said: set[tuple[str, int]] = st.session_state.wrong_labels
    (said.add if wrong else said.discard)((digest, image))
    _write(lambda: _students().judge(identity.student(), digest, image, wrong))


def opinions(digest: str) -> Opinions:
    """Which labels of a data set the class takes for wrong; none where that cannot be read."""
    with suppress(LabError):
        return _students().opinions(digest)
    return Opinions(0, {})


def name(number: int, nickname: str) -> str:
    """What the class calls a student."""
    return nickname or _("Student {n}").format(n=number)


def choose_name() -> None:
    """Let the student choose what the class calls them."""
    state = st.session_state
    with st.popover(_("Your name in the class"), icon=":material/badge:"):
        st.text_input(
            _("Nickname"),
            value=state.nickname,
            max_chars=NAME_LENGTH,
            placeholder=name(state.number, "") if "number" in state else "",
            key="new_nickname",
            on_change=_rename,
        )
        st.caption(
            _(
                "The class sees it on the Class page, with your step, your experiment, its "
                "accuracy and when you were last seen. It need not be your real name. It is stored "
                "on the computer that runs the lab, with the steps you finished, the drawings you "
                "kept and the labels you called wrong. If you do not come back for a year, it is "
                "deleted."
            )
        )
        st.button(_("Forget me on this computer"), on_click=_leave, key="forget_me")


def _rename() -> None:
    nickname = st.session_state.nickname = tidy(st.session_state.new_nickname)
    _write(lambda: _students().rename(identity.student(), nickname))


def _leave() -> None:
    _write(lambda: _students().leave(identity.student()))
    state = st.session_state
    state.nickname, state.new_nickname, state.done, state.kept = "", "", set(), []
    state.wrong_labels = set()


def _students() -> Students:
    return server.engine().store.students


def _write(action: Callable[[], None]) -> bool:
    """Write to the store; False if that cannot be."""
    try:
        action()
    except LabError:
        return False
    return True
