"""How a network is trained."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import UsageError
from core.fields import LIMITS, Limit, check, check_choice, check_number
from core.i18n import N_
from core.networks.layers import differing
from core.specs.augmentation import NONE, augmentation_text
from core.specs.schedules import Decay, Plateau, Schedule, schedule_dict, schedule_from

SOLVERS = {"fit": N_("the optimizer"), "logistic": N_("scikit-learn's LogisticRegression")}
"""What finds the weights, and in words. The second is for a network without a hidden layer: see
core.training.logistic."""

COPIES = Limit(0, 20)
PATIENCE = Limit(0, LIMITS["epochs"].high)


@dataclass(frozen=True)
class TrainSpec:
    """How `fit` is called, and the seed that decides weights and shuffling."""

    epochs: int
    batch_size: int
    validation_split: float
    seed: int = 0
    augmentation: str = NONE
    """See core.specs.augmentation."""
    schedule: Schedule | None = None
    """How the learning rate changes; None: not at all."""
    early_stopping: int = 0
    """The training ends after so many epochs without a lower validation loss, and the weights of
    the epoch with the lowest are kept; 0: neither."""
    copies: int = 0
    """In how many changed ways a frozen base sees each training image; the epochs train on one copy
    after the other. Only with a base and an augmentation."""
    solver: str = "fit"
    """A key of SOLVERS. Only for `fit` do epochs, batch size and optimizer decide anything."""

    def __post_init__(self) -> None:
        check_choice(N_("solver"), self.solver, tuple(SOLVERS))
        kept = {
            "augmentation": augmentation_text(self.augmentation),
            "epochs": check("epochs", self.epochs),
            "batch_size": check("batch size", self.batch_size),
            # + 0.0: -0.0 equals 0.0, but would be another text and so another key.
            "validation_split": check("validation split", self.validation_split, whole=False) + 0.0,
            "seed": check("seed", self.seed),
            "copies": check_number(N_("changed copies"), self.copies, COPIES, whole=True),
            "early_stopping": check_number(
                N_("early stopping"), self.early_stopping, PATIENCE, whole=True
            ),
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)
        self._check_together()

    def _check_together(self) -> None:
        """Raise UsageError for settings that contradict each other."""
        if not self.validation_split and self.early_stopping:
            raise UsageError(
                N_("Early stopping looks at the validation loss: give a validation split.")
            )
        if not self.validation_split and isinstance(self.schedule, Plateau):
            raise UsageError(
                N_("Waiting for a plateau needs the validation loss: give a validation split.")
            )
        if isinstance(self.schedule, Decay) and self.schedule.warmup >= self.epochs:
            raise UsageError(
                N_("A warm-up of {warmup} epochs leaves nothing of {epochs} epochs: shorten it."),
                warmup=self.schedule.warmup,
                epochs=self.epochs,
            )


def train_dict(train: TrainSpec) -> dict[str, Any]:
    """What differs from the defaults, as JSON can hold it."""
    values = differing(train)
    if train.schedule:
        values["schedule"] = schedule_dict(train.schedule)
    return values


def train_from(values: Mapping[str, Any]) -> TrainSpec:
    """What `train_dict` was made from. Raises KeyError, TypeError or UsageError."""
    given = dict(values)
    if given.get("schedule") is not None:
        given["schedule"] = schedule_from(given["schedule"])
    return TrainSpec(**given)


def training_images(images: int, validation_split: float) -> int:
    """How many of the images are trained on: the first ones, as Keras's `validation_split` does."""
    return math.floor(images * (1.0 - validation_split))
