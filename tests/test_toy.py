"""A data set and a lab that are one file each go all the ways of the others, but for the pages.

Three classes, 20 x 24 pixels, dark ink: whatever takes ten classes, squares or light ink for
granted fails here.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import toy
from tests.toy_app import copy_with_toy

PATIENCE = 400


class Copy:
    """A copy of the lab with the toy, and a cache; its code runs in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_with_toy(folder)
        self.cache = folder / "cache"
        self.environment: dict[str, str] = {}

    def python(self, *arguments: str | Path) -> str:
        """What Python prints to standard output."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={
                **kept,
                "LAB_CACHE": str(self.cache),
                "LAB_OFFLINE": "1",
                "PYTHONPATH": "",
                **self.environment,
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout

    def lab(self, *arguments: str | Path) -> str:
        return self.python("-m", "core", *arguments)

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self.lab(*arguments, "--json"))

    def script(self, code: str) -> Any:
        """The last line that a script prints, which has no __main__ guard."""
        (self.folder / "script.py").write_text(code)
        return json.loads(self.python("script.py").splitlines()[-1])


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def trained(copy: Copy) -> list[dict[str, Any]]:
    """The two experiments of the toy lab, as `train --all` answers; the embedded engine trains."""
    found: list[dict[str, Any]] = copy.json("train", "--lab", "toy", "--all")
    return found


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of six pictures: shapes of the test images, drawn larger and black on white."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(5)
    rows = ["file,label"]
    for i in range(6):
        image = Image.fromarray(toy.shape(i % 3, random))
        image.resize((240, 200), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{toy.DATASET.class_names[i % 3]}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder / "labels.csv"


def test_nothing_but_two_files_was_added(copy: Copy) -> None:
    root = Path(toy.__file__).parents[1]
    here, there = (
        {path.relative_to(base) for path in (base / "core").rglob("*.py")}
        for base in (root, copy.folder)
    )
    assert there - here == {Path("core/data/toy.py"), Path("core/labs/toy_lab.py")}
    assert here <= there


def test_data_lists_the_toy_as_a_full_set(copy: Copy) -> None:
    text = copy.lab("data")
    toys = text.split("Toy shapes (toy)\n")[1].split("EfficientNet")[0].splitlines()
    assert [line.strip() for line in toys][:2] == [
        "source: built-in",
        "images: 300 to train, 90 to test",
    ]
    assert toys[-1].strip() == "This is the full set."
    assert copy.lab("data", "fetch", "toy") == (
        "Toy shapes comes with the lab: there is nothing to get.\n"
    )


@pytest.mark.slow
def test_every_experiment_is_trained_before_the_lesson(trained: list[dict[str, Any]]) -> None:
    dense, conv = trained
    assert [run["cached"] for run in trained] == [False, False]
    for run in trained:
        assert run["dataset"] == {
            "name": "toy", "source": "built-in", "complete": True, "train": 240, "validation": 60,
            "test": 90, "shape": [20, 24], "classes": 3,
        }  # fmt: skip
        assert run["run"].startswith("toy-")
        assert run["misclassified"] == round(90 * (1 - run["test_accuracy"]))
    assert [len(run["epochs"]) for run in trained] == [20, 10]
    assert dense["spec"]["model"]["hidden"] == [32]
    assert [layer["layer"] for layer in conv["spec"]["model"]["layers"]] == [
        "Channel", "Conv2D", "MaxPooling2D", "Conv2D", "Flatten", "Dense",
    ]  # fmt: skip
    assert conv["spec"]["train"]["augmentation"] == "handwriting"
    assert min(dense["test_accuracy"], conv["test_accuracy"]) > 0.9


@pytest.mark.slow
def test_an_experiment_is_found_by_its_name_and_listed(
    copy: Copy, trained: list[dict[str, Any]]
) -> None:
    """The data set need not be named: it is the first of the lab."""
    one = copy.json("train", "--lab", "toy", "--experiment", "conv")
    assert one == {**trained[1], "cached": True}
    stored = {run["run"]: run for run in copy.json("runs")}
    assert all(stored[run["run"]] == {**run, "cached": True} for run in trained)
    lines = [line for line in copy.lab("runs").splitlines() if line.startswith(one["run"])]
    assert len(lines) == 1
    assert "convolutions  10 epochs" in lines[0]


@pytest.mark.slow
def test_a_study_changes_network_optimizer_and_data(copy: Copy) -> None:
    study = copy.json("study", "toy", "--seeds", "2")
    assert study["study"] == "TOY"
    assert study["dataset"] == {"name": "toy", "source": "built-in", "complete": True}
    assert [row["name"] for row in study["rows"]] == ["Convolutions", "SGD", "100 images"]
    assert [len(row["values"]) for row in study["rows"]] == [2, 2, 2]
    specs = [run["spec"] for run in copy.json("runs")]
    layers = {tuple(layer["layer"] for layer in spec["model"]["layers"]) for spec in specs}
    assert ("Channel", "Conv2D", "MaxPooling2D", "Conv2D", "Flatten", "Dense") in layers
    assert ("sgd", 0.1) in {
        (s["optimizer"]["name"], s["optimizer"]["learning_rate"]) for s in specs
    }
    few = [run for run in copy.json("runs") if run["spec"]["data"].get("images") == 100]
    assert [(run["dataset"]["train"], run["dataset"]["validation"]) for run in few] == [
        (80, 20)
    ] * 2
    assert {run["dataset"]["test"] for run in few} == {90}


@pytest.mark.slow
def test_pictures_are_read(copy: Copy, trained: list[dict[str, Any]], table: Path) -> None:
    dense = ("--lab", "toy", "--experiment", "dense")
    pictures = [table.with_name(f"{i}.png") for i in range(6)]
    answers = copy.json("predict", *dense, *pictures)
    assert [len(answer["probabilities"]) for answer in answers] == [3] * 6
    names = list(toy.DATASET.class_names)
    assert {answer["label"] for answer in answers} <= set(names)
    right = sum(a["label"] == names[i % 3] for i, a in enumerate(answers))
    assert right >= 5
    by_name = copy.json("drawn", *dense, table)
    by_key = copy.json("drawn", "--run", trained[0]["run"], table)
    assert by_name == by_key
    assert (by_name["run"], by_name["count"]) == (trained[0]["run"], 6)
    assert by_name["accuracy"]["full"] == right / 6
    turned = table.read_text().replace("0.png,ring", "0.png,cross")
    (table.parent / "turned.csv").write_text(turned)
    told = copy.lab("drawn", *dense, table.parent / "turned.csv")
    assert f"0.png: cross read as {answers[0]['label']}" in told.splitlines()


LIBRARY = """
import io, json, sys, zipfile
import core

