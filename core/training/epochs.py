"""The table of epochs: what a training says after each of them."""

import math
from dataclasses import dataclass
from typing import Any

from core.networks.layers import differing


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the table of epochs. Without a validation split the `val_` figures are None.

    Then the test images are watched instead; where they were not, as in runs with a validation
    split, those figures are None. A loss that is not finite (training diverged) is NaN here and
    null in JSON.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    test_loss: float | None = None
    test_accuracy: float | None = None
    penalty: float | None = None
    """The part of `loss` that is of L1 and L2; None in networks without them."""
    end_penalty: float | None = None
    """The same after the epoch: that part of the losses on other images."""
    learning_rate: float | None = None
    """Of the last step of the epoch; None where it never changes."""

    @property
    def diverged(self) -> bool:
        """True if the loss is not a number any more."""
        return not math.isfinite(self.loss)

    @property
    def row(self) -> dict[str, float | None]:
        """The figures by their names; those with a default only where there are any."""
        return differing(self)


def epochs_from(rows: list[dict[str, Any]]) -> tuple[Epoch, ...]:
    """The table of epochs from rows as JSON holds them."""
    epochs = []
    for row in rows:
        diverged = {"loss"} if row["loss"] is None else set()
        for part in ("val", "test"):
            if row.get(f"{part}_loss") is None and row.get(f"{part}_accuracy") is not None:
                diverged.add(f"{part}_loss")
        epochs.append(Epoch(**{**row, **dict.fromkeys(diverged, math.nan)}))
    return tuple(epochs)
