"""How a network reads a folder of labelled drawings, with all steps of the drawing and without."""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.contract import Images
from core.drawing.preparation import STEPS, prepare, read
from core.drawing.recognition import Reference, recognise
from core.errors import DataError
from core.i18n import N_
from core.networks.forward import TrainedNetwork

STEPS_BY_REPORT: dict[str, Collection[str]] = {"full": STEPS, "polarity": ("ink",), "sheet": ()}
"""What `prepare` does by the names in the report: all steps, ink from paper only, none."""


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
    return Labelled(name, class_names.index(label), read(content, name))


def report(network: TrainedNetwork, known: Reference, drawings: list[Labelled]) -> dict[str, Any]:
    """Accuracy with all STEPS_BY_REPORT, and what is read wrongly with all steps.

    `unsure` is the share of answers that are called unsure with all steps.
    """
    answers = {
        name: recognise(
            network, [prepare(item.picture, known.form, steps) for item in drawings], known
        )
        for name, steps in STEPS_BY_REPORT.items()
    }
    right = {
        name: [answer.label == item.label for item, answer in zip(drawings, found, strict=True)]
        for name, found in answers.items()
    }
    return {
        "count": len(drawings),
        "accuracy": {name: sum(found) / len(drawings) for name, found in right.items()},
        "unsure": sum(answer.unsure for answer in answers["full"]) / len(drawings),
        "wrong": [
            {"file": item.file, "label": item.label, "predicted": answer.label}
            for item, answer in zip(drawings, answers["full"], strict=True)
            if answer.label != item.label
        ],
    }
