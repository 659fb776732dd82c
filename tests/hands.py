"""Photographs of hands that are none: an open hand with its arm, drawn before a wall, for tests."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.data.contract import Images
from core.data.signs import COLUMNS, FILES, LABELS, SHAPE
from core.hands.preparation import prepare

FINE = 4
"""Hands are drawn this many times as large."""

Colour = tuple[int, int, int]

LIGHT: Colour = (225, 172, 140)
WALL: Colour = (150, 160, 175)


def photograph(
    skin: Colour = LIGHT,
    wall: Colour = WALL,
    *,
    size: int = 100,
    at: tuple[int, int] = (60, 50),
    arm: bool = True,
    noise: float = 4.0,
) -> Images:
    """A picture, uint8 (192, 256, 3), of a hand `size` pixels high, its upper left corner at `at`.

    `at` is x and y. The wall is lit from one side, the hand throws a shadow and the camera has
    noise. The thumb is at the right, as a right hand shows its palm.
    """
    random = np.random.default_rng(0)
    mask = Image.new("L", (256 * FINE, 192 * FINE))
    pen = ImageDraw.Draw(mask)
    unit, (x, y) = size * FINE / 100, (at[0] * FINE, at[1] * FINE)

    def place(right: float, down: float) -> tuple[float, float]:
        return x + unit * right, y + unit * down

    pen.ellipse([*place(10, 45), *place(65, 100)], fill=255)
    for tip, root in (((16, 12), 22), ((30, 4), 33), ((44, 6), 44), ((57, 16), 55)):
        pen.line([place(*tip), place(root, 60)], 255, round(11 * unit))
    pen.line([place(80, 52), place(52, 82)], 255, round(12 * unit))
    if arm:
        pen.rectangle([*place(22, 85), *place(53, 300)], fill=255)
    small = mask.resize((256, 192), Image.Resampling.BOX)
    ink = np.asarray(small)[..., np.newaxis] / 255
    shadow = 1 - 0.2 * np.roll(ink, (5, 7), (0, 1))
    light = np.linspace(0.85, 1.1, 256)[:, np.newaxis]
    picture = light * (np.array(wall) * shadow * (1 - ink) + np.array(skin) * ink)
    return (picture + random.normal(0, noise, picture.shape)).clip(0, 255).astype(np.uint8)


def jpeg(picture: Images, turned: bool = False) -> bytes:
    """A file; if `turned`, it lies on its side and EXIF says so, as a telephone does it."""
    image, exif = Image.fromarray(picture), Image.Exif()
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6  # show it turned by 90 degrees, clockwise
    content = io.BytesIO()
    image.save(content, "JPEG", exif=exif, quality=95)
    return content.getvalue()


def write_tables(folder: Path) -> Path:
    """The folder with Sign Language MNIST of few images: that hand with noise, for each letter."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    hand = prepare(photograph(), SHAPE).image
    for name, of_each in zip(FILES, (5, 1), strict=True):
        noise = random.normal(0, 8, (of_each * len(LABELS), *SHAPE))
        rows = (hand + noise).clip(0, 255).astype(int).reshape(len(noise), -1).tolist()
        table = [COLUMNS, *map(list.__add__, [[label] for label in LABELS * of_each], rows)]
        (folder / name).write_text("\n".join(",".join(map(str, row)) for row in table))
    return folder
