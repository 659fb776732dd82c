"""The lab without its pages, also for a notebook or a script:

    import core

    data = core.load("mnist")                 # data.x_train, data.y_train, data.class_names, ...
    run = core.train("mnist", variant=3)      # or hidden=(256,), epochs=5, batch_size=128, ...
    run.test_accuracy, run.epochs, run.predictions
    core.runs(), core.study("L4-A", seeds=3)

Runs are trained in this process, with the results and the keys that pages and the command line give
them. They are kept in the store in `store` or, without it, in the folder that LAB_CACHE names;
where neither is set, until the process ends.

Nothing here imports Streamlit, and importing this package imports nothing heavy.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.data import Dataset
    from core.specs import RunSpec
    from core.store import Run, Store
    from core.studies.statistics import Summary

__all__ = ["load", "runs", "study", "train"]


def load(dataset: str = "mnist", split: int | None = None) -> "Dataset":
    """A data set by its name: x_train and x_test uint8 (n, height, width), y_train, y_test (n,).

    It is downloaded if need be; where that fails MNIST is a sample. With `split` it is divided as
    for a run whose `spec.data.split` is that. Raises UsageError for an unknown name and DataError
    if there are no images.
    """
    from core import data

    return data.divided(data.obtain(data.definition(dataset)), split)


def train(
    dataset: str | None = None,
    *,
    variant: int | str | None = None,
    lab: str = "digits",
    experiment: str | None = None,
    images: int | None = None,
    base: str | None = None,
    side: int | None = None,
    scaling: str | None = None,
    copies: int | None = None,
    hidden: Sequence[int] | int | None = None,
    activation: str | Sequence[str] | None = None,
    l1: float | Sequence[float] | None = None,
    l2: float | Sequence[float] | None = None,
    dropout: float | Sequence[float] | None = None,
    batch_normalisation: bool | Sequence[bool] | None = None,
    initializer: str | Sequence[str] | None = None,
    stack: str | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    parameters: Mapping[str, float | int | bool] | None = None,
    schedule: str | None = None,
    schedule_parameters: Mapping[str, float | int] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    validation_split: float | None = None,
    early_stopping: int | None = None,
    augmentation: str | None = None,
    seed: int | None = None,
    store: Path | str | None = None,
) -> "Run":
    """Train a network, or find it in the store: an experiment of a lab with what is given changed.

    Without `dataset` it is trained on the first data set of the lab. `variant` is an experiment of
    Practical 7 by its number. Without either it is the first experiment of the lab. What is set
    from `activation` to `initializer` is one value for all hidden layers, or one for each; `stack`
    are layers in any order instead, as text: see core.networks.notation. With `base`, a pre-trained
    network (lite0, vgg16, mobilenet_v2), `drawing` or the key of a stored run, only what stands
    behind that is trained. Raises UsageError for what is not allowed, DataError and StoreError.
    """
    from core import labs
    from core.errors import UsageError
    from core.i18n import N_
    from core.networks.notation import network_from
    from core.specs import DataSpec

    if variant is not None and experiment is not None:
        raise UsageError(N_("variant and experiment each name a run: give one of them."))
    data = load(labs.lab(lab).dataset(dataset))
    layers = (hidden,) if isinstance(hidden, int) else hidden
    settings = {
        "images": images,
        "base": base and labs.base(base, _store(store), side, scaling),
        "copies": copies,
        "hidden": None if layers is None else tuple(layers),
        "activation": activation,
        "l1": l1,
        "l2": l2,
        "dropout": dropout,
        "batch_normalisation": batch_normalisation,
        "initializer": initializer,
        "stack": None if stack is None else network_from(stack),
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "parameters": parameters,
        "schedule": schedule,
        "schedule_parameters": schedule_parameters,
        "epochs": epochs,
        "batch_size": batch_size,
        "validation_split": validation_split,
        "early_stopping": early_stopping,
        "augmentation": augmentation,
        "seed": seed,
    }
    name = experiment if variant is None else str(variant)
    choice = labs.choose(lab, name, DataSpec.of(data), settings)
    return _trained(choice.spec, data, _store(store))


def runs(store: Path | str | None = None) -> "list[Run]":
    """The finished runs of a store, the newest first."""
    return _store(store).runs()


def study(
    name: str, seeds: int = 3, dataset: str | None = None, store: Path | str | None = None
) -> "list[Summary]":
    """Train what is missing of a study, and sum up each of its rows over its seeds.

    Without `dataset` it is trained on the images that the study begins with.

    Raises UsageError for an unknown study or number of seeds.
    """
    from core import labs
    from core.specs import DataSpec
    from core.studies.statistics import summarise

    wanted = labs.study(name)
    images = load(dataset or wanted.base.data.name)
    data = DataSpec.of(images)
    found = [_trained(spec, images, _store(store)) for spec in wanted.specs(seeds, data)]
    return summarise(wanted, {run.key: run for run in found}, seeds, data)


def _trained(spec: "RunSpec", data: "Dataset", store: "Store") -> "Run":
    from core.engine import alone
    from core.training import images

    images.receive(data)  # or they would be read and hashed once more
    return store.find(spec.key) or alone.train(spec, store, lambda claim: None)


def _store(named: Path | str | None) -> "Store":
    import os

    from core import labs

    if named is not None:
        return labs.open_store(Path(named))
    return labs.open_store() if os.environ.get("LAB_CACHE") else _own_store()


@cache
def _own_store() -> "Store":
    """A store that lives as long as this process."""
    import atexit
    import shutil
    import tempfile

    from core import labs

    folder = tempfile.mkdtemp(prefix="recognition-lab-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return labs.open_store(Path(folder))
