"""How a network is trained."""

import math
from dataclasses import dataclass

from core.fields import check, check_choice
from core.i18n import N_

AUGMENTATIONS = {"none": N_("none"), "handwriting": N_("as by other hands")}
"""What is done to training images anew in every epoch, and in words: how is said in DISTORTIONS of
core.training.augmentation."""


@dataclass(frozen=True)
class TrainSpec:
    """How `fit` is called, and the seed that decides weights and shuffling."""

    epochs: int
    batch_size: int
    validation_split: float
    seed: int = 0
    augmentation: str = "none"

    def __post_init__(self) -> None:
        check_choice(N_("augmentation"), self.augmentation, tuple(AUGMENTATIONS))
        kept = {
            "epochs": check("epochs", self.epochs),
            "batch_size": check("batch size", self.batch_size),
            # + 0.0: -0.0 equals 0.0, but would be another text and so another key.
            "validation_split": check("validation split", self.validation_split, whole=False) + 0.0,
            "seed": check("seed", self.seed),
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)


def training_images(images: int, validation_split: float) -> int:
    """How many of the images are trained on: the first ones, as Keras's `validation_split` does."""
    return math.floor(images * (1.0 - validation_split))