data = core.load("toy")
before = sorted(name for name in ("tensorflow", "distributed") if name in sys.modules)
stored = core.train("toy", lab="toy", experiment="dense")
new = core.train(lab="toy", experiment="conv", epochs=1, seed=3)
rows = core.study("TOY", seeds=2)

from core import labs
from core.i18n import untranslated
from core.report.archive import results_zip
from core.report.pictures import pictures
from core.specs import DataSpec

choice = labs.choose("toy", "dense", DataSpec.of(data), {})
drawn = pictures(stored, data, choice, untranslated)
with zipfile.ZipFile(io.BytesIO(results_zip(stored, data, choice, drawn))) as archive:
    names = [name for name in archive.namelist() if name.endswith((".txt", ".csv", ".json"))]
    text = {name: archive.read(name).decode() for name in names}
print(json.dumps({
    "before": before,
    "after": sorted(name for name in ("tensorflow", "distributed") if name in sys.modules),
    "shapes": [data.x_train.shape, data.y_train.shape, data.x_test.shape, data.y_test.shape],
    "classes": data.class_names,
    "stored": [stored.key, stored.test_accuracy],
    "new": [new.key, len(new.epochs), new.predictions.shape],
    "rows": [[row.row.name, len(row.runs)] for row in rows],
    "zip": text,
    "checked": drawn["checked.png"].text,
}))
"""


@pytest.mark.slow
def test_a_script_and_the_file_of_results(copy: Copy, trained: list[dict[str, Any]]) -> None:
    found = copy.script(LIBRARY)
    assert (found["before"], found["after"]) == ([], ["tensorflow"])
    assert found["shapes"] == [[300, 20, 24], [300], [90, 20, 24], [90]]
    assert found["classes"] == ["ring", "cross", "triangle"]
    assert found["stored"] == [trained[0]["run"], trained[0]["test_accuracy"]]
    assert found["new"][1:] == [1, [90, 3]]
    assert found["rows"] == [["conv", 2], ["sgd", 2], ["few", 2]]
    files = found["zip"]
    assert list(files) == [
        "README.txt", "settings.txt", "results.csv", "epochs.csv", "metrics.json"
    ]  # fmt: skip
    assert "Experiment: One Dense layer" in files["settings.txt"]
    assert found["checked"].startswith("test image 0, predicted ")
    header, *images = files["results.csv"].splitlines()
    assert header == "index,true,predicted,confidence,p0,p1,p2"
    assert len(images) == 90
    assert "Classes from p0 on: ring, cross, triangle." in files["README.txt"]
    assert "Data: Toy shapes" in files["README.txt"]
    assert np.shape(json.loads(files["metrics.json"])["confusion"]) == (3, 3)


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with a worker, which have nothing of the lab."""
    home = tmp_path / "elsewhere"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    environment = {**kept, "HOME": str(home), "PYTHONPATH": ""}
    file = home / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    commands = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address",
         "127.0.0.1:0", "--scheduler-file", str(file)],
        [*dask, "worker", "--scheduler-file", str(file), "--nthreads", "1"],
    ]  # fmt: skip
    started = []
    with (home / "log").open("wb") as log:
        for command in commands:
            started.append(
                subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
            )
            end = time.monotonic() + PATIENCE
            while not file.exists():
                assert time.monotonic() < end
                time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    for process in reversed(started):
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.slow
def test_other_machines_train_the_same(
    trained: list[dict[str, Any]], machines: str, tmp_path: Path
) -> None:
    copy = Copy(tmp_path / "server")
    copy.environment["LAB_SCHEDULER"] = machines
    again = copy.json("train", "--lab", "toy", "--all")
    for there, here in zip(again, trained, strict=True):
        assert there["cached"] is False
        assert there["run"] == here["run"]
        assert there["dataset"] == here["dataset"]
        assert there["test_loss"] == pytest.approx(here["test_loss"], rel=1e-3)
