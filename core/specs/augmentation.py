"""What is done to training images anew in every epoch, and in words.

It is one text on the command line, in stored runs and in keys: `handwriting`, or `moves` with what
differs from its defaults, as in `moves rotation=5 zoom=0`. How they are done is said in
core.training.augmentation.
"""

from dataclasses import dataclass, fields
from typing import Any

from core.errors import UsageError
from core.fields import Limit, check_choice, check_number, value_from, value_text
from core.i18n import N_
from core.networks.layers import differing

NONE = "none"

AUGMENTATIONS = {
    NONE: N_("none"),
    "handwriting": N_("as if drawn by others"),
    "moves": N_("turned, shifted, sheared, zoomed"),
}
"""By their names."""

PARAMETERS = {
    "rotation": (N_("rotation"), Limit(0, 180)),
    "shift": (N_("shift"), Limit(0, 0.5)),
    "shear": (N_("shear"), Limit(0, 45)),
    "zoom": (N_("zoom"), Limit(0, 0.9)),
}
"""What sentences call the parameters of moves, and their limits."""


@dataclass(frozen=True)
class Moves:
    """How far images are moved at most, either way, as Keras's ImageDataGenerator means it.

    The defaults are those of the report on hand signs. See core.training.moves.
    """

    rotation: float = 10.0
    """Degrees about the middle."""
    shift: float = 0.05
    """Parts of the height and of the width."""
    shear: float = 0.1
    """Degrees by which the vertical leans."""
    zoom: float = 0.075
    """Parts by which height and width, each for itself, become smaller or larger."""

    def __post_init__(self) -> None:
        for one in fields(self):
            term, limit = PARAMETERS[one.name]
            value = check_number(term, getattr(self, one.name), limit, whole=False)
            object.__setattr__(self, one.name, value + 0.0)  # not -0.0

    @property
    def text(self) -> str:
        """As `moves_of` reads it."""
        values = (f"{name}={value_text(value)}" for name, value in differing(self).items())
        return " ".join(["moves", *values])


def augmentation_text(text: str) -> str:
    """The text as runs are stored with it. Raises UsageError for what is no augmentation."""
    moves = moves_of(text)
    return moves.text if moves else text


def moves_of(text: str) -> Moves | None:
    """The moves that the text of an augmentation says; None for another one.

    Raises UsageError for what is not known or not allowed.
    """
    name, *given = text.split() or [""]
    check_choice(N_("augmentation"), name, tuple(AUGMENTATIONS))
    if given and name != "moves":
        raise UsageError(
            N_("The augmentation {augmentation} has no parameters: leave them out."),
            augmentation=name,
        )
    parameters = {}
    for one in given:
        parameter, _equals, value = one.partition("=")
        check_choice(N_("parameter"), parameter, tuple(PARAMETERS))
        parameters[parameter] = value_from(value)
    return Moves(**parameters) if name == "moves" else None


def augmentation_words(text: str, _: Any) -> str:
    """An augmentation for people, translated by `_`; the numbers of moves with it."""
    moves = moves_of(text)
    if not moves:
        return str(_(AUGMENTATIONS[text]))
    words = _(
        "turned up to {rotation:g}°, shifted {shift:.4g}%, sheared {shear:g}°, zoomed {zoom:.4g}%"
    )
    shares = {"shift": 100 * moves.shift, "zoom": 100 * moves.zoom}
    return str(words.format(rotation=moves.rotation, shear=moves.shear, **shares))
