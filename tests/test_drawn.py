"""A table of labelled drawings, read by a network."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import data as datasets
from core.data import Source
from core.data.mnist import DATASET as MNIST
from core.drawing import labelled as drawn
from core.drawing import recognition
from core.errors import DataError
from core.labs.digits import DRAWING, LAB
from core.networks.forward import TrainedNetwork
from core.specs import DataSpec
from core.store import Store

DIGITS = MNIST.class_names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three test images of MNIST's sample, black on white, and a table of them."""
    assert MNIST.sample is not None
    sample = MNIST.sample()
    rows = ["note,label,file"]
    for i in range(3):
        Image.fromarray(255 - sample.x_test[i]).save(tmp_path / f"{i}.png")
        rows.append(f"x,{sample.y_test[i]},{i}.png")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    return tmp_path


def shipped() -> TrainedNetwork:
    run = Store().find(DRAWING.spec(LAB.on(DataSpec("mnist", MNIST.digest))).key)
    assert run is not None
    return run.network()


def test_a_table_with_other_columns_is_read(folder: Path) -> None:
    found = drawn.read_table(folder / "labels.csv", DIGITS)
    assert [item.file for item in found] == ["0.png", "1.png", "2.png"]
    assert all(item.picture.shape == (28, 28, 3) for item in found)


def test_accuracy_and_mistakes_are_counted(folder: Path) -> None:
    known = recognition.reference(datasets.load(Source(MNIST, "sample", Path(), 0.0)))
    found = drawn.read_table(folder / "labels.csv", DIGITS)
    wrong_label = drawn.Labelled("odd.png", (found[0].label + 1) % 10, found[0].picture)
    report = drawn.report(shipped(), known, [*found, wrong_label])
    assert report["count"] == 4
    assert report["accuracy"]["full"] == 0.75
    assert set(report["accuracy"]) == {"full", "polarity", "sheet"}
    assert report["wrong"] == [
        {"file": "odd.png", "label": wrong_label.label, "predicted": found[0].label}
    ]


BAD = {
    "": "has no rows",
    "file,label\n": "has no rows",
    "name,label\n0.png,1\n": "with the columns file and label",
    "file,label\n0.png,ten\n": "has the label ten: use one of 0, 1",
    "file,label\n0.png\n": "has the label",
    "file,label\nmissing.png,1\n": "names missing.png, which cannot be opened",
    "file,label\n../labels.csv,1\n": "cannot be opened",
    "file,label\nlabels.csv,1\n": "cannot be read as a picture",
    "\0\1\2": "",
}


@pytest.mark.parametrize("content", BAD)
def test_a_bad_table_is_one_sentence(content: str, folder: Path) -> None:
    (folder / "labels.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        drawn.read_table(folder / "labels.csv", DIGITS)
    assert BAD[content] in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "0.png", "."])
def test_what_is_no_table_is_one_sentence(name: str, folder: Path) -> None:
    with pytest.raises(DataError):
        drawn.read_table(folder / name, DIGITS)


@pytest.mark.slow
def test_real_drawings_are_read(full_data: Path) -> None:
    """537 drawings of 53 people. Half of the writers were looked at while it was made."""
    mnist = datasets.load(Source(MNIST, "LAB_DATA", full_data, 0.0))
    found = drawn.read_table(full_data / "drawn" / "labels.csv", DIGITS)
    report = drawn.report(shipped(), recognition.reference(mnist), found)
    assert report["count"] == 537
    assert report["accuracy"]["full"] >= 0.985
    assert report["accuracy"]["sheet"] < 0.5
    assert report["unsure"] < 0.1
    assert np.isclose(len(report["wrong"]), 537 * (1 - report["accuracy"]["full"]))
