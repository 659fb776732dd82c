"""Every page of a network that begins with a frozen one: chosen, trained, and looked at."""

import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core import labs
from core.engine import alone
from core.labs.digits import LAB as DIGITS
from core.labs.steps import CLASS, ONE_RUN
from core.networks import bases, blocks
from core.networks.bases import BASES
from core.networks.frozen import Frozen, Pretrained
from core.networks.known import CONVNET
from core.networks.layers import Dense
from core.report import archive
from core.specs import NetworkSpec, RunSpec
from core.store import Claim
from core.store.students import ASKED
from core.studies.experiment import Experiment, Statement
from core.studies.study import Study
from core.training.run import Outcome
from pages.ui import background, download, identity, sidebar, training
from tests import apptest, toy, toy_lab
from tests.apptest import TRAINED, Queue, button, images_of, spec_of, texts_of, visit
from tests.test_bases import TINY, save
from tests.test_pages import Marked, texts, untranslated_words, words

engine, outcome = apptest.engine, apptest.outcome  # fixtures

OF_PHOTOGRAPHS: dict[str, Any] = {
    **{"variant": "own", "build": "base", "epochs": 2, "images": 50},
    **{"base": "lite0", "side": 32, "scaling": "225", "layer1": 16},
}
OF_DIGITS: dict[str, Any] = {
    **{"variant": "own", "build": "base", "epochs": 2, "images": 60, "layers": 0},
    **{"augmentation": "handwriting", "copies": 2},
}
BOTH = [OF_PHOTOGRAPHS, OF_DIGITS]
"""Addresses of two runs; the second begins with the drawing model."""

LAYERS = "reshape conv2d conv2d_1 max_pooling2d"
MISSING = "The weights of VGG16 are not on this machine: put "


def spec_for(query: dict[str, Any]) -> RunSpec:
    """The run of such an address."""
    given = {name: query[name] for name in ("side", "scaling") if name in query}
    settings = {
        "base": labs.base(query.get("base", "drawing"), labs.open_store(), **given),
        "hidden": (query["layer1"],) if "layer1" in query else (),
        **{name: query.get(name) for name in ("epochs", "images", "augmentation", "copies")},
    }
    return labs.choose("digits", labs.OWN, images_of(), settings).spec


@pytest.fixture(scope="session")
def kept(small_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with both runs, really trained."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_DATA", str(small_mnist))
        patch.setenv("LAB_CACHE", str(folder))
        for query in BOTH:
            alone.train(spec_for(query), labs.open_store(), lambda claim: None)
    return folder


@pytest.fixture(autouse=True)
def digits(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))


@pytest.fixture
def trained(kept: Path, cache: Path) -> None:
    """Both runs, in the store of this test."""
    shutil.copytree(kept / "runs", cache / "runs")


def table(at: AppTest, column: str) -> Any:
    """The one table on a page that has this column."""
    [found] = [one.value for one in at.main.dataframe if column in one.value]
    return found


# Own settings


@pytest.mark.parametrize("query", BOTH)
def test_an_address_says_what_the_network_begins_with(query: dict[str, Any]) -> None:
    at = visit("overview", **query)
    assert at.session_state.choice.spec == spec_for(query)
    assert at.query_params == {name: str(value) for name, value in query.items()}
    assert not at.error


def test_the_widgets_of_a_base_are_those_that_it_needs(engine: Queue) -> None:
    at = visit("overview", variant="own")
    at.selectbox(key="build").set_value("base").run()
    spec = at.session_state.choice.spec
    assert spec.network == NetworkSpec((labs.base("drawing", engine.store), Dense(128, "relu")))
    keys = {widget.key for widget in (*at.number_input, *at.selectbox)}
    assert not keys & {"side", "scaling", "copies"}
    at.selectbox(key="base").set_value("lite0").run()
    at.selectbox(key="augmentation").set_value("moves").run()
    at.number_input(key="copies").set_value(3).run()
    spec = at.session_state.choice.spec
    assert spec.network.base == Pretrained("lite0", 96)
    assert (spec.train.augmentation, spec.train.copies) == ("moves", 3)
    said = at.main.caption[0].value
    assert "EfficientNet-Lite0 (96 px), frozen, 1 Dense, adam 0.001" in said
    assert "zoomed 7.5%, changed copies: 3" in said
    at.selectbox(key="build").set_value("dense").run()
    assert at.session_state.choice.spec.train.copies == 0
    assert not at.error


