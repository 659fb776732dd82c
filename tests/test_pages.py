"""Every page of the lab without a browser, through Streamlit's AppTest. Nothing is drawn."""

import functools
import gettext
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import data as datasets
from core import labs
from core.data.fashion_mnist import DATASET as FASHION_MNIST
from core.data.mnist import DATASET as MNIST
from core.engine import Engine
from core.errors import StoreError, TrainingError
from core.fields import LIMITS
from core.labs import LABS
from core.labs.contract import Lab
from core.labs.steps import CHECK, CLASS, COMPARE, ONE_RUN
from core.networks.layers import (
    ACTIVATIONS,
    INITIALIZERS,
    Channel,
    Conv2D,
    Flatten,
    MaxPooling2D,
)
from core.specs import DataSpec, NetworkSpec, RunSpec, dense_network
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import PARAMETERS, SCHEDULES
from core.store import Claim, Run
from core.store.students import ASKED
from core.studies.experiment import Experiment, Shown
from core.training.epochs import Epoch
from core.training.run import Outcome
from core.training.run import run as train
from pages.ui import fields, identity, layout, server, sidebar
from tests import apptest, toy, toy_lab
from tests.apptest import ROOT, TRAINED, Queue, spec_of, visit

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run  # fixtures
looked_at, doubted = apptest.looked_at, apptest.doubted

STEPS = labs.all_steps() | {CLASS.name: CLASS}
PAGES = list(STEPS)
DIGITS = LABS["digits"]
LAB1 = [step.name for step in DIGITS.steps]

needs_no_fashion = pytest.mark.skipif(
    any(folder.exists() for folder in FASHION_MNIST.system_folders),
    reason="Fashion-MNIST is installed on this machine",
)


def shown(variant: int) -> Shown:
    """What the lab sheet wants to see of a variant."""
    found = DIGITS.experiment(str(variant)).shown
    assert found
    return found


def sentences(at: AppTest) -> list[str]:
    """What the page complains about."""
    return [element.value for element in at.error]


