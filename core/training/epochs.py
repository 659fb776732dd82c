"""The table of epochs: what a training says after each of them."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
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

    @property
    def diverged(self) -> bool:
        """True if the loss is not a number any more."""
        return not math.isfinite(self.loss)

    @property
    def row(self) -> dict[str, float | None]:
        """The figures by their names, those of the test images only where they were watched."""
        watched = self.test_accuracy is not None
        return {k: v for k, v in vars(self).items() if watched or not k.startswith("test_")}


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
