"""Light ink on a dark board, photographed in uneven light: ink is what differs from its paper."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.mnist import DATASET as MNIST
from core.drawing import preparation as drawing
from core.drawing.preparation import find_ink

FORM = drawing.input_form(MNIST)
SIZE = 200


def strokes() -> np.ndarray:
    """Where there is ink: a 7 with strokes of 10 pixels; bool (200, 200)."""
    image = Image.new("1", (SIZE, SIZE))
    ImageDraw.Draw(image).line([(60, 50), (135, 50), (95, 155)], fill=1, width=10)
    return np.asarray(image)


def photograph(ink: int, paper: int, light: np.ndarray) -> np.ndarray:
    """Ink on paper, both grey of 255, in a light of 0 to 1; uint8 (200, 200, 3)."""
    noise = np.random.default_rng(0).normal(0, 1.5, (SIZE, SIZE))
    grey = np.where(strokes(), ink, paper) * light + noise
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)


ACROSS = np.linspace(0.35, 1, SIZE)[np.newaxis, :]
DOWN = np.linspace(0.35, 1, SIZE)[:, np.newaxis]
LAMP = np.hypot(*np.mgrid[-60:140, -40:160])
LIGHTS = {"across": ACROSS, "down": DOWN, "lamp": 1 - 0.6 * LAMP / LAMP.max()}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize(("ink", "paper"), [(225, 95), (40, 230)], ids=["light", "dark"])
def test_ink_of_a_photograph_in_uneven_light_is_its_strokes(
    ink: int, paper: int, light: str
) -> None:
    picture = photograph(ink, paper, LIGHTS[light])
    # Else the background would be told from the border's colour, as in a drawing.
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert np.ptp(border) > 40
    found, drawn = find_ink(picture) > 0.5, strokes()
    assert found[drawn].mean() > 0.9
    assert found[~drawn].mean() < 0.02


@pytest.mark.parametrize("light", LIGHTS)
def test_light_ink_becomes_the_same_digit_as_dark_ink(light: str) -> None:
    dark = drawing.prepare(photograph(40, 230, LIGHTS[light]), FORM).image
    light_ink = drawing.prepare(photograph(225, 95, LIGHTS[light]), FORM).image
    assert np.abs(light_ink.astype(int) - dark).mean() < 6
