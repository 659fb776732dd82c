"""A run as pictures to hand in: its curves, its confusion matrix, and test images with answers.

They are drawn without a browser, and the same bytes each time. Above each stands what it shows and
below it where it comes from: pictures get separated from the text that they were made for.
"""

import io
import threading
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from core.charts.classes import confusion_heatmap
from core.charts.pictures import FONT, grid
from core.charts.runs import learning_curves
from core.charts.style import INK
from core.data import Dataset
from core.labs import Choice
from core.report import words
from core.store import Run

Translate = Callable[[str], str]
Outputs = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Drawn = tuple[str, str, Image.Image]
"""The title and the text of a Picture, and what it is drawn of."""

DPI = 150
WIDTH = 6.4
"""Of a chart, in inches."""

TILE, COLUMNS = 224, 4
"""Pixels of a test image, and how many stand side by side."""

MARGIN, TITLE, NOTE = 24, 28, 20
"""Pixels around a picture, and the sizes of the text above and below."""

NUMBERED = 40
"""So many classes have room for numbers in the cells of their confusion matrix."""

DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SYMBOLS = {"circle": "o", "diamond": "D", "square": "s"}
"""What matplotlib calls the lines and symbols of Plotly."""


_TURN = threading.Lock()
"""One run is drawn at a time: forty at once take half a gigabyte, and no less time."""


class Picture(NamedTuple):
    """One picture to hand in."""

    title: str
    text: str
    """What it shows, for whoever cannot see it."""
    png: bytes


def pictures(run: Run, dataset: Dataset, choice: Choice, _: Translate) -> dict[str, Picture]:
    """The pictures of a run by the names of their files. Raises StoreError for a damaged run."""
    outputs = run.predictions
    wrong = np.flatnonzero(outputs.argmax(axis=1) != dataset.y_test)
    checked = np.array([i for i in choice.shown.test_indices if i < len(outputs)], np.intp)
    note = f"{words.name(choice, _)}. {words.provenance(run, _)}"
    with _TURN:
        drawn = {
            "curves.png": _curves(run, _),
            "confusion.png": _confusion(run, [_(one) for one in dataset.class_names], _),
            "checked.png": _checked(outputs, checked, dataset, _),
            "mistakes.png": _mistakes(outputs, wrong[: choice.shown.mistakes], dataset, _),
        }
        return {
            name: Picture(title, text, _png(_framed(picture, title, note)))
            for name, (title, text, picture) in drawn.items()
        }


def _curves(run: Run, _: Translate) -> Drawn:
    figure = _figure(WIDTH, 5.6)
    metrics: tuple[Literal["accuracy", "loss"], ...] = ("accuracy", "loss")
    for axes, metric in zip(figure.subplots(2, 1), metrics, strict=True):
        _draw_lines(axes, learning_curves(run.epochs, metric, run.spec.train.epochs, _))
    title = _("Learning curves: test accuracy {accuracy}, test loss {loss}").format(
        accuracy=_number(run.test_accuracy, _), loss=_number(run.test_loss, _)
    )
    last = _("training accuracy {accuracy}, loss {loss} after the last epoch").format(
        accuracy=_number(run.epochs[-1].accuracy, _), loss=_number(run.epochs[-1].loss, _)
    )
    return title, f"{title}; {last}", _image(figure)


def _draw_lines(axes: Axes, chart: go.Figure) -> None:
    """The lines of a chart of the pages, in their colours."""
    for line in chart.data:
        values = np.array(line.y, float)  # a gap is NaN
        if not np.isfinite(values).any():
            continue
        axes.plot(
            line.x,
            values,
            label=line.name,
            color=line.line.color,
            linestyle=DASHES[line.line.dash],
            marker=SYMBOLS[line.marker.symbol],
        )
    axes.set_xlabel(chart.layout.xaxis.title.text)
    axes.set_ylabel(chart.layout.yaxis.title.text)
    axes.set_xlim(*chart.layout.xaxis.range)
    axes.set_ylim(*chart.layout.yaxis.range)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()


