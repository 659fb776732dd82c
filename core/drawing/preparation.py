"""From any picture to the input of a network, in steps that can be looked at.

    a file -> read -> picture, or the canvas -> prepare -> Drawing

MNIST's digits are light ink on black, scaled into a box of 20 x 20 pixels with their shape kept,
and placed by their centre of mass in 28 x 28 (Yann LeCun, The MNIST database). A network that was
trained on them has seen nothing else, and a drawing that differs in any of this is strange to it.
Each step takes one difference away, and each can be left out to see what it is good for. For other
data sets the box and the width of strokes grow with the size of the images.

A picture is uint8 (height, width, 3), red, green and blue. Ink is float32 (height, width), 0 where
there is none and 1 where it is full, whichever of the two is darker. STROKE, SHEAR and NARROW were
chosen by the accuracy of the network of lab L4 on 537 drawings by 53 people; README has it.
"""

import threading
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy import ndimage

from core.data import contract
from core.data.contract import Definition, Images
from core.errors import DataError
from core.i18n import N_

Ink = npt.NDArray[np.float32]

STEPS = ("ink", "crop", "scale", "slant", "stroke", "centre")
"""What is done to a picture, in this order; `prepare` takes any part of them."""

SIDE, BOX = 28, 19
"""MNIST's picture, and the box that ink is scaled into; in pixels. Other pictures: in proportion.

`centre` spreads its edges over one more: then it fills 20 x 20, as MNIST's digits do.
"""
FINE = 8
"""Between `scale` and the end a pixel of the result is so many pixels wide."""
STROKE = 2.8
"""Width of strokes in MNIST's pixels: about the median of its digits, 2.7."""
SHEAR, NARROW = 0.15, 0.8
"""How far the top leans to the right, by height, and the part of its width that a digit keeps."""

MAX_PIXELS = {"PNG": 30_000_000, "JPEG": 55_000_000}
"""Either takes about 350 MB to decode at the most: a JPEG is made smaller on the way."""
LARGEST = 256
"""Larger pictures are reduced to this many pixels on their longer side."""
SMALL = 60
"""Pictures, or their ink, of no more pixels on the longer side are small."""
FAINTEST = 8
"""Ink differs from its paper by more than this, of 255."""

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""The parts of red, green and blue in grey (ITU-R BT.601), as in Pillow's convert("L")."""

_decoding = threading.Lock()


@dataclass(frozen=True)
class InputForm:
    """What the images of a data set look like, and drawings for its networks are to look like."""

    shape: tuple[int, int]
    """Height and width of an image."""
    box: tuple[int, int]
    """Height and width of the rectangle in its middle that ink is scaled into."""
    stroke: float
    """Width of its strokes in pixels."""
    ink: contract.Ink | None
    """See Definition.ink."""


def input_form(wanted: Definition) -> InputForm:
    """The form of a data set, in MNIST's proportions."""
    height, width = wanted.shape
    box = (round(BOX * height / SIDE), round(BOX * width / SIDE))
    return InputForm(wanted.shape, box, STROKE * (min(wanted.shape) / SIDE), wanted.ink)


@dataclass(frozen=True)
class Drawing:
    """A picture on its way to a network."""

    image: Images
    """The input of the network: uint8 (height, width), with ink as its data set has it."""
    shown: dict[str, Images]
    """The picture after each step, by its name; before all of them it is called `original`."""
    blank: bool
    """True if no ink was found, or not looked for and all is of one colour."""
    thickness: float = 0.0
    """Width of the strokes by the longer side of the drawing, before they are evened; 0 if ink was
    not looked for."""


def read(content: bytes, name: str) -> Images:
    """The picture in a PNG or JPEG file, upright and on white; `name` is for its errors.

    Which of the two it is, is seen from the content. Raises DataError if it is neither, damaged or
    has more than MAX_PIXELS. One file is decoded at a time, which bounds the memory.
    """
    limit = MAX_PIXELS["PNG"]
    try:
        with _decoding, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF, into the log of the server
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(BytesIO(content), formats=tuple(MAX_PIXELS))
            limit = MAX_PIXELS["PNG" if image.format == "PNG" else "JPEG"]  # or MPO, a JPEG of more
            if image.width * image.height > limit:
                raise Image.DecompressionBombError
            image.draft("RGB", (4 * LARGEST, 4 * LARGEST))
            if image.mode.startswith("I"):  # 16 bits of grey, which convert() would clip to 255
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            if image.mode == "CMYK":
                image = image.convert("RGB")
            small = _reduced(image.convert("RGBA"))
            white = Image.new("RGBA", small.size, "white")
            flat = Image.alpha_composite(white, small).convert("RGB")
            flat.info["exif"] = image.info.get("exif", b"")
            return np.asarray(ImageOps.exif_transpose(flat))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            N_("{file} is too large: give a picture of at most {limit} million pixels."),
            file=name,
            limit=limit // 1_000_000,
        ) from error
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise DataError(
            N_("{file} cannot be read as a picture: give a whole PNG or JPEG file."), file=name
        ) from error


