"""What the seeds of a study say: means, deviations, and whether a difference is real."""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from core.specs import DataSpec
from core.store import Run
from core.studies.experiment import Experiment
from core.studies.study import Study
from core.training.epochs import Epoch

CONFIDENCE = 0.95
PAIRS = 3
"""Of seeds, at least, for an interval: two gaps equal by chance would leave it no width."""


class Figure(NamedTuple):
    """A figure over the seeds of a row."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Standard deviation of the sample; None for fewer than two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Summary:
    """What the finished runs of a row say together."""

    row: Experiment
    runs: Mapping[int, Run]
    """By their seeds."""

    @property
    def sound(self) -> dict[int, Run]:
        """The runs that did not diverge. The others have no figures but their times.

        A network whose weights became NaN still gets some images right by chance.
        """
        return {
            seed: run
            for seed, run in self.runs.items()
            if seed not in self.diverged and math.isfinite(run.test_loss)
        }

    @property
    def accuracy(self) -> Figure:
        """Test accuracies after the last epoch, of the sound runs."""
        return Figure(tuple(run.test_accuracy for run in self.sound.values()))

    @property
    def own_accuracy(self) -> Figure:
        """Of the sound runs with a split: see Run.own_test_accuracy."""
        found = (run.own_test_accuracy for run in self.sound.values())
        return Figure(tuple(accuracy for accuracy in found if accuracy is not None))

    @property
    def loss(self) -> Figure:
        """Test losses after the last epoch, of the sound runs."""
        return Figure(tuple(run.test_loss for run in self.sound.values()))

    @property
    def f1(self) -> Figure:
        """F1 on the test images, weighted by class, of the sound runs."""
        return Figure(tuple(run.weighted_f1 for run in self.sound.values()))

    @property
    def gap(self) -> Figure:
        """Training minus validation accuracy in the last epoch, of the sound runs that have it."""
        gaps = (run.gap for run in self.sound.values())
        return Figure(tuple(gap for gap in gaps if gap is not None))

    @property
    def weights(self) -> int | None:
        """How many weights and biases its network has; None before its first run."""
        for run in self.runs.values():
            return sum(layer.weights for layer in run.layers)
        return None

    @property
    def seconds(self) -> Figure:
        """Training times."""
        return Figure(tuple(run.train_seconds for run in self.runs.values()))

    @property
    def best(self) -> list[tuple[int, float]]:
        """Of each sound run of several epochs the one with the best accuracy, and that accuracy.

        On the validation images, or where there are none on the test images.
        """
        found = []
        for run in (run for run in self.sound.values() if len(run.epochs) > 1):
            watched = [(watched_accuracy(epoch), -epoch.epoch) for epoch in run.epochs]
            known = [(accuracy, epoch) for accuracy, epoch in watched if accuracy is not None]
            if known:
                accuracy, epoch = max(known)
                found.append((-epoch, accuracy))
        return found

    @property
    def diverged(self) -> dict[int, int]:
        """Of each seed whose loss became NaN, the first such epoch."""
        return {
            seed: epoch
            for seed, run in self.runs.items()
            if (epoch := diverged_at(run.epochs)) is not None
        }


def watched_accuracy(epoch: Epoch) -> float | None:
    """Accuracy on validation images, or where there are none on test images, if they were."""
    return epoch.test_accuracy if epoch.val_accuracy is None else epoch.val_accuracy


def diverged_at(epochs: Iterable[Epoch]) -> int | None:
    """The first epoch whose loss is not a number, or None."""
    return next((epoch.epoch for epoch in epochs if epoch.diverged), None)


def summarise(study: Study, runs: Mapping[str, Run], seeds: int, data: DataSpec) -> list[Summary]:
    """The rows of a study with those of their runs that are in `runs`, by key."""
    summaries = []
    for row in study.rows:
        keys = {seed: study.spec(row, seed, data).key for seed in range(seeds)}
        found = {seed: runs[key] for seed, key in keys.items() if key in runs}
        summaries.append(Summary(row, found))
    return summaries


@dataclass(frozen=True)
class Difference:
    """How much better one row is than another, in test accuracy (0..1), pair by pair of seeds."""

    pairs: int
    mean: float
    low: float | None
    high: float | None
    """The ends of the confidence interval; None with fewer than PAIRS pairs."""
    left_out: int = 0
    """Seeds that both rows have, but one of the two runs diverged."""

    @property
    def real(self) -> bool:
        """True if zero lies outside of the interval."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def difference(first: Summary, second: Summary) -> Difference | None:
    """Of the seeds that both rows have without a run that diverged; None if there is none.

    The interval is that of the paired t-test: scipy.stats.ttest_rel.
    """
    seeds = sorted(first.sound.keys() & second.sound.keys())
    if not seeds:
        return None
    left_out = len(first.runs.keys() & second.runs.keys()) - len(seeds)
    ones = [first.runs[seed].test_accuracy for seed in seeds]
    others = [second.runs[seed].test_accuracy for seed in seeds]
    gaps = [a - b for a, b in zip(ones, others, strict=True)]
    mean = statistics.fmean(gaps)
    if len(gaps) < PAIRS:
        return Difference(len(gaps), mean, None, None, left_out)
    if max(gaps) - min(gaps) < 1e-9:  # all alike: the test would divide by zero
        return Difference(len(gaps), mean, mean, mean, left_out)
    from scipy import stats

    low, high = stats.ttest_rel(ones, others).confidence_interval(CONFIDENCE)
    return Difference(len(gaps), mean, float(low), float(high), left_out)