def test_a_pre_trained_network_has_its_own_size_of_images() -> None:
    at = visit("overview", **OF_PHOTOGRAPHS)
    at.selectbox(key="base").set_value("vgg16").run()
    assert at.number_input(key="side").value == BASES["vgg16"].side
    assert "side" not in at.query_params


def test_a_student_begins_with_a_run_of_their_own(
    engine: Queue, outcome: tuple[RunSpec, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(st.context), "cookies", {identity.COOKIE: "ada"})
    conv = replace(spec_of(TRAINED), network=CONVNET)
    for spec in (conv, spec_of(TRAINED)):
        engine.store.save(spec, outcome[1].record, outcome[1].files)
        engine.store.students.mark_done("ada", spec.key, ASKED)
    at = visit("overview", variant="own", build="base")
    options = at.selectbox(key="base").options
    assert options[-1].startswith("MNIST: 2 Conv2D, adam 0.001, 7 epochs · seed 0")
    assert len(options) == len(BASES) + 2, "the run without convolutions is none"
    at.selectbox(key="base").set_value(conv.key).run()
    base = at.session_state.choice.spec.network.base
    assert base == Frozen(conv.key, CONVNET.behind)
    assert at.query_params["base"] == conv.key
    monkeypatch.setattr(type(st.context), "cookies", {identity.COOKIE: "grace"})
    at = visit("overview", variant="own", build="base", base=conv.key)
    assert at.session_state.choice.spec.network.base == base


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("resnet", "There is no base resnet: choose one of lite0, vgg16, mobilenet\\_v2, drawing,"),
        ("", "There is no base : choose one of"),
    ],
)
def test_an_address_with_no_such_base_says_so(base: str, sentence: str) -> None:
    at = visit("overview", variant="own", build="base", base=base)
    assert at.error[0].value.startswith(sentence)
    assert at.selectbox(key="base").value == "drawing"


@pytest.mark.parametrize("query", BOTH)
@pytest.mark.usefixtures("trained")
def test_what_to_try_next_keeps_the_base(query: dict[str, Any], engine: Queue) -> None:
    at = visit("train", **query)
    button(at, "The same with seed 1").click().run()
    [claim] = engine.store.claims()
    spec = spec_for(query)
    assert claim.spec == replace(spec, train=replace(spec.train, seed=1))
    assert at.session_state.choice.spec == claim.spec
    assert not at.error


def test_what_augmentation_shows_is_taken_behind_a_base() -> None:
    query = {**OF_PHOTOGRAPHS, "lab": "signs", "dataset": "mnist"}
    at = visit("augmentation", **query)
    button(at, "Take what is shown into own settings").click().run()
    train = at.session_state.choice.spec.train
    assert (train.augmentation, train.copies) == ("moves", 5)
    assert not at.error