def prepare(picture: Images, form: InputForm, steps: Collection[str] = STEPS) -> Drawing:
    """A picture of any size as the input of a network, by those of STEPS that are in `steps`.

    Without any it is what the lab sheet does: grey, resized, nothing else. Nothing else is done for
    a network that reads photographs either.
    """
    if form.ink is None:
        steps = ()
    picture = np.asarray(_reduced(Image.fromarray(picture)))
    ink = find_ink(picture) if "ink" in steps else _as_it_is(picture, form)
    blank = not np.ptp(ink)
    shown = {"ink": _bytes(ink)}
    if "crop" in steps:
        ink = crop(ink)
    shown["crop"] = _bytes(ink)
    shape_kept = "scale" in steps
    ink = enlarge(ink, form, shape_kept)
    shown["scale"] = place(ink, form, shape_kept)
    thickness = stroke_width(ink) / max(ink.shape) if "ink" in steps else 0.0
    if "slant" in steps:
        ink = slant(ink)
    shown["slant"] = place(ink, form, shape_kept)
    if "stroke" in steps:
        ink = even_strokes(ink, form)
    image = shown["stroke"] = place(ink, form, shape_kept)
    if "centre" in steps:
        image = centre(image)
    shown["centre"] = image
    if form.ink == "dark":
        shown = {step: 255 - light for step, light in shown.items()}
    return Drawing(shown["centre"], {"original": picture, **shown}, blank, thickness)


def _as_it_is(picture: Images, form: InputForm) -> Ink:
    """The grey of a picture, taken for ink as the data set has it: without looking for any."""
    grey = np.asarray(picture @ GREY / 255, np.float32)
    return 1 - grey if form.ink == "dark" else grey


def find_ink(picture: Images) -> Ink:
    """Step 1: what differs from the paper, whichever of the two is darker. Zeros if nothing does.

    Faint strokes are raised to full ink, stains and lines fainter than the rest are left out.
    """
    plain = _has_plain_border(picture)
    difference = (_border_colour(picture) if plain else _paper(picture)) - picture
    ink = np.asarray(difference @ GREY, np.float32)
    colour = np.abs(difference).max(axis=2)
    # Yellow on light blue: equally bright, but of another colour.
    if np.abs(ink).max() < 40 and colour.max() > 2 * np.abs(ink).max():
        ink = colour
    if (ink**3).sum() < 0:
        ink = -ink
    full = np.percentile(ink, 99.9)
    if full < FAINTEST:
        return np.zeros_like(ink)
    ink = np.clip(ink / full, 0, 1)
    # In a small picture thin strokes are grey all over, so that only paper is told from ink.
    large = max(crop(ink).shape) > SMALL or not plain
    # Half of full ink at most: where all is ink, Otsu's threshold runs through the ink itself.
    floor = min(otsu(ink[ink > 0.05]), 0.5) if large else 0.1
    # Full ink near by, seen over 5 x 5 pixels: the middle of a stroke becomes 1, however faint.
    near = ndimage.uniform_filter(ndimage.maximum_filter(ink, 5), 5)
    ink = np.where(ink > floor, ink / np.maximum(near, 0.25), 0).clip(0, 1)
    return _without_specks(ink)


def crop(ink: Ink) -> Ink:
    """Step 2: the smallest rectangle with all ink in it; everything if there is none."""
    rows, columns = np.nonzero(ink > 0.2)
    if not len(rows):
        return ink
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def enlarge(ink: Ink, form: InputForm, shape_kept: bool = True) -> Ink:
    """Step 3: it just fits into the box; without it all is stretched to the whole image.

    The result has FINE x FINE pixels for each pixel that `place` will make of them.
    """
    height, width = _size(ink, form, shape_kept, FINE)
    return _resized(ink, height, width, Image.Resampling.BICUBIC)


def slant(ink: Ink) -> Ink:
    """Step 4: lean it to the right and narrow it, as handwriting is and drawings are not."""
    height, width = ink.shape
    size = (round(NARROW * (width + SHEAR * height)), height)
    # Pillow wants to know where the pixel (x, y) of the result comes from.
    origin = (1 / NARROW, SHEAR, -SHEAR * height, 0, 1, 0)
    image = Image.fromarray(ink)
    return np.asarray(
        image.transform(size, Image.Transform.AFFINE, origin, Image.Resampling.BILINEAR)
    )


def stroke_width(ink: Ink) -> float:
    """The mean width of strokes in pixels, 0 without ink.

    The mean distance of a stroke's pixels to its edge is a quarter of its width.
    """
    mask = np.pad(ink > 0.5, 1)
    return 4 * float(ndimage.distance_transform_edt(mask)[mask].mean()) if mask.any() else 0.0


