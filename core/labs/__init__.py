"""The labs, as data: what each asks for, in a file of its own with a `LAB`.

A further lab is a further file in this folder. The sidebar, the pages, the command line, "Train
all", and which runs the store deletes last: all of it follows from what is found here.
"""

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from core.data import DATASETS, definition
from core.errors import UsageError
from core.fields import LIMITS
from core.i18n import N_
from core.labs.contract import Lab, Step
from core.networks import bases, structure
from core.networks.bases import BASES
from core.networks.frozen import Base, Pretrained, base_of_run
from core.networks.structure import LAYER_SETTINGS
from core.specs import DataSpec, RunSpec, dense_network, with_settings
from core.specs.schedules import NONE
from core.store import Store
from core.studies.experiment import Experiment, Shown, check_names
from core.studies.study import Study

_FOUND = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))

OWN = "own"
"""The choice of own settings, where the name of an experiment would stand."""


def by_name(found: Iterable[Lab]) -> dict[str, Lab]:
    """Labs by their names, in their order. Raises ValueError for what one of them cannot have."""
    labs = sorted(found, key=lambda lab: (lab.order, lab.name))
    check_names("labs", [lab.name for lab in labs])
    check_names("studies", [OWN, *(study.name for lab in labs for study in lab.studies)])
    for lab in labs:
        check_names(f"lab {lab.name}", [OWN, *(one.name for one in lab.experiments)])
        wanted = {*lab.datasets, *(study.base.data.name for study in lab.studies)}
        if not lab.datasets or not wanted <= {*DATASETS}:
            raise ValueError(f"lab {lab.name}: no data set, or an unknown one: {wanted}")
    return {lab.name: lab for lab in labs}


LABS = by_name(module.LAB for module in _FOUND if hasattr(module, "LAB"))
"""By their names, in their order; the first is the one that opens."""

STUDIES: dict[str, Study] = {study.name: study for lab in LABS.values() for study in lab.studies}
"""Of all labs, by their names."""


def lab(name: str) -> Lab:
    """A lab by its name. Raises UsageError if there is none."""
    if name not in LABS:
        raise UsageError(
            N_("There is no lab {value}: choose one of {allowed}."),
            value=name,
            allowed=", ".join(LABS),
        )
    return LABS[name]


def study(name: str, *others: str) -> Study:
    """A study by its name, in any case.

    Raises UsageError if there is none, which says `others` beside the names of studies.
    """
    for known in STUDIES.values():
        if known.name.lower() == name.lower():
            return known
    raise UsageError(
        N_("There is no study {value}: choose one of {allowed}."),
        value=name,
        allowed=", ".join([*STUDIES, *others]),
    )


@dataclass(frozen=True)
class Choice:
    """A run that somebody chose: of a lab, as an experiment or by own settings."""

    lab: Lab
    experiment: Experiment | None
    """None for own settings."""
    spec: RunSpec

    @property
    def shown(self) -> Shown:
        """What the sheet wants to see of it; for what is not in the sheet that of the example."""
        return (self.experiment and self.experiment.shown) or Shown()


def choose(
    lab_name: str, experiment: str | None, data: DataSpec, settings: Mapping[str, Any]
) -> Choice:
    """The run that options, an address or widgets stand for.

    Without the name of an experiment it is the first of the lab; `OWN` begins with what the lab
    begins with. `settings` change it: see core.specs.with_settings. Raises UsageError for what
    cannot be.
    """
    chosen = lab(lab_name)
    found = None
    if experiment != OWN:
        found = chosen.experiment(experiment) if experiment else chosen.experiments[0]
    base = chosen.on(data)
    if experiment == OWN and settings.get("hidden") is not None and not base.network.dense:
        base = replace(base, network=dense_network())
    spec = with_settings(found.spec(base) if found else base, settings)
    images = definition(data.name)
    structure.rows(spec.network, images.shape, len(images.class_names))  # or it says what is wrong
    return Choice(chosen, found, spec)


BASE_NAMES = (*BASES, "drawing")
"""What `base` takes, beside the keys of stored runs."""


def base(name: str, store: Store, side: int | None = None, scaling: str | None = None) -> Base:
    """What a network is to begin with that was learned elsewhere.

    By a name in BASE_NAMES, or by the key of a stored run: then it is the convolutions of that.
    `side` and `scaling` are those of a pre-trained network. Raises UsageError for what is no base,
    and DataError if the weights of a pre-trained network are not on this machine.
    """
    if name in BASES:
        size = BASES[name].side if side is None else side
        return Pretrained(name, size, scaling or "own", bases.digest(name))
    if side or scaling:
        raise UsageError(N_("Size and scaling of the images are chosen for pre-trained networks."))
    run = store.find(drawing_model() if name == "drawing" else name)
    if run is None:
        raise UsageError(
            N_("There is no base {value}: choose one of {allowed}, or the key of a stored run."),
            value=name,
            allowed=", ".join(BASE_NAMES),
        )
    return base_of_run(run.spec.network, run.key)


