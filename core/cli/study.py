"""`study`: several runs that are compared."""

import time
from typing import Any

import click

from core import labs
from core.cli.options import Hidden, Value, option
from core.cli.output import _, find_data, optional
from core.cli.train import train_many
from core.data import DATASETS, Dataset
from core.engine.estimates import seconds_of
from core.errors import UsageError
from core.i18n import N_
from core.labs.optimizers import LAB as OPTIMIZER_LAB
from core.report import words
from core.specs import DataSpec, fields, with_settings
from core.store.records import dump_json
from core.studies import statistics
from core.studies import study as studies
from core.studies.statistics import Difference, Summary
from core.studies.study import Study


@click.command()
@click.argument("name")
@click.option("--seeds", default=3, show_default=True, help="runs of each row, 1 to 10")
@click.option("--dataset", help=f"{', '.join(DATASETS)}; default: the first of its lab")
@click.option("--optimizer", multiple=True, help="of an own study; may be given several times")
@click.option("--sweep", type=Value(), help="of an own study: a parameter and values, rho=0.3,0.5")
@click.option("--hidden", type=Hidden(), help="of an own study, default 256")
@option(fields.ACTIVATION, "of an own study, default relu")
@option(fields.EPOCHS, "of an own study, default 5")
@option(fields.BATCH_SIZE, "of an own study, default 128")
@option(fields.VALIDATION_SPLIT, "of an own study, default 0")
@click.option("--yes", is_flag=True, help="do not ask before a study that takes long")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def study(
    name: str, seeds: int, dataset: str | None, yes: bool, as_json: bool, **options: Any
) -> None:
    """Run the study NAME and print it beside what was published.

    NAME is that of a lab's study, such as D2 or L4-A, or own for one with the options below.
    Runs that are stored already are not trained again.

    Example: python -m core study L4-A --seeds 3
    """
    chosen, passed_over = studies.with_bases(_study_from(name, options))
    for error in passed_over:
        click.echo(_("Note: passed over. {sentence}").format(sentence=error.sentence(_)), err=True)
    studies.check_seeds(seeds)
    images = find_data(dataset or chosen.base.data.name)
    trained_on = len(images.y_train)
    data = DataSpec.of(images)
    studies.check_size(chosen, seeds, data, trained_on)
    wanted = chosen.specs(seeds, data)
    store = labs.open_store()
    missing = [spec for spec in wanted if store.find(spec.key) is None]
    seconds = sum(seconds_of(spec, trained_on) for spec in missing)
    if seconds > studies.CONFIRM_SECONDS and not yes:
        question = _("{n} runs, about {minutes:.0f} minutes. Go on?")
        click.confirm(question.format(n=len(missing), minutes=seconds / 60), abort=True, err=True)
    began = time.monotonic()
    if missing:
        train_many(missing, store)
    runs = {spec.key: run for spec in wanted if (run := store.find(spec.key))}
    took = time.monotonic() - began
    rows = statistics.summarise(chosen, runs, seeds, data)
    if as_json:
        click.echo(dump_json(study_object(chosen, rows, took, images)))
    else:
        _print_study(rows, took, images)


def _study_from(name: str, options: dict[str, Any]) -> Study:
    """The study that is asked for: one of a lab, or an own one with these options."""
    if name.lower() != labs.OWN:
        found = labs.study(name, labs.OWN)
        # Without the option there is an empty tuple of optimizers; that of --hidden is `none`.
        unset = {**dict.fromkeys(options), "optimizer": ()}
        given = [key.replace("_", "-") for key in options if options[key] != unset[key]]
        if given:
            raise UsageError(
                N_("--{option} is for an own study: use `python -m core study own`."),
                option=given[0],
            )
        return found
    settings = {key: options[key] for key in options if key not in ("optimizer", "sweep")}
    sweep = options["sweep"]
    return studies.own_study(
        options["optimizer"],
        with_settings(OPTIMIZER_LAB.base, settings),
        (sweep[0], studies.values_from(sweep[1])) if sweep else None,
    )


def study_object(
    study: Study, rows: list[Summary], seconds: float, data: Dataset
) -> dict[str, Any]:
    """What `study --json` prints: accuracies and weighted F1 on the test images, from 0 to 1.

    `gap` is the mean of Run.gap, null without validation images; `own_test` that of
    Run.own_test_accuracy, null without a split.
    """
    return {
        "study": study.name,
        "dataset": {"name": data.name, "source": data.origin, "complete": data.complete},
        "rows": [
            {
                "name": row.row.label(),
                "published": row.row.published,
                "mean": row.accuracy.mean,
                "std": row.accuracy.std,
                "f1": row.f1.mean,
                "gap": row.gap.mean,
                "own_test": row.own_accuracy.mean,
                "parameters": row.weights,
                "seconds": row.seconds.mean,
                "values": list(row.accuracy.values),
                "diverged": [{"seed": s, "epoch": e} for s, e in row.diverged.items()],
            }
            for row in rows
        ],
        "seconds": seconds,
    }


def _print_study(rows: list[Summary], seconds: float, data: Dataset) -> None:
    width = max(len(row.row.label(_)) for row in rows)
    head = _("published  mean    std     f1      gap      seeds  seconds")
    click.echo(f"{_('row'):<{width}}  {head}")
    for row in rows:
        accuracy = row.accuracy
        diverged = ", ".join(
            _("seed {seed} diverged in epoch {epoch}").format(seed=seed, epoch=epoch)
            for seed, epoch in row.diverged.items()
        )
        click.echo(
            f"{row.row.label(_):<{width}}  {optional(row.row.published):>9}  "
            f"{optional(accuracy.mean):>6}  {optional(accuracy.std):>6}  "
            f"{optional(row.f1.mean):>6}  {optional(row.gap.mean):>7}  "
            f"{len(row.runs):>5}  {row.seconds.mean or 0:>7.1f}  {diverged}".rstrip()
        )
    by_name = {row.row.name: row for row in rows}
    for row in rows:
        if row.row.statement:
            text, other = row.row.statement
            found = statistics.difference(row, by_name[other])
            verdict = _verdict(text, by_name[other].row.label(_), found)
            click.echo(f"{row.row.label(_)}: {verdict}")
    click.echo(
        _("Test accuracy, {title}, {extent}, from {place}; {seconds:.0f} s.").format(
            title=data.definition.title,
            extent=_("the full set")
            if data.complete
            else words.sample(data.definition, data.origin, _),
            place=data.origin,
            seconds=seconds,
        )
    )


def _verdict(text: str, other: str, found: Difference | None) -> str:
    """A published statement, and what the seeds say about it."""
    if found is None or found.low is None or found.high is None:
        return _('"{text}": at least {n} seeds are needed to tell.').format(
            text=_(text), n=statistics.PAIRS
        )
    verdict = _(
        '"{text}": against {other} {mean:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}.'
    ).format(
        text=_(text),
        other=other,
        mean=100 * found.mean,
        low=100 * found.low,
        high=100 * found.high,
    )
    if found.left_out:
        verdict += " " + _("Seeds left out, because a run diverged: {n}.").format(n=found.left_out)
    return verdict
