"""What a network says to a drawing, and whether it is to be believed.

A network with a softmax output names one of its classes for every picture, and is often sure of it
where it has never seen anything like it. So two other signs are looked at, which do not depend on
the network: how much the drawing is like any of the images that networks are trained on, and
whether it consists of strokes at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from core.data.contract import Dataset, Images
from core.drawing.preparation import Drawing, InputForm, input_form
from core.networks.forward import TrainedNetwork

REFERENCES = 4000
"""Training images that a drawing is compared with: as many as the bundled sample has."""
SURE = 0.8
"""The largest probability of a sure answer is at least this."""
ALIKE = 0.9
"""The similarity of a sure answer is at least this."""
THICK = 0.28
"""Strokes wider than this part of the drawing are none: see Drawing.thickness."""


@dataclass(frozen=True)
class Answer:
    """What a network says to one drawing."""

    probabilities: npt.NDArray[np.float32]
    """(classes,); all equal if nothing is drawn."""
    label: int | None
    """The class with the largest probability; None if nothing is drawn."""
    similarity: float
    """Cosine of the blurred drawing and the most similar training image, 0 to 1."""
    thickness: float
    """Width of the strokes, as part of the drawing: see Drawing.thickness."""
    unsure: bool
    """True if nothing is drawn, or one of the three signs speaks against a drawing of any class."""

    @property
    def certainty(self) -> float:
        """The largest probability; NaN for a network that diverged."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class Reference:
    """What drawings are made like and compared with: see `reference`."""

    form: InputForm
    vectors: npt.NDArray[np.float32]
    """The first training images, as vectors of length 1: float32 (images, pixels)."""


def reference(data: Dataset) -> Reference:
    """What drawings for networks of a data set are made like and compared with."""
    form = input_form(data.definition)
    return Reference(form, _vectors(data.arrays.x_train[:REFERENCES], form))


def most_similar(drawings: Sequence[Drawing], known: Reference) -> list[tuple[int, float]]:
    """Which training image each drawing is most like, and how much: see Answer.similarity."""
    images = np.stack([drawing.image for drawing in drawings])
    alike = _vectors(images, known.form) @ known.vectors.T
    return [(int(row.argmax()), float(row.max())) for row in alike]


def recognise(
    network: TrainedNetwork, drawings: Sequence[Drawing], known: Reference
) -> list[Answer]:
    """What `network` says to each drawing, unsure by the thresholds SURE, ALIKE and THICK."""
    if not drawings:
        return []
    outputs = network.probabilities(np.stack([drawing.image for drawing in drawings]))
    return [
        _answer(row, similarity, drawing)
        for row, (_nearest, similarity), drawing in zip(
            outputs, most_similar(drawings, known), drawings, strict=True
        )
    ]


def _answer(outputs: npt.NDArray[np.float32], similarity: float, drawing: Drawing) -> Answer:
    if drawing.blank:
        equal = np.full_like(outputs, 1 / len(outputs))
        return Answer(equal, None, similarity, drawing.thickness, unsure=True)
    # The first is False for the NaN of a network that diverged.
    sure = outputs.max() >= SURE and similarity >= ALIKE and drawing.thickness <= THICK
    label = int(outputs.argmax())
    return Answer(outputs, label, similarity, drawing.thickness, unsure=not sure)


def _vectors(images: Images, form: InputForm) -> npt.NDArray[np.float32]:
    if form.ink == "dark":
        images = 255 - images  # white paper is alike everywhere, and would outweigh the ink
    blurred = ndimage.gaussian_filter(images.astype(np.float32), (0, 1, 1))
    flat = blurred.reshape(len(images), -1)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
