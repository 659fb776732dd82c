"""A learning-rate sweep ends where the loss runs away: what is behind it costs time, and shows
nothing.
"""

import numpy as np
import pytest

from core import data as datasets
from core.data.mnist import DATASET as MNIST
from core.optimizers import finder
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec

ALL_STEPS = 200


def sweep_of(optimizer: str, network: NetworkSpec) -> finder.Sweep:
    data = datasets.load(datasets.locate(MNIST))
    spec = DataSpec("mnist", data.digest)
    return finder.sweep(RunSpec(spec, network, optimizer_spec(optimizer), TrainSpec(1, 32, 0.0, 1)))


def running_means(losses: np.ndarray) -> np.ndarray:
    """At each step the mean of all losses so far, those of ten steps ago counting a third."""
    weights = 0.9 ** np.arange(len(losses))
    return np.array(
        [np.average(losses[: i + 1], weights=weights[i::-1]) for i in range(len(losses))]
    )


@pytest.mark.parametrize(
    ("optimizer", "network"),
    [("lion", dense_network((16,))), ("sgd", dense_network((256, 256), "linear"))],
    ids=["lion", "sgd"],
)
def test_a_sweep_ends_at_the_first_step_whose_mean_is_four_times_the_lowest(
    optimizer: str, network: NetworkSpec
) -> None:
    sweep = sweep_of(optimizer, network)
    assert len(sweep.rates) == len(sweep.losses) < ALL_STEPS - 20
    assert sweep.diverged
    assert np.isfinite(sweep.losses).all(), "the loss is high, but a number"
    times_lowest = running_means(sweep.losses) / np.minimum.accumulate(running_means(sweep.losses))
    assert times_lowest[-1] > 4
    assert (times_lowest[:-1] <= 4).all()


def test_a_loss_that_stays_low_is_followed_to_the_highest_rate() -> None:
    sweep = sweep_of("sgd", dense_network((16,)))
    assert len(sweep.rates) == ALL_STEPS
    assert sweep.rates[-1] == pytest.approx(10)
    assert not sweep.diverged
