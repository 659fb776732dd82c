"""Fields: what their texts mean, and what they refuse."""

from typing import Any

import pytest

from core.errors import UsageError
from core.fields import (
    Each,
    Field,
    Limit,
    Number,
    OneOf,
    SeveralOf,
    Switch,
    Text,
    WholeNumber,
    named,
)
from core.specs import fields as run_fields

EPOCHS = WholeNumber("epochs", "epochs", 10, Limit(1, 100))
SPLIT = Number("split", "validation split", 0.2, Limit(0, 0.5))
RULE = OneOf("rule", "rule", "sgd", named(["sgd", "adam"]))
ROWS = SeveralOf("rows", "rows", [], named(["a, b", "c", "d"]), 2, ";")
ZOOM = Switch("zoom", "zoom", False)
SPLITS = Each("splits", "validation splits", (0.2,), SPLIT)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        (EPOCHS, 7, "7"),
        (SPLIT, 0.125, "0.125"),
        (SPLIT, 1e-05, "1e-05"),
        (RULE, "adam", "adam"),
        (ROWS, ["c", "a, b"], "c;a, b"),
        (ROWS, [], ""),
        (ZOOM, True, "true"),
        (ZOOM, False, "false"),
        (Text("values", "values", ""), "0, 1;2", "0, 1;2"),
        (SPLITS, (0.1, 0.25), "0.1,0.25"),
        (SPLITS, (0.5,), "0.5"),
    ],
)
def test_a_value_comes_back_from_its_text(field: Field[Any], value: Any, text: str) -> None:
    assert field.text(value) == text
    assert field.parse(text) == value
    assert type(field.parse(text)) is type(value)


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        (EPOCHS, "0", "Epochs is 0: give a whole number from 1 to 100."),
        (EPOCHS, "1.0", "Epochs is 1.0: give a whole number from 1 to 100."),
        (EPOCHS, "", "Epochs is empty: give a value, or leave it out."),
        (RULE, "", "Rule is empty: give a value, or leave it out."),
        (ZOOM, "", "Zoom is empty: give a value, or leave it out."),
        (EPOCHS, "9" * 5000, "give a whole number from 1 to 100."),
        (SPLIT, "0.6", "Validation split is 0.6: give a number from 0 to 0.5."),
        (SPLIT, "nan", "Validation split is nan: give a number from 0 to 0.5."),
        (SPLIT, "x", "Validation split is x: give a number from 0 to 0.5."),
        (RULE, "Adam", "Rule is Adam: choose one of sgd, adam."),
        (ROWS, "c;e", "Rows is e: choose one of a, b, c, d."),
        (ROWS, "c;d;a, b", "Rows: 3 are chosen, choose at most 2."),
        (ZOOM, "True", "Zoom is True: give true or false."),
        (SPLITS, "0.1,0.6", "Validation split is 0.6: give a number from 0 to 0.5."),
        (SPLITS, "0.1,", "Validation split is empty: give a value, or leave it out."),
        (SPLITS, "", "Validation split is empty: give a value, or leave it out."),
    ],
)
def test_what_is_not_allowed_is_one_sentence(field: Field[Any], text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        field.parse(text)
    assert sentence in str(refused.value)


def test_each_of_several_counts_once() -> None:
    assert ROWS.parse("c;;c;d") == ["c", "d"]


def test_a_label_is_the_translated_term_with_a_capital() -> None:
    assert EPOCHS.label({"epochs": "epochen"}.__getitem__) == "Epochen"


def test_each_default_of_a_run_is_allowed() -> None:
    found = [field for field in vars(run_fields).values() if isinstance(field, Field)]
    assert len(found) >= 7
    found += [*run_fields.NEURONS, *run_fields.OF_LAYERS.values(), run_fields.learning_rate("sgd")]
    for name in run_fields.SCHEDULE.choices:
        found += run_fields.schedule_parameters(name).values()
    for field in found:
        field.check(field.default)
        assert field.parse(field.text(field.default)) == field.default
    assert run_fields.learning_rate("sgd").default == 0.01
