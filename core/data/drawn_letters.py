"""Letters drawn from the fonts that installed packages bring, for where there is no notMNIST."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.data.contract import Arrays, Images

LETTERS = tuple("ABCDEFGHIJ")

FOLDERS = {"matplotlib": "mpl-data/fonts/ttf/*.ttf", "streamlit": "static/static/media/*.woff2"}
"""Packages, and where their fonts lie in them."""

SYMBOLS = "cmex10.ttf"
"""A font with brackets in the places of letters."""

OF_EACH, TO_TEST = 500, 100
"""Images of each letter, and how many of them are test images."""

SIDE, FINE = 28, 4
"""Pixels of an image, and how many times as large a letter is drawn first."""

STROKES = (0, 2, 5)
"""By how many pixels a letter is made bolder, before it becomes small."""

NOISE = 15
"""Largest standard deviation of what is added to each pixel."""


def text(_: Callable[[str], str]) -> str:
    """What these images are, translated."""
    return _("letters drawn here from {n} fonts, not notMNIST").format(n=len(fonts()))


@cache
def fonts() -> tuple[ImageFont.FreeTypeFont, ...]:
    """The fonts that have all letters, by the names of their files."""
    paths: list[Path] = []
    for package, pattern in FOLDERS.items():
        spec = find_spec(package)
        if spec and spec.origin:
            paths += Path(spec.origin).parent.glob(pattern)
    paths.sort(key=lambda path: path.name)
    opened = (_open(path) for path in paths if path.name != SYMBOLS)
    return tuple(font for font in opened if font and _has_letters(font))


def _open(path: Path) -> ImageFont.FreeTypeFont | None:
    with suppress(OSError):  # a kind of file that this Pillow cannot read
        return ImageFont.truetype(path, SIDE * FINE)
    return None


def _has_letters(font: ImageFont.FreeTypeFont) -> bool:
    """True if no two letters look alike: a font that has none draws boxes, or nothing."""
    return len({_drawing(font, letter).tobytes() for letter in LETTERS}) == len(LETTERS)


def _drawing(font: ImageFont.FreeTypeFont, letter: str, stroke: int = 0) -> Image.Image:
    """A letter of a font, FINE times as large as in an image and so much bolder."""
    left, top, right, bottom = font.getbbox(letter, stroke_width=stroke)
    drawing = Image.new("L", (max(1, round(right - left)), max(1, round(bottom - top))))
    place = (-left, -top)
    ImageDraw.Draw(drawing).text(place, letter, fill=255, font=font, stroke_width=stroke)
    return drawing


@cache
def draw() -> Arrays:
    """400 images of each letter to train and 100 to test, always the same for the same fonts.

    Each has its own slant, weight, size, place and noise. Both parts are shuffled, since validation
    takes the last part.
    """
    random = np.random.default_rng(0)
    drawings = [
        [[_drawing(font, letter, stroke) for stroke in STROKES] for font in fonts()]
        for letter in LETTERS
    ]
    number = np.arange(len(LETTERS) * OF_EACH)
    labels, of_letter = (number // OF_EACH).astype(np.uint8), number % OF_EACH
    fine = [
        _vary(drawings[label][n % len(fonts())][random.integers(len(STROKES))], random)
        for label, n in zip(labels, of_letter, strict=True)
    ]
    noise = random.normal(0, random.uniform(0, NOISE, (len(fine), 1, 1)), (len(fine), SIDE, SIDE))
    images = (np.stack(fine) + noise).clip(0, 255).astype(np.uint8)
    test = random.permuted(of_letter.reshape(len(LETTERS), -1), axis=1).ravel() < TO_TEST
    train_order = random.permutation(np.flatnonzero(~test))
    test_order = random.permutation(np.flatnonzero(test))
    return Arrays(images[train_order], labels[train_order], images[test_order], labels[test_order])


def _vary(drawing: Image.Image, random: "np.random.Generator") -> Images:
    """An image of a drawing: its longer side 20 to 28 pixels, slanted, narrowed and shifted."""
    wide, high = drawing.size
    scale = max(wide, high) / random.uniform(20, SIDE) / 2
    slant, narrow = random.uniform(-0.2, 0.2), random.uniform(1, 1.2)
    x, y = SIDE + random.uniform(-2, 2, 2)
    across, aslant = scale * narrow, scale * slant
    onto = (across, aslant, wide / 2 - across * x - aslant * y, 0, scale, high / 2 - scale * y)
    twice = (2 * SIDE, 2 * SIDE)
    image = drawing.transform(twice, Image.Transform.AFFINE, onto, Image.Resampling.BILINEAR)
    return np.asarray(image.reduce(2))
