"""Lab 2: its runs, its own settings and the pages that only it has."""

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import labs
from core.labs.letters import D2, DROPOUT, L2, LAB
from core.networks import structure
from core.networks.build import build
from core.networks.known import CONVNET, LENET_5
from core.networks.layers import Dropout
from core.networks.notation import network_from
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec, training_images
from core.specs.schedules import StepDecay
from core.training.run import Outcome, _keras_file
from pages.ui import own_settings
from tests import apptest
from tests.apptest import TRAINED, Queue, button, images_of, texts_of, turn_to, visit

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run  # fixtures
looked_at = apptest.looked_at

LETTERS = DataSpec("notmnist")


def test_its_network_and_its_images_are_those_of_the_sheet() -> None:
    assert training_images(210_000, LAB.base.train.validation_split) == 200_000
    rows = structure.rows(LAB.base.network, (28, 28), 10)
    assert [row.weights for row in rows] == [0, 100_480, 33_024, 32_896, 8_256, 650]
    assert [f"{row.share:.1%}" for row in rows[1:]] == ["57.3%", "18.8%", "18.8%", "4.7%", "0.4%"]


def test_a_run_that_two_rows_share_is_trained_once() -> None:
    by_name = {row.name: D2.spec(row, 0, LETTERS) for row in D2.rows}
    assert by_name["listing"] == by_name["l2-dropout"] != by_name["decay"]
    assert len(D2.specs(3, LETTERS)) == 15


@pytest.mark.parametrize("study", [L2, DROPOUT], ids=lambda study: study.name)
def test_a_sweep_begins_with_the_plain_network(study: Any) -> None:
    values = [float(row.name) for row in study.rows]
    assert values == sorted(set(values))
    assert study.spec(study.rows[0], 0, LETTERS) == replace(LAB.base, data=LETTERS)


# Own settings


SPEC = RunSpec(
    DataSpec("mnist", unique=True),
    dense_network((8, 6), "tanh", l2=(0.1, 0), dropout=0.5, initializer="he_normal"),
    optimizer_spec("sgd", 0.5, {"momentum": 0.9, "nesterov": True}),
    TrainSpec(7, 50, 0.1, 3, schedule=StepDecay(factor=0.25, every=2), early_stopping=2),
)


def chosen(at: AppTest) -> RunSpec:
    """What the sidebar says, on images of any content."""
    spec: RunSpec = at.session_state.choice.spec
    return replace(spec, data=replace(spec.data, digest=""))


STACK = replace(
    SPEC,
    network=network_from("Channel, Conv2D 4 3 relu l2=0.1 padding=same, MaxPooling2D 3, Flatten"),
    train=TrainSpec(7, 50, 0.1, augmentation="moves rotation=5 zoom=0"),
)


@pytest.mark.parametrize("spec", [SPEC, STACK], ids=["dense", "stack"])
def test_own_settings_can_say_every_setting_and_say_it_in_the_address(spec: RunSpec) -> None:
    values = own_settings._values(spec)
    known = {field.name: field for field in own_settings.of(labs.LABS["digits"])}
    query: dict[str, Any] = {name: known[name].text(value) for name, value in values.items()}
    at = visit("overview", variant="own", **query)
    assert not at.error
    assert chosen(at) == spec
    at.query_params.clear()
    turn_to(at, "network").run()
    assert chosen(at) == spec


def passed_on(at: AppTest) -> list[str]:
    """What the sidebar says of each layer."""
    [text] = [one.value for one in at.sidebar.caption if one.value.startswith("What each layer")]
    return text.split("  \n")[1:]


def test_a_network_is_built_layer_by_layer_with_its_shapes() -> None:
    at = visit("overview", variant="own", build="stack")
    assert chosen(at).network == CONVNET
    at.selectbox(key="known_network").set_value("lenet-5").run()
    assert chosen(at).network == LENET_5
    assert passed_on(at) == [
        "Channel → 28 × 28 × 1",
        "Conv2D → 28 × 28 × 6",
        "AveragePooling2D → 14 × 14 × 6",
        "Conv2D → 10 × 10 × 16",
        "AveragePooling2D → 5 × 5 × 16",
        "Flatten → 400",
        "Dense → 120",
        "Dense → 84",
        "Dense → 10",
    ]
    at.selectbox(key="added_layer").set_value("Dropout").run()
    assert chosen(at).network.layers == (*LENET_5.layers, Dropout(0.5))
    at.selectbox(key="added_layer").set_value("MaxPooling2D").run()
    assert [error.value for error in at.error] == [
        "MaxPooling2D cannot follow numbers of the shape 84: put it before Flatten."
    ]
    assert passed_on(at)[-1] == "Dropout → 84"
    assert f":red[{at.error[0].value}]" in [caption.value for caption in at.sidebar.caption]
    at.text_area(key="stack").set_value("Channel\nMaxPooling2D 8\nConv2D 8 5 relu").run()
    assert [error.value for error in at.error] == [
        "Conv2D leaves nothing of a picture of 3 × 3: use fewer or smaller layers."
    ]
    at.selectbox(key="build").set_value("dense").run()
    assert not at.error
    assert chosen(at).network == dense_network((128,))


