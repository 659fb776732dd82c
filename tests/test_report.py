"""Results as files: the figures of the run, whole and the same each time."""

import csv
import io
import json
import math
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from core.data import DATASETS, Dataset
from core.data.contract import Arrays
from core.report.archive import epochs_csv, results_csv, results_zip
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Store
from core.training.epochs import Epoch
from tests import toy

LABELS = np.array([2, 1, 0], np.uint8)
OUTPUTS = np.full((3, 10), 0.01, np.float32)
OUTPUTS[[0, 1, 2], [2, 7, 0]] = [0.91, 0.91, 0.123456]


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
        "dataset": {"name": "mnist", "train": 4, "validation": 1, "test": 3},
        "epochs": [
            vars(Epoch(1, 0.5, 0.8, 0.4, 0.9, 1.25)),
            vars(Epoch(2, math.nan, 0.1, None, None, 1.5)),
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
    array = io.BytesIO()
    np.save(array, outputs)
    (run.folder / "predictions.npy").write_bytes(array.getvalue())
    changed = {**run.sha256, "predictions.npy": sha256(array.getvalue()).hexdigest()}
    rows = list(csv.DictReader(io.StringIO(results_csv(replace(run, sha256=changed), labels))))
    assert list(rows[0]) == ["index", "true", "predicted", "confidence", "p0", "p1", "p2"]
    assert len(rows) == 90
    assert all(row["true"] == row["predicted"] for row in rows)


def test_results_csv_refuses_labels_of_other_images(run):
    with pytest.raises(ValueError, match="length"):
        results_csv(run, LABELS[:2])


def test_epochs_csv(run):
    assert epochs_csv(run).split("\n") == [
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds",
        "1,0.5,0.8,0.4,0.9,1.25",
        "2,nan,0.1,,,1.5",
        "",
    ]


def test_zip_has_all_files_and_the_trained_network(run, dataset):
    with zipfile.ZipFile(io.BytesIO(results_zip(run, dataset))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "README.txt",
            "results.csv",
            "epochs.csv",
            "metrics.json",
            "model.keras",
        ]
        assert archive.read("model.keras") == b"a network"
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
    before = results_zip(run, dataset)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert results_zip(run, dataset) == before


def test_readme_names_source_seed_and_run_and_calls_a_sample_a_sample(run, dataset):
    with zipfile.ZipFile(io.BytesIO(results_zip(run, dataset))) as archive:
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

    results_zip(run, dataset, translate)
    assert any("{seed}" in message for message in asked)
