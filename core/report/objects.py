"""Runs as objects that JSON can hold, for the command line and for the files that are handed in."""

from typing import Any

from core.networks.layers import differing
from core.specs import RunSpec
from core.specs.schedules import schedule_dict
from core.store import Run


def spec_object(spec: RunSpec) -> dict[str, Any]:
    """All settings of a run: those of the data, the model, the optimizer and the training.

    `hidden` and `activation` are those of the Dense layers before the output; `layers` has all.
    """
    schedule = spec.train.schedule
    optimizer = {"name": spec.optimizer.name, "learning_rate": spec.optimizer.learning_rate}
    if spec.optimizer.parameters:
        optimizer["parameters"] = dict(spec.optimizer.parameters)
    return {
        "data": differing(spec.data),
        "model": {
            "hidden": list(spec.network.hidden),
            "activation": spec.network.activation,
            "layers": spec.network.to_list(),
        },
        "optimizer": optimizer,
        "train": {**vars(spec.train), "schedule": schedule and schedule_dict(schedule)},
    }


def further(run: Run) -> dict[str, Any]:
    """What only runs with L1, L2, early stopping or a split have."""
    names = ("penalty", "best_epoch", "own_test_accuracy")
    values = {name: getattr(run, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def run_object(run: Run, *, cached: bool) -> dict[str, Any]:
    """What `train --json` prints."""
    return {
        "run": run.key,
        "cached": cached,
        "dataset": run.dataset,
        "spec": spec_object(run.spec),
        "epochs": [epoch.row for epoch in run.epochs],
        "test_loss": run.test_loss,
        **further(run),
        "test_accuracy": run.test_accuracy,
        "misclassified": run.misclassified,
        "train_seconds": run.train_seconds,
        "finished": run.finished,
        "versions": run.versions,
    }