def protos(at: AppTest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every element of a page: its kind, and what is sent to the browser."""
    for element in at:
        proto = getattr(element, "proto", None)
        if proto is not None and hasattr(proto, "DESCRIPTOR"):
            yield element.type, MessageToDict(proto)


def alternatives(at: AppTest) -> list[str]:
    """The alternative texts of the images of a page."""
    images = [proto for kind, proto in protos(at) if kind in ("image", "imgs")]
    return [image["alt"] for proto in images for image in proto["imgs"]]


def ticked(at: AppTest) -> list[str]:
    """The steps that the sidebar shows as done, each by one tick."""
    links = [link.proto for link in at.sidebar.get("page_link")]
    assert all("check" not in link.icon for link in links)
    return [link.label.removesuffix(" ✓") for link in links if link.label.endswith(" ✓")]


def captions(at: AppTest) -> list[str]:
    """The captions of the images of a page that are one piece of HTML."""
    bodies = "".join(one.proto.body for one in at.main.get("html"))
    return re.findall("<figcaption>(.*?)</figcaption>", bodies)


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


# Every page


@pytest.mark.parametrize("step", LAB1)
def test_a_page_opens_with_nothing_trained_and_says_that_it_shows_a_sample(step: str) -> None:
    at = visit(step)
    assert at.title[0].value == next(one.title for one in DIGITS.steps if one.name == step)
    assert "sample: 4,000 of 60,000 training images" in at.main.caption[0].value
    assert "Variant 0" in at.main.caption[0].value
    if step in ("check", "mistakes", "results"):
        assert "not trained yet" in at.info[0].value
        assert at.main.get("page_link")[0].proto.label == "Go to Train"


@pytest.mark.parametrize("step", LAB1)
def test_a_page_opens_with_a_finished_run(step: str, run: Run) -> None:
    at = visit(step, variant=TRAINED)
    assert "sample: 1,000 of 60,000 training images" in at.main.caption[0].value
    assert "Variant 3" in at.main.caption[0].value
    assert "not trained yet" not in " ".join(info.value for info in at.info)
    links = [link.proto.label for link in at.sidebar.get("page_link")]
    assert "3. Train" in ticked(at)
    assert len(links) == len(DIGITS.steps) + 1


@pytest.mark.parametrize("step", ["data", "results"])
def test_a_sample_is_never_called_the_full_set(step: str, run: Run) -> None:
    at = visit(step, variant=TRAINED)
    text = " ".join(element.value for element in [*at.markdown, *at.info, *at.caption])
    assert "1,200 images (a sample), not on the full set" in text or "1,200 images" in text
    assert "full set, from" not in text
    assert "(full set)" not in text


def test_the_train_page_says_that_figures_are_of_a_sample(run: Run) -> None:
    assert "MNIST (a sample)" in visit("train", variant=TRAINED).main.caption[-1].value


def test_the_full_set_is_called_full(full_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATA", str(full_data))
    at = visit("data")
    caption = at.main.caption[0].value
    assert caption.startswith("**MNIST**, full set · ")
    assert "LAB_DATA" not in caption
    assert not at.info
    assert not at.sidebar.button


def test_a_folder_of_data_that_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "nowhere"))
    at = visit("overview", variant="0")
    assert len(at.error) == 1
    assert "which is not a folder: name a folder of data, or unset it." in at.error[0].value


def test_what_a_url_says_is_shown_as_plain_text() -> None:
    at = visit("overview", variant="own", epochs="![x](http://127.0.0.1/x.png)" + "9" * 1000)
    (error,) = at.error
    assert r"\!\[x\](http\://127.0.0.1/x.png)999" in error.value
    assert len(error.value) < 400


def test_an_optimizer_without_a_learning_rate_has_its_default() -> None:
    at = visit("overview", variant="own", optimizer="sgd")
    assert at.sidebar.number_input(key="learning_rate").value == 0.01
    assert "sgd 0.01, " in at.main.caption[0].value


def test_a_share_is_not_rounded() -> None:
    at = visit("overview", variant="own", validation_split=0.125)
    assert "validation 12.5%" in at.main.caption[0].value


def test_a_network_without_hidden_layers_has_no_activation() -> None:
    at = visit("overview", variant="own", layers=0, activation="tanh")
    assert "**Own settings**: no hidden layer, adam 0.001, " in at.main.caption[0].value


@needs_no_fashion
@pytest.mark.parametrize("step", ["overview", "data", "train"])
def test_without_fashion_mnist_a_page_says_how_to_get_it(step: str) -> None:
    at = visit(step, dataset="fashion-mnist")
    [sentence] = sentences(at)
    assert sentence.startswith("Fashion-MNIST is not on this machine: put train-images-idx3-ubyte")
    assert "/datasets/fashion-mnist, or get it with `python -m core data fetch " in sentence
    [here] = [one for one in at.main.button if one.label.startswith("Download")]
    assert here.label == "Download all of Fashion-MNIST"
    assert at.selectbox(key="dataset").value == "fashion-mnist"
    assert not [one for one in at.sidebar.button if one.label.startswith("Download")]
    at.selectbox(key="dataset").set_value("mnist").run()
    assert not sentences(at)
    assert at.title


# The choice


BAD = {
    "There is no data set foo: choose one of mnist, notmnist, fashion-mnist, signs.": {
        "dataset": "foo"
    },
    "Variant is 99: choose one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, drawing, own.": {"variant": "99"},
    "Epochs is 500: give a whole number from 1 to 100.": {"variant": "own", "epochs": "500"},
    "Learning rate is nan: give a number from 1e-06 to 10.": {
        "variant": "own",
        "learning_rate": "nan",
    },
    "Validation split is 0.9: give a number from 0 to 0.5.": {
        "variant": "own",
        "validation_split": "0.9",
    },
    "Hidden layers is x: give a whole number from 0 to 5.": {"variant": "own", "layers": "x"},
    "Neurons is 0: give a whole number from 1 to 1024.": {"variant": "own", "layer1": "0"},
    "Activation is step: choose one of relu, sigmoid, tanh, elu, gelu, silu, linear.": {
        "variant": "own",
        "activation": "step",
    },
    "Seed is 1.5: give a whole number from 0 to 2147483647.": {"variant": "own", "seed": "1.5"},
}


@pytest.mark.parametrize(("sentence", "query"), BAD.items(), ids=[str(q) for q in BAD.values()])
def test_a_bad_value_in_the_url_is_one_sentence_and_the_default_holds(
    sentence: str, query: dict[str, Any]
) -> None:
    at = visit("network", **query)
    assert sentences(at) == [sentence]
    assert "784 → 128 → 10" in at.main.get("plotly_chart")[0].proto.alt
    assert "10 epochs, batch 32, validation 20%" in at.main.caption[0].value
    name = "Own settings" if "own" in query.values() else "Variant 0 (worked example)"
    assert f"**{name}**" in at.main.caption[0].value


def test_the_sentence_about_the_url_goes_with_the_next_choice() -> None:
    at = visit("overview", variant=99)
    assert len(sentences(at)) == 1
    at.selectbox(key="variant").set_value("2").run()
    assert not sentences(at)
    assert "Variant 2" in at.main.caption[0].value
    assert at.query_params["variant"] == "2"


def test_two_bad_values_are_two_sentences() -> None:
    assert len(sentences(visit("overview", dataset="foo", variant="-1"))) == 2


def test_own_settings_come_from_the_url() -> None:
    query: dict[str, Any] = {
        "layers": 2,
        "layer1": 64,
        "layer2": 32,
        "activation": "tanh",
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "epochs": 2,
        "batch_size": 100,
        "validation_split": 0.25,
        "seed": 7,
    }
    at = visit("overview", variant="own", **query)
    for name, value in query.items():
        assert at.session_state[name] == value, name
    summary = "64 + 32 tanh, sgd 0.5, 2 epochs, batch 100, validation 25%"
    assert summary in at.main.caption[0].value
    assert at.query_params == {"variant": "own"} | {key: str(v) for key, v in query.items()}


def test_own_settings_have_the_limits_of_the_specs() -> None:
    at = visit("overview", variant="own", layers=5)
    for key in (*(f"layer{i}" for i in range(1, 6)), "layers", "epochs", "batch_size", "seed"):
        name = {"layers": "hidden layers"}.get(key, key.replace("_", " "))
        low, high = LIMITS["neurons" if re.fullmatch(r"layer\d", key) else name]
        field = at.number_input(key=key)
        assert (field.min, field.max) == (low, high), key
    for key in ("learning_rate", "validation_split"):
        field = at.number_input(key=key)
        assert (field.min, field.max) == LIMITS[key.replace("_", " ")]


def test_own_settings_are_kept_while_a_variant_is_chosen() -> None:
    at = visit("overview", variant="own", layers=2, layer2=7, epochs=3)
    before = at.main.caption[0].value
    at.selectbox(key="variant").set_value("2").run()
    assert "Variant 2" in at.main.caption[0].value
    at.selectbox(key="variant").set_value("own").run()
    assert not at.exception
    assert at.main.caption[0].value == before


def test_a_network_without_a_hidden_layer_has_no_field_for_neurons() -> None:
    at = visit("network", variant="own", layers=0)
    assert "784 → 10" in at.main.get("plotly_chart")[0].proto.alt
    assert not [field for field in at.number_input if "Neurons" in field.label]


def test_a_new_optimizer_starts_with_its_own_learning_rate() -> None:
    at = visit("overview", variant="own")
    at.selectbox(key="optimizer").set_value("sgd").run()
    assert at.number_input(key="learning_rate").value == 0.01
    at.number_input(key="learning_rate").set_value(0.3).run()
    assert at.query_params["learning_rate"] == "0.3"
    assert at.query_params["optimizer"] == "sgd"


def test_the_choice_stays_from_page_to_page() -> None:
    at = visit("overview")
    at.selectbox(key="variant").set_value("own").run()
    at.number_input(key="epochs").set_value(2).run()
    for page in LAB1[1:]:
        at.switch_page(STEPS[page].file).run()
        assert re.search(r"\*\*Own settings\*\*: 128\b.*, 2 epochs", at.main.caption[0].value)


def test_a_step_is_ticked_once_it_is_seen() -> None:
    at = visit("data")
    at.switch_page(STEPS["network"].file).run()
    assert "1. Data" in ticked(at)
    assert "3. Train" not in ticked(at)
    at.selectbox(key="variant").set_value("5").run()
    assert "1. Data" not in ticked(at)


# What the variants ask for


@pytest.mark.parametrize("variant", [0, 3, 9])
def test_each_variant_shows_its_number_of_samples(variant: int) -> None:
    wanted = shown(variant).samples
    at = visit("data", variant=variant)
    assert at.main.subheader[0].value == f"The first {wanted} training images"
    labels = datasets.load(datasets.locate(MNIST)).arrays.y_train[:wanted]
    assert alternatives(at)[0].endswith(": " + ", ".join(map(str, labels)))


def test_the_digits_of_the_variant_are_checked(run: Run) -> None:
    at = visit("check", variant=TRAINED, index=7)
    y_test = datasets.load(datasets.locate(MNIST)).arrays.y_test
    wanted = (*shown(TRAINED).test_indices, 7)
    assert [h.value for h in at.main.subheader] == [f"Test image {i}" for i in wanted]
    verdicts = [
        m.value for m in at.main.markdown if "**right**" in m.value or "**wrong**" in m.value
    ]
    rows = run.predictions[list(wanted)]
    right = rows.argmax(axis=1) == y_test[list(wanted)]
    assert ["right" in verdict for verdict in verdicts] == right.tolist()
    tables = [frame.value["output"].to_numpy() for frame in at.main.dataframe]
    np.testing.assert_allclose(np.stack(tables), rows, rtol=1e-6)


@pytest.mark.parametrize(("page", "name"), [("data", "index"), ("motion", "optimizers")])
def test_what_no_page_asks_for_is_one_sentence_until_somebody_chooses(page: str, name: str) -> None:
    query: dict[str, Any] = {name: "-1", "lab": "optimizers"}
    at = visit(page, **query)
    (sentence,) = sentences(at)
    assert sentence == f"The address also says {name}, which means nothing on this page."
    at.selectbox(key="variant").set_value("own").run()
    assert not at.error


def test_the_address_says_that_a_page_is_presented(run: Run) -> None:
    at = visit("data", variant=TRAINED, present=1)
    assert at.query_params["present"] == "true"
    (link,) = [one.proto for one in at.main.get("page_link")]
    assert link.label == "Next: Network"
    assert "present=true" in link.query_string
    press(at, "Leave (Esc)")
    assert "present" not in at.query_params


def test_columns_of_numbers_stand_at_the_right() -> None:
    content = pd.DataFrame(
        {
            "layers": ["128", "32 + 32"],
            "accuracy": ["0.9712", "diverged"],
            "published": ["–", "–"],
            "spread": ["0.9712 ± 0.0010", "–"],
            "n": [3, 4],
        }
    )
    assert list(layout.numbers_right(content)) == ["accuracy", "spread", "n"]


@pytest.mark.parametrize("index", ["200", "-1", "x", "1e3", "²"])
def test_a_test_image_that_is_not_there_is_one_sentence(index: str, run: Run) -> None:
    at = visit("check", variant=TRAINED, index=index)
    wanted = f"Test image is {index}: give a whole number from 0 to 199."
    assert [e.value for e in at.error] == [wanted]
    assert at.number_input(key="index").value == 0


def test_each_mistake_has_the_caption_of_its_own_image(run: Run) -> None:
    y_test = datasets.load(datasets.locate(MNIST)).arrays.y_test
    predicted = run.predictions.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y_test)
    assert len(wrong) > shown(TRAINED).mistakes, "or the test below shows nothing"
    first = wrong[: shown(TRAINED).mistakes]
    at = visit("mistakes", variant=TRAINED)
    assert captions(at)[: len(first)] == [f"{y_test[i]} → {predicted[i]}" for i in first]
    assert f"Test images {', '.join(map(str, first))}" in [c.value for c in at.main.caption]
    assert metrics(at)["Misclassified"] == f"{len(wrong)}"
    assert metrics(at)["Test images"] == "200"


@pytest.mark.parametrize("variant", [0, 3, 9])
def test_each_variant_shows_its_number_of_mistakes(
    variant: int, run: Run, engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    # The pages read a run only through its spec: the results of one do for all.
    engine.store.save(spec_of(variant), outcome[1].record, outcome[1].files)
    at = visit("mistakes", variant=variant)
    wanted = min(shown(variant).mistakes, run.misclassified)
    assert at.main.subheader[0].value == f"The first {wanted} misclassified images"
    [largest, *_others] = at.main.selectbox[0].options
    assert len(captions(at)) == wanted + min(20, int(largest.split(": ")[1]))


def test_a_cell_of_the_confusion_matrix_shows_its_images(run: Run) -> None:
    y_test = datasets.load(datasets.locate(MNIST)).arrays.y_test
    predicted = run.predictions.argmax(axis=1)
    at = visit("mistakes", variant=TRAINED)
    picker = at.main.selectbox[0]
    true, taken_for, count = map(int, re.findall(r"\d+", picker.options[1]))
    picker.select_index(1).run()
    cell = np.flatnonzero((y_test == true) & (predicted == taken_for))
    assert len(cell) == count
    assert at.main.caption[-2].value == f"Test images {', '.join(map(str, cell))}"


# Train


EPOCHS = tuple(Epoch(i, 1 / i, 0.5 + i / 10, 1.1 / i, 0.4 + i / 10, 0.2) for i in (1, 2, 3))


@pytest.fixture
def claim(engine: Queue) -> Callable[..., Claim]:
    """Writes a claim on variant 3: `claim(state="stopped")`."""

    def write(**values: Any) -> Claim:
        spec = spec_of(TRAINED)
        written = Claim(spec.key, spec, "this server", **values)
        engine.store.update(written)
        return written

    return write


def test_the_train_page_offers_to_start_and_starts(engine: Queue) -> None:
    at = visit("train", variant=TRAINED)
    button = at.main.button[0]
    assert button.label == "Start training"
    button.click().run()
    assert [c.spec for c in engine.store.claims()] == [spec_of(TRAINED)]
    assert [button.label for button in at.main.button] == ["Stop"]
    assert (
        at.main.get("progress")[0].proto.text
        == "Waiting for a training process: place 1 of 1 in the queue"
    )
    at.main.button[0].click().run()
    assert at.main.info[-1].value == "The training was stopped."


def test_a_student_joins_a_run_of_another_and_leaves_it_again(engine: Queue) -> None:
    engine.submit(spec_of(5), "another")
    engine.submit(spec_of(TRAINED), "another")
    at = visit("train", variant=TRAINED)
    assert at.main.get("progress")[0].proto.text.endswith("place 2 of 2 in the queue")
    assert [button.label for button in at.main.button] == ["Wait for it too"]
    at.main.button[0].click().run()
    assert len(engine.students(spec_of(TRAINED).key)) == 2
    assert at.main.button[0].label == "Stop"
    others = "1 other student waits for it too: for them it goes on."
    assert others in [caption.value for caption in at.main.caption]
    at.main.button[0].click().run()
    assert engine.students(spec_of(TRAINED).key) == {"another"}
    assert at.main.button[0].label == "Wait for it too"
    found = engine.store.claimed(spec_of(TRAINED).key)
    assert found
    assert found.alive


def test_a_queue_without_workers_says_why(engine: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    trouble = TrainingError("The cluster at {address} has no workers.", address="tcp://a:1")
    monkeypatch.setattr(Engine, "trouble", trouble)
    engine.submit(spec_of(TRAINED), "another")
    at = visit("train", variant=TRAINED)
    assert [warning.value for warning in at.main.warning] == [
        "The cluster at tcp\\://a\\:1 has no workers."
    ]


def test_a_store_that_cannot_be_written_is_one_sentence(
    engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(spec: RunSpec, student: str) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(engine, "submit", refuse)
    at = visit("train")
    at.main.button[0].click().run()
    assert sentences(at) == ["The disk is full."]
    assert at.main.button[0].label == "Start training"
    at.run()
    assert not sentences(at)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"state": "queued"}, "Loading TensorFlow, once after the lab was started"),
        ({"state": "importing"}, "Loading TensorFlow, once after the lab was started"),
        ({"state": "compiling"}, "Loading the images and compiling the network"),
        ({"state": "running", "steps_done": 3, "steps": 12}, "Epoch 4 of 7"),
        (
            {"state": "running", "steps_done": 3, "steps": 12, "seconds": 2.0},
            "Epoch 4 of 7, about 6 s left",
        ),
        (
            {"state": "saving", "steps_done": 12, "steps": 12},
            "Testing the network and saving the run",
        ),
    ],
)
def test_a_live_run_shows_how_far_it_is(
    claim: Callable[..., Claim], values: dict[str, Any], text: str
) -> None:
    claim(epochs=EPOCHS, **values)
    at = visit("train", variant=TRAINED)
    assert at.main.get("progress")[0].proto.text.startswith(text)
    assert list(at.main.dataframe[0].value["Epoch"]) == [1, 2, 3]
    assert len(at.main.get("plotly_chart")) == 2


def test_a_live_run_says_how_long_a_part_takes_here(
    claim: Callable[..., Claim], engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim(state="importing")
    monkeypatch.setattr(engine, "expected", lambda claim: 8.6)
    at = visit("train", variant=TRAINED)
    text = "Loading TensorFlow, once after the lab was started, about 9 s"
    assert at.main.get("progress")[0].proto.text == text


def test_a_stopped_run_shows_its_curves_and_is_offered_again(
    claim: Callable[..., Claim], engine: Queue
) -> None:
    claim(state="stopped", epochs=EPOCHS)
    at = visit("train", variant=TRAINED)
    assert at.main.info[-1].value == "The training was stopped."
    assert not at.warning
    assert len(at.main.get("plotly_chart")) == 2
    assert at.main.button[0].label == "Start again"
    at.main.button[0].click().run()
    found = engine.store.claimed(spec_of(TRAINED).key)
    assert found is not None
    assert found.alive


def test_a_failed_run_says_why(claim: Callable[..., Claim]) -> None:
    reason = "The training failed ({kind}): try again, or tell your teacher."
    claim(state="failed", reason=reason, reason_values={"kind": "MemoryError"})
    at = visit("train", variant=TRAINED)
    assert at.warning[0].value == (
        "The training failed (MemoryError): try again, or tell your teacher."
    )
    assert at.main.button[0].label == "Start again"
    [diagram] = at.main.get("plotly_chart")
    assert "26,506 weights" in diagram.proto.alt


@pytest.mark.parametrize("how", ["stale", "closed"])
def test_an_interrupted_run_is_offered_again(
    how: str, claim: Callable[..., Claim], engine: Queue
) -> None:
    written = claim(state="interrupted" if how == "closed" else "running", epochs=EPOCHS)
    if how == "stale":
        engine.store.end_beat(written.owner)
    at = visit("train", variant=TRAINED)
    assert at.warning[0].value == "The training was interrupted: start it again."
    assert at.main.button[0].label == "Start again"
    assert len(at.main.get("plotly_chart")) == 2


def test_a_finished_run_shows_its_figures(run: Run) -> None:
    at = visit("train", variant=TRAINED)
    assert metrics(at)["Test accuracy"] in (f"{run.test_accuracy:.2%}", f"{run.test_accuracy:.4f}")
    assert metrics(at)["Misclassified"] == str(run.misclassified)
    assert run.misclassified == round((1 - run.test_accuracy) * 200)
    assert list(at.main.dataframe[0].value["Epoch"]) == list(range(1, 8))
    accuracies = [epoch.accuracy for epoch in run.epochs]
    ends = at.main.dataframe[1].value.set_index("Line").loc["Accuracy"]
    known = (min(accuracies), max(accuracies), accuracies[-1])
    assert tuple(ends) == tuple(f"{accuracy:.4f}" for accuracy in known)
    assert "Start training" not in [button.label for button in at.main.button]


def test_a_run_that_diverged_is_shown(
    run: Run, engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    trained = outcome[1]
    rows = [row | {"loss": float("nan"), "val_loss": None} for row in trained.record["epochs"]]
    record = trained.record | {"epochs": rows, "test_loss": float("nan")}
    engine.store.save(spec_of(0), record, trained.files)
    at = visit("train", variant=0)
    assert metrics(at)["Test loss"] == "diverged"
    assert set(at.main.dataframe[0].value["Loss"]) == {"diverged"}
    for page in ("overview", "results"):
        visit(page, variant=0)


@pytest.mark.parametrize(
    ("step", "name"), [*((step, "predictions.npy") for step in LAB1), ("train", "run.json")]
)
def test_a_damaged_run_is_not_shown_and_offered_again(step: str, name: str, run: Run) -> None:
    content = (run.folder / name).read_bytes()
    (run.folder / name).write_bytes(content[: len(content) // 2])
    at = visit(step, variant=TRAINED)
    assert not run.folder.exists()
    if step == "train":
        assert at.main.button[0].label == "Start training"
    if step in ("check", "mistakes", "results"):
        assert "not trained yet" in at.info[0].value


# Translation


class Marked(gettext.NullTranslations):
    """A translation that shows what went through it."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, one: str, many: str, n: int) -> str:
        return f"⟦{one if n == 1 else many}⟧"


def words(text: str) -> list[str]:
    """The words of a text, without digits."""
    return re.findall(r"[^\W\d]+", text)


DATA = {
    *("MNIST", "Fashion", "Keras", "keras", "tensorflow"),  # names
    *ACTIVATIONS,
    *OPTIMIZERS,  # values, as the Keras code writes them
    *(known.title for known in OPTIMIZERS.values()),
    "learning_rate",
    *(word for known in OPTIMIZERS.values() for name in known.parameters for word in words(name)),
    *(*INITIALIZERS, *SCHEDULES, *PARAMETERS),
    *("L", "A", "B"),  # the reports of lab 4
    "dropout",  # a study of lab 2
    *("x", "y"),
    *("True", "False", "AMSGrad"),
    *("flatten", "dense", "dense_", "Conv", "D", "Dense", "Dropout", "MaxPooling"),
    *("AveragePooling", "same"),
    *("C", "N", "LeNet"),  # of lab 6
    "UTC",
    "s",
}
"""Words that no translation changes. Code, and what Keras prints, is not looked at."""

TEXTS = ("body", "label", "help", "placeholder", "alt", "text", "content", "name", "title")
"""Fields of an element, and of a Plotly figure, that hold text for people."""


def strings(value: Any, field: str = "") -> Iterator[str]:
    """The texts for people in an element."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from strings(inner, key)
        case list():
            for inner in value:
                yield from strings(inner, field)
        case str():
            if field in TEXTS or field == "options":
                yield value


def texts(at: AppTest) -> Iterator[str]:
    """Every text for people on a page, the sidebar's too."""
    for kind, proto in protos(at):
        if kind == "plotly_chart":
            figure = json.loads(proto.pop("spec"))
            yield from strings(figure)
            yield from (
                trace["hovertemplate"] for trace in figure["data"] if "hovertemplate" in trace
            )
        if kind == "page_link":
            proto.pop("page", None)
        if kind not in ("code", "html"):  # of which the latter is look.css
            yield from strings(proto)
    for frame in at.dataframe:
        yield from map(str, frame.value.columns)
        for column in frame.value.select_dtypes(exclude="number"):
            yield from map(str, frame.value[column])


def untranslated_words(text: str) -> set[str]:
    """The words of a text that are outside of all marks, and are not data."""
    shown = re.sub(
        r"<style>.*?</style>|`[^`]*`|\$\$[^$]*\$\$|\$[^$]*\$|:material/\w+:|%\{\w+[^}]*\}|<[^>]*>|\d[\d.e+-]*",
        " ",
        text,
    )
    inner = re.compile(r"⟦[^⟦⟧]*⟧")
    while inner.search(shown):
        shown = inner.sub(" ", shown)
    return set(words(shown)) - DATA


STATES = [
    *((step, "finished") for step in PAGES),
    *((step, "nothing") for step in ("train", "check", "draw", "results", "motion")),
    *(("train", state) for state in ("stopped", "running")),
    *(("overview", state) for state in ("own", "bad")),
]

MADE_UP = {"gradients": "looked_at", "labels": "doubted"}
"""Fixtures for pages that ask a worker."""


@pytest.mark.parametrize(("step", "state"), STATES)
def test_every_text_goes_through_gettext(
    step: str, state: str, request: pytest.FixtureRequest
) -> None:
    query: dict[str, Any] = {"variant": TRAINED}
    if state == "finished":
        request.getfixturevalue("run")
        query["index"] = 999
    elif state == "own":
        query = {"variant": "own", "layers": 2}
    elif state in ("stopped", "running"):
        values = {"steps_done": 3, "steps": 9, "seconds": 1.0}
        request.getfixturevalue("claim")(state=state, epochs=EPOCHS, **values)
    elif state == "bad":
        query = {"variant": "own", "epochs": 500, "activation": "step"}
    if step in MADE_UP:
        request.getfixturevalue(MADE_UP[step])
    at = visit(step, Marked(), **query)
    found = list(texts(at))
    assert sum("⟦" in text for text in found) > 20
    left = {text: words for text in found if (words := untranslated_words(text))}
    assert not left


def test_a_page_in_another_language_says_the_same_errors() -> None:
    at = visit("overview", Marked(), variant="own", epochs=500)
    assert sentences(at) == [
        "⟦⟦epochs⟧ is 500: give a whole number from 1 to 100.⟧",
    ]


# What a page must not do


@pytest.mark.slow
def test_no_page_imports_tensorflow(run: Run, small_mnist: Path, cache: Path) -> None:
    """In a process of its own, with the real engine: every page of a finished run."""
    files = {name: step.file for name, step in STEPS.items()}
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from core.engine import fleet
if __name__ == "__main__":
    # A page is waited for and not timed: it asks a worker, which imports TensorFlow first, and on
    # a loaded machine that takes as long as it takes. Whoever runs the tests sees one that hangs.
    fleet.ASK_SECONDS = 600
    at = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=600)
    at.query_params["variant"] = "{TRAINED}"
    at.run()
    for page, file in {files!r}.items():
        at.switch_page(file).run()
        assert not at.exception, page
        assert at.title, page
    from pages.ui import server
    server.engine().start()
    server.engine().close()
    print([name for name in ("tensorflow", "keras", "sklearn") if name in sys.modules])
