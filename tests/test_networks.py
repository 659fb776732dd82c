"""A network is a list of layers; what follows from it is what Keras makes, prints and computes."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import labs
from core.errors import UsageError
from core.networks import forward
from core.networks.frozen import Pretrained, base_of_run
from core.networks.known import LENET_5, SIGNS
from core.networks.layers import (
    HIDDEN_ACTIVATIONS,
    LAYERS,
    AveragePooling2D,
    BatchNormalization,
    Channel,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
)
from core.networks.structure import LayerRow, rows, weights
from core.networks.summary import keras_code, keras_summary
from core.specs import NetworkSpec, dense_network

DRAWING: NetworkSpec = labs.lab("digits").experiment("drawing").changes["network"]
DIGITS = ((28, 28), 10)
TOY = ((20, 24), 3)

NETWORKS = [
    dense_network(()),
    dense_network((1,)),
    dense_network((128,)),
    dense_network((256, 256)),
    dense_network((300, 7), "tanh"),
    dense_network((1024,) * 5),
    NetworkSpec((Flatten(), Dense(9, "elu"), Dropout(0.25), Dense(5))),
    DRAWING,
    dense_network((12, 5, 1), l2=0.001, dropout=(0.1, 0.0, 0.2), batch_normalisation=True),
    dense_network((9, 8), ("tanh", "relu"), l1=(0.01, 0), l2=0.5, initializer="he_normal"),
    NetworkSpec((Channel(), Conv2D(2, 3, "relu", 0.1), BatchNormalization(), Flatten())),
    NetworkSpec(
        (
            Channel(),
            Conv2D(3, 4, "tanh", padding="same"),
            AveragePooling2D(3),
            MaxPooling2D(5),
            Flatten(),
        )
    ),
    SIGNS,
    LENET_5,
]
CASES = [(network, *DIGITS) for network in NETWORKS] + [
    (network, *TOY) for network in (dense_network((16,)), DRAWING)
]


@pytest.fixture
def new_session(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras as a student starts it: names of layers are numbered for each session."""
    import keras

    monkeypatch.setenv("COLUMNS", "80")
    keras.backend.clear_session()
    yield
    keras.backend.clear_session()


def built(found: tuple[LayerRow, ...], seed: int = 0) -> Any:
    from core.networks.build import build

    return build(found, seed)


def saved(model: Any, folder: Path) -> bytes:
    model.save(folder / "model.keras")
    return (folder / "model.keras").read_bytes()


def images(count: int, shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_worked_example_of_the_sheet() -> None:
    found = rows(dense_network((128,)), *DIGITS)
    assert [(row.name, row.type, row.output, row.weights) for row in found] == [
        ("flatten", "Flatten", 784, 0),
        ("dense", "Dense", 128, 100_480),
        ("dense_1", "Dense", 10, 1_290),
    ]
    assert found[1].share == pytest.approx(100_480 / 101_770)
    assert weights(dense_network((128,)), *DIGITS) == 101_770


def test_the_network_of_the_report_on_hand_signs() -> None:
    found = rows(SIGNS, (28, 28), 24)
    assert [row.weights for row in found if row.weights] == [1088, 65_600, 36_928, 32_896, 3096]
    assert [row.shape for row in found if row.type == "MaxPooling2D"] == [
        (14, 14, 64),
        (7, 7, 64),
        (2, 2, 64),
    ]


def test_lenet_5_has_the_layers_of_the_paper() -> None:
    found = rows(LENET_5, *DIGITS)
    assert [row.weights for row in found if row.weights] == [156, 2416, 48_120, 10_164, 850]
    assert [row.shape for row in found][1:5] == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)]


