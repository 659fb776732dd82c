"""The picture above a caption is the image that the caption names, pixel by pixel.

What a browser is told in words (captions, alternative texts) and what it is sent as pixels come
from different lines of a page; here the pixels are looked at.
"""

import base64
import io
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.elements import image as st_image
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core.charts import pictures
from core.charts.pictures import GAP
from core.data.contract import Images
from core.data.mnist import DATASET as MNIST
from core.store import Run
from tests import apptest
from tests.apptest import TRAINED, visit
from tests.test_pages import alternatives

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run

SEND = "marshall_images"
"""The function of Streamlit that every picture of a page goes through."""

SIDE = 28
"""Of an image of MNIST, in pixels."""


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Image.Image]:
    """The pictures that pages were asked to show, in their order."""
    sent: list[Image.Image] = []
    send = getattr(st_image, SEND)

    def noted(where: Any, image: Image.Image, *args: Any, **kwargs: Any) -> None:
        sent.append(image)
        send(where, image, *args, **kwargs)

    monkeypatch.setattr(st_image, SEND, noted)
    return sent


def tiles(picture: Image.Image, images: int, columns: int) -> Images:
    """The images that a picture is composed of, light ink on black again: uint8 (n, 28, 28)."""
    pixels = np.asarray(picture)
    columns = min(columns, images)
    rows = -(-images // columns)
    across, down = (pixels.shape[1] - GAP) // columns, (pixels.shape[0] - GAP) // rows
    scale = (across - GAP) // SIDE
    found = []
    for i in range(images):
        top, left = GAP + i // columns * down, GAP + i % columns * across
        tile = pixels[top : top + SIDE * scale, left : left + SIDE * scale]
        found.append(255 - tile[scale // 2 :: scale, scale // 2 :: scale])
    return np.stack(found)


def mnist() -> datasets.Dataset:
    return datasets.load(datasets.locate(MNIST))


def indices_below(at: AppTest) -> list[list[int]]:
    """What the captions "Test images 3, 8, ..." of a page name."""
    start = "Test images "
    captions = [caption.value for caption in at.main.caption]
    return [
        [int(index) for index in text.removeprefix(start).split(", ")]
        for text in captions
        if text.startswith(start)
    ]


def galleries(at: AppTest) -> list[list[tuple[Images, str]]]:
    """The images of each gallery of a page, light ink on black again, with their captions."""
    figure = re.compile(r'src="data:image/png;base64,([^"]+)".*?<figcaption>(.*?)</figcaption>')
    bodies = [one.proto.body for one in at.main.get("html")]
    return [
        [
            (255 - np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), caption)
            for content, caption in figure.findall(body)
        ]
        for body in bodies
        if "gallery" in body
    ]


def test_mistakes_and_a_cell_show_the_images_that_their_captions_name(run: Run) -> None:
    arrays = mnist().arrays
    predicted = run.predictions.argmax(axis=1)
    at = visit("mistakes", variant=TRAINED)
    at.main.selectbox[0].select_index(1).run()
    named, shown = indices_below(at), galleries(at)
    assert len(named) == len(shown) == 2, "the first mistakes, and a cell"
    for indices, figures in zip(named, shown, strict=True):
        images, captions = zip(*figures, strict=True)
        np.testing.assert_array_equal(np.stack(images), arrays.x_test[indices])
        classes = zip(arrays.y_test[indices], predicted[indices], strict=True)
        assert list(captions) == [f"{true} → {said}" for true, said in classes]


@pytest.mark.usefixtures("run")
def test_check_shows_the_test_images_that_it_names(shown: list[Image.Image]) -> None:
    x_test = mnist().arrays.x_test
    at = visit("check", variant=TRAINED)
    shown.clear()
    at.number_input(key="index").set_value(17).run()
    named = [int(text.split()[2].rstrip(",")) for text in alternatives(at)]
    assert named[-1] == 17
    assert named == [int(header.value.split()[-1]) for header in at.main.subheader]
    assert len(shown) == len(named) > 1
    for picture, index in zip(shown, named, strict=True):
        np.testing.assert_array_equal(tiles(picture, 1, 1)[0], x_test[index])


def test_data_shows_the_first_images_and_the_one_asked_for(shown: list[Image.Image]) -> None:
    x_train, y_train, *_ = mnist().arrays
    at = visit("data", variant=TRAINED)
    shown.clear()
    at.number_input(key="image").set_value(11).run()
    first, one = alternatives(at)
    classes = [int(name) for name in first.split("classes: ")[1].split(", ")]
    assert classes == y_train[: len(classes)].tolist()
    assert one == f"Training image 11: {y_train[11]}"
    columns = 5 if len(classes) <= 25 else 10
    np.testing.assert_array_equal(tiles(shown[0], len(classes), columns), x_train[: len(classes)])
    names = list(map(str, classes))
    drawn = pictures.grid(x_train[: len(classes)], columns, 84, names, negative=True)
    np.testing.assert_array_equal(np.asarray(shown[0]), np.asarray(drawn))
    np.testing.assert_array_equal(tiles(shown[1], 1, 1)[0], x_train[11])
    [table] = [one.proto.body for one in at.main.get("html")]
    cells = re.findall(r"rgb\((\d+),.*?>(\d+)</td>", table)
    greys, values = np.array(cells, int).reshape(SIDE, SIDE, 2).transpose(2, 0, 1)
    np.testing.assert_array_equal(values, x_train[11])
    np.testing.assert_array_equal(greys, 255 - x_train[11], "shaded as the picture beside it")


def test_each_caption_of_a_picture_is_below_its_own_image() -> None:
    images = np.zeros((2, SIDE, SIDE), np.uint8)

    def drawn(*marks: str) -> Images:
        return np.asarray(pictures.grid(images, 2, 3, marks, negative=True))

    both = drawn("true 1", "true 7")
    ones, sevens = drawn("true 1", "true 1"), drawn("true 7", "true 7")
    half = both.shape[1] // 2
    np.testing.assert_array_equal(both[:, :half], ones[:, :half])
    np.testing.assert_array_equal(both[:, half:], sevens[:, half:])
    assert (ones != sevens).any()
