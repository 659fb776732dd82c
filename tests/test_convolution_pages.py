"""What convolutions see, and what augmentation does to an image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core import labs
from core.charts.pictures import shades
from core.networks.notation import network_lines
from core.training.run import run as train
from pages.ui import sidebar
from tests import apptest, toy, toy_lab
from tests.apptest import Queue, button, texts_of, visit

engine = apptest.engine  # a fixture


@pytest.fixture(autouse=True)
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy data set and the toy lab among the others."""
    monkeypatch.setitem(datasets.DATASETS, "toy", toy.DATASET)
    monkeypatch.setitem(labs.LABS, "toy", toy_lab.LAB)
    titles = {lab.name: lab.title for lab in labs.LABS.values()}
    monkeypatch.setattr(sidebar, "LAB", replace(sidebar.LAB, choices=titles))


def shown(at: AppTest) -> dict[str, str]:
    """The pictures on a page, by what is said of them: their addresses."""
    elements = [one for one in at.main if one.type in ("image", "imgs")]
    images = [image for one in elements for image in MessageToDict(one.proto)["imgs"]]
    return {image["alt"]: image["url"] for image in images}


def test_filters_and_feature_maps_are_shown_once_the_network_is_trained(engine: Queue) -> None:
    query: dict[str, Any] = {"lab": "toy", "variant": "own", "build": "stack", "index": 3}
    query |= {"epochs": 1, "stack": ",".join(network_lines(toy_lab.CONVOLUTIONS))}
    at = visit("network", **query)
    assert "Once this network is trained" in texts_of(at)
    assert not at.error, "the image of the address comes later"
    spec = at.session_state.choice.spec
    trained = train(spec, lambda moment: None)
    engine.store.save(spec, trained.record, trained.files)
    at = visit("network", **query)
    said = texts_of(at)
    assert "The 6 filters of **conv2d**, each 3 × 3 weights" in said
    for layer in ("conv2d**: 18 × 22 × 6", "max_pooling2d**: 9 × 11 × 6", "conv2d_1**: 7 × 9 × 8"):
        assert f"**{layer}" in said
    name = toy.DATASET.class_names[datasets.load(datasets.locate(toy.DATASET)).y_test[3]]
    assert [*shown(at)] == [
        "The filters of conv2d",
        f"Test image 3, a picture of {name}",
        *(f"What {layer} makes of the image" for layer in ("conv2d", "max_pooling2d", "conv2d_1")),
    ]


def test_a_network_without_convolutions_has_no_filters() -> None:
    at = visit("network", lab="toy", variant="dense")
    assert "What convolutions see" not in [one.value for one in at.main.subheader]


def test_shades_of_numbers() -> None:
    assert shades(np.array([0.0, 1.0, 2.0])).tolist() == [255, 128, 0]
    assert shades(np.array([-1.0, 0.0, 2.0])).tolist() == [191, 128, 0]
    assert shades(np.zeros(2)).tolist() == [255, 255]
    assert shades(np.array([np.nan, 0.0, np.inf])).tolist() == [255, 255, 255]


def test_an_image_is_shown_under_so_many_draws() -> None:
    at = visit("augmentation", lab="toy", variant="conv")
    pictures = [shown(at)]
    at.slider(key="rotation").set_value(40.0).run()
    pictures.append(shown(at))
    at.radio(key="kinds").set_value("shift").run()
    pictures.append(shown(at))
    changed = "The same image, changed in 24 ways"
    assert len({picture.pop(changed) for picture in pictures}) == 3
    assert pictures[0] == pictures[1] == pictures[2], "the image itself stays"
    assert at.query_params["rotation"] == "40.0"
    button(at, "Take what is shown into own settings").click().run()
    spec = at.session_state.choice.spec
    assert spec.train.augmentation == "moves rotation=0 shear=0 zoom=0"
    assert spec.network == toy_lab.CONVOLUTIONS
    assert not at.error
