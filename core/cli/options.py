"""The options that choose a run, and the run that they choose."""

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from core import labs
from core.cli.output import _, find_data
from core.data import DATASETS, Dataset
from core.errors import UsageError
from core.fields import Field, Number, OneOf, WholeNumber
from core.i18n import N_
from core.labs import LABS
from core.labs.contract import Lab
from core.specs import DataSpec, RunSpec, fields
from core.specs.optimizers import value_from


class Hidden(click.ParamType[tuple[int, ...]]):
    """Neurons of each hidden layer, separated by commas; `none` for no hidden layer."""

    name = "N,N,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if value == "none":
            return ()
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(_("{value}: give whole numbers such as 256,64, or none.").format(value=value))


class Value(click.ParamType[tuple[str, str]]):
    """A parameter of an optimizer and its value, or values, as name=value."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not (name and equals and text):
            self.fail(_("{value}: give a name and a value such as rho=0.5.").format(value=value))
        return name, text


def option(field: Field[Any], help: str | None = None) -> Callable[..., Any]:
    """A field as an option of a command; what is not given is left to the experiment or study."""
    if isinstance(field, OneOf):
        help = help or ", ".join(field.choices)
    kind = {WholeNumber: int, Number: float}.get(type(field), str)
    return click.option(f"--{field.name.replace('_', '-')}", type=kind, help=help)


_DATASET = click.option("--dataset", help=f"{', '.join(DATASETS)}; default: the lab's first")
_UNIQUE = click.option(
    "--unique", is_flag=True, default=None, help="train on no image that equals another one"
)
_EXPERIMENT = (
    click.option("--lab", default=next(iter(LABS)), show_default=True, help=", ".join(LABS)),
    click.option("--experiment", help="of the lab, by its name; default: its first"),
    click.option("--variant", type=int, help="an experiment by its number, as in the lab sheet"),
    click.option("--drawing-model", is_flag=True, help="the lab's network for drawings"),
)
_SETTINGS = (
    click.option("--hidden", type=Hidden(), help="neurons of each hidden layer, or none"),
    option(fields.ACTIVATION),
    option(fields.OPTIMIZER),
    option(fields.learning_rate("adam"), "default: what Keras has"),
    click.option(
        "--parameter", multiple=True, type=Value(), help="of the optimizer, such as rho=0.5"
    ),
    option(fields.EPOCHS),
    option(fields.BATCH_SIZE),
    option(fields.VALIDATION_SPLIT, "part of the images, 0 to 0.5"),
    option(fields.SEED, "decides weights and shuffling; default 0"),
)
RUN_OPTIONS = (
    *("experiment", "variant", "drawing_model", "hidden", "activation", "optimizer"),
    *("learning_rate", "parameter", "epochs", "batch_size", "validation_split", "seed", "unique"),
)
"""Which of the options decide a run, beside the lab and the data set."""


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose a run: an experiment, and what to change in it."""
    for option in reversed((_DATASET, _UNIQUE, *_EXPERIMENT, *_SETTINGS)):
        command = option(command)
    return command


def given() -> list[str]:
    """The options of the command that were given, and not left to their defaults."""
    context = click.get_current_context()
    return [
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]


def names_run() -> bool:
    """True if any of the given options decides a run within its lab."""
    return any(name in RUN_OPTIONS for name in given())


def images_for(options: dict[str, Any]) -> Dataset:
    """The data set of the options, by default the first of the lab."""
    return find_data(labs.lab(options["lab"]).dataset(options["dataset"]))


def run_for(options: dict[str, Any], data: DataSpec) -> RunSpec:
    """The run that the options ask for: an experiment with some of its settings changed."""
    settings = {**options, "parameters": {n: value_from(text) for n, text in options["parameter"]}}
    return labs.choose(options["lab"], _experiment(options), data, settings).spec


def _experiment(options: dict[str, Any]) -> str | None:
    """Its name. Raises UsageError where it is named in two ways."""
    named = [
        options["experiment"],
        None if options["variant"] is None else str(options["variant"]),
        _drawing_model(labs.lab(options["lab"])) if options["drawing_model"] else None,
    ]
    names = [name for name in named if name is not None]
    if len(names) > 1:
        raise UsageError(
            N_("--experiment, --variant and --drawing-model each name a run: give one of them.")
        )
    return names[0] if names else None


def _drawing_model(lab: Lab) -> str:
    if not lab.drawing_model:
        raise UsageError(N_("{lab} has no drawing model: leave out --drawing-model."), lab=lab.name)
    return lab.drawing_model
