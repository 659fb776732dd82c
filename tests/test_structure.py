"""The structure computed from a spec is the one Keras builds and prints."""

import math
from typing import Any

import pytest

from core.networks.summary import keras_code, keras_summary, layers, sizes
from core.specs.run import ModelSpec

SPECS = [
    ModelSpec(()),
    ModelSpec((1,)),
    ModelSpec((128,)),
    ModelSpec((256, 256)),
    ModelSpec((300, 7), activation="tanh"),
    ModelSpec((1024,) * 5),
    ModelSpec(kind="drawing"),
]


def test_worked_example_of_the_sheet():
    assert sizes(ModelSpec((128,))) == [784, 128, 10]
    rows = layers(ModelSpec((128,)))
    assert [(row.name, row.type, row.output, row.weights) for row in rows] == [
        ("flatten", "Flatten", 784, 0),
        ("dense", "Dense", 128, 100_480),
        ("dense_1", "Dense", 10, 1_290),
    ]
    assert rows[1].share == pytest.approx(100_480 / 101_770)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_shares_add_up_to_one(spec):
    assert math.isclose(sum(row.share for row in layers(spec)), 1)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_summary_is_what_keras_prints(spec, monkeypatch):
    import keras

    from core.networks.build import build

    monkeypatch.setenv("COLUMNS", "80")
    keras.backend.clear_session()  # layer names are numbered for each session
    printed: list[str] = []
    build(spec, seed=0).summary(print_fn=printed.append)
    assert keras_summary(spec) == "\n".join(printed).rstrip("\n")


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_code_builds_the_network_that_is_trained(spec, monkeypatch, capsys):
    import keras

    from core.networks.build import build

    monkeypatch.setenv("COLUMNS", "80")
    keras.backend.clear_session()
    names: dict[str, Any] = {}
    exec(keras_code(spec), names)
    assert keras_summary(spec) in capsys.readouterr().out
    model = names["model"]
    keras.backend.clear_session()
    expected = build(spec, seed=0)
    assert [_shape(layer) for layer in model.layers] == [_shape(layer) for layer in expected.layers]


def _shape(layer):
    activation = getattr(layer, "activation", None)
    return type(layer), layer.output.shape, layer.count_params(), activation