def _confusion(run: Run, names: Sequence[str], _: Translate) -> Drawn:
    chart = confusion_heatmap(run.confusion, names, _)
    side = min(max(WIDTH, 0.36 * len(names)), 0.36 * NUMBERED)
    size = 10 if len(names) <= 15 else 7
    figure = _figure(side, side * 0.9)
    axes = figure.subplots()
    edges = np.arange(len(names) + 1) - 0.5
    for cells in chart.data:
        colours = LinearSegmentedColormap.from_list(
            "", [colour for _at, colour in cells.colorscale]
        )
        values = np.ma.masked_invalid(np.array(cells.z, float))
        axes.pcolormesh(edges, edges, values, cmap=colours, vmin=0, vmax=cells.zmax, edgecolor="w")
        for row, column in np.argwhere(~values.mask) if len(names) <= NUMBERED else ():
            text = f"{run.confusion[row][column]}"
            axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=size)
    axes.invert_yaxis()
    axes.set_xlabel(chart.layout.xaxis.title.text)
    axes.set_ylabel(chart.layout.yaxis.title.text)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_xticks(range(len(names)), names, parse_math=False)
    if chart.layout.xaxis.tickangle:
        axes.tick_params("x", rotation=60)
    right, images = int(np.trace(run.confusion)), int(np.sum(run.confusion))
    title = _("Confusion matrix: {right:,} of {n:,} test images are recognised")
    title = title.format(right=right, n=images)
    return title, title, _image(figure)


def _checked(outputs: Outputs, indices: Indices, dataset: Dataset, _: Translate) -> Drawn:
    """Test images that the lab sheet names, with the answers of the network."""
    mark = _(
        "test image {i}\npredicted {predicted}\ntrue {true}\n{verdict}\nconfidence {confidence}"
    )
    marks = _marks(mark, outputs, indices, dataset, _)
    title = _("Checked test images") if marks else _("No test images to check")
    return title, _in_a_line(marks), _tiles(indices, marks, dataset)


def _mistakes(outputs: Outputs, indices: Indices, dataset: Dataset, _: Translate) -> Drawn:
    """Misclassified test images: the true class, and what the network took it for."""
    mark = (
        _("{true} →\n{predicted}\nconfidence {confidence}\ntest image {i}")
        if max(map(len, dataset.class_names)) > 2
        else _("{true} → {predicted}\nconfidence {confidence}\ntest image {i}")
    )
    marks = _marks(mark, outputs, indices, dataset, _)
    title = (
        _("The first mistakes: true class → predicted class")
        if marks
        else _("No mistakes: every test image is recognised.")
    )
    return title, _in_a_line(marks), _tiles(indices, marks, dataset)


def _marks(
    mark: str, outputs: Outputs, indices: Indices, dataset: Dataset, _: Translate
) -> list[str]:
    """What stands below each of these test images."""
    names, found = [_(name) for name in dataset.class_names], []
    for i in indices:
        true, predicted = int(dataset.y_test[i]), int(outputs[i].argmax())
        verdict, confidence = _("right") if predicted == true else _("wrong"), outputs[i].max()
        found.append(
            mark.format(
                i=i,
                true=names[true],
                predicted=names[predicted],
                verdict=verdict if np.isfinite(confidence) else _("not an answer"),
                confidence=_number(confidence, _),
            )
        )
    return found


def _number(value: float, _: Translate) -> str:
    """A figure with four decimals, or a word for what is not a number."""
    return f"{value:.4f}" if np.isfinite(value) else _("diverged")


def _in_a_line(marks: Sequence[str]) -> str:
    return "; ".join(mark.replace("\n", ", ") for mark in marks)


def _tiles(indices: Indices, marks: Sequence[str], dataset: Dataset) -> Image.Image:
    images, negative = dataset.x_test[indices], dataset.definition.negative
    return grid(images, COLUMNS, TILE, marks, negative=negative)


def _figure(width: float, height: float) -> Figure:
    """An empty figure, of so many inches. Not by pyplot, which keeps them and is for one thread."""
    figure = Figure((width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _image(figure: Figure) -> Image.Image:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg), "_figure makes it"
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(pixels[..., :3])
    figure.clear()  # its parts know each other: ten megabytes would wait for the garbage collector
    return picture


def _framed(picture: Image.Image, title: str, note: str) -> Image.Image:
    """The picture with its title above it, and below it where it comes from."""
    width = max(picture.width, round(WIDTH * DPI))
    head, foot = _text(title, width, TITLE), _text(note, width, NOTE)
    height = sum(part.height for part in (head, picture, foot))
    framed = Image.new(picture.mode, (width + 2 * MARGIN, height + 4 * MARGIN), "white")
    top = MARGIN
    for part in (head, picture, foot):
        framed.paste(part, (MARGIN, top))
        top += part.height + MARGIN
    return framed


def _text(text: str, width: int, size: int) -> Image.Image:
    """A text in lines of at most `width` pixels, black on white."""
    font = ImageFont.truetype(FONT, size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    paper = Image.new("L", (width, round(1.4 * size * len(lines))), "white")
    ImageDraw.Draw(paper).multiline_text((0, 0), "\n".join(lines), fill=0, font=font)
    return paper


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")  # without a date, so that it is the same each time
    return content.getvalue()
