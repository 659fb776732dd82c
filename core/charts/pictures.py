"""Many small images as one picture."""

import base64
import html
import io
from collections.abc import Sequence
from importlib.metadata import distribution
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps

from core.charts.style import COLOURS
from core.data.contract import Images

GAP = 6
"""Pixels between two tiles."""

ARROW = 14
"""Pixels at the left of a tile for an arrow."""

SMALLEST, LARGEST = 9, 2 / 7
"""Font size of captions: at least so many pixels, at most this part of a tile's width."""

FRAME = "#D2D2D2"
"""The line around a tile."""

FONT = str(distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf"))
"""Pillow's own font has neither arrows nor letters with accents."""


def grid(
    images: Images,
    columns: int,
    width: int = 84,
    marks: Sequence[str] = (),
    *,
    negative: bool,
    between: int = 255,
) -> Image.Image:
    """The images, uint8 (n, height, width), in rows of `columns` tiles, captions below.

    Each pixel becomes a square of whole pixels, so that a tile is about `width` pixels wide.
    `negative` shows light ink dark on white, as in the lab sheet. `marks` has one caption for each
    image, of one or more lines; all share one font size, the largest at which the longest line
    leaves a gap beside the next one. `between` is the grey of the gaps: white ones would hide where
    pictures with white edges end.
    """
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    scale = max(1, round(width / images.shape[2]))
    high, wide = images.shape[1] * scale, images.shape[2] * scale
    font = _font([line for mark in marks for line in mark.split("\n")], wide - GAP)
    caption = _height(marks, font) if marks else 0
    step_x, step_y = wide + GAP, high + caption + GAP
    picture = Image.new("L", (columns * step_x + GAP, rows * step_y + GAP), between)
    draw = ImageDraw.Draw(picture)
    for i, image in enumerate(images):
        left, top = GAP + i % columns * step_x, GAP + i // columns * step_y
        shown = Image.fromarray(255 - image if negative else image)
        picture.paste(shown.resize((wide, high), Image.Resampling.NEAREST), (left, top))
        # Ink may reach the edge of an image, and would touch that of the next one.
        draw.rectangle((left - 1, top - 1, left + wide, top + high), outline=FRAME)
        if marks:
            below = (left + wide / 2, top + high + GAP / 2)
            draw.multiline_text(below, marks[i], fill=0, font=font, anchor="ma", align="center")
    return picture


def shades(values: npt.NDArray[np.floating[Any]]) -> Images:
    """Numbers as grey, uint8 of their shape: the largest is black, and 0 white.

    With negative numbers among them 0 is a middle grey, and what is as far below it is white.
    """
    finite = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    most = float(np.abs(finite).max(initial=0.0)) or 1.0
    least = -most if finite.min(initial=0.0) < 0 else 0.0
    shades: Images = np.rint(255 * (most - finite) / (most - least)).astype(np.uint8)
    return shades


def numbers(image: Images, title: str, *, scaled: bool, negative: bool) -> str:
    """The pixels of an image, uint8 (h, w), as an HTML table that scrolls where it is too wide.

    Each cell has the grey of its pixel. `scaled` shows 0 to 1 and not 0 to 255; `negative` shows
    light ink dark. `title` is what a screen reader says of the table.
    """
    shown = 255 - image if negative else image
    texts = np.char.mod("%.2f", image / 255) if scaled else image.astype(str)
    rows = [
        "".join(
            f'<td style="background:rgb({grey},{grey},{grey});color:'
            f'{"#000" if grey > 127 else "#fff"}">{text}</td>'
            for grey, text in zip(greys, values, strict=True)
        )
        for greys, values in zip(shown, texts, strict=True)
    ]
    body = "".join(f"<tr><th>{i}</th>{row}</tr>" for i, row in enumerate(rows))
    head = "".join(f"<th>{i}</th>" for i in range(image.shape[1]))
    style = (
        ".pixels{overflow-x:auto}.pixels table{border-collapse:collapse;font-size:11px}"
        ".pixels td,.pixels th{width:28px;min-width:27px;height:24px;padding:0;text-align:center}"
        ".pixels th{font-weight:normal;opacity:.6}"
    )
    return (
        f'<style>{style}</style><div class="pixels" tabindex="0">'
        f'<table aria-label="{html.escape(title)}"><tr><th></th>{head}</tr>{body}</table></div>'
    )


def gallery(images: Images, captions: Sequence[str], *, negative: bool) -> str:
    """The images, uint8 (n, h, w), with captions below, as HTML that fills the width of a page.

    A row has as many as there is room for. `negative` shows light ink dark.
    """
    style = (
        ".gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(100px,1fr));gap:12px}"
        ".gallery figure{margin:0;text-align:center}"
        ".gallery img{width:100%;max-width:150px;image-rendering:pixelated}"
        f".gallery img{{border:1px solid {FRAME}}}"
        ".gallery figcaption{font-size:16px}"
    )
    figures = "".join(
        f'<figure><img src="{_data_url(Image.fromarray(255 - image if negative else image))}" '
        f'alt="{html.escape(caption)}"><figcaption>{html.escape(caption)}</figcaption></figure>'
        for image, caption in zip(images, captions, strict=True)
    )
    return f'<style>{style}</style><div class="gallery">{figures}</div>'


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
    ImageDraw.Draw(square).rectangle((0, 0, side - 1, side - 1), outline=FRAME)
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