def test_few_settings_stand_open_and_the_others_in_groups() -> None:
    query: dict[str, Any] = {"schedule": "step", "step_every": 3}
    at = visit("overview", variant="own", **query)
    groups = [one.proto for one in at.sidebar.expander]
    assert [(one.label, one.expanded) for one in groups] == [
        ("Own settings", True),
        ("Each hidden layer", False),
        ("Optimizer and learning rate", False),
        ("When to stop, and on which images", False),
        ("Augmentation", False),
    ]
    assert chosen(at).train.schedule == StepDecay(every=3)
    at.number_input(key="layers").set_value(0).run()
    assert "Each hidden layer" not in [one.label for one in at.sidebar.expander]
    assert not at.error


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"dropout": "0.1,x"}, "Dropout is x: give a number from"),
        ({"l2": "-1"}, "L2 is -1.0: give a number from"),
        ({"dropout": "1"}, "Dropout is 1.0: give a number from"),
        ({"l1": "0,0,0"}, "L1 has 3 values: give one, or one for each of 1 hidden layers."),
        (
            {"early_stopping": "2", "validation_split": "0"},
            "Early stopping looks at the validation loss: give a validation split.",
        ),
        ({"step_every": "0"}, "Epochs between two steps is 0: give a whole number from 1"),
    ],
)
def test_what_cannot_be_is_one_sentence(query: dict[str, Any], sentence: str) -> None:
    at = visit("overview", variant="own", **query)
    [error] = at.main.error
    assert sentence in error.value


# The pages that only this lab has


def keep(engine: Queue, outcome: tuple[RunSpec, Outcome], spec: RunSpec, **record: Any) -> None:
    """Store a run of that spec with untrained weights and the figures of the fixture's run."""
    trained = outcome[1]
    model = build(structure.rows(spec.network, (28, 28), 10), 0)
    files = trained.files | {"model.keras": _keras_file(model)}
    engine.store.save(spec, trained.record | record, files)


@pytest.mark.usefixtures("run")
def test_weights_are_compared_once_both_networks_are_trained(
    engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    at = visit("weights", variant=TRAINED)
    assert "0 of 2 runs are done" in texts_of(at)
    assert not at.main.get("plotly_chart")
    button(at, "Start").click().run()
    specs = [claim.spec for claim in engine.store.claims()]
    assert {spec.network.extras.get("l2") for spec in specs} == {None, "0.01"}
    button(at, "Stop").click().run()
    for spec in specs:
        keep(engine, outcome, spec)
    at = visit("weights", variant=TRAINED, layer="5")
    assert at.main.get("plotly_chart")
    assert at.radio(key="layer").options == ["layer 1", "layer 2", "layer 3", "layer 4", "output"]
    assert "**L2 0.01**: a weight is 0." in texts_of(at)
    assert not at.error
    at.radio(key="strength").set_value("0.001").run()
    assert "1 of 2 runs are done" in texts_of(at)


@pytest.mark.usefixtures("run")
def test_a_study_of_a_sweep_shows_accuracy_against_its_setting(
    engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    query: dict[str, Any] = {"lab": "digits", "variant": TRAINED, "study": "D2-dropout", "seeds": 1}
    assert len(visit("regularisation", **query).main.get("plotly_chart")) == 1
    spec = DROPOUT.spec(DROPOUT.rows[2], 0, images_of())
    keep(engine, outcome, spec, test_accuracy=0.75)
    at = visit("regularisation", **query)
    alts = [chart.proto.alt for chart in at.main.get("plotly_chart")]
    assert "Accuracy after the last epoch: dropout" in alts
    assert "Confusion matrix of Dropout 0.2" in alts
    tables = [frame.value.to_dict("records") for frame in at.main.dataframe]
    assert {"Line": "Dropout 0.2"}.items() <= tables[0][0].items()
    [row] = [row for row in tables[1] if row["Experiment"] == "Dropout 0.2"]
    found = engine.store.find(spec.key)
    assert found
    assert row["Weighted F1"] == f"{found.weighted_f1:.4f}"
    assert row["Gap"] == f"{found.gap:.4f}"


@pytest.mark.usefixtures("run")
def test_gradients_are_those_of_three_networks_that_differ_in_their_activation(
    looked_at: list[RunSpec],
) -> None:
    at = visit("gradients", variant=TRAINED, deep=2, normalised="true")
    assert [spec.network.activation for spec in looked_at] == ["sigmoid", "tanh", "relu"]
    assert {spec.network.extras["batch_normalisation"] for spec in looked_at} == {"True"}
    assert {len(spec.network.hidden) for spec in looked_at} == {2}
    [sigmoid, tanh, _relu] = [
        one.value for one in at.main.markdown if "gradient of the" in one.value
    ]
    assert "is **0.01** times that of the output layer" in sigmoid
    assert "is **0.5** times" in tanh
    assert "After 10 epochs **90.0%** of its training images are right." in sigmoid
    table = at.main.dataframe[0].value
    assert list(table["Layer"]) == ["1", "2"] * 3
    assert set(table["Units that never fire"]) == {"12%"}
    at.slider(key="deep").set_value(1).run()
    assert len(looked_at) == 6
    assert not at.exception
