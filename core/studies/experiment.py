"""Experiments: named runs of a lab, and what the lab sheet says about them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.errors import UsageError
from core.i18n import untranslated
from core.specs import RunSpec, changed


class Statement(NamedTuple):
    """A published statement about an experiment: compared with another one, it differs so."""

    text: str
    other: str
    """The name of the experiment that it is compared with."""


class Point(NamedTuple):
    """Where an experiment is on the chart of a study that changes one setting of several."""

    line: str
    """The title of what the setting is changed of."""
    value: str


@dataclass(frozen=True)
class Shown:
    """What the sheet wants to see of a run."""

    samples: int = 25
    """How many training images."""
    test_indices: tuple[int, ...] = (1,)
    """Which test images to check, by their index."""
    mistakes: int = 5
    """How many misclassified test images."""


@dataclass(frozen=True)
class Experiment:
    """A run as changes to what its lab or study begins with."""

    name: str
    """In addresses and on the command line."""
    title: str
    """May contain {name}: see `label`."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of any part of a run: see core.specs.changed."""
    shown: Shown | None = Shown()
    """None for what is not in the lab sheet."""
    published: float | None = None
    """Test accuracy (0..1), one run."""
    published_training: tuple[float, ...] = ()
    """Training accuracy of each epoch, the same run."""
    statement: Statement | None = None
    point: Point | None = None

    def spec(self, base: RunSpec) -> RunSpec:
        """The run that this makes of `base`. Raises UsageError for what is not allowed."""
        return changed(base, self.changes)

    def label(self, _: Callable[[str], str] = untranslated) -> str:
        """Its title in the language of the translation function `_`."""
        point = self.point._asdict() if self.point else {}
        return _(self.title).format(name=self.name, **{n: _(text) for n, text in point.items()})


def check_all(place: str, experiments: Sequence[Experiment], base: RunSpec) -> None:
    """Raise ValueError, for the author of a lab, if one of them could not be chosen or trained."""
    if not experiments:
        raise ValueError(f"{place}: there are no experiments")
    check_names(place, [one.name for one in experiments])
    for one in experiments:
        try:
            one.spec(base)
        except (TypeError, AttributeError, UsageError) as error:
            raise ValueError(f"{place}, experiment {one.name}: {error}") from error


def check_names(place: str, names: Sequence[str]) -> None:
    """Raise ValueError, for the author of a lab, if two names differ in their case at most."""
    if len({name.lower() for name in names}) < len(names):
        raise ValueError(f"{place}: two names are the same: {', '.join(names)}")
