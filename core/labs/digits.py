"""The table of lab P7: nine variants, and the worked example of the sheet as variant 0."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One column of the lab table."""

    samples: int
    """How many training images to show."""
    hidden: tuple[int, ...]
    """Neurons of each hidden layer."""
    epochs: int
    batch_size: int
    validation_split: float
    test_indices: tuple[int, ...]
    """Which test images to check, by their index."""
    mistakes: int
    """How many misclassified test images to show."""


VARIANTS: dict[int, Variant] = {
    0: Variant(25, (128,), 10, 32, 0.20, (1,), 5),
    1: Variant(30, (256, 256), 3, 30, 0.10, (5, 25, 7), 10),
    2: Variant(35, (64,), 5, 25, 0.12, (8, 12, 35), 12),
    3: Variant(40, (32, 32), 7, 42, 0.15, (14, 20, 39), 15),
    4: Variant(45, (512,), 9, 15, 0.17, (30, 20, 40), 20),
    5: Variant(55, (300, 300), 12, 20, 0.18, (25, 17, 50), 22),
    6: Variant(60, (150,), 14, 5, 0.22, (22, 11, 59), 3),
    7: Variant(65, (400, 400), 6, 35, 0.25, (33, 44, 55), 7),
    8: Variant(70, (100,), 8, 28, 0.27, (11, 22, 44), 9),
    9: Variant(75, (450, 450), 2, 12, 0.30, (70, 50, 45), 6),
}
