"""Studies: experiments that are compared over several seeds.

All runs of a study with the same seed start from the same weights and see the same batches (see
networks.build and training.fit), so that two of them can be compared pair by pair.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.engine.estimates import seconds_of
from core.errors import DataError, LabError, UsageError
from core.fields import Limit, check_number, value_from, value_text
from core.i18n import N_
from core.networks import bases
from core.networks.frozen import Pretrained
from core.specs import DataSpec, OptimizerSpec, RunSpec, changed, optimizer_spec
from core.specs.optimizers import OPTIMIZERS, Value
from core.studies.experiment import Experiment, check_all

SEEDS = Limit(1, 10)
RUNS = Limit(1, 300)
"""How many runs a study may have."""

CONFIRM_SECONDS = 900
"""A study that takes longer than this is confirmed first."""


@dataclass(frozen=True)
class Study:
    """Experiments that begin with the same run.

    Raises ValueError for rows that could not be trained, or not compared as their statement says.
    """

    name: str
    title: str
    base: RunSpec
    """What the rows change; its data and its seed are replaced."""
    rows: tuple[Experiment, ...]
    note: str = ""
    """What was published beside figures."""
    note_accuracy: float | None = None
    """The test accuracy (0..1) that the note says which rows reach."""
    sweep: str = ""
    """The one setting that the rows change, whose values are their names, or of those of several
    networks the points; empty for other rows."""
    draws: bool = False
    """Rows that train on a part of the images train with each seed on another part."""

    def __post_init__(self) -> None:
        check_all(f"study {self.name}", self.rows, self.base)
        others = {row.statement.other for row in self.rows if row.statement}
        if unknown := others - {row.name for row in self.rows}:
            raise ValueError(f"study {self.name}: a statement is about rows {unknown}, not there")

    def spec(self, row: Experiment, seed: int, data: DataSpec) -> RunSpec:
        """The run of one row and seed."""
        spec = row.spec(changed(self.base.on(data), {"train": {"seed": seed}}))
        if self.draws and spec.data.images is not None:
            spec = changed(spec, {"data": {"draw": seed}})
        return spec

    def specs(self, seeds: int, data: DataSpec) -> list[RunSpec]:
        """All runs with the seeds 0, 1, ...: every row with the first seed, then with the next.

        What two rows have in common is there once.
        """
        check_seeds(seeds)
        found = (self.spec(row, seed, data) for seed in range(seeds) for row in self.rows)
        return list(dict.fromkeys(found))

    def seconds(self, seeds: int, data: DataSpec, images: int) -> float:
        """About how long all its runs take, one after another, with that many training images."""
        return sum(seconds_of(spec, images) for spec in self.specs(seeds, data))


def with_bases(study: Study) -> tuple[Study, list[LabError]]:
    """The rows of a study whose pre-trained networks are on this machine; why the others are not.

    Weights that are not the published ones are told from them: see bases.digest. Raises the first
    reason if no row is left.
    """
    rows: list[Experiment] = []
    digests: dict[str, str] = {}
    reasons: dict[str, LabError] = {}
    for row in study.rows:
        network = row.spec(study.base).network
        if not isinstance(base := network.base, Pretrained):
            rows.append(row)
            continue
        if base.name not in {*digests, *reasons}:
            try:
                bases.obtain(base.name)
                digests[base.name] = bases.digest(base.name)
            except DataError as missing:
                reasons[base.name] = missing
        if base.name in digests:
            known = replace(base, digest=digests[base.name])
            changes = {**row.changes, "network": replace(network, layers=(known, *network.behind))}
            rows.append(replace(row, changes=changes))
    if not rows:
        raise next(iter(reasons.values()))
    return replace(study, rows=tuple(rows)), list(reasons.values())


def check_seeds(seeds: int) -> None:
    """Raise UsageError unless the number of seeds is within SEEDS."""
    check_number(N_("number of seeds"), seeds, SEEDS, whole=True)


def own_study(
    names: Sequence[str], base: RunSpec, sweep: tuple[str, Sequence[Value]] | None = None
) -> Study:
    """A study of the optimizers `names`, each with every value of the parameter that is swept.

    `sweep` is the parameter by Keras's name, or learning_rate, and its values; an optimizer that
    has no such parameter is there once, as it is. Raises UsageError for an unknown optimizer, a
    parameter that none of them has, or a value outside its limits.
    """
    if not names:
        raise UsageError(N_("No optimizer is chosen: choose at least one."))
    parameter, values = sweep or ("learning_rate", ())
    titles: dict[OptimizerSpec, str] = {}
    for name in names:
        plain = optimizer_spec(name)
        if not values or (
            parameter != "learning_rate" and parameter not in OPTIMIZERS[name].parameters
        ):
            titles.setdefault(plain, OPTIMIZERS[name].title)
            continue
        for value in values:
            if parameter == "learning_rate":
                swept = optimizer_spec(name, value)
            else:
                swept = optimizer_spec(name, parameters={parameter: value})
            title = f"{OPTIMIZERS[name].title}, {parameter} {value_text(value).lower()}"
            titles.setdefault(swept, title)
    if values:
        _check_swept(names, parameter)
    rows = (Experiment(title, title, {"optimizer": swept}) for swept, title in titles.items())
    return Study("own", N_("Own study"), base, tuple(rows))


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


def check_size(study: Study, seeds: int, data: DataSpec, images: int) -> None:
    """Raise UsageError for more runs than RUNS allows, with how long they would take."""
    runs = len(study.rows) * seeds
    if runs > RUNS.high:
        raise UsageError(
            N_(
                "The study has {runs:,} runs, which take about {hours:.1f} hours: choose at most "
                "{most}, with fewer values or seeds."
            ),
            runs=runs,
            hours=study.seconds(1, data, images) * seeds / 3600,
            most=int(RUNS.high),
        )
