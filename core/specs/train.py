"""How a network is trained."""

import math
from dataclasses import dataclass

from core.fields import check, check_choice
from core.i18n import N_

AUGMENTATIONS = ("none", "handwriting")
"""What is done to training images anew in every epoch: see core.training.augmentation."""


@dataclass(frozen=True)
class TrainSpec:
    """How `fit` is called, and the seed that decides weights and shuffling."""

    epochs: int
    batch_size: int
    validation_split: float
    seed: int = 0
    augmentation: str = "none"

    def __post_init__(self) -> None:
        check("epochs", self.epochs)
        check("batch size", self.batch_size)
        check("validation split", self.validation_split, whole=False)
        check("seed", self.seed)
        check_choice(N_("augmentation"), self.augmentation, AUGMENTATIONS)
        # + 0.0: -0.0 equals 0.0, but would be another text and so another key.
        object.__setattr__(self, "validation_split", float(self.validation_split) + 0.0)


def training_images(images: int, validation_split: float) -> int:
    """How many of the images are trained on: the first ones, as Keras's `validation_split` does."""
    return math.floor(images * (1.0 - validation_split))
