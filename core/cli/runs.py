"""`runs`: what is in the store."""

import click

from core import labs
from core.cli.output import _, plural
from core.report import words
from core.report.objects import run_object
from core.specs import RunSpec
from core.store.records import dump_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON list and nothing else")
def runs(as_json: bool) -> None:
    """List the runs in the store, the newest first.

    Example: python -m core runs --json
    """
    store = labs.open_store()
    stored = store.runs()
    if others := len(store.other_versions()):
        note = plural(
            "Note: {n} run of another version of the lab stays untouched and is not listed.",
            "Note: {n} runs of another version of the lab stay untouched and are not listed.",
            others,
        )
        click.echo(note.format(n=others), err=True)
    if as_json:
        click.echo(dump_json([run_object(run, cached=True) for run in stored]))
        return
    if not stored:
        click.echo(_("No runs yet: python -m core train --variant 0 makes one."))
    for run in stored:
        spec = run.spec
        click.echo(
            _("{key}  {network}  {epochs} epochs  {optimizer}  seed {seed}  {accuracy:.4f}").format(
                key=run.key,
                network=_network(spec),
                epochs=spec.train.epochs,
                optimizer=spec.optimizer_text,
                seed=spec.train.seed,
                accuracy=run.test_accuracy,
            )
            + "".join(f"  {text}" for text in words.which_images(spec.data, _, plural))
            + ("" if run.dataset["complete"] else _("  (not the full set)"))
        )


def _network(spec: RunSpec) -> str:
    """The hidden layers of a network in a word."""
    if not spec.network.hidden and spec.network.dense:
        return _("no hidden layer")
    if spec.network.dense:
        return spec.network.text
    experiment = labs.experiment_of(spec)
    if experiment:
        return experiment.label(_).lower()
    return spec.network.text
