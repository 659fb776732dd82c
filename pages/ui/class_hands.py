"""Hands that the class gives, with consent, and a new head for a network that is trained on them.

An album is held by its session alone: it goes with it, and the room of the server forgets it.
"""

import numpy as np
import streamlit as st

from core.data.contract import Images
from core.errors import UsageError
from core.hands.collection import Album, Hands, Head, Room, archive, features, train_head
from core.hands.preparation import Hand
from core.store import Run
from pages.ui import identity, layout, networks
from pages.ui.choice import Choice
from pages.ui.text import _, plural


@st.cache_resource(show_spinner=False)
def _room() -> Room:
    return Room()


def section(current: Choice, hand: Hand | None, run: Run) -> None:
    """Give hands to the class, and train a head for the network of `run` on all of them.

    `hand` is the one on the page, if there is any.
    """
    st.subheader(_("Class hands"))
    st.write(
        _(
            "The network was trained on a few hands. What does it know of yours? Each of you takes "
            "some photographs for a few letters. On them a new last layer, a head, is trained in "
            "seconds, and it is tested on the hands of students that it never saw."
        )
    )
    _ask_consent(current)
    if "album" in st.session_state:
        _give(current, hand)
    _whose(current)
    _head(current, hand, run)
    _save(current)


def _ask_consent(current: Choice) -> None:
    high, wide = current.data.definition.shape
    st.checkbox(
        _(
            "I agree that the grey pictures of {high} × {wide} pixels of hands that I give, with "
            "their letters, lie in the memory of the computer that serves the lab, for this lesson "
            "only. They are deleted some time after I close this page, at the latest when the lab "
            "is stopped, unless the teacher saves them in a file. The photographs themselves are "
            "not given to the class."
        ).format(high=high, wide=wide),
        key="consent",
        on_change=_agree,
        persist_state="session",
    )


def _agree() -> None:
    """Open an album for who agrees, and forget what those gave who do not agree any more."""
    state = st.session_state
    if state.consent:
        state.album = _room().enter(identity.student())
    else:
        state.pop("album", None)
        _take_back()


def _take_back() -> None:
    _room().take_back(identity.student())


def _give(current: Choice, hand: Hand | None) -> None:
    """The button that gives the picture of this moment to the class, with its letter."""
    album: Album = st.session_state.album
    names = current.class_names
    truth = st.pills(
        _("What does your hand sign?"), range(len(names)), format_func=names.__getitem__, key="sign"
    )
    with st.container(horizontal=True):
        st.button(
            _("Give this hand to the class"),
            icon=":material/front_hand:",
            on_click=_add,
            args=[hand and hand.image, truth],
            disabled=hand is None or truth is None,
        )
        st.button(_("Take all of mine back"), on_click=_take_back, disabled=not album.given)
    if error := st.session_state.pop("hand_error", None):
        layout.show_error(error)
    mine = plural("You gave {n} hand.", "You gave {n} hands.", len(album.given))
    st.caption(mine.format(n=len(album.given)))


def _add(image: Images, truth: int) -> None:
    album = st.session_state.get("album")
    if album is None:  # the consent was taken back in the same moment
        return
    try:
        _room().give(album, image, truth)
    except UsageError as error:
        st.session_state.hand_error = error


@layout.fragment(run_every=5)
def _whose(current: Choice) -> None:
    """How many hands of how many students there are, letter by letter."""
    hands = _room().hands()
    if not len(hands.labels):
        st.caption(_("The class has given no hand yet."))
        return
    counts = np.bincount(hands.labels, minlength=len(current.class_names))
    given = [f"{name} {n}" for name, n in zip(current.class_names, counts, strict=True) if n]
    students = len(np.unique(hands.students))
    many = plural("{n} hand", "{n} hands", len(hands.labels)).format(n=len(hands.labels))
    of = plural("{n} student", "{n} students", students).format(n=students)
    text = _("The class has given **{hands}** of **{students}**: {letters}.")
    st.markdown(text.format(hands=many, students=of, letters=", ".join(given)))


def _head(current: Choice, hand: Hand | None, run: Run) -> None:
    """Train a head on what there is now, and what the last one was right about."""
    if st.button(_("Train a head on the hands of the class"), icon=":material/play_arrow:"):
        _train(run)
    key, head = st.session_state.get("head", ("", None))
    if key != run.key or head is None:
        return
    layout.tiles(
        {
            _("Network as it is"): f"{head.network} / {head.hands}",
            _("Head, other students"): f"{head.others} / {head.hands}",
            _("Head, hands it knows"): f"{head.mixed} / {head.hands}",
        }
    )
    st.caption(
        _(
            "So many of the {n} hands of {students} students are read right: by {network}; by "
            "heads that are trained on all students but the one whose hands they read; and by "
            "heads that are trained on four fifths of the hands, among them others of the same "
            "student. Only the second figure says how well a new hand is read."
        ).format(n=head.hands, students=head.students, network=networks.name(run))
    )
    if hand:
        _say(current, hand, run, head)


@st.cache_resource(max_entries=4, show_spinner=False)
def _trained(key: str, content: list[bytes], _hands: Hands, _run: Run) -> Head:
    """One head for all who ask for it."""
    return train_head(networks.network(_run), _hands)


def _train(run: Run) -> None:
    st.session_state.pop("head", None)
    try:
        with st.spinner(_("Training a head for each student, and one for all")):
            hands = _room().hands()
            head = _trained(run.key, [array.tobytes() for array in hands], hands, run)
        st.session_state.head = run.key, head
    except UsageError as error:
        layout.show_error(error)


def _say(current: Choice, hand: Hand, run: Run, head: Head) -> None:
    """What the head that is trained on all hands says to the picture of this moment."""
    known = features(networks.network(run), hand.image[np.newaxis])
    [outputs] = head.classifier.predict_proba(known)
    best = int(outputs.argmax())
    st.markdown(
        _(
            "Trained on all of them, the head reads your picture as **{name}** ({share:.1%})."
        ).format(name=current.class_names[head.classifier.classes_[best]], share=outputs[best])
    )


def _save(current: Choice) -> None:
    """For the teacher, the hands of the class in a file."""
    hands = _room().hands()
    if identity.is_teacher() and len(hands.labels):
        st.download_button(
            _("Save the hands of the class (zip)"),
            archive(hands, current.data.class_names),
            file_name="hands.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
        )
