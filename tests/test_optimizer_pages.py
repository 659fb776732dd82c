"""The pages of studies and of optimizers, through AppTest."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import data as datasets
from core import labs
from core.labs import LABS
from core.labs.contract import Lab
from core.labs.optimizers import BASE
from core.labs.steps import COMPARE, OVERVIEW
from core.networks.frozen import Pretrained
from core.networks.layers import Channel, Conv2D, Dense, Flatten
from core.optimizers import finder, rules
from core.optimizers import surfaces as motion
from core.specs import DataSpec, NetworkSpec, RunSpec, changed, dense_network, optimizer_spec
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import TimeDecay
from core.store import Claim, Run
from core.studies.experiment import Experiment
from core.studies.study import Study
from core.training.epochs import Epoch
from core.training.run import Outcome
from pages.ui import sidebar
from tests import apptest, toy
from tests.apptest import TRAINED, Queue, button, images_of, texts_of, turn_to, visit
from tests.test_pages import Marked, texts, untranslated_words

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run  # fixtures

EPOCHS = tuple(Epoch(i, 1 / i, 0.5 + i / 10, 1.1 / i, 0.4 + i / 10, 0.2) for i in (1, 2, 3))

# A study


@pytest.fixture
def done(engine: Queue, outcome: tuple[RunSpec, Outcome]) -> Callable[..., None]:
    """Store runs of report B, with these accuracies of their seeds for each row."""

    def store(rows: dict[int, list[float]], diverged: int | None = None) -> None:
        study, data_spec = labs.study("L4-B"), images_of()
        for place, accuracies in rows.items():
            for seed, accuracy in enumerate(accuracies):
                epochs = [
                    asdict(Epoch(i, 1 / i, 0.9, None, None, 1.0, 1 / i, accuracy - 0.01 * (5 - i)))
                    for i in range(1, 6)
                ]
                if place == diverged:
                    epochs[1]["loss"] = float("nan")
                record = {**outcome[1].record, "epochs": epochs, "test_accuracy": accuracy}
                spec = study.spec(study.rows[place], seed, data_spec)
                engine.store.save(spec, record, outcome[1].files)

    return store


def figures(at: AppTest) -> Any:
    """The table of a study's figures, by its rows."""
    [found] = [one.value for one in at.main.dataframe if "Test accuracy" in one.value]
    return found.set_index("Optimizer")


def test_a_study_is_offered_with_its_time_and_started_run_by_run(engine: Queue) -> None:
    at = visit("optimizers")
    assert "256 relu, 5 epochs, batch 128, validation 0%, seeds 0–2" in texts_of(at)
    assert "sample: 4,000 of 60,000 training images" in at.main.caption[0].value
    assert re.search(r"0 of 27 runs are done · about \d+ s", texts_of(at))
    button(at, "Start").click().run()
    claims = engine.store.claims()
    assert len(claims) == 27
    assert {claim.spec.train.seed for claim in claims} == {0, 1, 2}
    button(at, "Stop")
    assert not [one for one in at.button if one.label == "Start"]


def test_a_study_takes_as_long_as_runs_took_here(
    engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "seconds", lambda _spec, images: images / 1000)
    assert "0 of 27 runs are done · about 2 minutes" in texts_of(visit("optimizers"))


def test_a_study_is_done_when_there_is_something_to_compare(done: Callable[..., None]) -> None:
    def ticked() -> list[str]:
        links = visit("optimizers", study="L4-B").sidebar.get("page_link")
        return [link.proto.label for link in links if "Optimizers" in link.proto.label]

    assert ticked() == ["1. Optimizers"]
    done({0: [0.97]})
    assert ticked() == ["1. Optimizers ✓"]


def test_a_study_shows_what_is_done_and_goes_on_with_the_rest(
    engine: Queue, done: Callable[..., None]
) -> None:
    done({0: [0.97, 0.98, 0.96], 3: [0.91, 0.92]})
    at = visit("optimizers", study="L4-B")
    assert "5 of 18 runs are done" in texts_of(at)
    table = figures(at)
    assert table.loc["Adam", "Test accuracy"] == "0.9700 ± 0.0100"
    assert table.loc["Adam", "Best epoch"] == "0.9700 in 5"
    assert (table.loc["SGD", "Seeds"], table.loc["Nadam", "Test accuracy"]) == ("2/3", "–")
    assert "Published" not in table
    assert "all reach 95% except Adagrad and SGD" in texts_of(at)
    button(at, "Go on").click().run()
    assert len(engine.store.claims()) == 13


