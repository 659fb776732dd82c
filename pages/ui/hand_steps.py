"""The steps from a photograph of a hand to a network's input, each with its switch."""

import streamlit as st

from core.data import Definition
from core.fields import Switch
from core.hands.preparation import STEPS, USUAL, Hand
from core.i18n import N_
from pages.ui import drawing_steps, fields
from pages.ui.choice import Choice
from pages.ui.text import _

NAMES = {
    "find": N_("hand"),
    "crop": N_("cropped"),
    "grey": N_("grey"),
    "contrast": N_("contrast"),
    "mirror": N_("mirrored"),
}
SWITCHES = {step: Switch(step, NAMES[step], step in USUAL) for step in STEPS}
REASONS = {
    "find": N_(
        "What differs from the wall and has the tone of skin is the hand; the arm is left out. "
        "All else is pale in this picture."
    ),
    "crop": N_(
        "A square with the hand and some wall around it, where the images of {title} have it. "
        "Without this step the whole picture is squeezed."
    ),
    "grey": N_(
        "The images of {title} are grey and have {high} × {wide} pixels. Without this step only "
        "the red part of the colours is taken."
    ),
    "contrast": N_("In each image of {title} the darkest pixel is black, the brightest white."),
    "mirror": N_(
        "{title} shows right hands: switch this on for a left hand, or for a camera that shows you "
        "as a mirror does."
    ),
}


def wanted() -> list[str]:
    """The steps that are switched on."""
    return [step for step in STEPS if fields.value(SWITCHES[step])]


def show(current: Choice, hand: Hand | None) -> None:
    """The picture after each step, with a switch for the step, and what the steps are for."""
    known = current.data.definition
    with st.container(horizontal=True, gap="xxsmall", key="steps"):
        drawing_steps.tile(hand.shown["original"] if hand else None, _("Your picture"), None)
        for step, box in SWITCHES.items():
            drawing_steps.tile(
                hand.shown[step] if hand else None, box.label(_), box, help=_reason(known, step)
            )
    high, wide = known.shape
    st.write(
        _(
            "Your photograph becomes {high} × {wide} numbers like those of {title}, one step after "
            "the other. Switch a step off, and watch the probabilities change."
        ).format(high=high, wide=wide, title=known.title)
    )


def _reason(known: Definition, step: str) -> str:
    """Why a step is taken."""
    high, wide = known.shape
    return _(REASONS[step]).format(title=known.title, high=high, wide=wide)
