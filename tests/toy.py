"""Three shapes in dark ink, 20 x 24 pixels, for tests: as a file in core/data/ would be."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core.data.contract import Arrays, Definition, Images
from core.i18n import N_

FINE = 8
"""Shapes are drawn this many times as large."""


def read(folder: Path) -> Arrays:
    """300 images to train and 90 to test, always the same; needs no file."""
    random = np.random.default_rng(0)
    y_train, y_test = (np.arange(images, dtype=np.uint8) % 3 for images in (300, 90))
    x_train, x_test = (
        np.stack([shape(int(label), random) for label in labels]) for labels in (y_train, y_test)
    )
    return Arrays(x_train, y_train, x_test, y_test)


def shape(label: int, random: np.random.Generator) -> Images:
    """One image, uint8 (20, 24): a ring, a cross or a triangle, a little different each time."""
    height, width = DATASET.shape
    image = Image.new("L", (width * FINE, height * FINE), "white")
    pen = ImageDraw.Draw(image)
    high, wide = (FINE * random.uniform(12, 15), FINE * random.uniform(9, 14))
    x, y = (image.width - wide) / 2, (image.height - high) / 2
    x, y = x + FINE * random.uniform(-1, 1), y + FINE * random.uniform(-1, 1)
    left, top, right, bottom = x, y, x + wide, y + high
    ink, line = 0, round(FINE * random.uniform(1.6, 2.4))
    if label == 0:
        pen.ellipse([left, top, right, bottom], outline=ink, width=line)
    elif label == 1:
        pen.line([(left, top), (right, bottom)], ink, line)
        pen.line([(left, bottom), (right, top)], ink, line)
    else:
        tip = (left + wide * random.uniform(0.4, 0.6), top)
        pen.line([(left, bottom), tip, (right, bottom), (left, bottom)], ink, line, "curve")
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


DATASET = Definition(
    name="toy",
    title="Toy shapes",
    year=2026,
    shape=(20, 24),
    ink="dark",
    class_names=(N_("ring"), N_("cross"), N_("triangle")),
    one=N_("a shape"),
    many=N_("shapes"),
    licence="CC0",
    read=read,
)
