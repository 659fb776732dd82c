"""A photograph of one's own hand, step by step as an image of the data set, read by networks."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

import numpy as np
import streamlit as st

from core.data.contract import Images
from core.data.signs import DATASET as SIGNS
from core.drawing import preparation as drawing
from core.drawing.recognition import SURE
from core.errors import LabError
from core.fields import OneOf
from core.hands import preparation, recognition
from core.hands.preparation import Hand
from core.hands.recognition import ALIKE
from core.i18n import N_
from core.store import Run
from pages.ui import (
    alike,
    answers,
    choice,
    class_hands,
    drawing_input,
    fields,
    hand_steps,
    identity,
    layout,
    networks,
    training,
    upload,
)
from pages.ui.choice import Choice
from pages.ui.text import _

SOURCE = OneOf("source", N_("picture"), "camera", {"camera": N_("Camera"), "files": N_("Upload")})


def need_hands(current: Choice) -> None:
    """End the page unless the chosen images are hands, whatever lab is chosen."""
    if current.data.definition == SIGNS:
        return
    missing = choice.missing()
    text = _("This page reads photographs of hands: choose {title} in the sidebar.")
    if missing:
        text = _("This page reads photographs of hands, and {title} is not on this computer.")
    st.info(text.format(title=SIGNS.title), icon=":material/front_hand:")
    if missing:
        upload.how_to_get(missing)
        upload.offer(missing)
    layout.next_step()
    raise layout.PageEnds


def say_none(current: Choice) -> None:
    """Nothing can be read before a network is trained."""
    text = _("No network for {title} is trained yet. Train one, and the camera appears here.")
    text = text.format(title=current.data.definition.title)
    st.info(text, icon=":material/hourglass_empty:")


@layout.fragment()
def desk(current: Choice, known: Mapping[str, Run]) -> None:
    """The photograph beside the answers, and below them what the networks see of it."""
    steps = hand_steps.wanted()
    left, right = st.columns([9, 11], gap="medium")
    with right:
        runs = networks.pick(current, known)
    hand = None
    with left:
        picture = photograph()
        if picture is not None:
            hand = preparation.prepare(picture, current.data.definition.shape, steps)
        hand_steps.show(current, hand)
    found = hand if hand and hand.found else None
    with right:
        if found:
            answer(current, runs, found)
        else:
            say_empty(hand)
    if found:
        most_similar(current, found)
    class_hands.section(current, found, runs[0])
    fields.write()
    if found and not choice.is_marked(st.session_state.step):
        choice.mark_done()
        st.rerun()  # the tick is in the sidebar, which a fragment does not draw


def photograph() -> Images | None:
    """The picture from the camera, or the uploaded one to look at."""
    opens = camera_opens()
    source = fields.radio(
        replace(SOURCE, default="camera" if opens else "files"), label_visibility="collapsed"
    )
    if not opens:
        st.caption(
            _(
                "Over plain http a browser opens the camera only at the computer that serves the "
                "lab: elsewhere take a photograph and upload it."
            )
        )
    if source == "camera":
        file = st.camera_input(
            _("Hold one hand before a plain, light wall; keep your face out of the picture"),
            key="camera",
            resolution="480p",
        )
        return drawing.read(file.getvalue(), file.name) if file else None
    uploads = drawing_input.files(
        _("PNG or JPEG files: photographs of a hand before a plain, light wall")
    )
    return uploads[drawing_input.look_at(uploads)].picture if uploads else None


def camera_opens() -> bool:
    """True if the browser of this session lets a page of this address use the camera."""
    address = urlsplit(st.context.url or "")
    return address.scheme == "https" or address.hostname in identity.HERE


def answer(current: Choice, runs: list[Run], hand: Hand) -> None:
    """What each network says to the hand, and why it may be none."""
    [[similarity, *_others]] = alike.nearest(current.data, hand.image).similarity
    said = {}
    for place, run in zip(st.columns(len(runs)), runs, strict=True):
        [one] = recognition.recognise(
            networks.network(run), hand.image[np.newaxis], [float(similarity)]
        )
        said[networks.name(run)] = one
        with place:
            answers.show(current, run, one)
    answers.say_why_unsure(current, said, ALIKE)


def say_empty(hand: Hand | None) -> None:
    """Nothing is predicted for nothing."""
    text = _("No photograph yet. The answer appears here.")
    if hand is not None:
        text = _(
            "There is no hand in this picture, so nothing is predicted: hold one before a plain, "
            "light wall, in even light."
        )
    st.info(text, icon=":material/front_hand:")


def most_similar(current: Choice, hand: Hand) -> None:
    """The training images that the photograph is most like, whatever a network says."""
    st.subheader(_("The most similar training images"))
    found = alike.nearest(current.data, hand.image)
    alike.row(current, hand.image, found, _("yours"), _("Your hand"))
    st.caption(
        _(
            "At the left your hand as the network gets it, then the training images that are most "
            "like it, with their class and the correlation of their pixels: 1 is the same picture, "
            "or a brighter one."
        )
    )


def when_unsure(current: Choice) -> None:
    """How the page decides that it is unsure."""
    with st.expander(_("When is the answer “unsure”?")):
        st.markdown(
            _(
                "A network always names one of its {classes} classes, also for a flower. The page "
                "calls the answer unsure if the largest probability is below **{sure:.0%}**, or if "
                "no training image is at least **{alike:.2f}** alike (correlation of the pixels). "
                "Measured once: of test images, without the copies of them that are among the "
                "training images, 14% are less alike; of clothes dark on white 70%, of digits 89%."
            ).format(classes=len(current.class_names), sure=SURE, alike=ALIKE)
        )


current = layout.begin(
    _("Can a network that passed its test also read your own hand? Take a photograph of it.")
)
need_hands(current)
runs = networks.finished(current)
if not runs:
    say_none(current)
try:
    training.offer(current, runs)
except LabError as error:  # a trained network reads all the same
    layout.show_error(error)
if not runs:
    layout.next_step()
    raise layout.PageEnds
desk(current, runs)
when_unsure(current)
layout.next_step()
