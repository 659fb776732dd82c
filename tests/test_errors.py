import pickle

import pytest

from core.errors import DataError, LabError, Stopped, StoreError, TrainingError, UsageError
from core.i18n import N_

GERMAN = {
    "{name} is {value}: stop.": "{name} hat den Wert {value}: Halt.",
    "batch size": "Stapelgröße",
}


def german(message: str) -> str:
    return GERMAN.get(message, message)


def test_a_sentence_has_its_values_and_a_capital() -> None:
    error = UsageError(N_("{name} is {value}: stop."), name="batch size", value=0)
    assert error.sentence() == str(error) == "Batch size is 0: stop."


def test_a_sentence_is_translated_before_its_values_are_filled_in() -> None:
    error = UsageError(N_("{name} is {value}: stop."), name="batch size", value="batch size")
    # The term is translated; what the user typed is not.
    assert error.sentence(german) == "Stapelgröße hat den Wert batch size: Halt."


def test_braces_in_a_value_are_only_text() -> None:
    assert str(LabError(N_("No {file}."), file="{0} {file}")) == "No {0} {file}."


@pytest.mark.parametrize(
    "kind", [LabError, UsageError, DataError, StoreError, TrainingError, Stopped]
)
def test_an_error_comes_back_whole_from_another_process(kind: type[LabError]) -> None:
    error = pickle.loads(pickle.dumps(kind(N_("{name} is {value}."), name="x", value=3)))
    assert type(error) is kind
    assert error.message == "{name} is {value}."
    assert error.values == {"name": "x", "value": 3}
    assert str(error) == "X is 3."


def test_only_a_wrong_request_exits_with_2() -> None:
    kinds = (LabError, UsageError, DataError, StoreError, TrainingError, Stopped)
    assert [kind.exit_status for kind in kinds] == [1, 2, 1, 1, 1, 1]


def test_a_stopped_run_is_a_kind_of_unfinished_run() -> None:
    assert issubclass(Stopped, TrainingError)
    assert all(issubclass(k, LabError) for k in (UsageError, DataError, StoreError, TrainingError))