def test_a_difference_is_told_in_words(done: Callable[..., None]) -> None:
    done({0: [0.951, 0.952, 0.953], 1: [0.94, 0.94, 0.94], 2: [0.95, 0.96, 0.945], 3: [0.9]})
    at = visit("optimizers", study="L4-B")
    assert "**Adam** is **1.20 points better** than **Nadam**" in texts_of(at)
    assert "**the difference is real**" in texts_of(at)
    at.selectbox(key="second_row").set_value("rmsprop").run()
    assert "**it cannot be told from chance**" in texts_of(at)
    at.selectbox(key="second_row").set_value("sgd").run()
    assert "With 1 seed **Adam** is" in texts_of(at)
    assert "another seed may turn it round. Take at least 3 seeds." in texts_of(at)
    at.selectbox(key="second_row").set_value("adagrad").run()
    assert "Nothing to compare yet" in texts_of(at)


def test_two_seeds_with_equal_gaps_say_nothing(done: Callable[..., None]) -> None:
    done({0: [0.96, 0.97], 1: [0.95, 0.96]})
    at = visit("optimizers", study="L4-B")
    assert "With 2 seeds **Adam** is 1.00 points better than **Nadam**" in texts_of(at)
    assert "Rows against Nadam: mean difference. Runs with the same seed start" in texts_of(at)
    assert "the difference is real" not in texts_of(at)


def test_a_run_that_diverged_is_named_in_chart_and_table(done: Callable[..., None]) -> None:
    done({0: [0.1], 1: [0.9]}, diverged=0)
    at = visit("optimizers", study="L4-B")
    table = figures(at)
    assert table.loc["Adam", "Diverged"] == "seed 0: epoch 2"
    assert (table.loc["Adam", "Test accuracy"], table.loc["Adam", "Test loss"]) == ("–", "–")
    assert "Runs that diverged are left out" in texts_of(at)
    figure = json.loads(at.main.get("plotly_chart")[0].proto.spec)
    assert "Adam: diverged in epoch 2" in [trace.get("name") for trace in figure["data"]]


def test_captions_say_nothing_of_what_is_not_there(done: Callable[..., None]) -> None:
    done({0: [0.96, 0.97, 0.98], 1: [0.95], 3: [0.91]})
    at = visit("optimizers", study="L4-B", seeds=1)
    for word in ("±", "interval", "band", "Published: one run", "cross", "stopped"):
        assert word not in texts_of(at)
    assert "Here it is reached by: Adam, Nadam. Not by: SGD." in texts_of(at)
    at = visit("optimizers", study="L4-B", seeds=3)
    assert "Mean ± standard deviation" in texts_of(at)
    assert "its band reaches" in texts_of(at)
    assert "Published: one run each, on the full set, which these" in texts_of(visit("optimizers"))


def test_lines_of_stopped_runs_are_explained(engine: Queue) -> None:
    study = labs.study("L4-B")
    spec = study.spec(study.rows[0], 0, images_of())
    engine.store.update(Claim(spec.key, spec, "this server", state="stopped", epochs=EPOCHS))
    at = visit("optimizers", study="L4-B")
    assert "Some runs were stopped; their lines count as far as they go." in texts_of(at)


def test_the_best_rows_are_in_colour_until_others_are_picked(done: Callable[..., None]) -> None:
    names = "lion,lamb,muon,ftrl,adadelta,adamw,adam,nadam,rmsprop,sgd"
    at = visit("optimizers", study="own", optimizers=names)
    at.text_input(key="values").set_value("").run()
    assert "Adam" not in at.multiselect(key="in_colour").value
    done({0: [0.97], 3: [0.91]})
    at.run()
    assert {"Adam", "SGD"} < set(at.multiselect(key="in_colour").value)
    assert len(at.multiselect(key="in_colour").value) == 6
    at.multiselect(key="in_colour").set_value(["Lion"]).run()
    at.run()
    assert at.multiselect(key="in_colour").value == ["Lion"]
    at.multiselect(key="optimizers").set_value([*names.split(",")[1:], "adagrad"]).run()
    assert not at.exception
    assert "Adam" in at.multiselect(key="in_colour").value


def test_parameters_that_differ_stand_out() -> None:
    at = visit("optimizers")
    table = at.main.dataframe[-1].value.set_index("Optimizer")
    assert list(table.columns) == [
        *("learning_rate", "rho", "momentum", "nesterov", "beta_1", "beta_2"),
    ]
    assert list(table.loc["RMSprop, rho 0.3"]) == ["0.001", "0.3", "0", "–", "–", "–"]
    assert table.loc["SGD, momentum 0.5, Nesterov", "nesterov"] == "True"
    assert "Marked: not Keras's default. –: this optimizer has no such" in texts_of(at)
    at = visit("optimizers", study="L4-B")  # there only the rates differ, and all are Keras's own
    assert not {"Marked:", "–:"} & set(texts_of(at).split())


