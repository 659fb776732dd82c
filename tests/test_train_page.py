"""The pages Train and Overview: what comes next, what a run shows, and two runs side by side."""

from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import labs
from core.store import Run
from core.studies import reading
from core.training.run import Outcome
from tests import apptest
from tests.apptest import TRAINED, Queue, button, images_of, spec_of, texts_of, visit

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run


def go(at: AppTest) -> Any:
    """The one large button of the Overview."""
    [found] = [one for one in at.main.button if one.key == "go"]
    return found


def store(engine: Queue, outcome: tuple[Any, Outcome], spec: Any, **record: Any) -> Run:
    """The trained run of the fixtures, kept as the run of another spec."""
    trained = outcome[1]
    return engine.store.save(spec, trained.record | record, trained.files)


# Overview


def test_the_page_that_opens_starts_the_worked_example(engine: Queue) -> None:
    at = visit("overview")
    assert go(at).label == "**Start Variant 0 (worked example)**"
    go(at).click().run()
    assert [claim.spec for claim in engine.store.claims()] == [spec_of(0)]
    assert at.title[0].value == "Train"
    assert button(at, "Stop")


def test_a_run_under_way_is_watched_and_own_settings_are_started(engine: Queue) -> None:
    engine.submit(spec_of(TRAINED), "another")
    at = visit("overview", variant=TRAINED)
    assert go(at).label == "**Watch: Variant 3**"
    go(at).click().run()
    assert at.title[0].value == "Train"
    assert go(visit("overview", variant="own")).label == "**Start your own settings**"


@pytest.mark.usefixtures("run")
def test_of_a_trained_network_the_curves_come_first_and_then_the_steps() -> None:
    at = visit("overview", variant=TRAINED)
    met = []
    for _step in range(3):
        met.append(go(at).label)
        go(at).click().run()
        apptest.turn_to(at, "").run()
    assert met == ["**Look at the curves**", "**Go on: Data**", "**Go on: Network**"]


# Before the start


def test_before_the_start_stand_the_network_and_what_will_happen() -> None:
    at = visit("train", variant=TRAINED)
    said = texts_of(at)
    assert "the network sees 3,400 images, 42 at a time: 81 steps." in said
    assert "In all 567 steps in 7 epochs: about 1 s on this machine." in said
    assert "tried on 600 validation images that it never trains on." in said
    [diagram] = at.main.get("plotly_chart")
    assert diagram.proto.alt == "The network that will be trained: 26,506 weights"
    at = visit("train", lab="optimizers")
    assert "tried on the 1,000 test images." in texts_of(at)


# A finished run


def test_a_finished_run_is_read_and_can_be_watched_again(run: Run) -> None:
    at = visit("train", variant=TRAINED)
    assert "**Accuracy** is the share of images" in texts_of(at)
    assert all(one.text() in texts_of(at) for one in reading.sentences(run))
    before = [html.proto.body for html in at.get("html")]
    button(at, "Watch again").click().run()
    [style] = [html.proto.body for html in at.get("html") if html.proto.body not in before]
    assert ".st-key-loss .scatterlayer" in style
    assert "3.5s steps(7" in style
    button(at, "Watch again").click().run()
    [later] = [html.proto.body for html in at.get("html") if html.proto.body not in before]
    assert later != style, "an animation of the same name does not begin anew"


def test_the_part_of_penalties_and_the_learning_rate_are_shown_where_they_are(
    engine: Queue, outcome: tuple[Any, Outcome], run: Run
) -> None:
    plain = visit("train", variant=TRAINED)
    figures = {"penalty": 0.25, "end_penalty": 0.125, "learning_rate": 0.05}
    rows = [row | figures for row in outcome[1].record["epochs"]]
    store(engine, outcome, spec_of(4), epochs=rows, penalty=0.125)
    at = visit("train", variant=4)
    new = {one.label for one in at.metric} - {one.label for one in plain.metric}
    assert new == {"Part from L1 and L2"}
    [table] = [one.value for one in at.main.dataframe if "Seconds" in one.value]
    assert set(table["Part from L1 and L2"]) == {"0.2500"}
    assert set(table["Learning rate"]) == {"0.05"}
    alts = [one.proto.alt for one in at.main.get("plotly_chart")]
    assert "Learning rate at the end of each epoch" in alts
    assert len(alts) == len(plain.main.get("plotly_chart")) + 1


def test_what_to_try_next_is_trained_and_compared(
    run: Run, engine: Queue, outcome: tuple[Any, Outcome]
) -> None:
    at = visit("train", variant=TRAINED)
    button(at, "Half the neurons: 16 + 16").click().run()
    [claim] = engine.store.claims()
    assert claim.spec.network.hidden == (16, 16)
    assert claim.spec.train == run.spec.train
    assert at.query_params["variant"] == "own"
    assert at.query_params["with"] == run.key
    assert at.selectbox(key="with").value == run.key
    wrong = [[20, 0], [0, 180]]
    store(engine, outcome, claim.spec, test_accuracy=0.5, confusion=wrong)
    at.run()
    table = at.main.dataframe[0].value
    assert dict(zip(table[""], table["This run"], strict=True))["Hidden layers"] == "16 + 16"
    assert dict(zip(table[""], table["Other run"], strict=True))["Hidden layers"] == "32 + 32"
    assert "Batch size" not in set(table[""]), "what does not differ"
    assert list(table["This run"])[list(table[""]).index("Test accuracy")] == "0.5000"
    assert "points lower than that of the other run. That is more than chance" in texts_of(at)
    address: dict[str, Any] = at.query_params
    reopened = visit("train", **address)
    assert not reopened.error
    assert reopened.main.dataframe[0].value.equals(table)


def test_only_a_run_of_the_same_images_is_compared_with(
    run: Run, engine: Queue, outcome: tuple[Any, Outcome]
) -> None:
    other = replace(spec_of(4), data=replace(images_of(), digest="1"))
    store(engine, outcome, other)
    kept = store(engine, outcome, spec_of(5))
    at = visit("train", variant=TRAINED)
    assert len(at.selectbox(key="with").options) == 2
    at.selectbox(key="with").set_value(kept.key).run()
    assert at.query_params["with"] == kept.key
    at = visit("train", variant=TRAINED, **{"with": other.key})  # type: ignore[arg-type]
    assert [error.value for error in at.error] == [
        f"There is no finished run {other.key} of these images to compare with."
    ]
    assert "with" not in at.query_params


def test_what_to_try_next_keeps_layers_of_any_order_and_augmentation(
    engine: Queue, outcome: tuple[Any, Outcome]
) -> None:
    spec = labs.choose("digits", "drawing", images_of(), {}).spec
    store(engine, outcome, spec)
    at = visit("train", variant="drawing")
    button(at, "The same with seed 1").click().run()
    [claim] = engine.store.claims()
    assert claim.spec == replace(spec, train=replace(spec.train, seed=1))
    assert at.session_state.choice.spec == claim.spec


def test_what_to_try_next_keeps_the_parameters_of_the_optimizer(
    engine: Queue, outcome: tuple[Any, Outcome]
) -> None:
    spec = labs.choose("optimizers", "rmsprop-rho-0.3", images_of(), {}).spec
    store(engine, outcome, spec)
    at = visit("train", lab="optimizers", variant="rmsprop-rho-0.3")
    button(at, "The same with seed 1").click().run()
    [claim] = engine.store.claims()
    assert claim.spec == replace(spec, train=replace(spec.train, seed=1))
    assert at.session_state.choice.spec == claim.spec