# Weights that are not here


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Downloads are allowed; that of VGG16 brings a small one, and there are no others."""
    monkeypatch.setenv("LAB_OFFLINE", "")
    monkeypatch.setattr(download, "start", lambda wanted: None)
    monkeypatch.setitem(BASES, "vgg16", replace(BASES["vgg16"], architecture=TINY))
    background.forget("vgg16")

    def fetch(name: str, progress: Any) -> None:
        bases.download_folder().mkdir(parents=True)
        draw = np.random.default_rng(0)
        arrays = [draw.normal(size=shape).astype(np.float32) for shape in blocks.shapes(TINY)]
        save(bases.download_folder() / BASES[name].file, arrays)

    monkeypatch.setattr(bases, "fetch", fetch)


def test_weights_that_are_not_here_are_one_sentence() -> None:
    at = visit("network", variant="own", build="base", base="vgg16")
    assert [error.value[: len(MISSING)] for error in at.error] == [MISSING]
    assert not at.main.button, "nothing is downloaded offline"


@pytest.mark.usefixtures("allowed")
def test_weights_are_downloaded_by_a_button() -> None:
    at = visit("network", variant="own", build="base", base="vgg16")
    button(at, "Download the weights of VGG16 (0 MB)").click().run()
    work = background.find("vgg16")
    assert work
    assert work.ended.wait(5)
    at.run()
    assert not at.error
    base = at.session_state.choice.spec.network.base
    assert base == labs.base("vgg16", labs.open_store())
    assert base.digest


# Training


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (OF_PHOTOGRAPHS, ["**Frozen: EfficientNet-Lite0 (32 px, / 225).**", "each of 250 images"]),
        (OF_DIGITS, ["**Frozen: drawing model.**", "each of 356 images", "makes 2 changed copies"]),
    ],
)
def test_before_the_start_stands_what_is_computed_once(
    query: dict[str, Any], expected: list[str]
) -> None:
    said = texts_of(visit("train", **query))
    for text in expected:
        assert text in said


def test_while_features_are_computed_the_page_counts_images() -> None:
    spec = spec_for(OF_DIGITS)
    at = Claim(spec.key, spec, "x", "preparing", steps_done=1150, steps=3000, seconds=2.3)
    assert training.text(at, None) == (
        "The frozen layers compute their numbers for each image, once: 1,150 of 3,000, about 4 s"
    )


# Looking at it


def names() -> set[str]:
    """Words that no translation changes: of pre-trained networks, of runs and of Keras."""
    known = [
        f"{name} {one.title} {one.licence} {one.home} {one.file}" for name, one in BASES.items()
    ]
    return set(
        words(" ".join([*known, labs.drawing_model(), str(bases.locate("lite0")), "px", LAYERS]))
    )


@pytest.mark.parametrize("step", [*(one.name for one in ONE_RUN), CLASS.name])
@pytest.mark.usefixtures("trained")
def test_every_page_has_its_say_about_such_a_run(step: str) -> None:
    for query in BOTH[: 1 if step == "results" else 2]:  # which draws pictures, for two seconds
        at = visit(step, Marked(), **query)
        assert not [one.value for one in (*at.error, *at.warning)]
        assert "is not trained yet" not in texts_of(at)
        assert ("what was trained" in texts_of(at)) == (step == "results")
        assert not set().union(*map(untranslated_words, texts(at))) - names()


@pytest.mark.usefixtures("trained")
def test_frozen_layers_are_marked_and_their_weights_counted_apart() -> None:
    at = visit("network", **OF_PHOTOGRAPHS)
    assert list(table(at, "trained")["trained"]) == ["frozen", "yes", "yes"]
    said = texts_of(at)
    frozen, trained = blocks.weights(BASES["lite0"].architecture), 1280 * 16 + 16 + 170
    assert f"**Trained: {trained:,} weights. Not trained: {frozen:,} weights**" in said
    assert "Keras has no EfficientNet-Lite0: in this code `lite0` stands for it." in said
    assert "model.layers[:-2]:\n    layer.trainable = False" in at.main.code[0].value
    assert "What convolutions see" not in [one.value for one in at.main.subheader]
    at = visit("network", **OF_DIGITS)
    assert "The 32 filters of **conv2d**" in texts_of(at)
    assert "Non-trainable params: 64,992" in at.main.code[1].value


@pytest.mark.usefixtures("trained")
def test_a_picture_is_read_by_such_a_network() -> None:
    picture = io.BytesIO()
    Image.fromarray(np.pad(np.zeros((40, 8), np.uint8), 20, constant_values=255)).save(
        picture, "PNG"
    )
    for query in BOTH:
        at = visit("draw", source="files", **query)
        place: Any = at.main.get("file_uploader")[0]
        place.set_value([("one.png", picture.getvalue(), "image/png")])
        at.run()
        assert [one.label for one in at.metric] == ["Answer", "Answer"], "beside the drawing model"
        assert not at.error


@pytest.mark.usefixtures("trained")
def test_the_zip_says_what_was_frozen() -> None:
    for query, settings, readme in (
        (OF_PHOTOGRAPHS, "Layer 1, frozen: keras.layers.Reshape((28, 28, 1)), ", True),
        (OF_DIGITS, "Augmentation: as if drawn by others, changed copies: 2\n", False),
    ):
        run = labs.open_store().find(spec_for(query).key)
        assert run
        data = datasets.load(datasets.locate(datasets.definition("mnist")))
        choice = labs.Choice(DIGITS, None, run.spec)
        with zipfile.ZipFile(io.BytesIO(archive.results_zip(run, data, choice, {}))) as files:
            said = files.read("settings.txt").decode()
            assert settings in said
            assert all(": " in line for line in said.splitlines()), "a line for each setting"
            alone = (
                "holds the layers behind EfficientNet-Lite0" in files.read("README.txt").decode()
            )
            assert alone == readme


# The pages Data and Compare of a lab that has such rows


def row(name: str, statement: Statement | None = None) -> Experiment:
    network = NetworkSpec((Pretrained(name, 32), Dense(8, "relu")))
    return Experiment(name, BASES[name].title, {"network": network}, statement=statement)


@pytest.fixture
def with_rows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the toy lab a study of these rows."""
    monkeypatch.setitem(datasets.DATASETS, "toy", toy.DATASET)
    labs._experiments.cache_clear()

    def give(*rows: Experiment) -> None:
        study = Study("T", "Transfer", toy_lab.BASE, rows)
        monkeypatch.setitem(labs.LABS, "toy", replace(toy_lab.LAB, studies=(study,)))
        titles = {lab.name: lab.title for lab in labs.LABS.values()}
        monkeypatch.setattr(sidebar, "LAB", replace(sidebar.LAB, choices=titles))

    return give


