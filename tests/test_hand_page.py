"""The page on which one's own hand is read, and what the class gives to it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import labs
from core.data.contract import Images
from core.data.signs import DATASET as SIGNS
from core.networks.layers import Floats
from pages.ui import identity, networks
from tests import apptest
from tests.apptest import button, images_of, texts_of, visit
from tests.hands import jpeg, photograph, write_tables
from tests.test_convolution_pages import shown
from tests.test_pages import Marked, metrics, texts, ticked, untranslated_words

engine = apptest.engine

HAND = jpeg(photograph())
WALL = jpeg(np.full((192, 256, 3), 128, np.uint8))


class Says:
    """A network that says B with this probability, and whose features are the pixels."""

    def __init__(self, probability: float) -> None:
        self._row = np.full(24, (1 - probability) / 23, np.float32)
        self._row[1] = probability

    def probabilities(self, images: Images) -> Floats:
        return np.tile(self._row, (len(images), 1))

    def activations(self, images: Images) -> dict[str, Floats]:
        pixels = images.reshape(len(images), -1).astype(np.float32)
        return {"dense": pixels, "softmax": self.probabilities(images)}


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hand signs, all of which are the hand of the photograph with some noise."""
    st.cache_resource.clear()  # of what another test gave
    monkeypatch.setenv("LAB_DATA", str(write_tables(tmp_path / "data")))


