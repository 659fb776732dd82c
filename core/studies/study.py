"""Studies: named lists of runs that are compared, with what was published about them.

All runs of a study with the same seed start from the same weights and see the same batches (see
models.build and training.fit), so that two of them can be compared pair by pair.
"""

import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.engine.estimates import seconds_of
from core.errors import UsageError
from core.i18n import N_
from core.specs.optimizers import OPTIMIZERS, Value, value_from, value_text
from core.specs.run import (
    DataSpec,
    Limit,
    ModelSpec,
    OptimizerSpec,
    RunSpec,
    TrainSpec,
    check_number,
    optimizer_spec,
)
from core.store import Run
from core.training.epochs import Epoch

SEEDS = Limit(1, 10)
RUNS = Limit(1, 300)
"""How many runs a study may have."""

CONFIRM_SECONDS = 900
"""A study that takes longer than this is confirmed first."""

CONFIDENCE = 0.95
PAIRS = 3
"""Of seeds, at least, for an interval: two gaps equal by chance would leave it no width."""


class Statement(NamedTuple):
    """A published statement about a row: compared with another row, there is this difference."""

    text: str
    other: str
    """The name of the row that it is compared with."""


@dataclass(frozen=True)
class Row:
    """One optimizer of a study."""

    name: str
    optimizer: OptimizerSpec
    published: float | None = None
    """Test accuracy (0..1), one run."""
    published_training: tuple[float, ...] = ()
    """Training accuracy of each epoch, the same run."""
    statement: Statement | None = None


@dataclass(frozen=True)
class Study:
    """Optimizers that train the same network in the same way."""

    name: str
    title: str
    model: ModelSpec
    train: TrainSpec
    """Of each run; its seed is replaced."""
    rows: tuple[Row, ...]
    note: str = ""
    """What was published beside figures."""
    note_accuracy: float | None = None
    """The test accuracy (0..1) that the note says which rows reach."""

    def spec(self, row: Row, seed: int, data: DataSpec) -> RunSpec:
        """The run of one row and seed."""
        train = self.train
        with_seed = TrainSpec(train.epochs, train.batch_size, train.validation_split, seed)
        return RunSpec(data, self.model, row.optimizer, with_seed)

    def specs(self, seeds: int, data: DataSpec) -> list[RunSpec]:
        """All runs with the seeds 0, 1, ...: every row with the first seed, then with the next."""
        check_seeds(seeds)
        return [self.spec(row, seed, data) for seed in range(seeds) for row in self.rows]


LAB4_MODEL = ModelSpec((256,))
LAB4_TRAIN = TrainSpec(epochs=5, batch_size=128, validation_split=0.0)


def _lab4(
    name: str, title: str, rows: Sequence[Row], note: str = "", note_accuracy: float | None = None
) -> Study:
    return Study(name, title, LAB4_MODEL, LAB4_TRAIN, tuple(rows), note, note_accuracy)


_NO_EFFECT = Statement(N_("rho has no effect"), "RMSprop")

STUDIES = {
    study.name: study
    for study in (
        _lab4(
            "L4-A",
            N_("Report A: parameters of three optimizers"),
            [
                Row(
                    "RMSprop",
                    optimizer_spec("rmsprop"),
                    0.9770,
                    (0.8699, 0.9596, 0.9734, 0.9804, 0.9853),
                ),
                Row(
                    "RMSprop, rho 0.3",
                    optimizer_spec("rmsprop", parameters={"rho": 0.3}),
                    statement=_NO_EFFECT,
                ),
                Row(
                    "RMSprop, rho 0.5",
                    optimizer_spec("rmsprop", parameters={"rho": 0.5}),
                    statement=_NO_EFFECT,
                ),
                Row(
                    "RMSprop, learning rate 0.0001",
                    optimizer_spec("rmsprop", 0.0001),
                    0.9436,
                    (0.6831, 0.9055, 0.9215, 0.9341, 0.9412),
                ),
                Row(
                    "SGD",
                    optimizer_spec("sgd"),
                    0.9130,
                    (0.5826, 0.8629, 0.8820, 0.8938, 0.9001),
                ),
                Row(
                    "SGD, momentum 0.5, Nesterov",
                    optimizer_spec("sgd", parameters={"momentum": 0.5, "nesterov": True}),
                    0.9234,
                    (0.6581, 0.8861, 0.9021, 0.9119, 0.9173),
                ),
                Row(
                    "Adam",
                    optimizer_spec("adam"),
                    0.9770,
                    (0.8528, 0.9596, 0.9717, 0.9803, 0.9855),
                ),
                Row(
                    "Adam, beta_1 = beta_2 = 0.8",
                    optimizer_spec("adam", parameters={"beta_1": 0.8, "beta_2": 0.8}),
                    0.9773,
                    (0.8604, 0.9620, 0.9753, 0.9818, 0.9854),
                    Statement(N_("slightly better than the defaults, not significant"), "Adam"),
                ),
                Row(
                    "Adam, beta_1 = beta_2 = 0",
                    optimizer_spec("adam", parameters={"beta_1": 0.0, "beta_2": 0.0}),
                    0.9641,
                    (0.8495, 0.9488, 0.9607, 0.9668, 0.9694),
                ),
            ],
        ),
        _lab4(
            "L4-B",
            N_("Report B: six optimizers with their defaults"),
            [
                Row(OPTIMIZERS[name].title, optimizer_spec(name))
                for name in ("adam", "nadam", "rmsprop", "sgd", "adamax", "adagrad")
            ],
            N_("Published: all reach 95% except Adagrad and SGD."),
            0.95,
        ),
    )
}
"""The two reports of lab 4."""


