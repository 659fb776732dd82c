from typing import Any

import pytest

from core.labs.digits import VARIANTS
from core.specs.run import ModelSpec, TrainSpec, variant_specs

# The table of the lab sheet, row by row as it is printed there.
SHEET: dict[str, Any] = {
    "samples": [30, 35, 40, 45, 55, 60, 65, 70, 75],
    "neurons": [256, 64, 32, 512, 300, 150, 400, 100, 450],
    "layers": [2, 1, 2, 1, 2, 1, 2, 1, 2],
    "epochs": [3, 5, 7, 9, 12, 14, 6, 8, 2],
    "batch": [30, 25, 42, 15, 20, 5, 35, 28, 12],
    "validation": ["10%", "12%", "15%", "17%", "18%", "22%", "25%", "27%", "30%"],
    "digits": (
        "5 25 7, 8 12 35, 14 20 39, 30 20 40, 25 17 50, 22 11 59, 33 44 55, 11 22 44, 70 50 45"
    ),
    "misclassified": [10, 12, 15, 20, 22, 3, 7, 9, 6],
}


@pytest.mark.parametrize("number", range(1, 10))
def test_a_variant_is_its_column_of_the_sheet(number: int) -> None:
    column = number - 1
    variant = VARIANTS[number]
    assert variant.samples == SHEET["samples"][column]
    assert variant.hidden == (SHEET["neurons"][column],) * SHEET["layers"][column]
    assert variant.epochs == SHEET["epochs"][column]
    assert variant.batch_size == SHEET["batch"][column]
    assert f"{variant.validation_split:.0%}" == SHEET["validation"][column]
    assert " ".join(map(str, variant.test_indices)) == SHEET["digits"].split(", ")[column]
    assert variant.mistakes == SHEET["misclassified"][column]


def test_variant_0_is_the_worked_example() -> None:
    variant = VARIANTS[0]
    assert (variant.samples, variant.hidden, variant.mistakes) == (25, (128,), 5)
    assert (variant.epochs, variant.batch_size, variant.validation_split) == (10, 32, 0.2)
    assert variant.test_indices == (1,)


def test_there_are_the_worked_example_and_nine_variants() -> None:
    assert list(VARIANTS) == list(range(10))


@pytest.mark.parametrize("number", VARIANTS)
def test_every_variant_can_be_trained_as_it_stands(number: int) -> None:
    variant = VARIANTS[number]
    assert variant_specs(number) == (
        ModelSpec(variant.hidden, "relu"),
        TrainSpec(variant.epochs, variant.batch_size, variant.validation_split, seed=0),
    )