OWN_STUDY: dict[str, Any] = {
    "study": "own",
    "optimizers": "sgd,adam",
    "sweep": "momentum",
    "values": "0,0.5",
}


def test_an_own_study_comes_from_the_url(engine: Queue) -> None:
    at = visit("optimizers", variant=0, **OWN_STUDY, seeds=2, study_epochs=3)
    names = list(at.main.dataframe[0].value["Optimizer"])
    assert names == ["SGD, momentum 0", "SGD, momentum 0.5", "Adam"]
    assert "256 relu, 3 epochs, batch 128, validation 0%, seeds 0–1" in texts_of(at)
    assert at.query_params["values"] == "0,0.5"
    at.selectbox(key="network_from").set_value("sidebar").run()
    assert "128 relu, 3 epochs, batch 32, validation 20%" in texts_of(at)
    button(at, "Start").click().run()
    assert len(engine.store.claims()) == 6


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            {"sweep": "momentum", "values": "1.5"},
            "Momentum is 1.5: give a number from 0.0 to 0.9999.",
        ),
        ({"sweep": "learning_rate", "values": "-0.1"}, "give a number from 1e-06 to 10."),
        (
            {"optimizers": "adam", "sweep": "beta_1", "values": "1"},
            "give a number from 0.0 to 0.9999.",
        ),
        ({"values": "a"}, "Learning rate is a: give a number"),
        ({"optimizers": "adem"}, "Optimizer is adem: choose one of adam,"),
        ({"seeds": "99"}, "Seeds is 99: give a whole number from 1 to 10."),
        ({"seeds": "9" * 5000}, ": give a whole number from 1 to 10."),
        ({"study_epochs": "x"}, "Epochs is x: give a whole number from 1 to 100."),
        ({"values": "0,01"}, "0,01: separate values by commas and write decimals with a point"),
        ({"values": "1e400"}, "Learning rate is 1e400: give a number from 1e-06 to 10."),
        (
            {"sweep": "beta_1", "values": "0.5"},
            "None of these optimizers has a parameter beta\\_1: choose one of learning\\_rate,",
        ),
        ({"study": "L9"}, "Study is L9: choose one of L4-A, L4-B, own."),
    ],
)
def test_bad_values_of_a_study_are_one_sentence(
    query: dict[str, Any], sentence: str, engine: Queue
) -> None:
    at = visit("optimizers", **{"study": "own", "optimizers": "sgd", **query})
    assert len(at.error) == 1
    assert sentence in at.error[0].value
    assert not engine.store.claims()


def test_the_sentence_about_the_url_of_a_study_goes_with_the_next_change() -> None:
    at = visit("optimizers", study="own", seeds="99")
    at.run()
    assert "Seeds is 99: give a whole number" in at.error[0].value
    at.number_input(key="seeds").set_value(2).run()
    assert not at.error


def test_another_parameter_begins_with_values_of_its_own() -> None:
    at = visit("optimizers", study="own", optimizers="sgd,adam")
    for parameter, values in (("beta_2", "0.999"), ("nesterov", "false, true")):
        at.selectbox(key="sweep").set_value(parameter).run()
        assert at.text_input(key="values").value == values
        assert not at.error
    at.selectbox(key="sweep").set_value("learning_rate").run()
    assert at.text_input(key="values").value == "0.01, 0.001, 0.0001"


def test_a_study_of_ten_thousand_runs_is_refused_with_its_time() -> None:
    values = ",".join(f"{i / 1000:g}" for i in range(1, 1001))
    at = visit("optimizers", study="own", optimizers="sgd", values=values, seeds=10)
    assert re.match(r"The study has 10,000 runs, which take about [\d.]+ hours", at.error[0].value)
    assert not [one for one in at.button if one.label == "Start"]


def test_a_long_study_is_confirmed_first(engine: Queue) -> None:
    network: dict[str, Any] = {
        "variant": "own",
        "layers": 5,
        **{f"layer{i}": 1024 for i in range(1, 6)},
    }
    study: dict[str, Any] = {
        "study": "own",
        "optimizers": "sgd,adam,rmsprop",
        "study_epochs": 100,
        "seeds": 10,
    }
    at = visit("optimizers", **network, **study, network_from="sidebar")
    [box] = [box for box in at.checkbox if box.label.startswith("Yes, train for about ")]
    assert button(at, "Start").disabled
    box.set_value(True).run()
    button(at, "Start").click().run()
    assert len(engine.store.claims()) == 90


