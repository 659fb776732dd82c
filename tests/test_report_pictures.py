"""Pictures to hand in show what they say: the right test images, their captions, curves, counts."""

import io
import math
import pickle
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from sklearn.metrics import confusion_matrix

from core import labs
from core.charts.pictures import grid
from core.charts.style import COLOURS
from core.data import DATASETS, Dataset
from core.data.contract import Arrays
from core.i18n import untranslated
from core.report import pictures
from core.report.pictures import COLUMNS, MARGIN, TILE, Picture
from core.specs import DataSpec
from core.store import Run, Store
from core.training.epochs import Epoch

Outputs = npt.NDArray[np.float32]

EPOCHS = (Epoch(1, 0.5, 0.8, 0.4, 0.9, 1.0), Epoch(2, 0.3, 0.9, 0.35, 0.91, 1.0))
IMAGES = 60
CLOTHES = DATASETS["fashion-mnist"].class_names


class Case:
    """A run on random images of made-up classes; variant 3 of the lab sheet checks 14, 20, 39."""

    def __init__(
        self,
        folder: Path,
        *,
        names: Sequence[str] = tuple("0123456789"),
        ink: Any = "light",
        wrong: Sequence[int] = (5, 20, 41),
        epochs: Sequence[Epoch] = EPOCHS,
        outputs: Outputs | None = None,
        images: int = IMAGES,
    ) -> None:
        random = np.random.default_rng(0)
        x = random.integers(0, 256, (images, 28, 28), np.uint8)
        y = (np.arange(images) % len(names)).astype(np.uint8)
        made = replace(DATASETS["mnist"], class_names=tuple(names), ink=ink, digest="")
        self.data = Dataset(made, "cache", Arrays(x, y, x, y))
        if outputs is None:
            outputs = np.full((images, len(names)), 0.01, np.float32)
            said = y.astype(int)
            said[list(wrong)] = (said[list(wrong)] + 1) % len(names)
            outputs[np.arange(images), said] = 0.8
        self.choice = labs.choose("digits", "3", DataSpec("mnist", "0" * 64), {})
        self.run = self._stored(folder, outputs, epochs)

    def _stored(self, folder: Path, outputs: Outputs, epochs: Sequence[Epoch]) -> Run:
        array = io.BytesIO()
        np.save(array, outputs)
        truth, said, classes = self.data.y_test, outputs.argmax(axis=1), outputs.shape[1]
        record = {
            "dataset": {
                "name": "mnist", "source": "cache", "complete": True, "shape": [28, 28],
                "classes": classes, "train": 50, "validation": 10, "test": len(truth),
            },
            "epochs": [asdict(epoch) for epoch in epochs],
            "test_loss": 0.3,
            "test_accuracy": float((said == truth).mean()),
            "misclassified": int((said != truth).sum()),
            "confusion": confusion_matrix(truth, said, labels=range(classes)).tolist(),
            "per_class": [],
            "train_seconds": 2.0,
            "compile_seconds": 1.0,
            "versions": {"keras": "3"},
            "finished": "2026-01-01T00:00:00+00:00",
        }  # fmt: skip
        files = {"model.keras": b"a network", "predictions.npy": array.getvalue()}
        return Store(folder).save(self.choice.spec, record, files)

    def drawn(self) -> dict[str, Picture]:
        return pictures.pictures(self.run, self.data, self.choice, untranslated)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The charts that are drawn, in their order: curves, confusion matrix."""
    found: list[Figure] = []
    image = pictures._image

    def noted(figure: Figure) -> Image.Image:
        found.append(pickle.loads(pickle.dumps(figure)))  # it is cleared when it is drawn
        return image(figure)

    monkeypatch.setattr(pictures, "_image", noted)
    return found


def pixels(picture: Picture) -> npt.NDArray[np.uint8]:
    """Grey pixels of a picture."""
    with Image.open(io.BytesIO(picture.png)) as image:
        image.load()
        assert not image.info, "no date and no name of a program"
        return np.asarray(image.convert("L"))


def has(picture: Picture, wanted: Image.Image) -> bool:
    """True if a picture has another one in it, at its left margin."""
    inside, block = pixels(picture), np.asarray(wanted)
    high, wide = block.shape
    rows = inside[:, MARGIN : MARGIN + wide]
    tops = range(len(rows) - high + 1)
    return any(np.array_equal(rows[top : top + high], block) for top in tops)


def points(line: Line2D) -> dict[int, float]:
    """The points of a line that are drawn."""
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return {int(at): float(value) for at, value in zip(x, y, strict=True) if np.isfinite(value)}


@pytest.mark.parametrize("ink", ["light", "dark", None])
def test_checked_images_are_those_of_the_lab_sheet_with_their_answers(
    ink: str | None, tmp_path: Path
) -> None:
    case = Case(tmp_path, ink=ink)
    marks = [
        "test image 14\npredicted 4\ntrue 4\nright\nconfidence 0.8000",
        "test image 20\npredicted 1\ntrue 0\nwrong\nconfidence 0.8000",
        "test image 39\npredicted 9\ntrue 9\nright\nconfidence 0.8000",
    ]
    picture = case.drawn()["checked.png"]
    shown = case.data.x_test[[14, 20, 39]]
    assert has(picture, grid(shown, COLUMNS, TILE, marks, negative=ink == "light"))
    assert picture.text == "; ".join(mark.replace("\n", ", ") for mark in marks)
    assert "20" in picture.text.split("; ")[1]


def test_mistakes_are_the_first_ones_with_both_classes(tmp_path: Path) -> None:
    wrong = tuple(range(3, 50, 2))  # 24 of them, of which variant 3 shows 15
    case = Case(tmp_path, wrong=wrong)
    first = list(wrong[:15])
    marks = [f"{i % 10} → {(i + 1) % 10}\nconfidence 0.8000\ntest image {i}" for i in first]
    picture = case.drawn()["mistakes.png"]
    assert has(picture, grid(case.data.x_test[first], COLUMNS, TILE, marks, negative=True))
    swapped = [first[1], first[0], *first[2:]]
    assert not has(picture, grid(case.data.x_test[swapped], COLUMNS, TILE, marks, negative=True))


def test_long_names_have_a_line_of_their_own(tmp_path: Path) -> None:
    case = Case(tmp_path, names=CLOTHES, wrong=(8,))
    mark = "Bag →\nAnkle boot\nconfidence 0.8000\ntest image 8"
    picture = case.drawn()["mistakes.png"]
    assert has(picture, grid(case.data.x_test[[8]], COLUMNS, TILE, [mark], negative=True))


def test_curves_are_those_of_the_run_in_the_colours_of_the_pages(
    figures: list[Figure], tmp_path: Path
) -> None:
    Case(tmp_path).drawn()
    accuracy, loss = figures[0].axes
    for axes, field in ((accuracy, "accuracy"), (loss, "loss")):
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", field)
        training, validation = axes.lines
        assert (training.get_label(), validation.get_label()) == ("training", "validation")
        assert (training.get_color(), validation.get_color()) == (
            COLOURS["blue"],
            COLOURS["orange"],
        )
        assert training.get_linestyle() != validation.get_linestyle()
        assert points(training) == {epoch.epoch: getattr(epoch, field) for epoch in EPOCHS}
        assert points(validation) == {e.epoch: getattr(e, f"val_{field}") for e in EPOCHS}


@pytest.mark.parametrize("names", [tuple("0123456789"), CLOTHES, ("ring", "cross", "$triangle$")])
def test_every_cell_of_the_confusion_matrix_has_its_number(
    names: Sequence[str], figures: list[Figure], tmp_path: Path
) -> None:
    case = Case(tmp_path, names=names, wrong=(1, 4, 5))
    case.drawn()
    [axes] = figures[1].axes
    found = np.zeros((len(names), len(names)), int)
    for text in axes.texts:
        column, row = text.get_position()
        found[int(row), int(column)] = int(text.get_text())
    np.testing.assert_array_equal(found, case.run.confusion)
    assert [label.get_text() for label in axes.get_xticklabels()] == list(names)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(names)
    low, high = axes.get_ylim()
    assert low > high, "the first class is on top"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_each_picture_says_below_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    text = pictures._text

    def noted(said: str, *size: int) -> Image.Image:
        written.append(said)
        return text(said, *size)

    monkeypatch.setattr(pictures, "_text", noted)
    case = Case(tmp_path)
    drawn = case.drawn()
    assert list(drawn) == ["curves.png", "confusion.png", "checked.png", "mistakes.png"]
    assert written[::2] == [picture.title for picture in drawn.values()]
    assert len(set(written[1::2])) == 1
    for said in ("Variant 3", "seed 0", "MNIST (full set)", case.run.key):
        assert said in written[1]


def test_pictures_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    case = Case(tmp_path)
    assert case.drawn() == case.drawn()


def test_no_mistakes_is_said(tmp_path: Path) -> None:
    drawn = Case(tmp_path, wrong=()).drawn()
    assert drawn["mistakes.png"].title == "No mistakes: every test image is recognised."
    pixels(drawn["mistakes.png"])


def test_images_that_a_small_test_set_has_not_are_left_out(tmp_path: Path) -> None:
    assert (
        "test image 20" not in Case(tmp_path / "a", images=20, wrong=()).drawn()["checked.png"].text
    )
    none = Case(tmp_path / "b", images=5, wrong=()).drawn()["checked.png"]
    assert none.title == "No test images to check"
    pixels(none)


def test_a_run_that_diverged_is_drawn_and_said_to_have(
    figures: list[Figure], tmp_path: Path
) -> None:
    epochs = (EPOCHS[0], replace(EPOCHS[1], loss=math.nan, val_loss=math.nan))
    outputs = np.full((IMAGES, 10), np.nan, np.float32)
    drawn = Case(tmp_path, epochs=epochs, outputs=outputs).drawn()
    assert "loss diverged after the last epoch" in drawn["curves.png"].text
    assert points(figures[0].axes[1].lines[0]) == {1: 0.5}
    assert "right" not in drawn["checked.png"].text
    assert "confidence diverged" in drawn["checked.png"].text
    assert "confidence diverged" in drawn["mistakes.png"].text


def test_a_run_without_any_figure_is_drawn(figures: list[Figure], tmp_path: Path) -> None:
    Case(tmp_path, epochs=[Epoch(1, math.nan, 0.1, math.nan, 0.1, 1.0)]).drawn()
    assert not figures[0].axes[1].lines


def test_one_epoch_without_validation_is_drawn(figures: list[Figure], tmp_path: Path) -> None:
    epochs = [replace(EPOCHS[0], val_loss=None, val_accuracy=None)]
    Case(tmp_path, epochs=epochs).drawn()
    [training] = figures[0].axes[0].lines
    assert points(training) == {1: 0.8}


@pytest.mark.parametrize("classes", [2, 26, 60])
def test_few_and_many_classes_are_drawn(
    classes: int, figures: list[Figure], tmp_path: Path
) -> None:
    drawn = Case(tmp_path, names=[f"c{i}" for i in range(classes)]).drawn()
    assert bool(figures[1].axes[0].texts) == (classes <= pictures.NUMBERED)
    assert pixels(drawn["confusion.png"]).size < 5_000_000
