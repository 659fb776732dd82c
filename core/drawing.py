"""From any picture of a digit to the 28 x 28 input of a network: a first, simple way."""

import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from core.datasets.contract import Images
from core.errors import DataError
from core.i18n import N_

MAX_PIXELS = 30_000_000


def prepare(path: Path) -> Images:
    """Read a PNG or JPEG as uint8 (28, 28), light ink on black as in MNIST.

    The background is taken to be what the border shows; transparency is laid on white. Raises
    DataError if the file is not such a picture.
    """
    image = _read(path)
    grey = np.asarray(image, dtype=np.uint8)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 127:
        image = ImageOps.invert(image)
    return np.asarray(image.resize((28, 28), Image.Resampling.LANCZOS), dtype=np.uint8)


def _read(path: Path) -> Image.Image:
    """The picture in grey, upright, on white."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(BytesIO(path.read_bytes()), formats=("PNG", "JPEG"))
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits of grey, which convert() would clip to 255
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = image.convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            N_("{file} is too large: give a picture of at most {limit} million pixels."),
            file=path.name,
            limit=MAX_PIXELS // 1_000_000,
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(
            N_("{file} cannot be read as a picture: give a whole PNG or JPEG file."),
            file=path.name,
        ) from error
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("L")