def test_a_rule_is_shown_with_its_symbols_and_parameters() -> None:
    at = visit("rules")
    for name in ("rmsprop", "adafactor", "muon"):
        known = OPTIMIZERS[name]
        at.selectbox(key="rule").set_value(name).run()
        assert not at.exception
        assert list(at.main.dataframe[0].value["Parameter"]) == ["learning_rate", *known.parameters]
        assert at.main.code[0].value.startswith(f"keras.optimizers.{known.title}(learning_rate=")
        assert "| $w$ | the weights |" in texts_of(at)
        assert len(at.main.get("latex")) == len(rules.rules_for(optimizer_spec(name)))
    at.selectbox(key="rule").set_value("sgd").run()
    at.radio(key="form-sgd").set_value("with Nesterov momentum").run()
    assert at.main.code[0].value.endswith("(learning_rate=0.01, momentum=0.9, nesterov=True)")


@pytest.mark.slow
def test_paths_follow_the_start_and_the_parameters() -> None:
    at = visit("motion")

    def ends() -> dict[str, str]:
        table = at.main.dataframe[0].value
        return dict(zip(table["Optimizer"], table["Ends at"], strict=True))

    first = ends()
    assert list(first) == ["SGD", "SGD with momentum", "RMSprop", "Adam"]
    at.slider(key="ravine-x").set_value(4.0).run()
    assert all(first[name] != end for name, end in ends().items())
    second = ends()
    at.number_input(key="ravine-sgd-rate").set_value(0.3).run()
    assert [name for name, end in ends().items() if end != second[name]] == ["SGD"]
    at.number_input(key="ravine-sgd-rate").set_value(1.5).run()
    assert not at.exception
    field = at.number_input(key="ravine-sgd with momentum-momentum")
    assert (field.value, field.step) == (0.9, 0.01)
    field.set_value(1.5).run()
    assert [error.value for error in at.error] == [
        "SGD with momentum: Momentum is 1.5: give a number from 0.0 to 0.9999."
    ]
    assert list(ends()) == ["SGD", "RMSprop", "Adam"]
    at.selectbox(key="surface").set_value("rosenbrock").run()
    assert not at.exception
    at.multiselect(key="walkers").set_value([]).run()
    assert not at.exception
    assert at.info[0].value == "No optimizer is chosen: choose at least one."


@pytest.mark.parametrize(
    ("walker", "field", "step"),
    [("adam", "beta_2", 0.0001), ("adam", "epsilon", 1e-7), ("sgd", "momentum", 0.1)],
)
def test_the_buttons_of_a_field_suit_its_value(walker: str, field: str, step: float) -> None:
    at = visit("motion")
    assert at.number_input(key=f"ravine-{walker}-{field}").step == pytest.approx(step)


