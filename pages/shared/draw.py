"""Draw something or bring a picture of it, and watch networks read it, step by step."""

import pandas as pd
import streamlit as st

from core.data.contract import Images
from core.drawing.recognition import Answer
from core.errors import LabError
from core.fields import OneOf
from core.i18n import N_
from core.store import Run
from pages.ui import (
    answers,
    choice,
    drawing_input,
    drawing_steps,
    fields,
    kept_drawings,
    layout,
    networks,
    training,
)
from pages.ui.choice import Choice
from pages.ui.drawing_input import Upload
from pages.ui.text import _

SOURCE = OneOf("source", N_("picture"), "canvas", {"canvas": N_("Draw"), "files": N_("Upload")})
SHORT = 5  # files, whose table is not scrolled


def drawn(current: Choice) -> bool:
    """True if the images of the choice can be drawn; of photographs only files can be brought."""
    return current.data.definition.ink is not None


def say_none(current: Choice) -> None:
    """Nothing can be read before a network is trained."""
    text = _("No network for {title} is trained yet. Train one, and then it reads your pictures.")
    if drawn(current):
        text = _("No network for {title} is trained yet. Train one, and the canvas appears here.")
    st.info(text.format(title=current.data.definition.title), icon=":material/hourglass_empty:")


@layout.fragment()
def desk(current: Choice, known: dict[str, Run]) -> None:
    """The picture beside the answers, and below them what the networks see of it."""
    steps = drawing_steps.wanted() if drawn(current) else []
    left, right = st.columns([9, 11], gap="medium")
    with right:
        runs = networks.pick(current, known)
    with left:
        picture = one_picture(current, runs[0], steps)
    prepared = answers.prepare(current, picture, steps) if picture is not None else None
    said: list[Answer] = []
    with right:
        if picture is None or prepared is None or prepared.blank:
            say_empty(current, picture)
        else:
            said = [answers.read(current, [prepared], run)[0] for run in runs]
            for place, run, answer in zip(st.columns(len(runs)), runs, said, strict=True):
                with place:
                    answers.show(current, run, answer)
    if drawn(current):
        drawing_steps.show(current, prepared)
    elif prepared:
        drawing_steps.show_input(current, prepared)
    names = map(networks.name, runs)
    answers.say_why_unsure(current, dict(zip(names, said, strict=False)))
    kept_drawings.section(current, picture, runs[0])
    fields.write()
    if said and not choice.is_marked(st.session_state.step):
        choice.mark_done()
        st.rerun()  # the tick is in the sidebar, which a fragment does not draw


def one_picture(current: Choice, run: Run, steps: list[str]) -> Images | None:
    """The picture on the canvas, or the uploaded one to look at."""
    place = st.container()
    if drawn(current):
        # Below the canvas, whose own toolbar covers what is above it.
        line = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
        with line:
            source = fields.radio(SOURCE, label_visibility="collapsed")
        if source == "canvas":
            with place:
                return drawing_input.canvas(line)
    fields.pass_over(drawing_input.BRUSH.name)
    with place:
        uploads = drawing_input.files(_("PNG or JPEG files: drawings, or photographs of them"))
        if not uploads:
            return None
        chosen = drawing_input.look_at(uploads)
        if len(uploads) > 1:
            several(current, uploads, run, steps)
    return uploads[chosen].picture


def several(current: Choice, uploads: dict[str, Upload], run: Run, steps: list[str]) -> None:
    """What a network says to each of several files; each is prepared once."""
    asked = (run.key, *steps)
    for upload in uploads.values():
        if asked not in upload.said:
            prepared = answers.prepare(current, upload.picture, steps)
            [upload.said[asked]] = answers.read(current, [prepared], run)
    said = [upload.said[asked] for upload in uploads.values()]
    st.dataframe(
        pd.DataFrame(
            {
                _("file"): uploads.keys(),
                _("answer"): [answers.short(current, answer) for answer in said],
                _("probability"): [
                    "–" if answer.label is None else f"{answer.certainty:.1%}" for answer in said
                ],
            }
        ),
        hide_index=True,
        column_config={_("probability"): st.column_config.Column(alignment="right")},
        height="content" if len(said) <= SHORT else 250,
        alt=_("What {network} says to each file").format(network=networks.name(run)),
    )


def say_empty(current: Choice, picture: Images | None) -> None:
    """Nothing is predicted for nothing."""
    if picture is not None:
        text = _("There is no ink in this picture, so nothing is predicted.")
    elif drawn(current) and st.session_state.source == "canvas":
        text = _("The canvas is empty: draw {one}. The answer appears here after each stroke.")
        text = text.format(one=_(current.data.definition.one))
    else:
        text = _("No picture yet. The answer appears here.")
    st.info(text, icon=":material/draw:")


current = layout.begin(
    _("Can a network that passed its test also read your own pictures? Try to break it.")
)
runs = networks.finished(current)
if not runs:
    say_none(current)
try:
    training.offer(current, runs)
except LabError as error:  # a trained network reads all the same
    layout.show_error(error)
if not runs:
    raise layout.PageEnds
desk(current, runs)
answers.when_unsure(current)
layout.next_step()
