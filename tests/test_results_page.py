"""Results shows the pictures that are in the zip, and names the zip for what is in it."""

import gc
import io
import re
import zipfile
from typing import Any

import pytest
from streamlit.elements import image as st_image
from streamlit.elements.widgets import button as st_button

from core.report import pictures
from core.store import Run
from tests import apptest
from tests.apptest import TRAINED, visit
from tests.test_pages import alternatives

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run

SEND_IMAGES = "marshall_images"
"""The function of Streamlit that every picture of a page goes through."""

NAMES = ["curves.png", "confusion.png", "checked.png", "mistakes.png"]
AS_VARIANT_3: dict[str, Any] = {
    "variant": "own",
    "layers": 2,
    "layer1": 32,
    "layer2": 32,
    "epochs": 7,
    "batch_size": 42,
    "validation_split": 0.15,
}


class Sent:
    """What pages were asked to show and to offer."""

    def __init__(self) -> None:
        self.images: list[Any] = []
        self.files: dict[str, bytes] = {}

    @property
    def archive(self) -> zipfile.ZipFile:
        [content] = (data for name, data in self.files.items() if name.endswith(".zip"))
        return zipfile.ZipFile(io.BytesIO(content))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """All that goes through the functions of Streamlit that send images and files."""
    found = Sent()
    send_image, send_file = getattr(st_image, SEND_IMAGES), st_button.marshall_file

    def image_noted(where: Any, image: Any, *args: Any, **kwargs: Any) -> None:
        found.images.append(image)
        send_image(where, image, *args, **kwargs)

    def file_noted(where: Any, data: Any, proto: Any, mime: Any, name: Any, **more: Any) -> None:
        found.files[name] = data
        send_file(where, data, proto, mime, name, **more)

    monkeypatch.setattr(st_image, SEND_IMAGES, image_noted)
    monkeypatch.setattr(st_button, "marshall_file", file_noted)
    return found


def test_the_pictures_shown_are_those_in_the_zip(run: Run, sent: Sent) -> None:
    at = visit("results", variant=TRAINED)
    key = run.key.removeprefix("mnist-")[:8]
    name = f"lab7-mnist-variant3-{key}"
    assert list(sent.files) == [f"{name}.zip", f"{name}.csv"]
    with sent.archive as archive:
        assert [one for one in archive.namelist() if one.endswith(".png")] == NAMES
        assert sent.images == [archive.read(one) for one in NAMES]
        assert archive.read("results.csv") == sent.files[f"{name}.csv"]
    _curves, _confusion, checked, mistakes = alternatives(at)
    assert [int(i) for i in re.findall(r"test image (\d+)", checked)] == [14, 20, 39]
    assert len(re.findall("→", mistakes)) == min(15, run.misclassified)


@pytest.mark.usefixtures("run")
def test_the_same_run_as_own_settings_is_named_and_shown_as_such(sent: Sent) -> None:
    visit("results", variant=TRAINED)
    sent.files.clear()
    at = visit("results", **AS_VARIANT_3)
    assert all(name.startswith("lab7-mnist-own-") for name in sent.files)
    assert alternatives(at)[2].startswith("test image 1, predicted ")
    with sent.archive as archive:
        assert b"Experiment: Own settings\n" in archive.read("settings.txt")


@pytest.mark.usefixtures("run")
def test_the_pictures_of_a_run_are_drawn_once_for_all_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit("results", variant=TRAINED)
    monkeypatch.setattr(pictures, "pictures", None)
    assert not visit("results", variant=TRAINED).exception


@pytest.mark.usefixtures("run")
def test_the_page_itself_does_not_hold_the_files() -> None:
    # Streamlit keeps callbacks of a page with its globals for as long as a session lives.
    at = visit("results", variant=TRAINED)
    assert not at.exception
    gc.collect()
    made = [one for one in gc.get_objects() if type(one).__qualname__ == "Files"]
    assert made
    holders = [holder for one in made for holder in gc.get_referrers(one)]
    assert not [one for one in holders if isinstance(one, dict) and "__file__" in one]
