"""Results as files: the figures of the run, whole and the same each time."""

import csv
import io
import json
import math
import re
import zipfile
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from core import labs
from core.data import DATASETS, Dataset
from core.data.contract import Arrays
from core.i18n import untranslated
from core.report.archive import epochs_csv, file_name, results_csv, results_zip
from core.report.pictures import Picture
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Store
from core.training.epochs import Epoch
from tests import toy

LABELS = np.array([2, 1, 0], np.uint8)
OUTPUTS = np.full((3, 10), 0.01, np.float32)
OUTPUTS[[0, 1, 2], [2, 7, 0]] = [0.91, 0.91, 0.123456]


PICTURE = Picture("Learning curves", "two lines", b"a picture")


@pytest.fixture
def run(tmp_path):
    spec = RunSpec(
        DataSpec("mnist", "0" * 64),
        dense_network((128,)),
        optimizer_spec(),
        TrainSpec(2, 32, 0.2, 42),
    )
    array = io.BytesIO()
    np.save(array, OUTPUTS)
    record = {
        "dataset": {
            "name": "mnist",
            "source": "sample",
            "complete": False,
            "shape": [28, 28],
            "classes": 10,
            "train": 4,
            "validation": 1,
            "test": 3,
        },
        "epochs": [
            asdict(Epoch(1, 0.5, 0.8, 0.4, 0.9, 1.25)),
            asdict(Epoch(2, math.nan, 0.1, None, None, 1.5)),
        ],
        "test_loss": 0.3,
        "test_accuracy": 2 / 3,
        "misclassified": 1,
        "confusion": [[0] * 10] * 10,
        "per_class": [{"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1.0}] * 10,
        "train_seconds": 2.75,
        "compile_seconds": 1.0,
        "versions": {"keras": "3"},
        "finished": "2026-01-01T00:00:00+00:00",
    }
    files = {"model.keras": b"a network", "predictions.npy": array.getvalue()}
    return Store(tmp_path).save(spec, record, files)


@pytest.fixture
def dataset():
    images = np.zeros((3, 28, 28), np.uint8)
    return Dataset(DATASETS["mnist"], "sample", Arrays(images, LABELS, images, LABELS))


def chosen(run, experiment="3", lab="digits"):
    return labs.choose(lab, experiment, run.spec.data, {})


def zipped(run, dataset, translate=untranslated):
    return results_zip(run, dataset, chosen(run), {"curves.png": PICTURE}, translate)


def with_predictions(run, outputs):
    array = io.BytesIO()
    np.save(array, outputs)
    (run.folder / "predictions.npy").write_bytes(array.getvalue())
    changed = {**run.sha256, "predictions.npy": sha256(array.getvalue()).hexdigest()}
    return replace(run, sha256=changed)


def test_results_csv_has_every_test_image(run):
    rows = list(csv.DictReader(io.StringIO(results_csv(run, LABELS))))
    assert list(rows[0]) == ["index", "true", "predicted", "confidence"] + [
        f"p{i}" for i in range(10)
    ]
    assert [(row["index"], row["true"], row["predicted"]) for row in rows] == [
        ("0", "2", "2"),
        ("1", "1", "7"),
        ("2", "0", "0"),
    ]
    assert rows[2]["confidence"] == rows[2]["p0"] == "0.123456"
    read = np.array([[row[f"p{i}"] for i in range(10)] for row in rows], float)
    np.testing.assert_allclose(read, OUTPUTS, rtol=1e-5)


def test_results_csv_has_an_output_for_each_class_of_any_data_set(run):
    labels = toy.read(Path()).y_test
    outputs = np.eye(3, dtype=np.float32)[labels]
    rows = list(csv.DictReader(io.StringIO(results_csv(with_predictions(run, outputs), labels))))
    assert list(rows[0]) == ["index", "true", "predicted", "confidence", "p0", "p1", "p2"]
    assert len(rows) == 90
    assert all(row["true"] == row["predicted"] for row in rows)


def test_results_csv_refuses_labels_of_other_images(run):
    with pytest.raises(ValueError, match="must match exactly"):
        results_csv(run, LABELS[:2])


def test_what_a_diverged_network_says_is_an_empty_cell(run):
    diverged = with_predictions(run, np.where(LABELS[:, None] == 1, np.nan, OUTPUTS))
    _header, first, second, _last = results_csv(diverged, LABELS).splitlines()
    assert all(first.split(","))
    assert first.startswith("0,2,2,")
    assert second == "1,1,0" + "," * 11


def test_epochs_csv(run):
    assert epochs_csv(run).split("\n") == [
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds",
        "1,0.5,0.8,0.4,0.9,1.25",
        "2,nan,0.1,,,1.5",
        "",
    ]


def test_zip_has_all_files_and_the_trained_network(run, dataset):
    with zipfile.ZipFile(io.BytesIO(zipped(run, dataset))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "README.txt",
            "settings.txt",
            "curves.png",
            "results.csv",
            "epochs.csv",
            "metrics.json",
            "model.keras",
        ]
        assert archive.read("model.keras") == b"a network"
        assert archive.read("curves.png") == PICTURE.png
        assert archive.read("results.csv").decode() == results_csv(run, LABELS)
        metrics = json.loads(archive.read("metrics.json"))
    assert list(metrics) == [
        "key", "finished", "spec", "dataset", "test_accuracy", "test_loss", "misclassified",
        "train_seconds", "compile_seconds", "per_class", "confusion", "versions",
    ]  # fmt: skip
    model = metrics["spec"].pop("model")
    assert (model["hidden"], model["activation"]) == ([128], "relu")
    assert RunSpec.from_dict({**metrics["spec"], "network": model["layers"]}) == run.spec
    assert metrics["test_accuracy"] == 2 / 3


def test_zip_is_the_same_whenever_it_is_made(run, dataset, monkeypatch):
    before = zipped(run, dataset)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert zipped(run, dataset) == before


def test_readme_names_source_seed_and_run_and_calls_a_sample_a_sample(run, dataset):
    with zipfile.ZipFile(io.BytesIO(zipped(run, dataset))) as archive:
        text = archive.read("README.txt").decode()
    assert run.key in text
    assert "seed was 42" in text
    assert "found in: sample" in text
    assert "not the full set" in text
    assert "This is the full set" not in text


def test_readme_is_translated_before_it_is_filled(run, dataset):
    asked = []

    def translate(message):
        asked.append(message)
        return message

    zipped(run, dataset, translate)
    assert any("{seed}" in message for message in asked)


@pytest.mark.parametrize(
    ("lab", "experiment", "name"),
    [
        ("digits", "3", "lab7-mnist-variant3"),
        ("digits", "0", "lab7-mnist-variant0"),
        ("digits", "drawing", "lab7-mnist-drawing"),
        ("digits", "own", "lab7-mnist-own"),
        ("optimizers", "rmsprop-rho-0.3", "lab4-mnist-rmsprop-rho-0.3"),
    ],
)
def test_files_are_named_for_what_they_hold(run, lab, experiment, name):
    key = run.key.removeprefix("mnist-")
    assert file_name(run, chosen(run, experiment, lab)) == f"{name}-{key[:8]}"


def test_a_name_of_a_file_has_only_letters_that_every_system_can_store(run):
    choice = chosen(run)
    strange = replace(choice, lab=replace(choice.lab, short="Übung/7 \N{EM DASH} ..", word="Größe"))
    assert re.fullmatch(r"ubung-7-..-mnist-groe3-[0-9a-f]{8}", file_name(run, strange))


def test_a_lab_without_a_short_name_is_named_by_its_name(run):
    choice = chosen(run)
    plain = replace(choice, lab=replace(choice.lab, short=""))
    assert file_name(run, plain).startswith("digits-mnist-variant3-")


def test_settings_in_words_have_every_setting(run, dataset):
    with zipfile.ZipFile(io.BytesIO(zipped(run, dataset))) as archive:
        text = archive.read("settings.txt").decode()
    assert dict(line.split(": ", 1) for line in text.splitlines()) == {
        "Lab": "Practical 7: digits", "Experiment": "Variant 3", "Data set": "MNIST",
        "Found in": "sample", "Images": "a sample", "Test images": "those of the data set",
        "Duplicates": "not looked for",
        "Images to train": "4", "Images to validate": "1", "Images to test": "3",
        "Layer 1": "keras.layers.Flatten()",
        "Layer 2": 'keras.layers.Dense(128, activation="relu")',
        "Layer 3": 'keras.layers.Dense(10, activation="softmax")', "Optimizer": "Adam",
        "Learning rate": "0.001", "beta_1": "0.9", "beta_2": "0.999", "epsilon": "1e-07",
        "amsgrad": "False", "Epochs": "2", "Batch size": "32", "Validation split": "20%",
        "Augmentation": "none", "Learning-rate schedule": "none", "Early stopping": "none",
        "Seed": "42", "Run": run.key, "Versions": "keras 3",
    }  # fmt: skip
