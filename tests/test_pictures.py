"""One composed picture: every tile in its place, dark ink on white, captions below."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from core.charts import pictures
from core.charts.pictures import GAP
from tests import toy


def images(n):
    """Black images with a white pixel in the corner; in the middle of image i a pixel i + 1."""
    made = np.zeros((n, 28, 28), np.uint8)
    made[:, 0, 0] = 255
    made[:, 14, 14] = np.arange(1, n + 1)
    return made


def test_every_tile_is_inverted_and_in_reading_order():
    scale, columns = 3, 3
    picture = np.asarray(pictures.grid(images(7), columns, 28 * scale, negative=True))
    step = 28 * scale + GAP
    assert picture.shape == (3 * step + GAP, 3 * step + GAP)
    assert picture.dtype == np.uint8
    for i in range(7):
        top, left = GAP + i // columns * step, GAP + i % columns * step
        tile = picture[top : top + 28 * scale, left : left + 28 * scale]
        assert (tile[:scale, :scale] == 0).all(), "full ink is black"
        assert (tile[14 * scale : 15 * scale, 14 * scale : 15 * scale] == 255 - (i + 1)).all()
        assert (tile[scale : 14 * scale] == 255).all(), "no ink is white"


def test_dark_ink_stays_dark_and_tiles_keep_their_shape():
    dark = toy.read(Path()).x_train[:5]
    picture = np.asarray(pictures.grid(dark, 3, 84, negative=False))
    high, wide = 80, 96  # four pixels for each of 20 x 24
    assert picture.shape == (2 * (high + GAP) + GAP, 3 * (wide + GAP) + GAP)
    left, top = GAP + wide + GAP, GAP + high + GAP
    assert (picture[top : top + high : 4, left : left + wide : 4] == dark[4]).all()


def test_an_image_larger_than_its_tile_is_shown_whole():
    large = np.zeros((1, 150, 200), np.uint8)
    picture = pictures.grid(large, 1, 84, negative=False)
    assert picture.size == (200 + 2 * GAP, 150 + 2 * GAP)


def test_gaps_and_missing_tiles_are_white_and_a_frame_lies_around_a_tile():
    picture = np.asarray(pictures.grid(np.full((3, 28, 28), 255, np.uint8), 2, 28, negative=True))
    assert (picture[: GAP - 1] == 255).all()
    assert (picture[:, : GAP - 1] == 255).all()
    framed = picture[GAP - 1 : GAP + 29, GAP - 1 : GAP + 29]
    assert (framed[1:-1, 1:-1] == 0).all()
    for side in (framed[0], framed[-1], framed[:, 0], framed[:, -1]):
        assert (side == 210).all()
    assert (picture[29 + 2 * GAP :, 29 + 2 * GAP :] == 255).all(), "there is no fourth image"


def test_fewer_images_than_columns_leave_no_empty_columns():
    assert pictures.grid(images(2), 10, 28, negative=True).width == 2 * (28 + GAP) + GAP


def test_captions_lie_below_their_tile_and_inside_the_picture():
    blank = np.zeros((4, 28, 28), np.uint8)
    marks = ["7", "Ankle boot", "", "true 4\npredicted 9"]
    picture = np.asarray(pictures.grid(blank, 2, 84, marks, negative=True))
    middle_x, middle_y = picture.shape[1] // 2, picture.shape[0] // 2
    ink = picture < 128
    rows = [(0, middle_y), (middle_y, picture.shape[0])]
    columns = [(0, middle_x), (middle_x, picture.shape[1])]
    has_ink = [ink[top:bottom, left:right].any() for top, bottom in rows for left, right in columns]
    assert has_ink == [True, True, False, True]
    assert not ink[GAP : GAP + 84].any(), "captions stay off the first row of images"
    assert not ink[-1].any(), "the last caption is not cut off"
    assert not ink[:, 0].any()
    assert not ink[:, -1].any()


@pytest.mark.parametrize("name", ["Ankle boot", "T-shirt/top"])
def test_names_of_clothes_are_legible(name):
    font = pictures._font([name], 84)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert font.size >= 14
    assert font.getlength(name) <= 84


def shown(url: str) -> np.ndarray:
    kind, content = url.split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_a_tile_shows_light_ink_dark_in_whole_squares() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 5] = 255
    tile = shown(pictures.tile(image, side=140, negative=True))
    assert tile.shape == (140, 140)
    assert (tile[15:20, 25:30] == 0).all()
    assert (tile == 0).sum() == 25


def test_a_tile_keeps_the_shape_of_a_picture_in_colour() -> None:
    tile = shown(pictures.tile(np.full((300, 150, 3), (200, 0, 0), np.uint8), 140, negative=False))
    assert tile.shape == (140, 140, 3)
    assert (tile[1:-1, 40:100] == (200, 0, 0)).all()
    assert (tile[1:-1, 1:30] == 255).all()
    assert (tile[0] == 210).all()


def test_an_arrow_comes_from_the_picture_before_and_leaves_the_picture_as_it_is() -> None:
    image = np.full((28, 28), 200, np.uint8)
    plain = shown(pictures.tile(image, 84, negative=False))
    both = shown(pictures.tile(image, 84, negative=False, arrow=True))
    assert both.shape == (84, 84 + pictures.ARROW, 4)
    np.testing.assert_array_equal(both[:, pictures.ARROW :, 0], plain)
    left = both[:, : pictures.ARROW, 3]
    assert left[42].any()
    assert not left[:30].any(), "in both themes the page is seen beside the arrow"