def study(name: str) -> Study:
    """A study by its name, in any case. Raises UsageError if there is none."""
    for known in STUDIES.values():
        if known.name.lower() == name.lower():
            return known
    raise UsageError(
        N_("There is no study {value}: choose one of {allowed}."),
        value=name,
        allowed=", ".join([*STUDIES, "own"]),
    )


def check_seeds(seeds: int) -> None:
    """Raise UsageError unless the number of seeds is within SEEDS."""
    check_number(N_("number of seeds"), seeds, SEEDS, whole=True)


def own_study(
    names: Sequence[str],
    sweep: tuple[str, Sequence[Value]] | None = None,
    model: ModelSpec = LAB4_MODEL,
    train: TrainSpec = LAB4_TRAIN,
) -> Study:
    """A study of the optimizers `names`, each with every value of the parameter that is swept.

    `sweep` is the parameter by Keras's name, or learning_rate, and its values; an optimizer that
    has no such parameter is there once, as it is. Raises UsageError for an unknown optimizer, a
    parameter that none of them has, or a value outside its limits.
    """
    if not names:
        raise UsageError(N_("No optimizer is chosen: choose at least one."))
    parameter, values = sweep or ("learning_rate", ())
    rows: dict[OptimizerSpec, Row] = {}
    for name in names:
        plain = optimizer_spec(name)
        if not values or (
            parameter != "learning_rate" and parameter not in OPTIMIZERS[name].parameters
        ):
            rows.setdefault(plain, Row(OPTIMIZERS[name].title, plain))
            continue
        for value in values:
            if parameter == "learning_rate":
                changed = optimizer_spec(name, value)
            else:
                changed = optimizer_spec(name, parameters={parameter: value})
            label = f"{OPTIMIZERS[name].title}, {parameter} {value_text(value).lower()}"
            rows.setdefault(changed, Row(label, changed))
    if values:
        _check_swept(names, parameter)
    return Study("own", N_("Own study"), model, train, tuple(rows.values()))


def _check_swept(names: Sequence[str], parameter: str) -> None:
    """Raise UsageError if none of the optimizers has the parameter."""
    known = [{"learning_rate": None, **OPTIMIZERS[name].parameters} for name in names]
    if not any(parameter in parameters for parameters in known):
        allowed = dict.fromkeys(name for parameters in known for name in parameters)
        raise UsageError(
            N_("None of these optimizers has a parameter {value}: choose one of {allowed}."),
            value=parameter,
            allowed=", ".join(allowed),
        )


def values_from(text: str) -> list[Value]:
    """Values of a parameter as they are typed, separated by commas.

    Raises UsageError for other separators and for a decimal comma: 0,01 would be 0 and 1.
    """
    if re.search(r";|\d\s+\d|(?<![\d.eE+-])0\d", text):
        raise UsageError(
            N_("{value}: separate values by commas and write decimals with a point: 0.1, 0.01."),
            value=text,
        )
    return [value_from(part) for part in text.split(",") if part.strip()]


def check_size(study: Study, seeds: int, images: int) -> None:
    """Raise UsageError for more runs than RUNS allows, with how long they would take."""
    runs = len(study.rows) * seeds
    if runs > RUNS.high:
        raise UsageError(
            N_(
                "The study has {runs:,} runs, which take about {hours:.1f} hours: choose at most "
                "{most}, with fewer values or seeds."
            ),
            runs=runs,
            hours=runs * seconds_of_run(study, images) / 3600,
            most=int(RUNS.high),
        )


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

    row: Row
    runs: Mapping[int, Run]
    """By their seeds."""

    @property
    def sound(self) -> dict[int, Run]:
        """The runs that did not diverge. The others have no figures but their times.

        A network of weights that are no numbers still gets one image in ten right.
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
    def loss(self) -> Figure:
        """Test losses after the last epoch, of the sound runs."""
        return Figure(tuple(run.test_loss for run in self.sound.values()))

    @property
    def seconds(self) -> Figure:
        """Training times."""
        return Figure(tuple(run.train_seconds for run in self.runs.values()))

    @property
    def best(self) -> list[tuple[int, float]]:
        """Of each sound run the epoch with the best accuracy and that accuracy.

        On the validation images, or where there are none on the test images.
        """
        found = []
        for run in self.sound.values():
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


def seconds_of_run(study: Study, images: int) -> float:
    """About how long one run of a study takes with that many training images."""
    return seconds_of(study.model, study.train, images)
