"""The command line: `python -m core data | train | runs | predict | bench`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from core import datasets, specs
from core.datasets import Dataset
from core.errors import DataError, LabError, StoreError, UsageError
from core.i18n import N_, translation
from core.runs import Claim, Run, Store, dump_json
from core.specs import DataSpec, ModelSpec, OptimizerSpec, RunSpec, TrainSpec

_ = translation(None).gettext

STEPS = 1000
"""Of the progress bar of a training."""


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
    """Recognition Lab: train networks on handwritten digits, from the command line.

    Example: python -m core train --dataset mnist --variant 1
    """


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


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose a run: a variant, and what to change in it."""
    options = [
        click.option("--dataset", default="mnist", show_default=True, help="mnist, fashion-mnist"),
        click.option("--variant", default=0, show_default=True, help="of the lab table, 0 to 9"),
        click.option("--hidden", type=Hidden(), help="neurons of each hidden layer, or none"),
        click.option("--activation", help=", ".join(specs.ACTIVATIONS)),
        click.option("--optimizer", help=", ".join(specs.OPTIMIZERS)),
        click.option("--learning-rate", type=float, help="default: what Keras has"),
        click.option("--epochs", type=int),
        click.option("--batch-size", type=int),
        click.option("--validation-split", type=float, help="part of the images, 0 to 0.5"),
        click.option("--seed", type=int, help="decides weights and shuffling; default 0"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def settings_from(options: dict[str, Any]) -> tuple[ModelSpec, OptimizerSpec, TrainSpec]:
    """The settings that the options ask for: a variant with some of its values changed."""
    model, train = specs.variant_specs(options["variant"])

    def pick(name: str, default: Any) -> Any:
        return default if options[name] is None else options[name]

    return (
        ModelSpec(pick("hidden", model.hidden), pick("activation", model.activation)),
        specs.optimizer_spec(pick("optimizer", "adam"), options["learning_rate"]),
        TrainSpec(
            pick("epochs", train.epochs),
            pick("batch_size", train.batch_size),
            pick("validation_split", train.validation_split),
            pick("seed", train.seed),
        ),
    )


class Download:
    """A click progress bar with the interface that a download reports to."""

    total = 0

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def update(self, n: int) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=self.total, label=self._label, file=sys.stderr)
            self._bar.render_progress()
        self._bar.update(n)

    def reset(self) -> None:
        if self._bar is not None:
            self._bar.update(-self._bar.pos)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def find_data(name: str) -> Dataset:
    """The data set, downloaded if need be; says on standard error when it is only a sample."""
    wanted = datasets.definition(name)
    data = datasets.obtain(wanted, Download(wanted.title))
    if not data.complete:
        message = _(
            "Note: this is not all of {title} but {train:,} + {test:,} images. For the full set: "
            "python -m core data fetch {dataset}"
        ).format(
            title=wanted.title,
            train=len(data.arrays.x_train),
            test=len(data.arrays.x_test),
            dataset=name,
        )
        click.echo(message, err=True)
    return data


@main.group(invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List the data sets: where they were found, their sizes and sha256.

    Example: python -m core data
    """
    if ctx.invoked_subcommand:
        return
    for wanted in datasets.DATASETS.values():
        lines = _describe(wanted)
        click.echo(f"{wanted.title} ({wanted.name})")
        for line in lines:
            click.echo(f"  {line}")


def _describe(wanted: datasets.Definition) -> list[str]:
    try:
        source = datasets.locate(wanted)
        found = datasets.load(source)
    except DataError as error:
        return [error.sentence(_)]
    arrays = found.arrays
    lines = [
        _("source: {place}").format(place=source.place),
        *(f"{path}  sha256 {digest}" for path, digest in datasets.checksums(source)),
        _("images: {train:,} to train, {test:,} to test").format(
            train=len(arrays.x_train), test=len(arrays.x_test)
        ),
        _("content: sha256 {digest}").format(digest=found.digest),
        _("licence: {licence}").format(licence=wanted.licence),
    ]
    if found.complete:
        return [*lines, _("This is the full set.")]
    return [
        *lines,
        _("This is not the full set: get it with python -m core data fetch {name}").format(
            name=wanted.name
        ),
    ]


@data.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download the data set NAME into the cache and verify it.

    Example: python -m core data fetch mnist
    """
    wanted = datasets.definition(name)
    datasets.fetch(wanted, Download(wanted.title))
    click.echo(
        _("{title} is in {folder}.").format(
            title=wanted.title, folder=datasets.download_folder(wanted)
        )
    )


@main.command()
@spec_options
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def train(as_json: bool, **options: Any) -> None:
    """Train a run and store it; a run that is stored already is answered from the store.

    Example: python -m core train --dataset mnist --variant 1 --epochs 5 --seed 1
    """
    settings = settings_from(options)
    images = find_data(options["dataset"])
    spec = RunSpec(DataSpec(images.name, images.digest), *settings)
    store = Store()
    run = store.find(spec.key)
    cached = run is not None
    if run is None:
        run = _train(spec, store)
    if as_json:
        click.echo(dump_json(run_object(run, cached=cached)))
    else:
        _print_run(run, cached=cached)


def _train(spec: RunSpec, store: Store) -> Run:
    from core.engine import Engine

    engine = Engine(store, workers=1)
    try:
        engine.submit(spec)
        with click.progressbar(length=STEPS, label=_("Starting"), file=sys.stderr) as bar:

            def on_progress(claim: Claim) -> None:
                if claim.steps:
                    bar.label = _("Epoch {epoch} of {epochs}").format(
                        epoch=min(len(claim.epochs) + 1, spec.train.epochs),
                        epochs=spec.train.epochs,
                    )
                    bar.update(int(claim.fraction * STEPS) - bar.pos)

            run = engine.wait(spec, on_progress)
            bar.update(STEPS - bar.pos)
        return run
    finally:
        engine.close()


def run_object(run: Run, *, cached: bool) -> dict[str, Any]:
    """What `train --json` prints."""
    return {
        "run": run.key,
        "cached": cached,
        "dataset": run.dataset,
        "spec": run.spec.to_dict(),
        "epochs": [vars(epoch) for epoch in run.epochs],
        "test_loss": run.test_loss,
        "test_accuracy": run.test_accuracy,
        "misclassified": run.misclassified,
        "train_seconds": run.train_seconds,
        "finished": run.finished,
        "versions": run.versions,
    }


def _print_run(run: Run, *, cached: bool) -> None:
    click.echo(_("epoch  loss    accuracy  val_loss  val_accuracy  seconds"))
    for row in run.epochs:
        click.echo(
            f"{row.epoch:5d}  {row.loss:.4f}  {row.accuracy:8.4f}  {_optional(row.val_loss):>8}  "
            f"{_optional(row.val_accuracy):>12}  {row.seconds:7.2f}"
        )
    lines = [
        _("Test accuracy {accuracy:.4f}, test loss {loss:.4f}"),
        _("{misclassified} of {test} test images misclassified"),
        _("{dataset} from {source}, seed {seed}, run {key}"),
        _("From the store: trained in {seconds:.1f} s before.")
        if cached
        else _("Trained in {seconds:.1f} s."),
    ]
    values = {
        "accuracy": run.test_accuracy,
        "loss": run.test_loss,
        "misclassified": run.misclassified,
        "test": run.dataset["test"],
        "dataset": run.dataset["name"],
        "source": run.dataset["source"],
        "seed": run.spec.train.seed,
        "key": run.key,
        "seconds": run.train_seconds,
    }
    for line in lines:
        click.echo(line.format(**values))


def _optional(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.4f}"


@main.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON list and nothing else")
def runs(as_json: bool) -> None:
    """List the runs in the store, the newest first.

    Example: python -m core runs --json
    """
    stored = Store().runs()
    if as_json:
        click.echo(dump_json([run_object(run, cached=True) for run in stored]))
        return
    if not stored:
        click.echo(_("No runs yet: python -m core train --variant 0 makes one."))
    for run in stored:
        spec = run.spec
        click.echo(
            _("{key}  {hidden}  {epochs} epochs  {optimizer}  seed {seed}  {accuracy:.4f}").format(
                key=run.key,
                hidden="+".join(map(str, spec.model.hidden)) or _("no hidden layer"),
                epochs=spec.train.epochs,
                optimizer=spec.optimizer.name,
                seed=spec.train.seed,
                accuracy=run.test_accuracy,
            )
            + ("" if run.dataset["complete"] else _("  (not the full set)"))
        )


@main.command()
@spec_options
@click.option("--json", "as_json", is_flag=True, help="print one JSON list and nothing else")
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def predict(images: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Recognise the pictures IMAGES (PNG or JPEG) with a stored run.

    Example: python -m core predict --variant 1 five.png
    """
    from core import drawing

    settings = settings_from(options)
    found = find_data(options["dataset"])
    spec = RunSpec(DataSpec(found.name, found.digest), *settings)
    run = Store().find(spec.key)
    if run is None:
        raise StoreError(
            N_("This run is not trained yet: use `python -m core train` with the same options.")
        )
    pictures = [drawing.prepare(path) for path in images]

    from core import worker

    answers = [
        {
            "image": str(path),
            "label": found.class_names[row.argmax()],
            "probabilities": row.tolist(),
        }
        for path, row in zip(images, worker.predict(run, pictures), strict=True)
    ]
    if as_json:
        click.echo(dump_json(answers))
        return
    for answer in answers:
        best = max(answer["probabilities"])
        click.echo(f"{answer['image']}: {_(answer['label'])} ({best:.1%})")


@main.command()
@spec_options
@click.option("--repeats", default=5, show_default=True, help="pairs of fits to time")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def bench(repeats: int, as_json: bool, **options: Any) -> None:
    """Time the compiled fit against plain Model.fit, in turn, in one process.

    Example: python -m core bench --hidden 256 --batch-size 128 --epochs 5 --validation-split 0
    """
    settings = settings_from(options)
    if not 1 <= repeats <= 100:
        raise UsageError(
            N_("Repeats is {value}: give a whole number from 1 to 100."), value=repeats
        )
    found = find_data(options["dataset"])

    from core import worker

    worker.prepare()
    from core import benchmark

    result = benchmark.compare(*settings, found, repeats)
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
