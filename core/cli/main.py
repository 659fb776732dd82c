"""`python -m core data | train | study | runs | predict | drawn | bench`."""

from typing import Any

import click

from core.cli.bench import bench
from core.cli.data import data
from core.cli.drawn import drawn
from core.cli.output import _
from core.cli.predict import predict
from core.cli.runs import runs
from core.cli.study import study
from core.cli.train import train
from core.errors import LabError


class Failure(click.ClickException):
    """A LabError as click shows it."""

    def __init__(self, error: LabError) -> None:
        super().__init__(error.sentence(_))
        self.exit_code = error.exit_status  # type: ignore[misc]  # click calls it a class variable


class Lab(click.Group):
    """Commands whose LabErrors end as one sentence on standard error and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise Failure(error) from error


@click.group(cls=Lab, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Recognition Lab: train networks that recognise images, from the command line.

    Example: python -m core train --dataset mnist --variant 1
    """


for command in (data, train, study, runs, predict, drawn, bench):
    main.add_command(command)