def test_walkers_go_to_a_worker_together_and_once(
    run: Run, engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def ask(function: Any, *args: Any) -> Any:
        if function is motion.paths:
            asked.append(len(args[1]))
        return function(*args)

    monkeypatch.setattr(engine, "ask", ask)
    at = visit("motion", variant=TRAINED, surface="network", x=0.31, walkers="sgd,adam,lion")
    assert asked == [3]
    at.multiselect(key="walkers").set_value(["lion", "rmsprop", "sgd"]).run()
    assert asked == [3, 1]
    assert list(at.main.dataframe[0].value["Optimizer"]) == ["Lion", "RMSprop", "SGD"]


def test_rates_and_parameters_stay_while_another_page_is_looked_at() -> None:
    rates: dict[str, Any] = {"sgd-rate": "0.3", "adam-beta_1": "1.5"}
    at = visit("motion", **rates)
    assert [error.value for error in at.error] == [
        "Adam: Beta\\_1 is 1.5: give a number from 0.0 to 0.9999."
    ]
    at.query_params.clear()
    turn_to(at, "rules").run()
    turn_to(at, "motion").run()
    assert at.number_input(key="ravine-sgd-rate").value == 0.3
    assert at.query_params["sgd-rate"] == "0.3"
    at.selectbox(key="surface").set_value("saddle").run()
    assert "sgd-rate" not in at.query_params


def test_a_path_that_goes_while_it_is_looked_for_is_walked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Going(dict[Any, Any]):
        """Somebody else takes what is there as soon as one is told so."""

        def __contains__(self, key: object) -> bool:
            return True

    kept = st.cache_resource

    def cache_resource(made: Any = None, **options: Any) -> Any:
        return Going if getattr(made, "__name__", "") == "walked" else kept(made, **options)

    monkeypatch.setattr(st, "cache_resource", cache_resource)
    at = visit("motion")
    assert len(at.main.dataframe[0].value) == 4


def test_a_network_of_other_images_is_no_surface(
    run: Run, engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    other = replace(run.spec, data=DataSpec("mnist", "0" * 64))
    engine.store.save(other, outcome[1].record, outcome[1].files)
    at = visit("motion", variant=TRAINED, surface="network")
    assert len(at.selectbox(key="motion_network").options) == 1


MANY_ROWS = {"study": "own", "values": "", "optimizers": ",".join([*OPTIMIZERS][:10])}


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("rules", {"rule": "rmsprop", "form": "centered"}),
        ("rate", {"finder": "sgd"}),
        ("motion", {"surface": "saddle", "walkers": "lion,adam", "steps": "50", "x": "1.5"}),
        (
            "motion",
            {"sgd-rate": "0.3", "sgd with momentum-nesterov": "true", "adam-beta_1": "0.5"},
        ),
        (
            "optimizers",
            {"study": "L4-B", "seeds": "2", "zoom": "true", "figure": "loss"}
            | {"first_row": "rmsprop", "second_row": "sgd"},
        ),
        ("optimizers", {**MANY_ROWS, "in_colour": "Adam;SGD"}),
    ],
)
def test_every_choice_of_a_page_stands_in_its_address(page: str, query: dict[str, Any]) -> None:
    query = {"variant": "own", "layer1": "16"} | query
    at = visit(page, **query)
    assert not at.error
    assert at.query_params == query
    at.run()
    assert at.query_params == query


def test_an_address_of_before_names_rows_by_their_titles() -> None:
    at = visit("optimizers", first_row="SGD", second_row="RMSprop, rho 0.3")
    assert not at.error
    assert at.selectbox(key="first_row").value == "sgd"
    assert at.selectbox(key="second_row").value == "rmsprop-rho-0.3"
    assert at.query_params["second_row"] == "rmsprop-rho-0.3"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({**MANY_ROWS, "in_colour": "x"}, "In colour is x: choose one of "),
        ({"zoom": "yes"}, "is yes: give true or false."),
        ({"first_row": "x"}, "Compare is x: choose one of rmsprop, "),
    ],
)
def test_a_wrong_choice_of_the_results_is_one_sentence_until_another_choice(
    query: dict[str, Any], sentence: str
) -> None:
    at = visit("optimizers", **query)
    at.run()
    assert [sentence in error.value for error in at.error] == [True]
    at.number_input(key="seeds").set_value(2).run()
    assert not at.error


def test_an_address_without_a_lab_is_of_the_lab_that_has_its_page() -> None:
    at = visit("optimizers", study="L4-B")
    assert at.selectbox(key="lab").value == "optimizers"
    at = visit("optimizers", study="L4-B", variant=4)  # as before there were labs in addresses
    assert at.selectbox(key="lab").value == "digits"
    assert at.selectbox(key="study").value == "L4-B"


def test_what_an_address_names_is_chosen() -> None:
    at = visit("rules", rule="rmsprop", form="centered")
    assert at.main.code[0].value.endswith("(learning_rate=0.001, centered=True)")
    at = visit("motion", surface="saddle", walkers="lion,adam", x="1.5")
    assert list(at.main.dataframe[0].value["Optimizer"]) == ["Lion", "Adam"]
    assert at.slider(key="saddle-x").value == 1.5
    at.selectbox(key="surface").set_value("ravine").run()
    at.multiselect(key="walkers").set_value(["sgd"]).run()
    assert at.query_params["walkers"] == "sgd"
    assert not {"surface", "x", "steps"} & set(at.query_params)


