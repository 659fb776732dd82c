"""`bench`: how much faster the compiled fit is than Keras's own."""

from typing import Any

import click

from core.cli.options import images_for, run_for, run_options
from core.cli.output import _
from core.errors import UsageError
from core.i18n import N_
from core.specs import DataSpec
from core.specs.augmentation import NONE
from core.store.records import dump_json


@click.command()
@run_options
@click.option("--repeats", default=5, show_default=True, help="pairs of fits to time")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def bench(repeats: int, as_json: bool, **options: Any) -> None:
    """Time the compiled fit against plain Model.fit, in turn, in one process.

    Example: python -m core bench --hidden 256 --batch-size 128 --epochs 5 --validation-split 0
    """
    if not 1 <= repeats <= 100:
        raise UsageError(
            N_("Repeats is {value}: give a whole number from 1 to 100."), value=repeats
        )
    found = images_for(options)
    spec = run_for(options, DataSpec.of(found))
    if spec.train.augmentation != NONE:
        click.echo(_("Note: both sides are timed without distorting the images."), err=True)
    if spec.train.early_stopping:
        click.echo(_("Note: both sides are timed without early stopping."), err=True)

    from core.training import tensorflow

    tensorflow.prepare()
    from core.training import benchmark

    result = benchmark.compare(spec, found, repeats)
    if as_json:
        click.echo(dump_json(result))
        return
    click.echo(
        _(
            "Compiled fit: {ratio:.2f} times as fast as Model.fit "
            "(median of {repeats}; {low:.2f} to {high:.2f})"
        ).format(
            ratio=result["ratio"],
            repeats=repeats,
            low=min(result["ratios"]),
            high=max(result["ratios"]),
        )
    )
    for name in ("fit_seconds", "compiled_seconds", "first_fit_seconds", "compile_seconds"):
        click.echo(f"{name}: {result[name]}")