"""
    path = cache.parent / "every_page.py"
    path.write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LAB_WORKERS": "1"}
    done = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# Draw


def test_an_empty_canvas_says_so_and_predicts_nothing() -> None:
    at = visit("draw")
    assert any("The canvas is empty" in info.value for info in at.info)
    assert not metrics(at)
    assert {alt.partition(": ")[2] for alt in alternatives(at)} == {"nothing yet"}


def test_the_drawing_model_reads_until_the_student_s_own_network_is_trained(
    outcome: tuple[RunSpec, Outcome],
    engine: Queue,
    small_mnist: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    at = visit("draw", variant=TRAINED)
    network, other = at.selectbox(key="network"), at.selectbox(key="other")
    assert network.options[0].startswith("Drawing model · seed 0 · test accuracy 0.99")
    assert other.options[other.index or 0] == "nothing"
    shipped = network.value
    spec, trained = outcome
    run = engine.store.save(spec, trained.record, trained.files)
    at.run()
    network = at.selectbox(key="network")
    assert network.options[1].startswith(f"Variant {TRAINED}: ")
    assert network.options[1].endswith(" · a sample")
    assert network.value == run.key
    assert at.selectbox(key="other").value == shipped
    assert "network" not in at.query_params
    network.set_value(shipped).run()
    assert at.selectbox(key="other").value == ""
    at.run()
    assert at.selectbox(key="network").value == shipped, "what the student picks stays"
    at.selectbox(key="variant").set_value("4").run()
    at.selectbox(key="variant").set_value(str(TRAINED)).run()
    assert at.selectbox(key="network").value == run.key


def test_a_damaged_database_does_not_keep_networks_from_reading(cache: Path) -> None:
    cache.mkdir()
    (cache / "lab.db").write_bytes(b"no database" * 1000)
    at = visit("draw", variant=4)
    [sentence] = sentences(at)
    assert "lab.db" in sentence
    assert at.selectbox(key="network").options[0].startswith("Drawing model")
    assert at.radio(key="source").options == ["Draw", "Upload"]


def test_a_network_that_the_address_names_comes_before_one_s_own(run: Run, engine: Queue) -> None:
    shipped = visit("draw", variant=4).selectbox(key="network").value
    at = visit("draw", variant=TRAINED, network=shipped)
    assert at.selectbox(key="network").value == shipped != run.key


def test_without_a_finished_network_one_click_trains_one(
    engine: Queue, full_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(full_data))
    at = visit("draw", dataset="fashion-mnist", variant=2)
    assert not at.selectbox(key="variant").disabled
    with pytest.raises(KeyError):
        at.selectbox(key="network")
    [button] = [b for b in at.button if b.label == "Train Variant 2 and use it here"]
    button.click().run()
    [claim] = engine.store.claims()
    assert claim.spec.data.name == "fashion-mnist"
    assert claim.spec.network == spec_of(2).network


def test_the_way_of_the_lab_sheet_switches_every_step_off() -> None:
    at = visit("draw")
    steps = [box for box in at.checkbox if box.key and box.key.startswith("step-")]
    assert len(steps) == 6
    assert all(box.value and not box.disabled for box in steps)
    at.toggle(key="sheet").set_value(True).run()
    assert all(box.disabled for box in at.checkbox if box.key and box.key.startswith("step-"))


def test_the_drawing_model_can_be_chosen_for_every_page() -> None:
    for page in ("network", "train", "overview"):
        at = visit(page, variant="drawing")
        assert any("Drawing model" in caption.value for caption in at.caption)


# Lab 4


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("data", {"image": "7", "pixels": "scaled"}),
        ("check", {"index": "7"}),
        ("draw", {"source": "files", "sheet": "true", "step-ink": "false"}),
    ],
)
def test_every_choice_of_a_page_stands_in_its_address(
    page: str, query: dict[str, Any], run: Run
) -> None:
    at = visit(page, variant=TRAINED, **query)
    assert not at.error
    assert at.query_params == {"variant": str(TRAINED), **query}
    at.run()
    assert at.query_params == {"variant": str(TRAINED), **query}


def test_the_brush_is_in_the_address() -> None:
    at = visit("draw")
    at.slider(key="brush").set_value(24).run()
    assert at.query_params == {"brush": "24"}


def test_the_cell_of_an_address_is_looked_into(run: Run) -> None:
    confusion = np.array(run.confusion)
    np.fill_diagonal(confusion, 0)
    *_largest, (true, taken_for) = np.argwhere(confusion == confusion[confusion > 0].min())
    at = visit("mistakes", variant=TRAINED, cell=f"{true}-{taken_for}")
    assert at.selectbox(key="cell").value == f"{true}-{taken_for}"
    assert not at.error


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("data", {"image": "-1"}, "Training image is -1: give a whole number from 0 to 999."),
        ("data", {"pixels": "x"}, "Pixel values is x: choose one of stored, scaled."),
        ("mistakes", {"cell": "4-4"}, "Cell is 4-4: choose one of "),
        ("draw", {"network": "x"}, "Network is x: choose one of "),
        ("draw", {"step-ink": "off"}, "is off: give true or false."),
    ],
)
def test_a_wrong_choice_of_any_field_is_one_sentence_until_another_choice(
    page: str, query: dict[str, Any], sentence: str, run: Run
) -> None:
    at = visit(page, variant=TRAINED, **query)
    at.run()
    assert [sentence in error.value for error in at.error] == [True]
    at.selectbox(key="dataset").set_value("mnist").run()
    at.selectbox(key="variant").set_value("own").run()
    assert not at.error


def test_links_carry_the_choice_and_what_the_page_was_told() -> None:
    at = visit("data", variant=2, image=7)
    at.switch_page(STEPS["network"].file).run()
    links = {link.proto.page: link.proto.query_string for link in at.sidebar.get("page_link")}
    assert links["data"] == "variant=2&image=7"
    assert links["train"] == "variant=2"
    at.selectbox(key="variant").set_value("0").run()
    links = {link.proto.page: link.proto.query_string for link in at.sidebar.get("page_link")}
    assert links["data"] == "image=7"


def test_an_image_that_the_next_data_set_does_not_have_is_the_first_again(
    small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit("data", image=3999)
    assert at.number_input(key="image").value == 3999
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    at.run()
    assert not at.exception
    assert at.number_input(key="image").value == 0


def go_back(at: AppTest, monkeypatch: pytest.MonkeyPatch, **query: str) -> None:
    """What Streamlit does when the browser goes back to an address of the same page."""
    at.query_params.clear()
    at.query_params.update(query)
    with monkeypatch.context() as patch:
        patch.setattr(fields, "_gone_back", lambda: True)
        at.run()


def test_back_gives_the_widgets_what_the_address_says(monkeypatch: pytest.MonkeyPatch) -> None:
    at = visit("rules", rule="sgd", form="with momentum")
    at.selectbox(key="rule").set_value("rmsprop").run()
    at.selectbox(key="variant").set_value("sgd").run()
    there = {"lab": "optimizers"}
    assert at.query_params == {**there, "rule": "rmsprop", "variant": "sgd"}
    go_back(at, monkeypatch, **there, rule="sgd", form="with momentum")
    assert at.selectbox(key="variant").value == "rmsprop"
    assert at.selectbox(key="rule").value == "sgd"
    assert at.radio(key="form-sgd").value == "with momentum"
    assert at.query_params == {**there, "rule": "sgd", "form": "with momentum"}
    go_back(at, monkeypatch, **there)
    assert at.selectbox(key="rule").value == "adam"
    go_back(at, monkeypatch, rule="adem")
    assert "Optimizer is adem" in at.error[0].value
    go_back(at, monkeypatch, rule="lion")
    assert not at.error


def test_back_leads_to_the_lab_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    at = visit("data", variant=4)
    at.selectbox(key="lab").set_value("optimizers").run()
    at.selectbox(key="variant").set_value("adam").run()
    go_back(at, monkeypatch, lab="optimizers")
    assert at.selectbox(key="variant").value == "rmsprop"
    go_back(at, monkeypatch, variant="4")
    assert not at.exception
    assert at.selectbox(key="lab").value == "digits"
    assert at.selectbox(key="variant").value == "4"


def test_an_address_from_before_the_last_click_undoes_nothing() -> None:
    at = visit("data", image=1)
    at.number_input(key="image").set_value(2).run()
    at.query_params["image"] = "1"  # as a browser sends it that has not heard of the 2 yet
    at.number_input(key="image").set_value(3).run()
    assert at.number_input(key="image").value == 3
    assert at.query_params["image"] == "3"


def test_the_address_follows_the_choice_where_nothing_is_trained() -> None:
    at = visit("check", variant=1, index=7)
    at.selectbox(key="variant").set_value("3").run()
    assert at.query_params == {"variant": "3", "index": "7"}


def test_back_to_a_variant_keeps_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    at = visit("overview", variant="own", epochs=3)
    at.selectbox(key="variant").set_value("2").run()
    go_back(at, monkeypatch, variant="5")
    at.selectbox(key="variant").set_value("own").run()
    assert at.number_input(key="epochs").value == 3


# The class


def class_table(at: AppTest) -> Any:
    """The table of all variants on all data sets."""
    [found] = [one.value for one in at.main.dataframe if "Variant" in one.value]
    return found.set_index("Variant")


def press(at: AppTest, label: str) -> AppTest:
    [button] = [button for button in at.main.button if button.label == label]
    assert not button.disabled
    return button.click().run()


@needs_no_fashion
def test_the_class_page_shows_every_variant_and_what_is_under_way(run: Run, engine: Queue) -> None:
    engine.submit(spec_of(1), "another")
    failed = Claim(spec_of(2).key, spec_of(2), "x", "failed", reason="The disk is full.")
    engine.store.update(failed)
    at = visit("class")
    table = class_table(at)
    assert list(table.index) == [
        one.label() if one.name == "drawing" else one.name for one in DIGITS.experiments
    ]
    assert list(table["MNIST"]) == [
        "not trained", "waiting, place 1", "failed", f"{run.test_accuracy:.4f}",
        *["not trained"] * 7,
    ]  # fmt: skip
    assert table["Weights"]["1"] == "269,322"
    assert metrics(at)["Waiting"] == "1"
    assert metrics(at)["Stored runs"] == "1"
    assert any(info.value.startswith("Fashion-MNIST: ") for info in at.main.info)
    place = "Waiting for a training process: place 1 of 1 in the queue"
    row = f"**Variant 1: 256 + 256 relu · MNIST · seed 0**  \n{place} · 1 student"
    assert row in [text.value for text in at.main.markdown]
    [ended] = [one.value for one in at.main.dataframe if "Why" in one.value]
    assert list(ended["Why"]) == ["The disk is full."]
    assert "a sample" in " ".join(caption.value for caption in at.main.caption)
    assert len(at.main.get("plotly_chart")) == 1


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser is on the machine that serves the lab; AppTest says nothing of that."""
    here = SimpleNamespace(headers={"host": "127.0.0.1:8501"}, ip_address=None)
    for name, value in vars(here).items():
        monkeypatch.setattr(type(st.context), name, value)