def drawing_model() -> str:
    """The key of the drawing model that comes with the lab."""
    owner = next(lab for lab in LABS.values() if lab.drawing_model)
    data = DataSpec.of(definition(owner.datasets[0]))
    return owner.experiment(owner.drawing_model).spec(owner.on(data)).key


class Variation(NamedTuple):
    """A run that differs from another one in one thing."""

    title: str
    """With {value} in it."""
    value: str
    spec: RunSpec


def variations(choice: Choice) -> list[Variation]:
    """What to try next after a run: those of another seed, half the neurons and other batches.

    Only what the own settings of its lab can say.
    """
    network, train = choice.spec.network, choice.spec.train
    dense = network.dense or network.dense_behind
    if dense and len(set(network.each("activation"))) > 1:
        return []
    if network.base and not dense:
        return []
    layers: dict[str, Any] = {"hidden": network.hidden} if dense else {"stack": network}
    if network.base:
        layers["base"] = network.base
    if dense and network.hidden:
        layers |= {name: network.each(name) for name in LAYER_SETTINGS}
        layers["activation"] = network.activation
    same = {
        **layers,
        "optimizer": choice.spec.optimizer.name,
        "learning_rate": choice.spec.optimizer.learning_rate,
        "parameters": dict(choice.spec.optimizer.parameters),
        **{name: getattr(train, name) for name in ("epochs", "batch_size", "validation_split")},
        "seed": train.seed,
        "unique": choice.spec.data.unique,
        "images": choice.spec.data.images,
        "early_stopping": train.early_stopping,
        "augmentation": train.augmentation,
        "copies": train.copies,
        "schedule": train.schedule.name if train.schedule else NONE,
        "schedule_parameters": asdict(train.schedule) if train.schedule else {},
    }
    half = tuple(max(1, neurons // 2) for neurons in network.hidden)
    larger = 10 * train.batch_size <= LIMITS["batch size"].high
    batch = 10 * train.batch_size if larger else train.batch_size // 10
    seed = 1 if train.seed == 0 else 0
    wanted: list[tuple[str, str, dict[str, Any]]] = [
        (N_("The same with seed {value}"), f"{seed}", {"seed": seed}),
        (
            N_("Ten times the batch size: {value}")
            if larger
            else N_("A tenth of the batch size: {value}"),
            f"{batch}",
            {"batch_size": batch},
        ),
    ]
    if dense:
        changed = layers | {"hidden": half}
        wanted.insert(1, (N_("Half the neurons: {value}"), " + ".join(map(str, half)), changed))
    found = []
    for title, value, changes in wanted:
        spec = with_settings(choice.spec, changes)
        own = choose(choice.lab.name, OWN, choice.spec.data, same | changes).spec
        if own == spec != choice.spec:
            found.append(Variation(title, value, spec))
    return found


def experiment_of(spec: RunSpec) -> Experiment | None:
    """The experiment that a run is of, in a lab that has its data set, whatever its seed.

    None for own settings.
    """
    return _experiments().get(_plain(spec))


@cache
def _experiments() -> dict[RunSpec, Experiment]:
    """Every experiment of every lab and study by its runs, one for each data set of the lab."""
    found: dict[RunSpec, Experiment] = {}
    for known in LABS.values():
        bases = [(known.base, known.experiments)]
        bases += [(study.base, study.rows) for study in known.studies]
        for base, experiments in bases:
            for one in experiments:
                for name in known.datasets:
                    found.setdefault(_plain(one.spec(base.on(DataSpec(name)))), one)
    return found


def _plain(spec: RunSpec) -> RunSpec:
    """The spec without what an experiment leaves open."""
    data, network = replace(spec.data, digest="", draw=None), spec.network
    if isinstance(network.base, Pretrained):
        network = replace(network, layers=(replace(network.base, digest=""), *network.behind))
    return replace(spec, data=data, network=network, train=replace(spec.train, seed=0))


def lesson(data: DataSpec, of: Iterable[Lab] = LABS.values()) -> list[RunSpec]:
    """What a teacher trains before the lesson on these images: of those labs that have them."""
    wanted = [known for known in of if data.name in known.datasets]
    return [spec for known in wanted for spec in known.lesson(data)]


def all_steps() -> dict[str, Step]:
    """Every page of every lab, by its name."""
    return {step.name: step for known in LABS.values() for step in known.steps}


def open_store(folder: Path | None = None) -> Store:
    """The store in a folder, by default the cache; it deletes the labs' experiments last."""
    return Store(folder, keep=lambda spec: experiment_of(spec) is not None)
