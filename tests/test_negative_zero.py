"""-0.0 equals 0.0: specs that are equal have one key, whichever of the two was typed."""

import pytest

from core.specs import DataSpec, OptimizerSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.optimizers import OPTIMIZERS

WITH_ZERO = [
    (name, parameter)
    for name, optimizer in OPTIMIZERS.items()
    for parameter, (default, low, high, _meaning) in optimizer.parameters.items()
    if isinstance(default, float) and low <= 0 <= high
]


def run(optimizer: OptimizerSpec | None = None, validation_split: float = 0.0) -> RunSpec:
    train = TrainSpec(1, 10, validation_split)
    return RunSpec(
        DataSpec("mnist", "0" * 64), dense_network((8,)), optimizer or optimizer_spec(), train
    )


def assert_one(first: RunSpec, *others: RunSpec) -> None:
    """Equal specs: one hash, one key and one text."""
    for other in others:
        assert other == first
        assert hash(other) == hash(first)
        assert other.key == first.key
        assert repr(other) == repr(first)
        assert other.optimizer.text == first.optimizer.text


@pytest.mark.parametrize(("name", "parameter"), WITH_ZERO)
def test_a_parameter_of_an_optimizer(name: str, parameter: str) -> None:
    zero, negative, whole = (
        run(optimizer_spec(name, parameters={parameter: value})) for value in (0.0, -0.0, 0)
    )
    assert_one(zero, negative, whole)


def test_every_kind_of_parameter_is_among_them() -> None:
    assert len(WITH_ZERO) > 20
    assert ("adam", "beta_1") in WITH_ZERO
    assert ("adamw", "weight_decay") in WITH_ZERO
    assert ("ftrl", "learning_rate_power") in WITH_ZERO


def test_the_validation_split() -> None:
    assert_one(run(validation_split=0.0), run(validation_split=-0.0), run(validation_split=0))


def test_a_run_that_is_read_from_the_store() -> None:
    spec = run(optimizer_spec("adam", parameters={"beta_1": 0.0}))
    values = spec.to_dict()
    values["optimizer"]["parameters"]["beta_1"] = -0.0
    values["train"]["validation_split"] = -0.0
    assert_one(spec, RunSpec.from_dict(values))
