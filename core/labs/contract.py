"""What a lab is: data that the pages, the command line and the library read."""

from dataclasses import dataclass

from core.data import definition
from core.errors import UsageError
from core.i18n import N_
from core.specs import DataSpec, RunSpec
from core.studies.experiment import Experiment, check_all
from core.studies.study import Study


@dataclass(frozen=True)
class Step:
    """A page of a lab."""

    name: str
    """In addresses."""
    title: str
    icon: str
    """A Material symbol as Streamlit names it."""
    file: str
    """Where the page is, from the folder of the lab's app."""


@dataclass(frozen=True)
class Lab:
    """What a lab asks for. Nothing else lists its data sets, experiments, studies or steps.

    Raises ValueError for experiments that could not be opened or trained.
    """

    name: str
    """In addresses and on the command line."""
    title: str
    order: int
    """Its place among the labs."""
    datasets: tuple[str, ...]
    """Their names; the first is the one that the lab opens with."""
    base: RunSpec
    """What its experiments change, and its own settings begin with."""
    experiments: tuple[Experiment, ...]
    steps: tuple[Step, ...]
    """Its pages in their order."""
    studies: tuple[Study, ...] = ()
    word: str = N_("Experiment")
    """What the lab sheet calls an experiment."""
    short: str = ""
    """What names of files begin with; by default its name."""
    before_lesson: tuple[str, ...] = ()
    """Experiments that a teacher trains before the lesson."""
    drawing_model: str = ""
    """The experiment that reads drawings where no other is named; empty if there is none."""

    def __post_init__(self) -> None:
        check_all(f"lab {self.name}", self.experiments, self.base)
        wanted = {*self.before_lesson, *filter(None, [self.drawing_model])}
        if unknown := wanted - {one.name for one in self.experiments}:
            raise ValueError(f"lab {self.name}: there are no experiments {unknown}")

    def experiment(self, name: str) -> Experiment:
        """An experiment by its name. Raises UsageError if there is none."""
        for known in self.experiments:
            if known.name == name:
                return known
        raise UsageError(
            N_("{lab} has no experiment {value}: choose one of {allowed}."),
            lab=self.name,
            value=name,
            allowed=", ".join(known.name for known in self.experiments),
        )

    def dataset(self, name: str | None) -> str:
        """The data set of that name, by default its first. Raises UsageError if it has not that."""
        wanted = self.datasets[0] if name is None else definition(name).name
        if wanted not in self.datasets:
            raise UsageError(
                N_("{lab} has no data set {value}: choose one of {allowed}."),
                lab=self.name,
                value=wanted,
                allowed=", ".join(self.datasets),
            )
        return wanted

    def on(self, data: DataSpec) -> RunSpec:
        """What its experiments begin with, on these images."""
        return self.base.on(data)

    def lesson(self, data: DataSpec) -> list[RunSpec]:
        """The runs that are trained before the lesson, on these images."""
        return [self.experiment(name).spec(self.on(data)) for name in self.before_lesson]