def test_what_goes_in_and_out_comes_from_the_data_set() -> None:
    found = rows(dense_network((16,)), *TOY)
    assert [row.shape for row in found] == [(480,), (16,), (3,)]
    assert "keras.Input((20, 24))" in keras_code(found)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shares_add_up_to_one(case: Any) -> None:
    assert math.isclose(sum(row.share for row in rows(*case)), 1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shapes_and_weights_are_those_of_keras(case: Any) -> None:
    found = rows(*case)
    for row, layer in zip(found, built(found).layers, strict=True):
        assert (row.type, (None, *row.shape)) == (type(layer).__name__, layer.output.shape)
        assert row.weights == layer.count_params()


@pytest.mark.usefixtures("new_session")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_summary_is_what_keras_prints(case: Any) -> None:
    printed: list[str] = []
    found = rows(*case)
    built(found).summary(print_fn=printed.append)
    assert keras_summary(found) == "\n".join(printed).rstrip("\n")


@pytest.mark.usefixtures("new_session")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_code_builds_the_network_that_is_trained(
    case: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    found = rows(*case)
    exec(keras_code(found), names)
    assert keras_summary(found) in capsys.readouterr().out
    made = [layer.get_config() for layer in names["model"].layers]
    expected = [layer.get_config() for layer in built(found).layers]
    chance = ("kernel_initializer", "seed", "name")  # the code leaves them to Keras
    for one, other in zip(made, expected, strict=True):
        assert {k: v for k, v in one.items() if k not in chance} == {
            k: v for k, v in other.items() if k not in chance
        }


@pytest.mark.usefixtures("new_session")
def test_the_code_of_frozen_layers_leaves_them_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = NetworkSpec((base_of_run(DRAWING, "mnist-1"), Dense(5, "relu")))
    found = rows(network, *DIGITS)
    exec(keras_code(found), {})
    assert keras_summary(found) in capsys.readouterr().out
    assert "Non-trainable params: 64,992" in keras_summary(found)


FORWARD = [
    *((dense_network((16,), activation), *DIGITS) for activation in HIDDEN_ACTIVATIONS),
    (dense_network(()), *DIGITS),
    (dense_network((20, 8, 12), "tanh"), *TOY),
    (DRAWING, *DIGITS),
    (DRAWING, *TOY),
    (NetworkSpec((Channel(), Conv2D(3, 5, "tanh"), Conv2D(2, 2), Flatten())), *TOY),
    *((network, *DIGITS) for network in NETWORKS if BatchNormalization() in network.layers),
    *((network, *TOY) for network in NETWORKS[-3:]),
]


@pytest.mark.parametrize("case", FORWARD, ids=str)
def test_numpy_says_what_keras_says(case: Any, tmp_path: Path) -> None:
    from core.training import evaluation

    found = rows(*case)
    model = built(found, seed=1)
    for variable in model.weights:  # what starts as zeros or ones would hide a mistake
        if variable.name != "kernel":
            variable.assign(np.random.default_rng(2).uniform(0.1, 0.7, variable.shape))
    network = forward.load(found, saved(model, tmp_path))
    some = images(forward.BATCH + 3, case[1])
    outputs = network.probabilities(some)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, evaluation.predict(model, some), atol=1e-5)


def test_activations_of_every_layer_are_those_of_keras(tmp_path: Path) -> None:
    import keras

    found = rows(DRAWING, *TOY)
    model = built(found, seed=1)
    network = forward.load(found, saved(model, tmp_path))
    some = images(4, TOY[0])
    activations = network.activations(some)
    assert list(activations) == [row.name for row in found]
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    for row, expected in zip(found, every(some.astype(np.float32) / 255), strict=True):
        assert activations[row.name].shape == (4, *row.shape)
        np.testing.assert_allclose(activations[row.name], np.asarray(expected), atol=1e-4)


def test_a_diverged_network_says_nan_without_a_warning(tmp_path: Path) -> None:
    found = rows(dense_network((4,)), *DIGITS)
    model = built(found)
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    network = forward.load(found, saved(model, tmp_path))
    assert np.isnan(network.probabilities(images(1, DIGITS[0]))).all()


def test_weights_follow_from_the_seed_alone_and_are_keras_s() -> None:
    import keras

    found = rows(dense_network((6, 5)), *DIGITS)
    keras.utils.set_random_seed(3)
    names: dict[str, Any] = {}
    exec(keras_code(found).replace("model.summary()", ""), names)
    ours = built(found, seed=3)
    for one, other in zip(ours.weights, names["model"].weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert (built(found, seed=4).weights[0].numpy() != ours.weights[0].numpy()).any()


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_network_survives_json(network: NetworkSpec) -> None:
    assert NetworkSpec.from_list(json.loads(json.dumps(network.to_list()))) == network


def test_every_kind_of_layer_is_tested_here() -> None:
    tested = {type(layer) for network, *_ in CASES for layer in network.layers}
    assert tested == set(LAYERS.values()) - {Pretrained}, "which has tests of its own"


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((Dense(5),), "Dense cannot follow numbers of the shape 20 × 24"),
        ((Conv2D(5, 3),), "Conv2D cannot follow"),
        ((Flatten(), MaxPooling2D()), "MaxPooling2D cannot follow numbers of the shape 480"),
        ((Channel(), Channel()), "cannot follow"),
        ((Channel(), Conv2D(4, 11), Conv2D(4, 11)), "leaves nothing of a picture of 10 × 14"),
        ((Channel(), MaxPooling2D(8), MaxPooling2D(3)), "MaxPooling2D leaves nothing of .* 2 × 3"),
        ((Channel(), *[MaxPooling2D()] * 5), "leaves nothing of a picture of 1 × 1"),
    ],
)
def test_layers_that_do_not_fit_are_refused_in_a_sentence(layers: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        rows(NetworkSpec(layers), *TOY)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(0),
        lambda: Dense(1025),
        lambda: Dense(10, "swish2"),
        lambda: Conv2D(0, 3),
        lambda: Conv2D(8, 12),
        lambda: Conv2D(8, 3, padding="full"),
        lambda: MaxPooling2D(1),
        lambda: AveragePooling2D(9),
        lambda: Dropout(0.91),
        lambda: Dropout(-0.1),
        lambda: NetworkSpec(()),
        lambda: dense_network((10,), "softmax"),
        lambda: dense_network((10,) * 6),
        lambda: dense_network((10,), dropout=1),
        lambda: dense_network((10,), l2=-0.001),
        lambda: dense_network((), l1=-0.001),
        lambda: dense_network((10,), initializer="zeros"),
        lambda: dense_network((10, 5, 4), l2=(0.1, 0.2)),
        lambda: Conv2D(8, 3, l2=1.1),
    ],
)
def test_layers_beyond_the_limits_are_refused(make: Any) -> None:
    with pytest.raises(UsageError):
        make()


