"""The steps from a picture to a network's input, each with its switch and what it makes."""

from typing import Any

import numpy as np
import streamlit as st

from core.charts import pictures
from core.data import Definition
from core.data.contract import Images
from core.drawing import preparation, recognition
from core.drawing.preparation import STEPS, Drawing, InputForm
from core.fields import Switch
from core.i18n import N_
from pages.ui import fields, networks
from pages.ui.answers import MEASURED
from pages.ui.choice import Choice
from pages.ui.text import _

SHEET = Switch("sheet", N_("without any step: only resized"), False)
TILE = 84
"""Width and height of a picture of a step: eight beside each other fit beside the sidebar."""


def wanted() -> list[str]:
    """The steps that are switched on."""
    if fields.value(SHEET):
        return []
    return [step for step in STEPS if fields.value(switch(step))]


def switch(step: str) -> Switch:
    """The switch of a step."""
    return Switch(f"step-{step}", step, True)


def _names(form: InputForm) -> dict[str, str]:
    """What stands below the picture after each step."""
    high, wide = form.box
    return {
        "original": _("Your picture"),
        "ink": _("Ink found"),
        "crop": _("Cropped"),
        "scale": _("{high} × {wide} box").format(high=high, wide=wide),
        "slant": _("Tilted"),
        "stroke": _("Even strokes"),
        "centre": _("Centred"),
    }


def _reasons(form: InputForm, title: str) -> dict[str, str]:
    """Why each step is taken, with the numbers of the data set."""
    values = {
        "title": title,
        "box_high": form.box[0],
        "box_wide": form.box[1],
        "stroke": form.stroke,
        "high": form.shape[0],
        "wide": form.shape[1],
    }
    reasons = {
        "ink": _("{title} is dark ink on white. What differs from the paper is ink, dark or light.")
        if form.ink == "dark"
        else _("{title} is light ink on black. What differs from the paper is ink, dark or light."),
        "crop": _("Where on the paper it stands does not matter."),
        "scale": _(
            "For {title} a box of {box_high} × {box_wide} pixels is filled, and with soft edges "
            "one more: MNIST's digits fill 20 × 20 of their 28 × 28. The shape is kept."
        ),
        "slant": _(
            "Handwriting is slanted and narrow; drawings made with a mouse are upright and wide."
        ),
        "stroke": _(
            "For {title} strokes become {stroke:.1f} pixels wide, about as MNIST's are: 2.8 of 28."
        ),
        "centre": _(
            "The centre of mass comes to the middle of {high} × {wide}, where MNIST's digits have "
            "it."
        ),
    }
    return {step: reason.format(**values) for step, reason in reasons.items()}


def show(current: Choice, prepared: Drawing | None) -> None:
    """The picture after each step, with a switch for the step, and what the steps are for."""
    known = current.data.definition
    form = preparation.input_form(known)
    with st.container(horizontal=True, gap="xxsmall", key="steps"):
        for step in _names(form):
            _step(known, form, step, prepared)
        if prepared and not prepared.blank:
            _most_similar(current, prepared)
    _introduction(known, form)


def _step(known: Definition, form: InputForm, step: str, prepared: Drawing | None) -> None:
    """The picture after one step, or white paper, with the switch of the step."""
    first = step == "original"
    tile(
        prepared.shown[step] if prepared else None,
        _names(form)[step],
        None if first else switch(step),
        negative=known.negative and not first,
        help="" if first else _reasons(form, known.title)[step],
        disabled=fields.value(SHEET),
    )


def tile(
    image: Images | None, name: str, box: Switch | None, *, negative: bool = False, **options: Any
) -> None:
    """The picture after a step, or white paper, and below it the switch `box` of the step.

    The first picture has no switch. `options` are those of the switch.
    """
    shown = np.full((1, 1), 255, np.uint8) if image is None else image
    with st.container(width=TILE + pictures.ARROW if box else TILE, gap="xsmall"):
        st.image(
            pictures.tile(
                shown, TILE, negative=negative and image is not None, arrow=box is not None
            ),
            alt=(
                _("{step}: nothing yet")
                if image is None
                else _("{step}: the picture after this step")
            ).format(step=name),
        )
        if box is None:
            st.markdown(name)
        else:
            fields.checkbox(box, label=name, **options)


def show_input(current: Choice, prepared: Drawing) -> None:
    """What becomes of a photograph, for which there are no steps."""
    known = current.data.definition
    high, wide = known.shape
    shown = {
        _("Your picture"): prepared.shown["original"],
        _("What the network gets"): prepared.image,
    }
    with st.container(horizontal=True, gap="xxsmall"):
        for name, image in shown.items():
            last = image is prepared.image
            with st.container(width=TILE + pictures.ARROW, gap="xsmall"):
                st.image(pictures.tile(image, TILE, negative=False, arrow=last), alt=name)
                st.markdown(name)
        if not prepared.blank:
            _most_similar(current, prepared)
    text = _(
        "Your picture becomes {high} × {wide} numbers like those of {title}: it is made grey "
        "and resized, and nothing else."
    )
    st.write(text.format(high=high, wide=wide, title=known.title))


def _introduction(known: Definition, form: InputForm) -> None:
    """What the steps are for."""
    high, wide = form.shape
    fields.toggle(
        SHEET,
        label=_("Without any step: only resized to {high} × {wide}").format(high=high, wide=wide),
    )
    st.write(
        _(
            "Your picture becomes {high} × {wide} numbers like those of {title}, one step after "
            "the other. Switch a step off, and watch the probabilities change."
        ).format(high=high, wide=wide, title=known.title)
    )
    if known.name != MEASURED:
        text = _("These steps are made for digits. For {many}, switch some off and compare.")
        st.info(text.format(many=_(known.many)))


def _most_similar(current: Choice, prepared: Drawing) -> None:
    """The training image that the picture is most like, whatever a network says."""
    images = current.data.x_train
    [(index, similarity)] = recognition.most_similar([prepared], networks.reference(current.data))
    with st.container(width=TILE + pictures.ARROW, gap="xsmall"):
        st.image(
            pictures.tile(images[index], TILE, negative=current.data.definition.negative),
            alt=_("The training image that is most like your picture"),
        )
        st.markdown(_("Most similar: **{value:.2f}**").format(value=similarity))
