"""Many small images as one picture."""

import base64
import io
from collections.abc import Sequence
from importlib.metadata import distribution

from PIL import Image, ImageDraw, ImageFont, ImageOps

from core.charts.style import COLOURS
from core.data.contract import Images

GAP = 6
"""White pixels between two tiles."""

ARROW = 14
"""Pixels at the left of a tile for an arrow."""

SMALLEST, LARGEST = 9, 2 / 7
"""Font size of captions: at least so many pixels, at most this part of a tile's width."""

FONT = str(distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"))
"""Pillow's own font has neither arrows nor letters with accents."""


def grid(
    images: Images, columns: int, width: int = 84, marks: Sequence[str] = (), *, negative: bool
) -> Image.Image:
    """The images, uint8 (n, height, width), in rows of `columns` tiles, captions below.

    Each pixel becomes a square of whole pixels, so that a tile is about `width` pixels wide.
    `negative` shows light ink dark on white, as in the lab sheet. `marks` has one caption for each
    image, of one or more lines; all share one font size, the largest at which the longest line
    leaves a gap beside the next one.
    """
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    scale = max(1, round(width / images.shape[2]))
    high, wide = images.shape[1] * scale, images.shape[2] * scale
    font = _font([line for mark in marks for line in mark.split("\n")], wide - GAP)
    caption = _height(marks, font) if marks else 0
    step_x, step_y = wide + GAP, high + caption + GAP
    picture = Image.new("L", (columns * step_x + GAP, rows * step_y + GAP), color=255)
    draw = ImageDraw.Draw(picture)
    for i, image in enumerate(images):
        left, top = GAP + i % columns * step_x, GAP + i // columns * step_y
        shown = Image.fromarray(255 - image if negative else image)
        picture.paste(shown.resize((wide, high), Image.Resampling.NEAREST), (left, top))
        if marks:
            below = (left + wide / 2, top + high + GAP / 2)
            draw.multiline_text(below, marks[i], fill=0, font=font, anchor="ma", align="center")
    return picture


def tile(image: Images, side: int, *, negative: bool, arrow: bool = False) -> str:
    """One image, uint8 (h, w) or (h, w, 3), as large as fits into a white square of `side` pixels.

    Pixels of a small image stay squares. `negative` shows light ink dark. With `arrow` there are
    ARROW pixels more at the left, without background, with an arrow that comes from the picture
    before. The result is a PNG as a data URL: what changes with every stroke must not be asked for
    when it has changed again.
    """
    shown = Image.fromarray(255 - image if negative else image)
    small = max(image.shape[:2]) <= side
    how = Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS
    square = ImageOps.pad(shown, (side, side), how, color="white")
    return _data_url(_with_arrow(square) if arrow else square)


def _with_arrow(square: Image.Image) -> Image.Image:
    whole = Image.new("RGBA", (square.width + ARROW, square.height))
    whole.paste(square, (ARROW, 0))
    middle, end = square.height // 2, ARROW - 2
    draw = ImageDraw.Draw(whole)
    draw.line((0, middle, end, middle), fill=COLOURS["grey"], width=2)
    draw.line((end - 5, middle - 5, end, middle, end - 5, middle + 5), COLOURS["grey"], width=2)
    return whole


def _data_url(picture: Image.Image) -> str:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _font(lines: Sequence[str], width: int) -> ImageFont.FreeTypeFont:
    """The largest size at which every line fits into `width` pixels."""
    for size in range(round(LARGEST * width), SMALLEST, -1):
        font = ImageFont.truetype(FONT, size)
        if all(font.getlength(line) <= width for line in lines):
            return font
    return ImageFont.truetype(FONT, SMALLEST)


def _height(marks: Sequence[str], font: ImageFont.FreeTypeFont) -> int:
    """Pixels that the captions need below a tile."""
    tallest = "\n".join(["Xg"] * max(mark.count("\n") + 1 for mark in marks))
    draw = ImageDraw.Draw(Image.new("L", (1, 1)))
    return round(draw.multiline_textbbox((0, 0), tallest, font=font)[3]) + GAP