def test_multiplications_are_counted_for_each_place_of_a_filter() -> None:
    found = rows(NetworkSpec((Channel(), Conv2D(2, 3), Flatten())), *TOY)
    assert [row.layer.products(row.inputs) for row in found] == [
        0,
        18 * 22 * 2 * 9,
        0,
        18 * 22 * 2 * 3,
    ]


@pytest.mark.parametrize("name", HIDDEN_ACTIVATIONS)
def test_activations_are_known_to_keras(name: str) -> None:
    import keras

    assert keras.activations.get(name) is not None


def test_each_dropout_forgets_other_neurons_and_the_first_by_the_seed_of_the_run() -> None:
    layers = (Flatten(), Dropout(0.5), Dropout(0.5), Dropout(0.5))

    def dropped(seed: int) -> list[bytes]:
        model = built(rows(NetworkSpec(layers), *DIGITS), seed)
        found = [layer for layer in model.layers if type(layer).__name__ == "Dropout"]
        assert found[0].seed == seed
        return [np.asarray(one(np.ones((1, 784)), training=True)).tobytes() for one in found]

    first, again, other = dropped(0), dropped(0), dropped(1)
    assert first == again
    assert len({*first, *other}) == 6


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((Channel(), Conv2D(128, 3), Flatten(), Dense(1024)), "weights to train"),
        (
            (Channel(), *[Conv2D(64, 11, padding="same")] * 9, Flatten()),
            "multiplications for an image",
        ),
        ((Channel(), Conv2D(512, 1), MaxPooling2D(7), Flatten()), "numbers that a layer passes on"),
    ],
)
def test_a_network_that_would_fill_a_class_s_memory_is_refused(
    layers: tuple[Layer, ...], sentence: str
) -> None:
    with pytest.raises(UsageError, match=f"The network is too large: [0-9,]+ {sentence}, and"):
        rows(NetworkSpec(layers), (28, 28), 10)
