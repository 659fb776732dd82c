"""The pages of the lab on hand signs, with its images and without; how the teacher brings them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core.data.signs import DATASET as SIGNS
from core.data.signs import FILES
from core.networks import bases
from core.networks.bases import BASES
from pages.ui import server
from tests import apptest, test_pages
from tests.apptest import texts_of, visit
from tests.test_pages import Marked, alternatives, texts, untranslated_words, words
from tests.test_signs import tables, write

engine, teacher = apptest.engine, test_pages.teacher


def open_page(page: str = "data", **query: Any) -> AppTest:
    return visit(page, lab="signs", **query)


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for LAB_DATA with a few hand signs."""
    folder = write(tmp_path / "hands")
    monkeypatch.setenv("LAB_DATA", str(folder))
    return folder


def upload(at: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    [place] = at.main.get("file_uploader")
    found: Any = place
    found.set_value([*files])
    return at.run()


def csv() -> list[tuple[str, bytes, str]]:
    return [(name, text.encode(), "text/csv") for name, text in tables().items()]


# Without its images


def test_without_hand_signs_the_lab_opens_on_digits_and_says_so(cache: Path) -> None:
    at = open_page()
    assert at.session_state.dataset == "mnist"
    assert "Sign Language MNIST is not on this computer" in at.main.caption[0].value
    said = texts_of(at)
    assert "Until then the lab is done with digits or clothes." in said
    assert "Get Sign Language MNIST from [its page](https://www.kaggle.com/" in said
    assert f"`sign_mnist_test.csv` into `{cache / 'datasets'}`" in said
    assert "draws 30% of the 4,000 training images" in said
    assert "The teacher can upload it here" in said
    assert "The first rows of the table" not in [one.value for one in at.main.subheader]


def test_whoever_wants_hand_signs_that_are_not_here_is_told_where_they_are(cache: Path) -> None:
    at = open_page("network", dataset="signs")
    assert at.main.error[0].value.startswith("Sign Language MNIST is not on this machine: get it")
    assert "The teacher can upload it here" in texts_of(at)


@pytest.mark.usefixtures("teacher")
def test_the_teacher_uploads_both_tables_and_they_are_there_at_once(cache: Path) -> None:
    at = open_page(dataset="signs")
    upload(at, csv()[0])
    assert at.main.error[-1].value.startswith(
        "Sign Language MNIST cannot be read from sign\\_mnist"
    )
    upload(at, *csv())
    assert not at.main.error
    assert sorted(path.name for path in (cache / "datasets").iterdir()) == sorted(FILES)
    assert at.main.caption[0].value.startswith("**Sign Language MNIST**, sample: 120 of 27,455")


@pytest.mark.usefixtures("teacher")
def test_a_damaged_row_is_one_sentence_with_file_and_line(cache: Path) -> None:
    train, test = csv()
    bad = train[1].replace(b"\n2,", b"\n9,", 1)
    at = upload(open_page(dataset="signs"), (train[0], bad, train[2]), test)
    [*_others, error] = at.main.error
    assert error.value.startswith(
        "This file is damaged (line 4 of sign\\_mnist\\_train.csv has the"
    )
    assert not [*(cache / "datasets").iterdir()]


# With them


@pytest.mark.usefixtures("hands")
def test_the_table_the_labels_and_the_parts_are_shown() -> None:
    at = open_page(image=5)
    content = at.main.dataframe[0].value
    assert content["label"].tolist() == [0, 1, 2, 3, 4]
    assert content.shape == (5, 785)
    data = datasets.divided(datasets.load(datasets.locate(SIGNS)), 43)
    label = data.y_train[5]
    said = texts_of(at)
    assert f"Label before: **{SIGNS.label(label)}**" in said
    assert str(np.eye(24, dtype=int)[label]) in said
    assert "draws 30% of the 120 training images, the same part of each class: **36** test" in said
    assert "**Training:** 84 images" in said


@pytest.mark.usefixtures("hands")
@pytest.mark.parametrize("dataset", ["signs", "mnist"])
def test_every_text_goes_through_gettext(dataset: str) -> None:
    at = visit("data", Marked(), lab="signs", dataset=dataset)
    names = {"label", "pixel", "Sign", "Language"}  # of columns, and of the data set
    for base in BASES.values():
        names |= {*words(" ".join([base.title, base.licence, base.home, base.file]))}
        names |= {word for place in bases.places(base) for word in words(str(place))}
    left = {
        text: untranslated
        for text in texts(at)
        if (untranslated := untranslated_words(text) - names)
    }
    assert not left


@pytest.mark.usefixtures("hands")
def test_whoever_comes_from_another_lab_finds_hand_signs() -> None:
    clothes = "fashion-mnist"
    at = visit("overview", dataset=clothes)
    for lab, dataset in (("optimizers", clothes), ("signs", "signs"), ("digits", clothes)):
        at.selectbox(key="lab").set_value(lab).run()
        assert at.selectbox(key="dataset").value == dataset
    assert not at.exception


@pytest.mark.usefixtures("hands")
def test_a_test_image_stands_beside_the_training_images_that_are_most_like_it() -> None:
    at = open_page(copy=7)
    data = datasets.divided(datasets.load(datasets.locate(SIGNS)), 43)
    image = data.x_test[7].ravel().astype(float)
    alike = [np.corrcoef(image, other.ravel())[0, 1] for other in data.x_train]
    best = data.class_names[data.y_train[int(np.argmax(alike))]]
    [alt] = [alt for alt in alternatives(at) if "most similar" in alt]
    assert alt.startswith(f"Test image 7, {data.class_names[data.y_test[7]]}, and the most similar")
    assert f"images: {best}, " in alt


@pytest.mark.usefixtures("hands")
@pytest.mark.parametrize(
    ("variant", "split", "own", "shown"),
    [("cnn", 0.9876, 0.7654, ["0.9876", "0.7654"]), ("cnn-own-test", 0.75, None, ["–", "0.7500"])],
)
def test_the_network_is_measured_on_both_kinds_of_test_images(
    variant: str,
    split: float,
    own: float | None,
    shown: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = SimpleNamespace(test_accuracy=split, own_test_accuracy=own)
    monkeypatch.setattr(server, "find_run", lambda _key: run)
    table = open_page(variant=variant).main.dataframe[1].value
    nearest, network = table.to_numpy().tolist()
    assert network[1:] == shown
    assert nearest[1] != nearest[2]
