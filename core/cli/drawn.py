"""`drawn`: how a network reads a folder of labelled drawings."""

from pathlib import Path
from typing import Any

import click

from core import labs
from core.cli.options import given, images_for, names_run, run_options
from core.cli.output import _, find_data
from core.cli.predict import reading_spec
from core.cli.train import train_one
from core.data import Dataset
from core.errors import UsageError
from core.i18n import N_
from core.store import Run
from core.store.records import dump_json


@click.command()
@run_options
@click.option("--run", "key", metavar="KEY", help="a stored run by its name: see `runs`")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
@click.argument("table", metavar="LABELS.csv", type=click.Path(path_type=Path))
def drawn(table: Path, key: str | None, as_json: bool, **options: Any) -> None:
    """Read labelled drawings, and say how many are right with all steps and with fewer.

    LABELS.csv has the columns file and label, and the files lie beside it. The drawing model reads
    them, or the run that the options name; it is trained if it is not stored. Here --hidden trains
    on all images unless --validation-split is given.

    Example: python -m core drawn labels.csv --hidden 256 --epochs 5
    """
    from core.drawing import labelled, recognition

    run, data = _reader(key, options)
    network, known = run.network(), recognition.reference(data)
    result = labelled.report(network, known, labelled.read_table(table, data.class_names))
    if as_json:
        click.echo(dump_json({"run": run.key, **result}))
        return
    for steps, text in (
        ("full", _("{share:.1%} right with all steps")),
        ("polarity", _("{share:.1%} right with ink told from paper, and resized")),
        ("sheet", _("{share:.1%} right as in the lab sheet: grey, resized")),
    ):
        click.echo(text.format(share=result["accuracy"][steps]))
    summary = _("{count} drawings, {unsure:.1%} of the answers unsure, run {run}")
    click.echo(summary.format(count=result["count"], unsure=result["unsure"], run=run.key))
    for item in result["wrong"]:
        label, predicted = (_class(data, item[which]) for which in ("label", "predicted"))
        sentence = _("{file}: {label} read as {predicted}")
        click.echo(sentence.format(file=item["file"], label=label, predicted=predicted))


def _class(data: Dataset, number: int | None) -> str:
    """What the table and `predict` call a class."""
    return _("nothing") if number is None else _(data.class_names[number])


def _reader(key: str | None, options: dict[str, Any]) -> tuple[Run, Dataset]:
    """The run that is to read drawings, trained if need be, and its data set."""
    if key is None:
        data = images_for(options)
        if options["hidden"] is not None and options["validation_split"] is None:
            options = {**options, "validation_split": 0.0}
        spec = reading_spec(data, options)
        store = labs.open_store()
        return store.find(spec.key) or train_one(spec, store), data
    if names_run() or "lab" in given():
        raise UsageError(N_("--run names a whole run: leave out the other options of a run."))
    run = labs.open_store().find(key)
    if run is None:
        raise UsageError(
            N_("There is no run {key}: `python -m core runs` lists what is stored."), key=key
        )
    return run, find_data(run.spec.data.name)
