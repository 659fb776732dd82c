"""Images turned, shifted, sheared and zoomed as Keras's ImageDataGenerator does it, in one step.

The four are composed into one bilinear step about the middle; where something comes in from
outside, it is the nearest pixel of the edge. What is here needs no TensorFlow: training does the
same with it in core.training.augmentation.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from core.data.contract import Images
from core.specs.augmentation import Moves


def moved(image: Images, moves: Moves, draws: npt.NDArray[np.float64]) -> Images:
    """An image, uint8 (height, width), under each of the draws (6, n): uint8 (n, height, width).

    See `origins` for what is drawn.
    """
    height, width = image.shape
    values = image.astype(np.float32)
    found = [
        affine_transform(values, [[e, d], [b, a]], [f, c], order=1, mode="nearest")
        for a, b, c, d, e, f in zip(*origins(moves, draws, (height, width)), strict=True)
    ]
    return np.rint(found).astype(np.uint8)


def origins(moves: Moves, draws: Any, shape: tuple[int, int], lib: ModuleType = np) -> list[Any]:
    """Where each pixel of the moved images comes from, by six numbers of each image.

    They are a, b, c, d, e, f, each (n,): what is seen at (x, y), across and down, was at
    (a x + b y + c, d x + e y + f). `draws` are six times n numbers in -1..1 that say how far each
    image is turned, shifted across and down, sheared, zoomed across and down, in arrays of `lib`:
    numpy or tensorflow.
    """
    turn, across, down, lean, wide, high = draws
    height, width = shape
    turn = turn * math.radians(moves.rotation)
    lean = turn + lean * math.radians(moves.shear)
    wide, high = 1 + wide * moves.zoom, 1 + high * moves.zoom
    across, down = across * (moves.shift * width), down * (moves.shift * height)
    sin, cos = lib.sin(turn), lib.cos(turn)
    a, b = cos * wide, -lib.sin(lean) * high
    d, e = sin * wide, lib.cos(lean) * high
    middle, half = (width - 1) / 2, (height - 1) / 2
    c = middle - a * middle - b * half + cos * across - sin * down
    f = half - d * middle - e * half + sin * across + cos * down
    return [a, b, c, d, e, f]
