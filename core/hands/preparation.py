"""From a photograph of a hand to the input of a network, in steps that can be looked at.

    the camera, or a file -> core.drawing.preparation.read -> picture -> prepare -> Hand

The images of Sign Language MNIST are grey, 28 x 28, and filled by one right hand before a plain
wall; the darkest pixel of each is black and the brightest is white. A photograph has a hand
somewhere in a room, in colour. Each step takes one difference away, and each can be left out to see
what it is good for.

A picture is uint8 (height, width, 3), red, green and blue. A mask is bool (height, width).
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from core.data.contract import Images
from core.drawing.preparation import otsu

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

STEPS = ("find", "crop", "grey", "contrast", "mirror")
"""What is done to a photograph, in this order; `prepare` takes any part of them."""
USUAL = STEPS[:-1]
"""Most photographs are of right hands, and so are the images of the data set."""

SKIN = ((77, 127), (133, 173))
"""Least and largest Cb and Cr of skin, light and dark alike (Chai and Ngan, 1999)."""
COLOURED = 12
"""A picture is coloured if its strongest colours are so far from grey, in Cb and Cr; others, as
training images are, have no skin tone to look for."""
SHADE = 0.5
"""How much a difference in light counts beside one in colour: a shadow is a difference in light."""
FAINTEST = 10
"""A hand differs from the wall behind it by more than this, and NOISE times what the wall does."""
NOISE = 3
SMOOTHED, RIM = 2, 8
"""Pixels that are taken from the outline and given back: so specks and thin lines vanish."""
SMALLEST, LARGEST = 0.015, 0.8
"""The part of a picture that a hand takes."""
THINNEST = 0.03
"""A palm has at least this radius, by the shorter side of the picture."""
ARM = 1.8
"""From the middle of the palm the hand ends so many of its radii towards the arm: below the
wrist, as in the training images."""
HIGH = 0.83
"""The longer side of a hand is this part of an image: the mean of 321 training images whose hands
are clear."""
MIDDLE = (0.56, 0.55)
"""There the middle of the hand is, by height and width of the image, in the same images. LeNet-5
reads 30% of the scenes of `python -m tests.measure_hands` so, and 21% with hands in the middle."""


@dataclass(frozen=True)
class Hand:
    """A photograph on its way to a network."""

    image: Images
    """The input of the network: uint8 (height, width)."""
    shown: dict[str, Images]
    """The picture after each step, by its name; before all of them it is called `original`."""
    found: bool
    """False if no hand was found or, where none was looked for, all is of one colour."""


def find_hand(picture: Images) -> Mask:
    """Step 1: the largest part of a picture that differs from the wall and has the tone of skin.

    What belongs to the arm is left out. All False if there is no hand.
    """
    colours = np.asarray(Image.fromarray(picture).convert("YCbCr"), np.float32)
    colours = ndimage.gaussian_filter(colours, (1.5, 1.5, 0))
    difference = colours - _wall(colours)
    difference[..., 0] *= SHADE
    distance = np.linalg.norm(difference, axis=2)
    skin = _skin(colours)
    faint = max(FAINTEST, NOISE * float(np.median(_border(distance))))
    far = np.percentile(distance[skin], 95) if skin.any() else 0.0
    if far <= faint:
        return np.zeros_like(skin)
    limit = max(faint, far * min(otsu(distance[skin] / far), 0.4))
    return _hand(skin & (distance > limit))


def _skin(colours: Floats) -> Mask:
    cb, cr = colours[..., 1], colours[..., 2]
    if np.percentile(np.hypot(cb - 128, cr - 128), 98) < COLOURED:
        return np.ones(cb.shape, bool)
    (cb_low, cb_high), (cr_low, cr_high) = SKIN
    return (cb >= cb_low) & (cb <= cb_high) & (cr >= cr_low) & (cr <= cr_high)


def _border(values: Floats) -> Floats:
    """The pixels of the frame, an eighteenth wide: of (height, width, ...) (pixels, ...)."""
    return values[_frame(values.shape[:2])]


def _frame(shape: tuple[int, ...]) -> Mask:
    frame = np.ones(shape, bool)
    wide = max(1, min(shape) // 18)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _wall(colours: Floats) -> Floats:
    """The wall as it would be behind the hand, in uneven light: a curved surface for each channel.

    It is fitted to the frame of the picture, again and again without what is far from it: the arm.
    """
    height, width = colours.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    frame = _frame((height, width))
    known, values = terms[frame], colours[frame]
    kept = np.ones(len(known), bool)
    for _ in range(4):
        fitted = np.linalg.lstsq(known[kept], values[kept], rcond=None)[0]
        off = np.linalg.norm(known @ fitted - values, axis=1)
        kept = off <= max(2 * float(np.median(off)), 3)
    return np.asarray(terms @ fitted, np.float32)


def _hand(mask: Mask) -> Mask:
    """The largest part of a mask, without holes and arm, if it may be a hand."""
    # With a rim that goes on as the edge does: an arm that comes in there is not worn away.
    opened = ndimage.binary_opening(np.pad(mask, RIM, "edge"), iterations=SMOOTHED)
    parts, _ = ndimage.label(opened)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    closed = ndimage.binary_closing(parts == sizes.argmax(), iterations=SMOOTHED)
    largest = ndimage.binary_fill_holes(closed)[RIM:-RIM, RIM:-RIM]
    if not sizes.any() or not SMALLEST <= largest.mean() <= LARGEST:
        return np.zeros_like(mask)
    return _without_arm(largest)


def _without_arm(mask: Mask) -> Mask:
    """A hand from below its wrist: what comes in from the edge of the picture is the arm."""
    radius = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    if radius.max() < THINNEST * min(mask.shape):
        return np.zeros_like(mask)
    palm = np.array(np.unravel_index(radius.argmax(), mask.shape))
    edge = np.ones_like(mask)
    edge[1:-1, 1:-1] = False
    arm = np.argwhere(mask & edge)
    if len(arm) < radius.max():
        return mask
    way = arm.mean(axis=0) - palm
    way /= max(float(np.linalg.norm(way)), 1.0)
    along = (np.indices(mask.shape).transpose(1, 2, 0) - palm) @ way
    return mask & (along <= ARM * radius.max())


def crop(picture: Images, mask: Mask, shape: tuple[int, int], *, left_hand: bool) -> Images:
    """Step 2: the part of a picture around a mask, in the proportions of `shape`.

    The hand comes where the images of the data set have it, which is mirrored for a `left_hand`.
    Beyond the edge of the picture its last pixels are repeated. All of a picture is no mask: of
    that it is the middle.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = np.array([np.ptp(rows) + 1, np.ptp(columns) + 1])
    scale, (down, across) = (box / shape).max() / HIGH, MIDDLE
    if mask.all():
        scale, down, across = (box / shape).min(), 0.5, 0.5
    high, wide = np.maximum(1, np.rint(scale * np.array(shape)).astype(int))
    top = round((rows[0] + rows[-1] + 1) / 2 - down * high)
    left = round((columns[0] + columns[-1] + 1) / 2 - (1 - across if left_hand else across) * wide)
    y = np.clip(np.arange(top, top + high), 0, len(picture) - 1)
    x = np.clip(np.arange(left, left + wide), 0, picture.shape[1] - 1)
    return picture[np.ix_(y, x)]