@pytest.mark.parametrize(
    ("page", "query", "sentence"),
    [
        ("rules", {"rule": "adem"}, "Optimizer is adem: choose one of adam,"),
        ("rules", {"rule": "sgd", "form": "odd"}, "Rule is odd: choose one of plain, with"),
        ("rules", {"rule": "lion", "form": "x"}, "Lion has one rule: leave out form=x."),
        ("rate", {"finder": "adem"}, "Optimizer is adem: choose one of adam,"),
        ("motion", {"surface": "sea"}, "Surface is sea: choose one of ravine, saddle,"),
        ("motion", {"walkers": "muon"}, "Optimizer is muon: choose one of adam,"),
        ("motion", {"steps": "1"}, "Steps is 1: give a whole number from 10 to 300."),
        ("motion", {"steps": "9" * 5000}, ": give a whole number from 10 to 300."),
        ("motion", {"x": "99"}, "X is 99.0: give a number from -10.0 to 10.0."),
        ("motion", {"y": "nan"}, "Y is nan: give a number from -4.0 to 4.0."),
        ("motion", {"sgd-rate": "nan"}, "Learning\\_rate is nan: give a number from 1e-06 to 10."),
        ("motion", {"sgd-nesterov": "yes"}, "Nesterov is yes: give true or false."),
        (
            "motion",
            {"walkers": "adam,sgd,rmsprop,nadam,adamax,adagrad,adadelta,adamw,ftrl"},
            "Optimizer: 9 are chosen, choose at most 8.",
        ),
    ],
)
def test_a_wrong_choice_in_an_address_is_one_sentence(
    page: str, query: dict[str, Any], sentence: str
) -> None:
    at = visit(page, variant="own", layer1=16, **query)
    at.run()
    assert len(at.error) == 1
    assert sentence in at.error[0].value
    key = {"rules": "rule", "rate": "finder-adam", "motion": "surface"}[page]
    value = "rosenbrock" if page == "motion" else "adagrad"
    at.selectbox(key=key).set_value(value).run()
    assert not at.error


def test_the_loss_of_a_trained_network_is_a_surface(run: Run) -> None:
    at = visit("motion", variant=TRAINED)
    at.selectbox(key="surface").set_value("network").run()
    assert "on 1,000 of its training images" in texts_of(at)
    assert run.key in texts_of(at)
    assert len(at.main.dataframe[0].value) == 4


def test_without_a_trained_network_its_surface_says_how_to_get_one() -> None:
    at = visit("motion")
    at.selectbox(key="surface").set_value("network").run()
    assert "No network is trained yet" in at.info[0].value


def test_the_finder_says_where_to_begin() -> None:
    at = visit("rate", variant="own", layer1=16)
    assert re.search(r"The loss falls fastest near \*\*0\.0\d+\*\*: begin there", texts_of(at))
    assert "which is too high already" in texts_of(at)
    at.selectbox(key="finder-adam").set_value("sgd").run()
    assert "Keras's default is 0.01." in texts_of(at)
    assert "One sweep of 16 relu with SGD, seed 0, batch 32" in texts_of(at)
    assert "adam" not in texts_of(at)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "sentence"),
    [
        ("ftrl", "The loss shows **no clear fall** in this range. Keras's default is 0.001."),
        ("adafactor", "Adafactor never uses more than 1/√t in step t: above 0.091 a higher rate"),
    ],
)
def test_the_finder_says_where_there_is_nothing_to_find(optimizer: str, sentence: str) -> None:
    at = visit("rate", variant="own", layer1=64, optimizer=optimizer, batch_size=128)
    assert sentence in texts_of(at)
    assert not at.exception


