"""`predict`: what a stored network says to pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core import labs
from core.cli.options import images_for, names_run, run_for, run_options
from core.cli.output import _
from core.data import Dataset
from core.errors import DataError, LabError, StoreError
from core.i18n import N_
from core.specs import DataSpec, RunSpec
from core.store.records import dump_json

if TYPE_CHECKING:
    from core.drawing.preparation import Drawing
    from core.drawing.recognition import Reference
    from core.networks.forward import TrainedNetwork


@click.command()
@run_options
@click.option("--steps", is_flag=True, help="write the picture after each step beside the image")
@click.option("--json", "as_json", is_flag=True, help="print one JSON list and nothing else")
@click.argument(
    "pictures", metavar="IMAGES...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def predict(pictures: tuple[Path, ...], steps: bool, as_json: bool, **options: Any) -> None:
    """Recognise the pictures IMAGES (PNG or JPEG) with a stored run.

    Without options of a run the drawing model reads them, which for MNIST comes with the lab.

    Example: python -m core predict --variant 1 five.png
    """
    found = images_for(options)
    run = labs.open_store().find(reading_spec(found, options).key)
    if run is None:
        raise _untrained(found, options)

    from core.drawing import recognition

    network, known = run.network(), recognition.reference(found)
    answers = [_answer(path, network, known, found, steps) for path in pictures]
    if as_json:
        click.echo(dump_json(answers))
    for answer in answers:
        if "error" in answer:
            click.echo(_("Error: {sentence}").format(sentence=answer["error"]), err=True)
        elif not as_json:
            click.echo(f"{answer['image']}: {_in_words(answer)}")
    if any("error" in answer for answer in answers):
        click.get_current_context().exit(1)


def _answer(
    path: Path, network: "TrainedNetwork", known: "Reference", data: Dataset, steps: bool
) -> dict[str, Any]:
    """One object of `predict --json`; a picture that cannot be read has an error instead."""
    from core.drawing import preparation, recognition

    try:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                N_("{file} cannot be opened ({reason}): check its name."),
                file=path,
                reason=error.strerror or error,
            ) from error
        prepared = preparation.prepare(preparation.read(content, path.name), known.form)
        if steps:
            _write_steps(path, prepared)
    except LabError as error:
        return {"image": str(path), "error": error.sentence(_)}
    answer = recognition.recognise(network, [prepared], known)[0]
    return {
        "image": str(path),
        "label": None if answer.label is None else data.class_names[answer.label],
        "probabilities": answer.probabilities.tolist(),
        "unsure": answer.unsure,
    }


def _in_words(answer: dict[str, Any]) -> str:
    if answer["label"] is None:
        return _("nothing is drawn")
    best = max(answer["probabilities"])
    sure = (
        _("{label} ({share:.1%})") if not answer["unsure"] else _("unsure: {label} ({share:.1%})")
    )
    return sure.format(label=_(answer["label"]), share=best)


def _write_steps(path: Path, prepared: "Drawing") -> None:
    """<name>.0-original.png, <name>.1-ink.png and so on, beside the picture."""
    from PIL import Image

    for number, (step, picture) in enumerate(prepared.shown.items()):
        file = path.with_name(f"{path.stem}.{number}-{step}.png")
        try:
            Image.fromarray(picture).save(file)
        except OSError as error:
            raise DataError(
                N_("{file} cannot be written ({reason}): copy the picture to another folder."),
                file=file,
                reason=error.strerror or error,
            ) from error
        click.echo(_("Wrote {file}").format(file=file), err=True)


def _untrained(data: Dataset, options: dict[str, Any]) -> StoreError:
    """What to do first, as a command that trains the run that is missing."""
    if _by_drawing_model(options):
        return StoreError(
            N_(
                "The drawing model is not trained on {title} yet: use `python -m core train --lab "
                "{lab} --dataset {dataset} --drawing-model`, or name a run that is trained."
            ),
            title=data.definition.title,
            lab=options["lab"],
            dataset=data.name,
        )
    return StoreError(
        N_("This run is not trained yet: use `python -m core train` with the same options.")
    )


def _by_drawing_model(options: dict[str, Any]) -> bool:
    """True if the options name no run, and the lab has a network for drawings."""
    return not names_run() and bool(labs.lab(options["lab"]).drawing_model)


def reading_spec(data: Dataset, options: dict[str, Any]) -> RunSpec:
    """The run that is to read drawings: where the options name none, the drawing model."""
    if _by_drawing_model(options):
        options = {**options, "drawing_model": True}
    full = run_for(options, DataSpec.of(data.definition))
    if options["drawing_model"] and labs.open_store().find(full.key):
        return full  # comes with the lab, also where only a sample of its images is at hand
    return run_for(options, DataSpec.of(data))