def grey(picture: Images, shape: tuple[int, int], *, red: bool = False) -> Images:
    """Step 3: brightness, or red alone, as uint8 of `shape`; what has other proportions is
    stretched."""
    image = Image.fromarray(picture)
    image = image.getchannel("R") if red else image.convert("L")
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR))


def stretch(image: Images) -> Images:
    """Step 4: the darkest pixel becomes 0 and the brightest 255; an image of one shade stays."""
    low, high = int(image.min()), int(image.max())
    if low == high:
        return image
    return np.rint((image - np.float32(low)) * (255 / (high - low))).astype(np.uint8)


def prepare(picture: Images, shape: tuple[int, int], steps: Collection[str] = USUAL) -> Hand:
    """A picture of any size as the input of a network that reads images of `shape`.

    Done are those of STEPS that are in `steps`; resized it is in any case.
    """
    mask = find_hand(picture) if "find" in steps else np.ones(picture.shape[:2], bool)
    found = bool(mask.any())
    pale = 255 - (255 - picture) // 4
    shown = {"original": picture, "find": np.where(mask[..., np.newaxis], picture, pale)}
    part = picture
    if "crop" in steps:
        part = crop(picture, mask if found else ~mask, shape, left_hand="mirror" in steps)
    shown["crop"] = part
    image = shown["grey"] = grey(part, shape, red="grey" not in steps)
    found = found and bool(np.ptp(image))
    if "contrast" in steps:
        image = stretch(image)
    shown["contrast"] = image
    if "mirror" in steps:
        image = image[:, ::-1]
    shown["mirror"] = image
    return Hand(image, shown, found)