@pytest.mark.parametrize("steps", [0, 1])
def test_a_sweep_that_ends_at_once_says_so(
    steps: int, engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = finder.Sweep(np.array([1e-6][:steps]), np.array([2.3][:steps]))
    monkeypatch.setattr(engine, "ask", lambda _function, _spec: sweep)
    at = visit("rate", variant="own", layer1=17 + steps)
    assert f"The loss is not a number (NaN) after {steps} steps" in texts_of(at)


def test_the_finder_is_for_fully_connected_networks() -> None:
    at = visit("rate", variant="drawing")
    assert "for fully connected networks" in at.info[0].value
    assert at.main.get("page_link")


# A lab of another kind: experiments that change the network, the optimizer or the images


SMALL = changed(BASE, {"data": {"name": "toy"}, "network": dense_network((32,))})
TWO_KINDS = NetworkSpec((Flatten(), Dense(32, "relu"), Dense(8, "tanh")))
TOY_ROWS = (
    Experiment("plain", "As it is"),
    Experiment("wide", "Wide", {"network": dense_network((64, 64))}, published=0.5),
    Experiment("sgd", "With SGD", {"optimizer": optimizer_spec("sgd", 0.1)}),
    Experiment("few", "Few images", {"data": {"images": 100}}),
    Experiment("long", "Long", {"train": {"epochs": 9, "validation_split": 0.1}}),
)


def study_of(*rows: Experiment) -> Study:
    return Study("T-1", "Toy study", SMALL, rows)


@pytest.fixture
def toy_lab(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Lab]:
    """Register a toy data set and a toy lab with a study of these rows."""

    def register(*rows: Experiment) -> Lab:
        made = Lab(
            name="toy-lab",
            title="Toy lab",
            order=9,
            datasets=("toy",),
            base=SMALL,
            experiments=rows,
            studies=(study_of(*rows),),
            steps=(OVERVIEW, COMPARE),
        )
        monkeypatch.setitem(datasets.DATASETS, "toy", toy.DATASET)
        monkeypatch.setitem(LABS, made.name, made)
        choices = {**sidebar.LAB.choices, made.name: made.title}
        monkeypatch.setattr(sidebar, "LAB", replace(sidebar.LAB, choices=choices))
        return made

    return register


def tables(at: AppTest) -> list[Any]:
    return [frame.value for frame in at.main.dataframe]


def test_one_file_is_the_page_of_two_labs(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS)
    at = visit("compare")
    assert (at.title[0].value, at.selectbox(key="lab").value) == ("Compare", "toy-lab")
    assert at.selectbox(key="study").options == ["T-1 · Toy study", "Own study"]
    assert "Which experiment learns faster" in texts_of(at)
    turn_to(at, "optimizers").run()
    assert at.title[0].value == "Optimizers"
    assert at.selectbox(key="study").options[0].startswith("L4-A · ")
    assert "Which optimizer learns faster" in texts_of(at)
    assert not at.exception


def test_an_own_study_is_of_the_network_of_its_lab(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS)
    at = visit("compare", study="own", optimizers="sgd")
    assert "Each run: 32 relu, 5 epochs, batch 128" in texts_of(at)
    assert at.selectbox(key="network_from").options[0] == "Toy lab: 32 relu, batch 128"
    assert "network_from" not in at.query_params


def test_pages_of_one_file_keep_their_choices_apart(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS)
    at = visit("compare", study="own", optimizers="sgd,adam")
    at.query_params.clear()  # a browser that follows a link brings only what the link says
    turn_to(at, "optimizers").run()
    assert at.query_params == {"lab": "toy-lab"}
    assert at.selectbox(key="study").value == "L4-A"
    at.selectbox(key="study").set_value("L4-B").run()
    at.query_params.clear()
    turn_to(at, "compare").run()
    assert at.selectbox(key="study").value == "own"
    assert at.multiselect(key="optimizers").value == ["sgd", "adam"]
    assert not at.error


def test_a_study_of_any_part_says_what_differs(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS)
    at = visit("compare")
    assert (
        "Each run, except what its row changes: 32 relu, adam 0.001, 5 epochs, batch 128, "
        "validation 0%, seeds 0–2."
    ) in texts_of(at)
    table = tables(at)[-1].set_index("Experiment")
    assert table.to_dict("list") == {
        "Training images": ["300", "300", "300", "100", "300"],
        "Network": ["32 relu", "64 + 64 relu", "32 relu", "32 relu", "32 relu"],
        "Optimizer": ["Adam", "Adam", "SGD", "Adam", "Adam"],
        "Epochs": ["5", "5", "5", "5", "9"],
        "Validation split": ["0%", "0%", "0%", "0%", "10%"],
        "learning_rate": ["0.001", "0.001", "0.1", "0.001", "0.001"],
    }
    figure = json.loads(at.main.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["xaxis"]["range"][1] > 9
    assert at.radio(key="study_figure").options == [
        *("Accuracy, validation", "Accuracy, test", "Accuracy, training"),
        *("Loss, validation", "Loss, test", "Loss, training"),
    ]
    assert "Rows with validation images are on the charts of those" in texts_of(at)


def marked(at: AppTest) -> set[str]:
    """What is marked in the last table of a page."""
    styles = at.main.dataframe[-1].proto.arrow_data.styler.styles
    table = tables(at)[-1]
    cells = re.findall(r"row(\d+)_col(\d+)", styles)
    return {table.iloc[int(row), int(column)] for row, column in cells}


def test_what_a_row_changes_is_marked(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS)
    assert marked(visit("compare")) == {"64 + 64 relu", "SGD", "100", "9", "10%", "0.1"}
    assert "0.0001" in marked(visit("optimizers"))
    assert not marked(visit("optimizers", study="L4-B"))


def test_a_study_of_fewer_images_marks_what_differs_from_those(
    toy_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (Experiment("plain", "As it is"), Experiment("more", "More", {"data": {"images": 200}}))
    made = toy_lab(*rows)
    study = replace(made.studies[0], base=changed(SMALL, {"data": {"images": 100}}))
    monkeypatch.setitem(LABS, made.name, replace(made, studies=(study,)))
    at = visit("compare")
    assert list(tables(at)[-1]["Training images"]) == ["100", "200"]
    assert marked(at) == {"200"}
    assert "validation 0%, the first 100 of 300 training images, seeds 0–2." in texts_of(at)


CHANGES: dict[str, dict[str, Any]] = {
    "Training images": {"data": {"images": 7}},
    "Test images": {"data": {"split": 43}},
    "Network": {"network": TWO_KINDS},
    "Optimizer": {"optimizer": optimizer_spec("adamw")},
    "beta_1": {"optimizer": optimizer_spec("adam", parameters={"beta_1": 0.5})},
    "Epochs": {"train": {"epochs": 6}},
    "Batch size": {"train": {"batch_size": 7}},
    "Validation split": {"train": {"validation_split": 0.5}},
    "Augmentation": {
        "network": NetworkSpec((Pretrained("lite0", 32),)),
        "train": {"augmentation": "handwriting", "copies": 2},
    },
    "Learning-rate schedule": {"train": {"schedule": TimeDecay(0.1)}},
    "Early stopping": {"train": {"validation_split": 0.5, "early_stopping": 3}},
    "Trained by": {"network": dense_network(), "train": {"solver": "logistic"}},
}


@pytest.mark.parametrize("column", CHANGES)
def test_every_setting_can_differ(column: str, toy_lab: Callable[..., Lab]) -> None:
    other = Experiment("wide", "Wide", {"network": dense_network((64, 64))})
    rows = [Experiment("plain", "As it is"), Experiment("one", "One", CHANGES[column])]
    toy_lab(*rows, other)
    assert column in tables(visit("compare"))[-1]


def test_no_setting_of_a_training_is_left_out() -> None:
    changes = [change["train"] for change in CHANGES.values() if "train" in change]
    named = {name for change in changes for name in change}
    # How many changed copies a frozen base sees is said with the augmentation: see test_base_pages.
    assert named | {"seed", "copies"} == vars(SMALL.train).keys()


def test_only_runs_of_one_network_and_its_images_see_the_same_batches(
    toy_lab: Callable[..., Lab], engine: Queue, outcome: tuple[RunSpec, Outcome]
) -> None:
    study = toy_lab(*TOY_ROWS).studies[0]
    for row in study.rows:
        spec = study.spec(row, 0, images_of(toy.DATASET))
        engine.store.save(spec, outcome[1].record, outcome[1].files)
    assert "Runs are compared seed by seed." in texts_of(visit("compare"))
    assert "see the same batches" not in texts_of(visit("compare"))


def test_a_study_of_any_part_trains_what_its_rows_say(
    toy_lab: Callable[..., Lab], engine: Queue
) -> None:
    toy_lab(*TOY_ROWS)
    at = visit("compare", seeds=1)
    button(at, "Start").click().run()
    assert not at.exception
    by_network = {claim.spec.network.hidden for claim in engine.store.claims()}
    assert by_network == {(32,), (64, 64)}
    assert {claim.spec.data.images for claim in engine.store.claims()} == {None, 100}
    assert {claim.spec.optimizer.name for claim in engine.store.claims()} == {"adam", "sgd"}
    assert len(engine.store.claims()) == 5


def test_every_text_about_any_part_goes_through_gettext(toy_lab: Callable[..., Lab]) -> None:
    toy_lab(*TOY_ROWS, Experiment("distorted", "Distorted", CHANGES["Augmentation"]))
    at = visit("compare")
    at.session_state["catalogue"] = Marked()
    at.run()
    names = {"Toy", "lab", "study", "shapes", "T"}  # of the toy data set, lab and study
    left = {text: found for text in texts(at) if (found := untranslated_words(text) - names)}
    assert not left


def test_a_network_that_does_not_suit_the_images_is_one_sentence(
    toy_lab: Callable[..., Lab],
) -> None:
    large = NetworkSpec((Channel(), Conv2D(2, 11), Conv2D(2, 11), Conv2D(2, 11), Flatten()))
    toy_lab(Experiment("plain", "As it is"), Experiment("large", "Large", {"network": large}))
    at = visit("compare", seeds=1)
    assert [error.value for error in at.error] == [
        "Conv2D leaves nothing of a picture of 10 × 14: use fewer or smaller layers."
    ]
    assert "Conv2D 2 11, Conv2D 2 11, Conv2D 2 11" in set(tables(at)[-1]["Network"])
    columns = json.loads(at.main.dataframe[-1].proto.columns)
    assert columns["Network"]["width"] > 7 * len("Conv2D 2 11, Conv2D 2 11, Conv2D 2 11")
