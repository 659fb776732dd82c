"""`import core` in a script: a few lines train, in the process of whoever writes them."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import core
from core.data import DATASETS
from core.data.contract import Arrays
from core.data.mnist import DATASET as MNIST
from core.errors import UsageError
from core.specs import RunSpec

ROOT = Path(core.__path__[0]).parent

SCRIPT = """
import os, sys
import core
data = core.load("mnist")
assert "tensorflow" not in sys.modules
run = core.train("mnist", hidden=(16,), epochs=2, batch_size=50, seed=1)
again = core.train("mnist", hidden=16, epochs=2, batch_size=50, seed=1)
import json
print(json.dumps({
    "shapes": [data.x_train.shape, data.y_train.shape, data.x_test.shape, data.y_test.shape],
    "classes": data.class_names,
    "accuracy": run.test_accuracy,
    "epochs": len(run.epochs),
    "predictions": run.predictions.shape,
    "key": run.key,
    "kept": [one.key for one in core.runs()],
    "same": again.folder == run.folder,
    "nice": os.nice(0),
    "distributed": "distributed" in sys.modules,
}))
"""


def script(text: str, small_mnist: Path, **environment: str) -> dict[str, object]:
    """The last line that a script prints, as JSON; it runs without a __main__ guard."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=ROOT,
        env={**os.environ, "LAB_DATA": str(small_mnist), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
def test_a_script_trains_in_its_own_process(
    small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_CACHE")
    found = script(SCRIPT, small_mnist)
    assert found["shapes"] == [[1000, 28, 28], [1000], [200, 28, 28], [200]]
    assert found["classes"] == list("0123456789")
    assert isinstance(found["accuracy"], float)
    assert 0.3 < found["accuracy"] < 1
    assert (found["epochs"], found["predictions"]) == (2, [200, 10])
    assert found["kept"] == [found["key"]]
    assert found["same"]
    assert found["nice"] == os.nice(0)
    assert not found["distributed"]


STUDY = """
import core, json
rows = core.study("L4-B", seeds=1)
print(json.dumps({row.row.name: row.accuracy.mean for row in rows}))
"""


@pytest.mark.slow
def test_a_study_and_its_store(small_mnist: Path, cache: Path) -> None:
    found = script(STUDY, small_mnist)
    assert list(found) == ["adam", "nadam", "rmsprop", "sgd", "adamax", "adagrad"]
    assert found["adam"] != found["sgd"]
    stored = core.runs(cache)
    assert sorted(run.test_accuracy for run in stored) == sorted(map(float, found.values()))  # type: ignore[arg-type]
    assert core.runs() == stored  # LAB_CACHE names it


def test_what_is_not_allowed_is_said_before_anything_is_trained() -> None:
    with pytest.raises(UsageError, match="no data set nothing"):
        core.train("nothing")
    with pytest.raises(UsageError, match="no experiment 12"):
        core.train(variant=12)
    with pytest.raises(UsageError, match="Epochs is 0"):
        core.train(epochs=0)
    with pytest.raises(UsageError, match="Optimizer is magic"):
        core.train(optimizer="magic")
    with pytest.raises(UsageError, match="variant and experiment each name a run"):
        core.train(variant=3, experiment="4")
    with pytest.raises(UsageError, match=r"no study own: choose one of D2, .*, C6-225\.$"):
        core.study("own")


def test_numbers_of_numpy_are_numbers(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    specs = []

    def trained(spec: RunSpec, *rest: object) -> None:
        specs.append(spec)

    monkeypatch.setattr(core, "_trained", trained)
    own = {"hidden": [16, 8], "epochs": 3, "batch_size": 50, "seed": 7}
    core.train(**own, optimizer="muon", validation_split=0.25, parameters={"ns_steps": 4})  # type: ignore[arg-type]
    core.train(
        hidden=np.array([16, 8]),  # type: ignore[arg-type]
        **{name: np.int64(own[name]) for name in ("epochs", "batch_size", "seed")},  # type: ignore[arg-type]
        optimizer="muon",
        validation_split=np.float32(0.25),  # type: ignore[arg-type]
        parameters={"ns_steps": np.int64(4)},  # type: ignore[dict-item]
    )
    assert specs[0] == specs[1]
    assert specs[0].key == specs[1].key
    with pytest.raises(UsageError, match="Epochs is 0"):
        core.train(epochs=np.int64(0))  # type: ignore[arg-type]


def test_images_are_read_once(small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    read = []

    def once(folder: Path) -> Arrays:
        read.append(folder)
        return MNIST.read(folder)

    monkeypatch.setitem(DATASETS, "mnist", replace(MNIST, read=once))
    core.train("mnist", hidden=(4,), epochs=1, batch_size=500)
    assert len(read) == 1