@needs_no_fashion
@pytest.mark.usefixtures("teacher")
def test_the_teacher_trains_all_stops_and_deletes(run: Run, engine: Queue) -> None:
    at = visit("class")
    assert "9 runs are missing" in " ".join(caption.value for caption in at.main.caption)
    press(at, "Train all")
    waiting = {claim.key for claim in engine.store.claims()}
    assert waiting == {spec_of(number).key for number in range(10) if number != TRAINED}
    engine.submit(spec_of(1), "another")
    at.main.button(key=f"stop-{spec_of(1).key}").click().run()
    stopped = engine.store.claimed(spec_of(1).key)
    assert stopped
    assert stopped.state == "stopped", "for the student too"
    at.main.toggle(key="show_runs").set_value(True).run()
    at.main.multiselect(key="runs_to_delete").set_value([run.key]).run()
    assert [b.disabled for b in at.main.button if b.label == "Delete 1 run"] == [True]
    at.main.checkbox[0].check().run()
    press(at, "Delete 1 run")
    assert engine.store.find(run.key) is None
    assert class_table(at)["MNIST"][str(TRAINED)] == "not trained"


def test_without_the_password_nobody_affects_others(
    run: Run, engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_PASSWORD", "lärche")
    monkeypatch.setattr("pages.ui.identity.GUESS_SECONDS", 0)
    engine.submit(spec_of(1), "another")
    at = visit("class")
    enabled = [button.label for button in at.main.button if not button.disabled]
    assert [label for label in enabled if not label.startswith("Download")] == ["Unlock"]
    at.main.toggle(key="show_runs").set_value(True).run()
    assert not at.main.multiselect
    at.main.toggle(key="show_runs").set_value(False).run()
    at.main.text_input[0].set_value("Lärche")
    press(at, "Unlock")
    assert sentences(at) == ["That is not the password: try again."]
    at.main.text_input[0].set_value("lärche")
    with identity._guessing:  # wrong guesses of others do not keep the teacher out
        press(at, "Unlock")
    assert not at.main.text_input
    at.main.toggle(key="show_runs").set_value(True).run()
    assert {picker.label for picker in at.main.multiselect} == {"Runs to delete"}
    press(at, "Train all")
    press(at, "Stop all")
    assert not [claim for claim in engine.store.claims() if claim.alive]
    press(at, "Train all")


def test_without_a_password_only_this_machine_affects_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for headers, address, teacher in (
        ({"host": "localhost:8501"}, None, True),
        ({"host": "[::1]:8501"}, None, True),
        ({"host": "localhost:8501"}, "192.168.1.20", False),
        ({"host": "127.0.0.1", "x-forwarded-for": "192.168.1.20"}, None, False),
        ({"host": "a-name-that-leads-here.example:8501"}, None, False),
        ({}, None, False),
    ):
        context = SimpleNamespace(headers=headers, ip_address=address)
        monkeypatch.setattr(st, "context", context)
        assert identity.is_teacher() is teacher


@needs_no_fashion
@pytest.mark.usefixtures("teacher")
def test_the_class_page_says_that_there_are_runs_of_another_version(cache: Path) -> None:
    folder = cache / "runs" / "mnist-of-before"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    at = visit("class")
    line = "1 run of another version of the lab stays untouched and is not listed."
    assert line in [caption.value for caption in at.main.caption]


@needs_no_fashion
@pytest.mark.usefixtures("teacher")
def test_interrupted_runs_are_offered_again(claim: Callable[..., Claim], engine: Queue) -> None:
    claim(state="interrupted", epochs=EPOCHS)
    at = visit("class")
    assert class_table(at)["MNIST"][str(TRAINED)] == "interrupted"
    press(at, "Train them again")
    found = engine.store.claimed(spec_of(TRAINED).key)
    assert found
    assert found.state == "queued"
    assert "Train them again" not in [button.label for button in at.main.button]


# A lab of another kind: one data set of three classes, 20 x 24 pixels, dark ink


TOY_LAB = replace(
    toy_lab.LAB,
    experiments=(
        *toy_lab.LAB.experiments,
        Experiment("far", "Far images", {"train": {"epochs": 3}}, Shown(4, (2, 95), 3)),
        Experiment("hidden", "Not in the sheet", {"train": {"epochs": 3}}, shown=None),
    ),
    word="Trial",
    before_lesson=("far",),
    steps=ONE_RUN,
)


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The toy data set and the toy lab among the others."""
    monkeypatch.setitem(datasets.DATASETS, "toy", toy.DATASET)
    monkeypatch.setitem(labs.LABS, "toy", TOY_LAB)
    titles = {lab.name: lab.title for lab in labs.LABS.values()}
    monkeypatch.setattr(sidebar, "LAB", replace(sidebar.LAB, choices=titles))
    labs._experiments.cache_clear()
    return TOY_LAB


@pytest.fixture
def toy_run(with_toy: Lab, engine: Queue) -> Run:
    """The experiment "dense" of the toy lab, really trained."""
    data = datasets.load(datasets.locate(toy.DATASET))
    spec = labs.choose("toy", "dense", DataSpec("toy", data.digest), {}).spec
    trained = train(spec, lambda moment: None)
    return engine.store.save(spec, trained.record, trained.files)


def all_texts(at: AppTest) -> str:
    """Whatever a page says in its main part, pictures and charts included."""
    kinds = (at.markdown, at.caption, at.info, at.subheader, at.checkbox, at.toggle)
    said = [getattr(item, "value", "") for kind in kinds for item in kind]
    said += [item.label for kind in (at.checkbox, at.toggle) for item in kind]
    said += [item.help or "" for item in at.checkbox]
    said += [item.proto.alt for item in at.main.get("plotly_chart")]
    return "\n".join(map(str, said))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("overview", ["recognise shapes, then", "Toy lab: shapes", "**One Dense layer**: 32"]),
        ("data", ["0 (ink) to 255 (background)", "(300, 20, 24)", "480 pixels", "ring"]),
        ("network", ["Network 480 → 32 → 3: 15,491 weights"]),
        ("train", ["240 images to train, 60 to validate, 90 to test"]),
        ("check", ["The 3 outputs of the last layer"]),
        ("mistakes", ["of 90 test images lie on the diagonal"]),
        ("results", ["the outputs for the 3 classes, p0 to p2"]),
        (
            "draw",
            [
                "draw a shape",
                "20 × 24 numbers like those of Toy shapes",
                "For shapes, switch",
                "14 × 16 box",
                "Toy shapes is dark ink on white",
                "strokes become 2.0 pixels",
            ],
        ),
        ("class", ["Toy lab", "Toy shapes: full set", "1 run is missing"]),
    ],
)
def test_a_page_takes_its_numbers_and_words_from_the_lab(
    step: str, expected: list[str], toy_run: Run
) -> None:
    assert toy_run.test_accuracy > 0.9
    at = visit(step, lab="toy", variant="dense")
    said = all_texts(at)
    assert not sentences(at)
    for text in expected:
        assert text in said
    assert "lab sheet" not in said
    for text in ("28 × 28", "784", " ten ", "10 classes", "537", "light ink", "igit", "lothes"):
        shared = ("their 28 × 28", "MNIST's digits", "made for digits")
        assert text not in functools.reduce(lambda left, one: left.replace(one, ""), shared, said)


@needs_no_fashion
@pytest.mark.usefixtures("teacher")
def test_a_run_of_a_data_set_that_is_gone_is_listed_and_deleted(
    toy_run: Run, engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(datasets.DATASETS, "toy")
    monkeypatch.delitem(labs.LABS, "toy")
    labs._experiments.cache_clear()
    at = visit("class")
    assert at.main.selectbox(key="points-mnist").options == ["toy"]
    [chart] = at.main.get("plotly_chart")
    assert len(json.loads(chart.proto.spec)["data"][0]["x"]) == 1
    at.main.toggle(key="show_runs").set_value(True).run()
    assert list(at.main.dataframe[-1].value["Run"]) == [
        "32 relu, adam 0.002, 20 epochs · toy · seed 0"
    ]
    at.main.multiselect(key="runs_to_delete").set_value([toy_run.key]).run()
    at.main.checkbox[0].check().run()
    press(at, "Delete 1 run")
    assert engine.store.find(toy_run.key) is None


def test_a_layer_says_what_it_does_and_a_network_may_have_none_with_weights(
    with_toy: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit("network", lab="toy", variant="conv")
    assert "MaxPooling2D keeps the largest number of each square. Flatten only lays" in all_texts(
        at
    )
    pooled = NetworkSpec((Channel(), MaxPooling2D(), Flatten()))
    changed = replace(with_toy.experiments[1], changes={"network": pooled})
    lab = replace(with_toy, experiments=(changed,), before_lesson=(), datasets=("toy", "mnist"))
    monkeypatch.setitem(labs.LABS, "toy", replace(lab, before_lesson=()))
    table = visit("class", lab="toy").main.dataframe[0].value
    assert list(table["Hidden layers"]) == ["none"]
    assert list(table["Weights"]) == ["363 / 1,970"]
    large = NetworkSpec((Channel(), Conv2D(2, 11), Conv2D(2, 11), Flatten()))
    changed = replace(with_toy.experiments[1], changes={"network": large})
    lab = replace(lab, experiments=(changed,), before_lesson=())
    monkeypatch.setitem(labs.LABS, "toy", lab)
    at = visit("class", lab="toy")
    assert list(at.main.dataframe[0].value["Weights"]) == ["– / 2,020"]
    assert not at.error


def test_a_step_that_a_lab_renames_is_ticked(toy_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    overview, data, _network, fit, *_others = ONE_RUN
    steps = (overview, replace(data, name="pictures"), replace(fit, name="fit"))
    monkeypatch.setitem(labs.LABS, "toy", replace(TOY_LAB, steps=steps))
    at = visit("overview", lab="toy", variant="dense")
    at._page_hash = calc_hash("pictures")
    at.run()
    assert ticked(at) == ["Overview", "1. Data", "2. Train"]


def test_photographs_are_brought_and_not_drawn(
    toy_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    photographs = replace(toy.DATASET, ink=None)
    monkeypatch.setitem(datasets.DATASETS, "toy", photographs)
    server._load.clear()
    at = visit("draw", lab="toy", variant="dense")
    assert not at.main.checkbox
    assert not at.main.toggle
    assert not at.main.radio
    assert not at.main.slider
    assert at.main.get("file_uploader")
    assert "Ink" not in all_texts(at)
    assert "The steps above" not in all_texts(at)
    assert "Why do photographs fail?" in all_texts(at)
    link = visit("overview", lab="toy").main.get("page_link")[0].proto.label
    assert link == "Or bring a photograph of a shape"


def test_a_student_chooses_among_own_networks_and_the_labs_and_an_address_names_any_other(
    run: Run, engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    others = replace(run.spec, train=replace(run.spec.train, seed=8))
    engine.store.save(others, outcome[1].record, outcome[1].files)
    at = visit("draw", variant=4)
    listed = at.selectbox(key="network").options
    assert len(listed) == 2, "the drawing model and variant 3"
    assert not [name for name in listed if "seed 8" in name]
    at.session_state["done"].add((others.key, ASKED))
    at.run()
    assert len(at.selectbox(key="network").options) == 3
    at = visit("draw", variant=4, network=others.key)
    assert at.selectbox(key="network").value == others.key
    assert not at.error
    at = visit("motion", variant=4, surface="network", network=others.key)
    assert at.selectbox(key="motion_network").value == others.key


def test_to_forget_drawings_leaves_those_for_other_data_sets(run: Run) -> None:
    at = visit("draw", variant=TRAINED)
    picture = np.full((28, 28, 3), 255, np.uint8)
    picture[5:20, 13:15] = 0
    at.session_state["kept"] = [("mnist", picture, 1), ("mnist", picture, 2), ("toy", picture, 0)]
    at.run()

    def kept() -> list[tuple[str, int]]:
        return [(name, label) for name, _picture, label in at.session_state["kept"]]

    press(at, "Forget the last one")
    assert kept() == [("mnist", 1), ("toy", 0)]
    press(at, "Forget all of them")
    assert kept() == [("toy", 0)]


def test_the_way_of_a_lab_goes_on_after_the_results(
    toy_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(labs.LABS, "toy", replace(TOY_LAB, steps=(*ONE_RUN, COMPARE)))
    at = visit("results", lab="toy", variant="dense")
    assert at.main.get("page_link")[-1].proto.label == "Next: Compare"


def test_the_sidebar_follows_the_lab(toy_run: Run) -> None:
    at = visit("overview", lab="toy", variant="dense")
    assert at.selectbox(key="variant").label == "Trial"
    assert at.selectbox(key="variant").options == [
        "One Dense layer", "Convolutions", "Far images", "Not in the sheet", "Own settings"
    ]  # fmt: skip
    assert at.selectbox(key="dataset").options == ["Toy shapes"]
    links = [link.proto.label for link in at.sidebar.get("page_link")]
    assert links[3] == "3. Train ✓"
    assert len(links) == len(TOY_LAB.steps) + 1
    table = at.main.dataframe[0].value
    assert list(table["Trial"]) == ["One Dense layer", "Convolutions", "Far images"]
    assert list(table["Test accuracy"]) == [f"{toy_run.test_accuracy:.4f}", "–", "–"]
    assert list(table["Shapes to check"]) == ["0, 4", "1", "2, 95"]
    assert not {"Optimizer", "Batch size", "Published"} & set(table)


@pytest.fixture
def with_few(with_toy: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The toy lab with experiments that differ in one setting each."""
    few = (
        Experiment("all", "All images"),
        Experiment("few", "Few images", {"data": {"images": 100}}),
        Experiment("distorted", "Distorted", {"train": {"augmentation": "handwriting"}}),
        Experiment("tanh", "With tanh", {"network": dense_network((32,), "tanh")}),
        Experiment("filters", "Six filters", {"network": toy_lab.CONVOLUTIONS}),
        Experiment("more", "Seven filters", {"network": SEVEN_FILTERS}),
    )
    lab = replace(with_toy, experiments=few, before_lesson=())
    monkeypatch.setitem(labs.LABS, "toy", lab)
    labs._experiments.cache_clear()
    return lab


SEVEN_FILTERS = replace(
    toy_lab.CONVOLUTIONS,
    layers=(toy_lab.CONVOLUTIONS.layers[0], Conv2D(7, 3, "relu"), *toy_lab.CONVOLUTIONS.layers[2:]),
)


@pytest.mark.usefixtures("with_few")
def test_a_run_on_fewer_images_says_which() -> None:
    at = visit("data", lab="toy", variant="few")
    said = all_texts(at)
    assert "validation 20%, the first 100 of 300 training images" in at.main.caption[0].value
    assert "This run takes the first 100 of the 300 training images" in said
    assert "the **last 20** of the 100 training images" in said
    assert "images 80 to 99. It trains on the first **80**" in said
    at = visit("data", lab="toy", variant="all")
    assert "the **last 60** of the 300 training images" in all_texts(at)
    assert "This run takes the first" not in all_texts(at)


@pytest.mark.usefixtures("with_few")
def test_every_setting_that_decides_a_run_is_shown() -> None:
    at = visit("overview", lab="toy", variant="distorted")
    table = at.main.dataframe[0].value.drop(columns=["Trial"])
    assert len(table.drop_duplicates()) == 6
    assert at.main.caption[0].value.endswith("validation 20%, augmentation: as if drawn by others")


def test_what_the_sheet_of_a_lab_wants_is_shown(with_toy: Lab, engine: Queue, toy_run: Run) -> None:
    spec = with_toy.experiment("far").spec(with_toy.on(toy_run.spec.data))
    record = json.loads((toy_run.folder / "run.json").read_text())
    for name in ("schema", "spec", "sha256"):
        del record[name]
    engine.store.save(spec, record, {name: toy_run.read(name) for name in toy_run.sha256})
    at = visit("data", lab="toy", variant="far")
    assert at.main.subheader[0].value == "The first 4 training images"
    at = visit("check", lab="toy", variant="far")
    assert [heading.value for heading in at.main.subheader] == ["Test image 2", "Test image 0"]
    assert at.main.info[0].value == (
        "Test image 95 is not among these: the 90 test images go from 0 to 89."
    )


def test_own_settings_begin_with_those_of_the_lab(toy_run: Run) -> None:
    at = visit("overview", variant="own", epochs=3)
    at.selectbox(key="lab").set_value("toy").run()
    at.selectbox(key="variant").set_value("own").run()
    assert "32 relu, adam 0.002, 20 epochs, batch 20" in at.main.caption[0].value
    assert at.query_params == {"lab": "toy", "variant": "own"}
    at.selectbox(key="lab").set_value("digits").run()
    assert at.selectbox(key="variant").value == "own"
    assert at.number_input(key="epochs").value == 3


@pytest.mark.parametrize(
    "network", [dense_network((64, 16), "tanh"), dense_network(), toy_lab.CONVOLUTIONS]
)
def test_own_settings_begin_as_on_the_command_line(
    network: NetworkSpec, with_toy: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = replace(with_toy, base=replace(with_toy.base, network=network))
    monkeypatch.setitem(labs.LABS, "toy", lab)
    at = visit("overview", lab="toy", variant="own")
    data = datasets.load(datasets.locate(toy.DATASET))
    there = labs.choose("toy", labs.OWN, DataSpec("toy", data.digest), {})
    assert at.session_state["choice"].spec.key == there.spec.key
    assert at.query_params == {"lab": "toy", "variant": "own"}


def test_a_lab_with_one_data_set_has_no_second_task(toy_run: Run) -> None:
    at = visit("results", lab="toy", variant="dense")
    assert not at.main.button


# Labs


def test_the_first_lab_opens_and_another_is_chosen(run: Run) -> None:
    at = visit("data")
    assert at.selectbox(key="lab").value == "digits"
    assert at.selectbox(key="variant").label == "Variant"
    at.selectbox(key="lab").set_value("optimizers").run()
    assert not at.exception
    assert at.query_params == {"lab": "optimizers"}
    assert at.title[0].value == "Data"
    assert "**RMSprop**: 256 relu, rmsprop 0.001, 5 epochs" in at.main.caption[0].value
    links = [link.proto.query_string for link in at.sidebar.get("page_link")]
    assert set(links) == {"lab=optimizers"}


@pytest.mark.parametrize(
    ("lab", "title"), [("digits", "Check digits"), ("optimizers", "Check images")]
)
def test_the_tab_of_a_page_has_the_name_that_the_lab_gives_it(
    lab: str, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [replace(CHECK, title="Check digits") if s is CHECK else s for s in ONE_RUN]
    monkeypatch.setitem(LABS, "digits", replace(LABS["digits"], steps=tuple(steps)))
    said: list[str] = []
    monkeypatch.setattr(st, "set_page_config", lambda **config: said.append(config["page_title"]))
    visit("check", lab=lab)
    assert said[-1] == title


def test_a_lab_without_the_page_opens_its_first_one() -> None:
    at = visit("rules", lab="optimizers")
    at.selectbox(key="lab").set_value("digits").run()
    assert not at.exception
    assert at.title[0].value == "Overview"
    assert at.query_params == {}


@pytest.mark.parametrize(
    ("page", "query", "lab"),
    [
        ("overview", {"variant": 3}, "digits"),
        ("check", {"index": 5}, "digits"),
        ("rate", {"finder": "sgd", "variant": 3}, "digits"),
        ("rules", {"rule": "sgd"}, "optimizers"),
        ("overview", {"lab": "optimizers", "variant": "sgd-nesterov"}, "optimizers"),
        ("class", {"lab": "optimizers"}, "optimizers"),
    ],
)
def test_an_address_says_the_lab_and_older_ones_mean_what_they_did(
    page: str, query: dict[str, Any], lab: str
) -> None:
    at = visit(page, **query)
    assert at.selectbox(key="lab").value == lab
    assert not at.error
    assert at.title[0].value == next(
        one.title for one in (*LABS[lab].steps, STEPS[page]) if one.name == page
    )


def test_a_lab_that_is_not_there_is_one_sentence() -> None:
    at = visit("overview", lab="chemistry")
    assert sentences(at) == ["Lab is chemistry: choose one of digits, letters, optimizers, signs."]
    assert at.selectbox(key="lab").value == "digits"


def test_what_was_chosen_in_a_lab_is_there_again_when_one_comes_back() -> None:
    at = visit("overview", variant=4, dataset="mnist")
    at.selectbox(key="lab").set_value("optimizers").run()
    assert at.selectbox(key="variant").value == "rmsprop"
    at.selectbox(key="variant").set_value("adam-0.8").run()
    at.selectbox(key="lab").set_value("digits").run()
    assert at.selectbox(key="variant").value == "4"
    assert at.query_params == {"variant": "4"}
    at.selectbox(key="lab").set_value("optimizers").run()
    assert at.selectbox(key="variant").value == "adam-0.8"


def test_the_table_of_a_lab_shows_what_its_experiments_differ_in() -> None:
    table = visit("overview", lab="optimizers").main.dataframe[0].value
    assert list(table) == ["Experiment", "Published", "Optimizer"]
    row = table.set_index("Experiment").loc["SGD, momentum 0.5, Nesterov"]
    assert row["Published"] == "0.9234"
    assert row["Optimizer"] == "sgd 0.01 momentum=0.5 nesterov=True"
    digits = visit("overview").main.dataframe[0].value
    assert list(digits) == [
        "Variant", "Hidden layers", "Epochs", "Batch size",
        "Validation split",
        "Samples", "Digits to check", "Mistakes to show",
    ]  # fmt: skip
    assert list(digits["Variant"]) == [*map(str, range(10))]


@needs_no_fashion
@pytest.mark.parametrize("step", [*LAB1, "class"])
def test_a_page_without_its_data_keeps_title_links_and_sidebar(step: str) -> None:
    at = visit(step, dataset="fashion-mnist")
    assert at.title[0].value == next(
        one.title for one in (*DIGITS.steps, CLASS) if one.name == step
    )
    assert len(at.sidebar.get("page_link")) == len(DIGITS.steps) + 1
    assert "Download all of Fashion-MNIST" in {one.label for one in at.main.button}
    assert len(sentences(at)) == (step != "class")
    if step not in ("class", "results"):
        following = DIGITS.steps[LAB1.index(step) + 1].title
        assert at.main.get("page_link")[-1].proto.label == f"Next: {following}"
    if step == "class":
        assert list(class_table(at).index)[:3] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("page", "query"),
    [("draw", {"source": "files", "brush": "24"}), ("class", {"cost": "seconds"})],
)
def test_an_address_may_speak_of_what_is_not_shown_now(page: str, query: dict[str, Any]) -> None:
    assert not visit(page, **query).error


@needs_no_fashion
@pytest.mark.parametrize("step", ["rules", "motion"])
def test_a_page_that_needs_no_images_does_without_them(step: str) -> None:
    at = visit(step, dataset="fashion-mnist")
    assert not sentences(at)
    assert at.main.get("latex")
    if step == "motion":
        at.selectbox(key="surface").set_value("network").run()
        [sentence] = sentences(at)
        assert sentence.startswith("Fashion-MNIST is not on this machine")


def test_a_second_task_is_the_lab_on_its_next_data_set(run: Run) -> None:
    at = visit("results", variant=TRAINED)
    [button] = at.main.button
    assert button.label == "Task 2: the same with Fashion-MNIST"
    button.click().run()
    assert at.title[0].value == "Data"
    assert at.selectbox(key="dataset").value == "fashion-mnist"
    assert at.query_params == {"variant": str(TRAINED), "dataset": "fashion-mnist"}


@pytest.mark.usefixtures("teacher")
def test_a_lab_that_names_no_lesson_has_nothing_to_train_before_it() -> None:
    at = visit("class", lab="optimizers")
    assert "Train all" not in [button.label for button in at.main.button]
    assert "SGD, momentum 0.5, Nesterov" in list(at.main.dataframe[0].value["Experiment"])


def test_an_error_in_a_part_that_refreshes_is_a_sentence_and_the_rest_stays() -> None:
    def page() -> None:
        import streamlit as st

        from core.errors import StoreError
        from pages.ui import layout

        @layout.fragment(run_every=1)
        def watch() -> None:
            raise StoreError("The store {value} is locked.", value="lab.db")

        watch()
        st.text("The rest")

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert [error.value for error in at.error] == ["The store lab.db is locked."]
    assert at.text[0].value == "The rest"
