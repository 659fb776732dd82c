"""The page Wrong labels: pictures, ticks that are kept and counted, and runs without them."""

import os
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core.cli.runs import runs
from core.data.mnist import DATASET as MNIST
from core.errors import DataError
from core.specs import RunSpec, changed
from pages.ui import identity
from tests import apptest
from tests.apptest import TRAINED, Queue, button, images_of, spec_of, texts_of, visit
from tests.test_runs import FILES, record

engine, doubted = apptest.engine, apptest.doubted


@pytest.fixture(autouse=True)
def ada(small_mnist: Path, doubted: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """She opens the pages, on a thousand digits."""
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    monkeypatch.setattr(type(st.context), "cookies", {identity.COOKIE: "ada"})
    st.cache_data.clear()  # of what another test made up


def open_page(**query: Any) -> AppTest:
    return visit("labels", lab="digits", variant=TRAINED, **query)


def boxes(at: AppTest) -> dict[int, Any]:
    """The boxes to tick, by the numbers of their images."""
    found = {str(box.key): box for box in at.main.checkbox}
    return {int(key.split("-")[2]): box for key, box in found.items() if key.startswith("wrong-")}


def says(engine: Queue, student: str, *numbers: int) -> None:
    """Another student ticks labels."""
    for number in numbers:
        engine.store.students.judge(student, images_of().digest, number, True)


def without(*numbers: int) -> RunSpec:
    return changed(spec_of(TRAINED), {"data": {"without": numbers}})


def test_the_most_doubted_images_are_shown_with_their_labels(doubted: list[int]) -> None:
    at = open_page()
    assert list(boxes(at)) == doubted[:24]
    label = datasets.load(datasets.locate(MNIST)).y_train[7]
    assert boxes(at)[7].label == f"Not {label}"
    said = texts_of(at)
    assert f"**{label}** → 8 90%" in said
    assert "for **30** of 1,000 they doubt the label" in said
    assert "Nothing is left out yet" in said
    [picker] = [one for one in at.main.selectbox if one.key == "part"]
    picker.select("25").run()
    assert list(boxes(at)) == doubted[24:]
    assert at.query_params["part"] == "25"


def test_ticks_are_kept_and_those_of_the_class_are_counted(engine: Queue) -> None:
    at = open_page()
    boxes(at)[7].check().run()
    boxes(at)[3].check().run()
    boxes(at)[3].uncheck().run()
    says(engine, "grace", 7, 100)
    again = open_page()
    assert [number for number, box in boxes(again).items() if box.value] == [7]
    assert boxes(again)[7].label.endswith(" · 2 of 2")
    assert boxes(again)[100].label.endswith(" · 1 of 2")
    assert "·" not in boxes(again)[3].label


@pytest.mark.parametrize(
    ("whose", "left"),
    [("mine", (3, 7)), ("class", (7,)), ("networks", (3, 7, *range(100, 128)))],
)
def test_the_chosen_run_is_trained_with_all_images_and_without_some(
    whose: str, left: tuple[int, ...], engine: Queue
) -> None:
    says(engine, "grace", 7, 100)
    says(engine, "mary", 7, 999)  # of which no network doubts the label
    at = open_page(whose=whose, seeds=1)
    for number in (3, 7):
        boxes(at)[number].check().run()
    button(at, "Start").click().run()
    asked = {claim.spec for claim in engine.store.claims()}
    assert asked == {spec_of(TRAINED), without(*left)}
    assert "0 of 2 runs are done" in [one.text for one in at.main.get("progress")]


@pytest.fixture
def trained(engine: Queue) -> None:
    """The run with all images, and the one without image 7."""
    whole = record()["dataset"] | {
        "train": 850,
        "validation": 150,
        "shape": [28, 28],
        "classes": 10,
    }
    classes = [{"precision": 1.0, "f1": 1.0, "support": 1000.0}]
    for spec, accuracy in ((spec_of(TRAINED), 0.9), (without(7), 0.8)):
        values = record(test_accuracy=accuracy, dataset=whole, per_class=classes)
        engine.store.save(spec, values, FILES)


@pytest.mark.usefixtures("trained")
def test_both_runs_are_compared_and_one_seed_says_little(engine: Queue) -> None:
    says(engine, "grace", 7)
    at = open_page(whose="class", seeds=1)
    table = at.main.dataframe[0].value.set_index("Experiment")
    assert dict(table["Test accuracy"]) == {"All images": "0.9000", "1 image left out": "0.8000"}
    said = texts_of(at)
    assert "**1 image left out** is 10.00 points worse than **All images**" in said
    assert "That says nothing yet" in said
    assert "The test images have wrong labels too" in said
    assert "2 of 2 runs are done" in said


@pytest.mark.usefixtures("trained")
def test_a_run_without_some_images_is_called_so_beside_others() -> None:
    query: dict[str, Any] = {"with": without(7).key}
    at = visit("train", lab="digits", variant=TRAINED, **query)
    [picker] = [one for one in at.main.selectbox if one.key == "with"]
    assert "32 + 32 relu, adam 0.001, 7 epochs, without 1 image · seed 0" in picker.options[1]
    lines = CliRunner().invoke(runs, env={"LAB_DATA": os.environ["LAB_DATA"]}).output.splitlines()
    assert sorted("without 1 image" in line for line in lines) == [False, True]


def test_without_doubts_there_is_nothing_to_decide(doubted: list[int]) -> None:
    doubted.clear()
    at = open_page(whose="class", seeds=1)
    assert not boxes(at)
    assert "for **0** of 1,000" in texts_of(at)
    assert not at.main.error


def test_what_goes_wrong_is_one_sentence(engine: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_function: object, _spec: RunSpec) -> None:
        raise DataError("No worker can be had.")

    monkeypatch.setattr(engine, "ask", ask)
    at = visit("labels", lab="digits", variant=TRAINED)
    assert [error.value for error in at.main.error] == ["No worker can be had."]
