"""How a network reads a folder of labelled drawings, with all steps of the drawing and without."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.contract import Images
from core.drawing import preparation as drawing
from core.drawing.preparation import STEPS
from core.drawing.recognition import Reference, recognise
from core.errors import DataError
from core.i18n import N_
from core.networks.forward import Network

WAYS: dict[str, Collection[str]] = {"full": STEPS, "polarity": ("ink",), "sheet": ()}
"""Steps of `drawing.prepare` by the names of the report: all, ink from paper only, none."""


@dataclass(frozen=True)
class Labelled:
    """One drawing of a table."""

    file: str
    label: int
    """Which class it is."""
    picture: Images


def read_table(path: Path, class_names: tuple[str, ...]) -> list[Labelled]:
    """The drawings of a CSV file with the columns `file` and `label`; the files lie beside it.

    Raises DataError if the table, one of its labels or one of its pictures cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            N_("{file} cannot be read as a table: give a CSV file."), file=path.name
        ) from error
    if not rows or not {"file", "label"} <= rows[0].keys():
        raise DataError(
            N_("{file} has no rows with the columns file and label: add them."), file=path.name
        )
    return [_labelled(path, row, class_names) for row in rows]


def _labelled(table: Path, row: dict[str, str], class_names: tuple[str, ...]) -> Labelled:
    name, label = row["file"] or "", (row["label"] or "").strip()
    if label not in class_names:
        raise DataError(
            N_("{file} has the label {label}: use one of {allowed}."),
            file=name,
            label=label,
            allowed=", ".join(class_names),
        )
    try:
        content = (table.parent / name).read_bytes()
    except OSError as error:
        raise DataError(
            N_("{table} names {file}, which cannot be opened: put it beside the table."),
            table=table.name,
            file=name,
        ) from error
    return Labelled(name, class_names.index(label), drawing.read(content, name))


def report(network: Network, known: Reference, drawings: list[Labelled]) -> dict[str, Any]:
    """Accuracy in each of WAYS, and which are read wrongly with all steps.

    `unsure` is the share of answers that are called unsure with all steps.
    """
    accuracy = {}
    wrong = []
    unsure = 0
    for way, steps in WAYS.items():
        prepared = [drawing.prepare(item.picture, steps) for item in drawings]
        answers = recognise(network, prepared, known)
        pairs = list(zip(drawings, answers, strict=True))
        accuracy[way] = sum(answer.label == item.label for item, answer in pairs) / len(drawings)
        if way == "full":
            unsure = sum(answer.unsure for answer in answers)
            wrong = [
                {"file": item.file, "label": item.label, "predicted": answer.label}
                for item, answer in pairs
                if answer.label != item.label
            ]
    return {
        "count": len(drawings),
        "accuracy": accuracy,
        "unsure": unsure / len(drawings),
        "wrong": wrong,
    }
