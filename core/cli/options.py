"""The options that choose a run, and the run that they choose."""

from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from core import labs
from core.cli.output import _, find_base, find_data
from core.data import DATASETS, Dataset
from core.errors import UsageError
from core.fields import Each, Field, Number, OneOf, WholeNumber, value_from
from core.i18n import N_
from core.labs import LABS
from core.labs.contract import Lab
from core.specs import DataSpec, RunSpec, fields
from core.specs.augmentation import AUGMENTATIONS
from core.specs.schedules import SCHEDULES


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


class Parsed(click.ParamType[Any]):
    """What a field reads."""

    def __init__(self, field: Field[Any], name: str) -> None:
        self.name = name
        self._field = field

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._field.parse(value) if isinstance(value, str) else value


class Schedule(click.ParamType[tuple[str, dict[str, Any]]]):
    """A learning-rate schedule by its name, with those of its parameters that are given."""

    name = "'NAME NAME=VALUE ...'"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, dict[str, Any]]:
        if isinstance(value, tuple):
            return value
        name, *parameters = str(value).split() or [""]
        pairs = [Value().convert(one, param, ctx) for one in parameters]
        return name, {name: value_from(text) for name, text in pairs}


def each(field: Each, help: str, **attributes: Any) -> Callable[..., Any]:
    """A field of the hidden layers as an option."""
    name = f"--{field.name.replace('_', '-')}"
    return click.option(name, type=Parsed(field, "X,X,..."), help=help, **attributes)


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


def _lab_of(context: click.Context, _option: click.Parameter, lab: str | None) -> str:
    """The lab that is named, or else the first one that has the data set."""
    dataset = context.params.get("dataset")
    with_it = (name for name, known in LABS.items() if dataset in known.datasets)
    return lab or next(with_it, next(iter(LABS)))


_EXPERIMENT = (
    click.option(
        "--lab",
        callback=_lab_of,
        help=f"{', '.join(LABS)}; default: the first one with the data set",
    ),
    click.option("--experiment", help="of the lab, by its name; default: its first"),
    click.option("--variant", type=int, help="an experiment by its number, as in the lab sheet"),
    click.option("--drawing-model", is_flag=True, help="the lab's network for drawings"),
)
_SCHEDULES = "; ".join(
    " ".join([name, *(f"{n}={field.default:g}" for n, field in parameters.items())])
    for name in SCHEDULES
    if (parameters := fields.schedule_parameters(name))
)
"""With their defaults."""
_MOVES = " ".join(["moves", *(f"{n}={field.default:g}" for n, field in fields.MOVES.items())])
_SETTINGS = (
    option(fields.IMAGES, "train on the first so many images only"),
    click.option(
        "--base",
        help=f"what the network begins with, frozen: {', '.join(labs.BASE_NAMES)}, or the key of "
        "a stored run",
    ),
    option(fields.SIDE, "of the images for a pre-trained base, in pixels"),
    option(fields.COPIES, "changed copies of each image for a base, where images are changed"),
    option(fields.SCALING, "of the images for a pre-trained base: own, 255 or 225"),
    click.option("--hidden", type=Hidden(), help="neurons of each hidden layer, or none"),
    each(fields.OF_LAYERS["activation"], ", ".join(fields.ACTIVATION.choices)),
    each(fields.OF_LAYERS["l1"], "strength of L1 on the weights of hidden layers, 0 to 1"),
    each(
        fields.OF_LAYERS["l2"],
        "strength of L2, 0 to 1; like all from --activation to "
        "--initializer one value for all hidden layers, or one for each: 0.01,0,0",
    ),
    each(fields.OF_LAYERS["dropout"], "part of the neurons to forget in a step, 0 to 0.9"),
    each(
        fields.OF_LAYERS["batch_normalisation"],
        "after hidden layers; alone, or true or false for each",
        is_flag=False,
        flag_value="true",
    ),
    each(fields.OF_LAYERS["initializer"], ", ".join(fields.INITIALIZER.choices)),
    click.option(
        "--stack",
        type=Parsed(fields.STACK, "'LAYER, ...'"),
        help="layers in any order in place of hidden ones, such as 'Channel, Conv2D 32 3 relu, "
        "MaxPooling2D, Flatten, Dropout 0.5'",
    ),
    option(fields.OPTIMIZER),
    option(fields.learning_rate("adam"), "default: what Keras has"),
    click.option(
        "--parameter", multiple=True, type=Value(), help="of the optimizer, such as rho=0.5"
    ),
    click.option(
        "--schedule", type=Schedule(), help=f"of the learning rate, or none; {_SCHEDULES}"
    ),
    option(fields.EPOCHS),
    option(fields.BATCH_SIZE),
    option(fields.VALIDATION_SPLIT, "part of the images, 0 to 0.5"),
    option(
        fields.EARLY_STOPPING,
        "end after so many epochs without a lower validation loss; the best weights are kept",
    ),
    click.option(
        "--augmentation",
        metavar="'NAME NAME=VALUE ...'",
        help=f"{', '.join(AUGMENTATIONS)}; {_MOVES}",
    ),
    option(fields.SEED, "decides weights and shuffling; default 0"),
)
RUN_OPTIONS = (
    *("experiment", "variant", "drawing_model", "hidden", "activation", "optimizer"),
    *("l1", "l2", "dropout", "batch_normalisation", "initializer"),
    *("learning_rate", "parameter", "epochs", "batch_size", "validation_split", "seed", "unique"),
    *("schedule", "early_stopping", "stack", "augmentation"),
    *("images", "base", "side", "scaling", "copies"),
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
    schedule, parameters = options["schedule"] or (None, None)
    settings = {
        **options,
        "base": find_base(options["base"], options["side"], options["scaling"]),
        "parameters": {n: value_from(text) for n, text in options["parameter"]},
        "schedule": schedule,
        "schedule_parameters": parameters,
    }
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
