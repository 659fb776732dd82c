"""Drawings that a student keeps with their right answers, to count how many are read right."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import pictures
from core.data.contract import Images
from core.drawing.preparation import STEPS
from core.errors import UsageError
from core.store import Run
from pages.ui import answers, drawing_input, layout, networks, record
from pages.ui.answers import MEASURED
from pages.ui.choice import Choice
from pages.ui.text import _, plural


def section(current: Choice, picture: Images | None, run: Run) -> None:
    """Keep drawings with the right answer, and count how many are read right."""
    drawn = current.data.definition.ink is not None
    st.subheader(_("Why do drawings fail?") if drawn else _("Why do photographs fail?"))
    _why(current)
    names = current.class_names
    truth = st.pills(
        _("What is it really?"), range(len(names)), format_func=names.__getitem__, key="truth"
    )
    st.button(
        _("Keep this drawing") if drawn else _("Keep this photograph"),
        icon=":material/bookmark:",
        on_click=_keep,
        args=[current.data.name, picture, truth],
        disabled=picture is None or truth is None,
    )
    if error := st.session_state.pop("keep_error", None):
        layout.show_error(error)
    kept = st.session_state.kept
    mine = [(image, label) for name, image, label in kept if name == current.data.name]
    if mine:
        _count(current, mine, run)


def _keep(dataset: str, picture: Images, truth: int) -> None:
    try:
        record.keep(dataset, picture, truth)
    except UsageError as error:
        st.session_state.keep_error = error
        return
    st.session_state.truth = None
    if st.session_state.get("source") == "canvas":
        drawing_input.clear()


def _why(current: Choice) -> None:
    """What drawings have to do with what a network was trained on."""
    if current.data.definition.ink is None:
        st.write(
            _(
                "A network knows only what it was trained on. Your photographs come from "
                "elsewhere: another camera, other light, another background. This is called "
                "distribution shift: test accuracy says nothing about such pictures. Keep some "
                "photographs of your own and count."
            )
        )
        return
    st.write(
        _(
            "A network knows only what it was trained on. Your drawings come from elsewhere: "
            "another pen, another size, another place on the paper. This is called distribution "
            "shift: test accuracy says nothing about such pictures. The steps above bring a "
            "drawing back to what the images of {title} look like. Keep some drawings of your own "
            "and count."
        ).format(title=current.data.definition.title)
    )
    if current.data.name == MEASURED:
        st.write(
            _(
                "Of 537 drawings by 53 people a network of 256 neurons with 97.7% on MNIST (seed "
                "0) reads 17% without any step, 62% once ink is told from paper, and 96% after "
                "all steps; the drawing model reads 99%. The steps were made while looking at "
                "these drawings, so others may be read a little worse."
            )
        )


def _count(current: Choice, mine: list[tuple[Images, int]], run: Run) -> None:
    """How many of the kept drawings are read right without any step, and after all of them."""
    names = current.class_names
    ways: dict[str, Collection[str]] = {_("Without any step"): (), _("After all steps"): STEPS}
    if current.data.definition.ink is None:  # of photographs, for which there are no steps
        ways = {_("Read right"): ()}
    said = {
        title: answers.read(
            current, [answers.prepare(current, image, steps) for image, _label in mine], run
        )
        for title, steps in ways.items()
    }
    right = {
        title: sum(answer.label == label for answer, (_i, label) in zip(found, mine, strict=True))
        for title, found in said.items()
    }
    layout.tiles({title: f"{n} / {len(mine)}" for title, n in right.items()})
    _pictures(current, [image for image, _label in mine])
    labels = {
        title: ["–" if answer.label is None else names[answer.label] for answer in found]
        for title, found in said.items()
    }
    st.dataframe(
        pd.DataFrame(
            {
                _("drawing"): range(1, len(mine) + 1),
                _("really"): [names[label] for _i, label in mine],
                **labels,
            }
        ),
        hide_index=True,
        height="content",
    )
    text = _("Read by {network}. The drawings are kept until you forget them.")
    if not st.session_state.get("is_stored", True):
        text = _("Read by {network}. The drawings are kept until this page is closed.")
    st.caption(text.format(network=networks.name(run)))
    with st.container(horizontal=True):
        for label, forget in {
            _("Forget the last one"): record.forget_last,
            _("Forget all of them"): record.forget,
        }.items():
            st.button(label, on_click=forget, args=[current.data.name])


def _pictures(current: Choice, mine: list[Images]) -> None:
    """The kept drawings as the network gets them, numbered."""
    images = np.stack([answers.prepare(current, image).image for image in mine])
    numbers = [str(i + 1) for i in range(len(mine))]
    st.image(
        pictures.grid(images, 10, 56, numbers, negative=current.data.definition.negative),
        alt=plural("{n} kept drawing", "{n} kept drawings", len(mine)).format(n=len(mine)),
    )
