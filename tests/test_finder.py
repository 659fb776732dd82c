"""The learning-rate finder: what a sweep is, and where its curve falls."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from core import data as datasets
from core.charts import surfaces as motion_charts
from core.data.mnist import DATASET as MNIST
from core.optimizers import finder
from core.optimizers.finder import Sweep
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import Plateau

RATES = np.geomspace(finder.LOWEST, finder.HIGHEST, finder.STEPS)
PLACE = np.log10(RATES)
FALLING = 2.3 - 1.8 / (1 + np.exp(-5 * (PLACE + 3))) + 6 * np.maximum(PLACE + 0.3, 0)
"""Falls fastest at 0.001, is lowest near 0.1 to 0.5, and rises from there."""


def spec_of(optimizer: str, seed: int = 1) -> RunSpec:
    data = datasets.load(datasets.locate(MNIST))
    train = TrainSpec(1, 32, 0, seed=seed)
    return RunSpec(
        DataSpec("mnist", data.digest), dense_network((16,)), optimizer_spec(optimizer), train
    )


def noise(seed: int, size: float) -> np.ndarray:
    return size * np.random.default_rng(seed).standard_normal(finder.STEPS)


def test_a_sweep_raises_the_rate_until_the_loss_runs_away() -> None:
    spec = spec_of("adam")
    sweep = finder.sweep(spec)
    assert sweep.rates[0] == pytest.approx(finder.LOWEST)
    assert (np.diff(np.log10(sweep.rates)) > 0).all()
    assert sweep.losses[0] == pytest.approx(2.3, abs=0.4)
    assert len(sweep.losses) == len(sweep.rates)
    assert sweep.steepest is not None
    assert sweep.lowest is not None
    assert 1e-4 < sweep.rates[sweep.steepest] < sweep.rates[sweep.lowest] < 1
    again = finder.sweep(spec)
    np.testing.assert_array_equal(sweep.losses, again.losses)
    figure = motion_charts.sweep_chart(sweep)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.data[0].y) == list(sweep.losses)


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("sgd", "adam") else pytest.param(name, marks=pytest.mark.slow)
        for name in OPTIMIZERS
    ],
)
def test_every_optimizer_can_be_swept(name: str) -> None:
    sweep = finder.sweep(spec_of(name))
    assert np.isfinite(sweep.losses).all()
    if sweep.steepest is not None:
        assert 1e-5 < sweep.rates[sweep.steepest] < finder.HIGHEST
    assert "NaN" not in motion_charts.sweep_chart(sweep).to_json()


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_a_sweep_that_ends_at_once_falls_nowhere(steps: int) -> None:
    sweep = Sweep(RATES[:steps], np.linspace(2.4, 2.3, steps))
    assert (sweep.lowest is None) == (steps == 0)
    assert sweep.steepest is None
    assert not sweep.rises
    assert len(motion_charts.sweep_chart(sweep).data) == (3 if steps else 2)


def test_where_a_curve_falls_fastest_and_is_lowest() -> None:
    sweep = Sweep(RATES, FALLING)
    assert sweep.steepest is not None
    assert sweep.lowest is not None
    assert RATES[sweep.steepest] == pytest.approx(1e-3, rel=0.2)
    assert 10**-1.5 < RATES[sweep.lowest] < 1
    assert sweep.rises
    assert not sweep.diverged


@pytest.mark.parametrize("size", [0.05, 0.2, 0.4])
def test_noise_at_small_rates_is_not_called_a_fall(size: float) -> None:
    for seed in range(40):
        sweep = Sweep(RATES, FALLING + noise(seed, size))
        assert sweep.steepest is not None
        assert 2e-4 < RATES[sweep.steepest] < 5e-3


@pytest.mark.parametrize("size", [0.0, 0.1, 0.4, 0.9])
def test_a_flat_curve_falls_nowhere(size: float) -> None:
    sweeps = [Sweep(RATES, 2.3 + noise(seed, size)) for seed in range(40)]
    assert {sweep.steepest for sweep in sweeps} == {None}
    assert not any(sweep.rises for sweep in sweeps)


def test_a_curve_that_stays_low_does_not_rise() -> None:
    sweep = Sweep(RATES, np.minimum(FALLING, np.where(PLACE > -2, 0.6, 9)) + noise(0, 0.05))
    assert sweep.steepest is not None
    assert not sweep.rises


def test_what_a_sweep_does_not_use_does_not_make_another_sweep() -> None:
    spec = spec_of("sgd")
    other = replace(
        spec, optimizer=optimizer_spec("sgd", 0.5), train=TrainSpec(9, 32, 0.2, 1, "handwriting")
    )
    assert finder.for_sweep(spec) == finder.for_sweep(other)
    watched = replace(spec.train, validation_split=0.2, early_stopping=3, schedule=Plateau())
    assert finder.for_sweep(replace(spec, train=watched)) == finder.for_sweep(spec)
    for train in (TrainSpec(1, 64, 0, seed=1), TrainSpec(1, 32, 0, seed=2)):
        assert finder.for_sweep(replace(spec, train=train)) != finder.for_sweep(spec)
    momentum = optimizer_spec("sgd", parameters={"momentum": 0.5})
    assert finder.for_sweep(replace(spec, optimizer=momentum)).optimizer == momentum


def test_adafactor_takes_no_higher_rate_than_its_own() -> None:
    limit = finder.adafactor_limit()
    weights = np.ones((3, 2), np.float32)
    after = []
    for rate in (limit, 10 * limit):
        optimizer = optimizer_spec("adafactor", rate).keras()
        variable = keras.Variable(weights)
        optimizer.build([variable])
        optimizer.iterations.assign(int(np.searchsorted(RATES, limit)))
        optimizer.apply([weights], [variable])
        after.append(variable.numpy())
    np.testing.assert_array_equal(*after)