@pytest.fixture
def trained(hands: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Makes a finished run of LeNet-5 that is so sure of its B."""
    spec = labs.choose("signs", "lenet", images_of(SIGNS), {}).spec

    def make(probability: float) -> None:
        run = SimpleNamespace(
            key="lenet",
            spec=spec,
            test_accuracy=0.98,
            dataset={"complete": True},
            network=lambda: Says(probability),
        )
        monkeypatch.setattr(networks, "finished", lambda _current: {run.key: run})

    make(0.99)
    return make


def open_page(**query: Any) -> AppTest:
    return visit("hand", lab="signs", **query)


def bring(at: AppTest, content: bytes, name: str = "hand.jpg") -> AppTest:
    [place] = at.main.get("file_uploader")
    found: Any = place
    found.set_value([(name, content, "image/jpeg")])
    return at.run()


def test_without_hand_signs_the_page_says_what_it_is_about_and_how_to_get_them() -> None:
    said = texts_of(open_page())
    assert "photographs of hands, and Sign Language MNIST is not on this computer." in said
    assert "Get Sign Language MNIST from [its page](https://www.kaggle.com/" in said
    assert "The teacher can upload it here" in said


@pytest.mark.usefixtures("hands")
def test_on_digits_the_page_says_what_to_choose() -> None:
    at = open_page(dataset="mnist")
    assert "hands: choose Sign Language MNIST in the sidebar." in texts_of(at)
    assert not at.main.get("file_uploader")


@pytest.mark.usefixtures("hands")
def test_before_a_network_is_trained_the_page_offers_to_train_it() -> None:
    at = open_page(variant="lenet")
    assert "No network for Sign Language MNIST is trained yet." in texts_of(at)
    assert button(at, "Train LeNet-5 and use it here")


@pytest.mark.usefixtures("trained")
def test_a_photograph_is_read_and_each_step_is_shown_and_can_be_left_out() -> None:
    at = open_page()
    assert "Over plain http a browser opens the camera only at the computer" in texts_of(at)
    assert "No photograph yet." in texts_of(at)
    bring(at, HAND)
    assert metrics(at)["Answer"] == "B"
    assert "Your own hand" in " ".join(ticked(at))
    before = shown(at)
    names = ("Your picture", "Hand", "Cropped", "Grey", "Contrast", "Mirrored")
    steps = [f"{name}: the picture after this step" for name in names]
    assert [*before][: len(steps)] == steps
    [nearest] = [alt for alt in before if alt.startswith("Your hand and the most similar")]
    assert len(nearest.split(": ")[1].split(", ")) == 5
    for name in ("find", "crop", "grey", "contrast", "mirror"):
        chosen = at.checkbox(key=name).value
        at.checkbox(key=name).set_value(not chosen).run()
        after = shown(at)
        assert after[steps[0]] == before[steps[0]]
        assert after[steps[-1]] != before[steps[-1]], name
        at.checkbox(key=name).set_value(chosen).run()
    assert at.query_params.get("find") is None


@pytest.mark.usefixtures("trained")
def test_the_camera_takes_the_photograph_where_the_browser_lets_it() -> None:
    at = open_page(source="camera")
    at.camera_input[0].set_value(("camera.jpg", HAND, "image/jpeg")).run()
    assert metrics(at)["Answer"] == "B"


@pytest.mark.usefixtures("trained")
def test_what_is_no_hand_or_no_picture_gets_one_sentence() -> None:
    at = bring(open_page(), WALL)
    assert "There is no hand in this picture, so nothing is predicted" in texts_of(at)
    assert "Answer" not in metrics(at)
    at = bring(open_page(), HAND[:-500], "cut.jpg")
    assert "cut.jpg cannot be read as a picture: give a whole PNG or JPEG file." in [
        one.value for one in at.error
    ]


def test_an_answer_of_which_a_network_is_not_sure_is_called_unsure(
    trained: Callable[[float], None],
) -> None:
    trained(0.6)
    at = bring(open_page(), HAND)
    assert metrics(at)["Answer"] == "unsure"
    assert "the largest probability, for B, is 60.0%, below 80%" in at.warning[0].value


@pytest.mark.usefixtures("trained")
def test_a_photograph_that_is_like_no_training_image_is_called_unsure() -> None:
    at = bring(open_page(crop="false", find="false"), HAND)
    assert metrics(at)["Answer"] == "unsure"
    assert "alike, below 0.60" in at.warning[0].value


# Class hands


def give(at: AppTest, letter: int, content: bytes) -> None:
    bring(at, content, f"{len(content)}.jpg")
    at.pills(key="sign").set_value(letter).run()
    button(at, "Give this hand to the class").click().run()
    assert not at.error


@pytest.mark.usefixtures("trained")
def test_a_class_gives_hands_and_a_head_is_trained_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "is_teacher", lambda: False)
    sessions = []
    for number, name in enumerate(("mia", "ben")):
        monkeypatch.setattr(identity, "student", lambda name=name: name)
        at = open_page()
        assert "Give this hand to the class" not in [one.label for one in at.button]
        at.checkbox(key="consent").set_value(True).run()
        for letter, wall in enumerate(((235, 235, 230), (50, 60, 80))):
            give(at, letter, jpeg(photograph(wall=wall, size=90 + 10 * number)))
        sessions.append(at)
    assert "The class has given **4 hands** of **2 students**: A 2, B 2." in texts_of(at)
    button(at, "Train a head on the hands of the class").click().run()
    figures = metrics(at)
    assert figures["Network as it is"] == "2 / 4"
    assert figures["Head, other students"] == "4 / 4"
    assert "Trained on all of them, the head reads your picture as **B**" in texts_of(at)
    assert not at.main.get("download_button"), "that is the teacher's"
    at.checkbox(key="consent").set_value(False).run()
    assert "The class has given **2 hands** of **1 student**: A 1, B 1." in texts_of(at)
    monkeypatch.setattr(identity, "is_teacher", lambda: True)
    assert at.run().main.get("download_button")


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("content", [HAND, WALL])
def test_every_text_goes_through_gettext(content: bytes) -> None:
    at = bring(open_page(), content)
    at.checkbox(key="consent").set_value(True).run()
    at.session_state["catalogue"] = Marked()
    at.run()
    names = {"Sign", "Language", "hand", "jpg"}  # of the data set, and of the file
    left = {text: words for text in texts(at) if (words := untranslated_words(text) - names)}
    assert not left