def even_strokes(ink: Ink, form: InputForm) -> Ink:
    """Step 5: grow or shrink all strokes alike, to the width that those of the data set have.

    The picture grows or shrinks with its strokes, and is scaled into the box again by `place`.
    """
    mask = ink > 0.5
    if not mask.any():
        return ink
    width = stroke_width(ink)
    # A drawing is its strokes' middle lines, scaled to box - stroke, and the strokes around them.
    length, box = max(zip(ink.shape, form.box, strict=True), key=lambda side: side[0] / side[1])
    wanted = form.stroke * max(length - width, 1) / (box - form.stroke)
    change = (wanted - width) / 2
    margin = max(0, round(change)) + 1
    mask = np.pad(mask, margin)
    inside = ndimage.distance_transform_edt(mask)
    if change < 0:
        # A filled loop is no stroke: half of the middle lines keep half of the width at least.
        middles = inside[mask & (inside == ndimage.maximum_filter(inside, 5))]
        change = min(0, max(change, wanted / 4 - float(np.median(middles))))
    distance = inside - ndimage.distance_transform_edt(~mask)
    evened = np.clip(distance + change + 0.5, 0, 1).astype(np.float32)
    surplus = margin - round(change)
    evened = evened[surplus : len(evened) - surplus, surplus : evened.shape[1] - surplus]
    return evened if evened.any() else ink  # a patch without strokes may vanish: leave it


def place(ink: Ink, form: InputForm, shape_kept: bool = True) -> Images:
    """The ink as uint8 of the form's shape: its rectangle in the middle, or stretched over all."""
    height, width = _size(ink, form, shape_kept)
    top, left = (form.shape[0] - height) // 2, (form.shape[1] - width) // 2
    placed = np.zeros(form.shape, np.float32)
    placed[top : top + height, left : left + width] = _resized(
        ink, height, width, Image.Resampling.LANCZOS
    )
    return _bytes(placed)


def centre(image: Images) -> Images:
    """Step 6: move the centre of mass of light ink, uint8 (height, width), to the middle.

    That is (14, 14) of 28 x 28, as in MNIST.
    """
    if not image.any():
        return image
    height, width = image.shape
    row, column = ndimage.center_of_mass(image)
    way = (height / 2 - row, width / 2 - column)
    return _bytes(ndimage.shift(image.astype(np.float32), way, order=1) / 255)


def _border(picture: Images) -> npt.NDArray[np.float32]:
    sides = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    return np.concatenate(sides).astype(np.float32)


def _border_colour(picture: Images) -> npt.NDArray[np.float32]:
    return np.median(_border(picture), axis=0)


def _has_plain_border(picture: Images) -> bool:
    """True for a drawing on one colour, whose ink may touch it; False for most photographs."""
    colour = _border_colour(picture)
    difference = np.abs(_border(picture) - colour).max(axis=1)
    paper = difference < 16
    # Nobody photographs so small; but half of such a border may be the soft edges of strokes.
    if max(picture.shape) <= SMALL or paper.mean() >= 0.85:
        return True
    ink = difference > max(np.abs(picture - colour).max() / 2, 64)  # a shadow differs less
    return bool((paper | ink).mean() >= 0.85)


def _paper(picture: Images) -> npt.NDArray[np.float32]:
    """The paper behind the ink, in uneven light: the median around each pixel.

    The window is 25/64 of the picture, so that strokes are always the smaller part of it.
    """
    image = Image.fromarray(picture)
    small = np.asarray(image.resize((64, 64), Image.Resampling.BOX))
    paper = Image.fromarray(ndimage.median_filter(small, size=(25, 25, 1), mode="nearest"))
    return np.asarray(paper.resize(image.size, Image.Resampling.BICUBIC), np.float32)


def otsu(values: Ink) -> float:
    """The threshold that separates values best into two classes (Otsu, 1979); 0 for equal ones."""
    counts, edges = np.histogram(values, 256, (0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()[:-1]
    sums = (counts * middles).cumsum()
    above = len(values) - below
    two = (below > 0) & (above > 0)
    if not two.any():
        return 0.0
    means = sums[:-1][two] / below[two] - (sums[-1] - sums[:-1][two]) / above[two]
    return float(middles[:-1][two][(below[two] * above[two] * means**2).argmax()])


def _without_specks(ink: Ink) -> Ink:
    """Leave out what hangs together and has less than a fiftieth of all ink: dust, stray dots."""
    parts, _ = ndimage.label(ink > 0, np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), weights=ink.ravel())
    return ink * (sizes >= sizes.sum() / 50)[parts]


def _size(ink: Ink, form: InputForm, shape_kept: bool, fine: int = 1) -> tuple[int, int]:
    """Height and width of the ink that fits into the box, or of all; `fine` times as large."""
    if not shape_kept:
        return fine * form.shape[0], fine * form.shape[1]
    scale = min(fine * side / own for side, own in zip(form.box, ink.shape, strict=True))
    return max(1, round(ink.shape[0] * scale)), max(1, round(ink.shape[1] * scale))


def _resized(ink: Ink, height: int, width: int, how: Image.Resampling) -> Ink:
    return np.asarray(Image.fromarray(ink).resize((width, height), how)).clip(0, 1)


def _reduced(image: Image.Image) -> Image.Image:
    """An image whose longer side is at most LARGEST pixels."""
    small = image.copy() if max(image.size) <= LARGEST else image
    small.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    return small


def _bytes(ink: Ink) -> Images:
    return np.rint(255 * ink.clip(0, 1)).astype(np.uint8)
