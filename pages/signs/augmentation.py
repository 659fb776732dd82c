"""One training image, changed as augmentation changes it: each kind alone, and all together."""

from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.charts import pictures
from core.data.contract import Images
from core.fields import LIMITS, Limit, Number, OneOf, WholeNumber
from core.i18n import N_
from core.report import words
from core.specs import changed
from core.specs import fields as run_fields
from core.specs.augmentation import Moves
from core.training.moves import moved
from pages.ui import choice, fields, layout, own_settings
from pages.ui.choice import Choice
from pages.ui.text import _

DRAWS, COLUMNS = 24, 8
KINDS = OneOf(
    "kinds",
    N_("kinds"),
    "all",
    {
        "all": N_("all together"),
        "rotation": N_("rotation"),
        "shift": N_("shift"),
        "shear": N_("shear"),
        "zoom": N_("zoom"),
    },
)
SLIDERS = {
    "rotation": Number("rotation", N_("rotation, degrees"), Moves.rotation, Limit(0, 45)),
    "shift": Number("shift", N_("shift, part of a side"), Moves.shift, Limit(0, 0.3)),
    "shear": Number("shear", N_("shear, degrees"), Moves.shear, Limit(0, 45)),
    "zoom": Number("zoom", N_("zoom, part of a side"), Moves.zoom, Limit(0, 0.5)),
}
STEPS = {"rotation": 1.0, "shift": 0.01, "shear": 0.1, "zoom": 0.005}
SEED = WholeNumber("draws", N_("seed of the draws"), 0, LIMITS["seed"])
NOTHING = Moves(0, 0, 0, 0)


def explain(current: Choice) -> None:
    """What augmentation is."""
    st.write(
        _(
            "In every epoch each training image is changed anew, by chance: turned, shifted, "
            "sheared, zoomed. So the network never sees the same image twice, and has to learn "
            "what stays: that it is still {one}. Test images are left as they are."
        ).format(one=_(current.data.definition.one))
    )


def settings() -> Moves:
    """Which kinds are seen, and how far they go."""
    kinds = fields.radio(KINDS)
    with st.container(horizontal=True):
        values = {
            name: fields.slider(field, step=STEPS[name], format="%g", width=200)
            for name, field in SLIDERS.items()
        }
    moves = Moves(**values)
    return moves if kinds == "all" else replace(NOTHING, **{kinds: values[kinds]})


def pick(current: Choice) -> tuple[int, int]:
    """Which training image, and the seed of its draws."""
    last = len(current.data.x_train) - 1
    with st.container(horizontal=True):
        index = fields.number(
            WholeNumber("index", N_("training image"), 0, Limit(0, last)),
            label=_("Training image, from 0 to {last}").format(last=last),
            width=220,
        )
        return index, fields.number(SEED, width=220)


def board(place: DeltaGenerator, current: Choice, moves: Moves, index: int, seed: int) -> None:
    """The image as it is, and under so many draws."""
    image = current.data.x_train[index]
    draws = np.random.default_rng(seed).uniform(-1, 1, (6, DRAWS))
    name = current.class_names[current.data.y_train[index]]
    before, after = place.columns([1, 4])
    with before:
        st.markdown(_("As it is: **{name}**").format(name=name))
        text = _("Training image {i}, a picture of {name}")
        show(current, image[np.newaxis], 1, text.format(i=index, name=name))
    with after:
        st.markdown(_("{n} draws").format(n=DRAWS))
        text = _("The same image, changed in {n} ways")
        show(current, moved(image, moves, draws), COLUMNS, text.format(n=DRAWS))


def show(current: Choice, images: Images, columns: int, alt: str) -> None:
    """Images in rows."""
    picture = pictures.grid(images, columns, negative=current.data.definition.negative)
    st.image(picture, alt=alt)


def train_with(current: Choice, moves: Moves) -> None:
    """How the chosen run is trained, and the way to train it with what is seen here."""
    now = words.augmentation(current.spec.train, _)
    st.write(_("Augmentation of the chosen run: **{words}**.").format(words=now))
    network, copies = current.spec.network, current.spec.train.copies
    if network.base:
        copies = copies or run_fields.COPIES.default
    st.button(
        _("Take what is shown into own settings"),
        icon=":material/tune:",
        on_click=own_settings.take,
        args=(changed(current.spec, {"train": {"augmentation": moves.text, "copies": copies}}),),
        disabled=current.spec.train.augmentation == moves.text
        or (network.base is not None and not network.dense_behind),
    )


def notes() -> None:
    """What the numbers mean."""
    st.caption(
        _(
            "As Keras's ImageDataGenerator does it: all kinds are composed into one step about the "
            "middle of the image, pixels are mixed of the four nearest ones, and what comes in "
            "from outside repeats the edge. The report gives shear = 0.1 and may have meant a part "
            "of the side; the generator takes it as degrees: too little to see."
        )
    )


current = layout.begin(_("Which changes leave the class as it is?"), choice_of="data")
explain(current)
moves = settings()
place = st.container()  # above what it depends on: seen without scrolling
board(place, current, moves, *pick(current))
train_with(current, moves)
notes()
choice.mark_done()
layout.next_step()
