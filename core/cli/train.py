"""`train`: one run, or what a teacher trains before the lesson."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import click

from core import labs, settings
from core.cli.options import RUN_OPTIONS, given, images_for, run_for, run_options
from core.cli.output import _, find_data, optional
from core.data import Dataset, definition
from core.engine import alone
from core.errors import DataError, LabError, UsageError
from core.fields import check_choice
from core.i18n import N_
from core.labs import LABS
from core.labs.contract import Lab
from core.report.objects import run_object
from core.specs import DataSpec, RunSpec
from core.store import Claim, Run, Store
from core.store.records import dump_json

STEPS = 1000
"""Of the progress bar of a training."""


@click.command()
@run_options
@click.option("--all", "everything", is_flag=True, help="what is trained before a lesson")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def train(everything: bool, as_json: bool, **options: Any) -> None:
    """Train a run and store it; a run that is stored already is answered from the store.

    With --all what each lab, or that of --lab, trains before the lesson, such as all variants
    of Practical 7, on every data set of the lab or on that of --dataset.

    Example: python -m core train --dataset mnist --variant 1 --epochs 5 --seed 1
    """
    if everything:
        _train_lesson(options, as_json)
        return
    images = images_for(options)
    spec = run_for(options, DataSpec.of(images))
    store = labs.open_store()
    run = store.find(spec.key)
    cached = run is not None
    if run is None:
        run = train_one(spec, store)
    if as_json:
        click.echo(dump_json(run_object(run, cached=cached)))
    else:
        _print_run(run, cached=cached)


def train_one(spec: RunSpec, store: Store) -> Run:
    """Train a run with a progress bar, and store it. Raises StoreError or TrainingError."""
    with ExitStack() as shown:
        bar = click.progressbar(length=STEPS, label=_("Starting"), file=sys.stderr)

        def on_progress(claim: Claim) -> None:
            if not bar.entered:  # what cannot begin has no bar
                shown.enter_context(bar)
            if claim.steps:
                epoch = _("Epoch {epoch} of {epochs}").format(
                    epoch=min(len(claim.epochs) + 1, spec.train.epochs),
                    epochs=spec.train.epochs,
                )
                bar.label = _("Frozen base") if claim.state == "preparing" else epoch
                bar.update(int(claim.fraction * STEPS) - bar.pos)

        run = _trained(spec, store, on_progress)
        bar.update(STEPS - bar.pos)
    return run


def _trained(spec: RunSpec, store: Store, on_progress: Callable[[Claim], None]) -> Run:
    """Train a run on the cluster that the settings name, or else in this process."""
    if not settings.scheduler():
        return alone.train(spec, store, on_progress)
    from core.engine import Engine

    engine = Engine(store)
    try:
        engine.submit(spec)
        return engine.wait(spec, on_progress)
    finally:
        engine.close()


def train_many(missing: Sequence[RunSpec], store: Store) -> None:
    """Train these runs and store them. What is finished stays, whatever happens to the others."""
    from core.engine import Engine

    engine = Engine(store)
    try:
        for spec in missing:
            engine.submit(spec)
        with click.progressbar(missing, label=_("Training"), file=sys.stderr) as bar:
            failures = []
            for spec in bar:
                try:
                    engine.wait(spec, lambda claim: None)
                except LabError as error:
                    failures.append(error)
        if failures:
            raise failures[0]
    finally:
        engine.close()


def _train_lesson(options: dict[str, Any], as_json: bool) -> None:
    """Train what the labs want trained before the lesson, and print one line for each run."""
    if refused := [name for name in given() if name in RUN_OPTIONS]:
        raise UsageError(
            N_("--all trains experiments as they are: leave out --{option}."),
            option=refused[0].replace("_", "-"),
        )
    chosen = [labs.lab(options["lab"])] if "lab" in given() else list(LABS.values())
    wanted = [
        spec
        for images in _lesson_data(chosen, options["dataset"])
        for spec in labs.lesson(DataSpec.of(images), chosen)
    ]
    store = labs.open_store()
    began = time.monotonic()
    stored = {spec.key for spec in wanted if store.find(spec.key)}
    if missing := [spec for spec in wanted if spec.key not in stored]:
        train_many(missing, store)
    runs = [run for spec in wanted if (run := store.find(spec.key))]
    if as_json:
        click.echo(dump_json([run_object(run, cached=run.key in stored) for run in runs]))
        return
    for run in runs:
        _print_line(run)
    click.echo(
        _("{n} runs, {new} of them new, in {seconds:.0f} s.").format(
            n=len(runs), new=len(missing), seconds=time.monotonic() - began
        )
    )


def _lesson_data(chosen: Sequence[Lab], named: str | None) -> list[Dataset]:
    """The data sets that these labs train on before the lesson, or the one that is named.

    Those that are not on this machine are passed over with a note. Raises DataError if none is,
    and UsageError if the labs have not the one that is named.
    """
    if named is not None:
        allowed = dict.fromkeys(name for lab in chosen for name in lab.datasets)
        check_choice(N_("data set of --all"), definition(named).name, tuple(allowed))
        return [find_data(named)]
    names = dict.fromkeys(n for lab in chosen if lab.before_lesson for n in lab.datasets)
    found, missing = [], None
    for name in names:
        try:
            found.append(find_data(name))
        except DataError as error:
            missing = error
            click.echo(
                _("Note: passed over. {sentence}").format(sentence=error.sentence(_)), err=True
            )
    if missing and not found:
        raise missing
    return found


def _print_line(run: Run) -> None:
    experiment = labs.experiment_of(run.spec)
    assert experiment, "a lab names it"
    click.echo(
        _("{dataset}  {experiment}  test accuracy {accuracy:.4f}  {seconds:5.1f} s").format(
            dataset=f"{run.dataset['name']:<13}",
            experiment=experiment.label(_).lower(),
            accuracy=run.test_accuracy,
            seconds=run.train_seconds,
        )
    )


def _print_run(run: Run, *, cached: bool) -> None:
    click.echo(_("epoch  loss    accuracy  val_loss  val_accuracy  seconds"))
    for row in run.epochs:
        click.echo(
            f"{row.epoch:5d}  {row.loss:.4f}  {row.accuracy:8.4f}  {optional(row.val_loss):>8}  "
            f"{optional(row.val_accuracy):>12}  {row.seconds:7.2f}"
        )
    lines = [
        _("Test accuracy {accuracy:.4f}, test loss {loss:.4f}"),
        *([_("Of the test loss {penalty:.4f} is of L1 and L2")] if run.penalty else []),
        *([_("The weights are those of epoch {best}: early stopping")] if run.best_epoch else []),
        _("{misclassified} of {test} test images misclassified"),
        *(
            [_("Accuracy on the test images that the data set brings {own:.4f}")]
            if run.own_test_accuracy is not None
            else []
        ),
        _("{dataset} from {source}, seed {seed}, run {key}"),
        _("From the store: trained in {seconds:.1f} s before.")
        if cached
        else _("Trained in {seconds:.1f} s."),
    ]
    values = {
        "accuracy": run.test_accuracy,
        "loss": run.test_loss,
        "penalty": run.penalty,
        "best": run.best_epoch,
        "misclassified": run.misclassified,
        "test": run.dataset["test"],
        "own": run.own_test_accuracy,
        "dataset": run.dataset["name"],
        "source": run.dataset["source"],
        "seed": run.spec.train.seed,
        "key": run.key,
        "seconds": run.train_seconds,
    }
    for line in lines:
        click.echo(line.format(**values))