def test_a_study_leaves_out_rows_whose_network_is_not_here(
    with_rows: Callable[..., None], engine: Queue
) -> None:
    plain = Experiment("plain", "Plain", statement=Statement("worse", "vgg16"))
    with_rows(plain, row("lite0", Statement("better", "plain")), row("vgg16"))
    at = visit("compare", lab="toy", seeds=1)
    said = texts_of(at)
    assert "Left out are the rows" in said
    assert said.count(MISSING) == 1
    assert not at.error
    button(at, "Start").click().run()
    networks = {claim.spec.network.base for claim in engine.store.claims()}
    assert networks == {None, Pretrained("lite0", 32)}


def test_a_study_of_which_no_row_is_left_says_so(with_rows: Callable[..., None]) -> None:
    with_rows(row("vgg16"))
    at = visit("compare", lab="toy")
    assert [error.value for error in at.main.error] == ["No row of this study is left."]
    assert MISSING in texts_of(at)


def test_the_data_page_lists_pre_trained_networks_where_they_are_needed(
    with_rows: Callable[..., None],
) -> None:
    with_rows(row("lite0"))
    at = visit("data", lab="toy", variant="dense")
    listed = table(at, "licence")
    assert list(listed["network"]) == [known.title for known in BASES.values()]
    assert list(listed["on this computer"]) == ["19 MB", "no", "no"]
    assert texts_of(at).count("are not on this machine") == 2
    assert not [one for one in visit("data", variant=TRAINED).main.dataframe if "file" in one.value]
