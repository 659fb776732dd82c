"""The command line: `python -m core data | train | study | runs | predict | drawn | bench`."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from core import data as datasets
from core.data import Dataset
from core.errors import DataError, LabError, StoreError, UsageError
from core.fields import Field, Number, OneOf, WholeNumber
from core.i18n import N_, translation
from core.labs.digits import VARIANTS
from core.specs import fields as run_fields
from core.specs import run as specs
from core.specs.optimizers import value_from
from core.specs.run import DataSpec, ModelSpec, OptimizerSpec, RunSpec, TrainSpec
from core.store.store import Claim, Run, Store, dump_json
from core.studies import study as studies
from core.studies.study import Difference, Study, Summary

if TYPE_CHECKING:
    from core.drawing.preparation import Drawing
    from core.drawing.recognition import Reference
    from core.networks.forward import Network

_ = translation(None).gettext

STEPS = 1000
"""Of the progress bar of a training."""

RUN_OPTIONS = {
    "variant",
    "drawing_model",
    "hidden",
    "activation",
    "optimizer",
    "learning_rate",
    "parameter",
    "epochs",
    "batch_size",
    "validation_split",
    "seed",
}
"""Which of the options decide a run, beside the data set."""


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
    """A field as an option of a command; what is not given is left to a variant or a study."""
    if isinstance(field, OneOf):
        help = help or ", ".join(field.choices)
    kind = {WholeNumber: int, Number: float}.get(type(field), str)
    return click.option(f"--{field.name.replace('_', '-')}", type=kind, help=help)


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose a run: a variant, and what to change in it."""
    options = [
        click.option("--dataset", default="mnist", show_default=True, help="mnist, fashion-mnist"),
        click.option("--variant", default=0, show_default=True, help="of the lab table, 0 to 9"),
        click.option(
            "--drawing-model", is_flag=True, help="the convolutional network for drawings"
        ),
        click.option("--hidden", type=Hidden(), help="neurons of each hidden layer, or none"),
        option(run_fields.ACTIVATION),
        option(run_fields.OPTIMIZER),
        option(run_fields.learning_rate("adam"), "default: what Keras has"),
        click.option(
            "--parameter", multiple=True, type=Value(), help="of the optimizer, such as rho=0.5"
        ),
        option(run_fields.EPOCHS),
        option(run_fields.BATCH_SIZE),
        option(run_fields.VALIDATION_SPLIT, "part of the images, 0 to 0.5"),
        option(run_fields.SEED, "decides weights and shuffling; default 0"),
    ]
    for add in reversed(options):
        command = add(command)
    return command


def settings_from(options: dict[str, Any]) -> tuple[ModelSpec, OptimizerSpec, TrainSpec]:
    """The settings that the options ask for: a variant with some of its values changed."""
    if options["drawing_model"]:
        if options["hidden"] is not None or options["activation"]:
            raise UsageError(
                N_("The drawing model has layers of its own: leave out --hidden and --activation.")
            )
        model, train = specs.drawing_specs()
    else:
        model, train = specs.variant_specs(options["variant"])

    def pick(name: str, default: Any) -> Any:
        return default if options[name] is None else options[name]

    return (
        ModelSpec(pick("hidden", model.hidden), pick("activation", model.activation), model.kind),
        specs.optimizer_spec(
            pick("optimizer", "adam"),
            options["learning_rate"],
            {name: value_from(text) for name, text in options["parameter"]},
        ),
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
@click.option("--all", "everything", is_flag=True, help="variants 1 to 9 on every data set")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def train(everything: bool, as_json: bool, **options: Any) -> None:
    """Train a run and store it; a run that is stored already is answered from the store.

    With --all the nine variants of the lab table, on every data set or on that of --dataset.

    Example: python -m core train --dataset mnist --variant 1 --epochs 5 --seed 1
    """
    if everything:
        _train_everything(as_json)
        return
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


def _train_everything(as_json: bool) -> None:
    """Train the nine variants, before the lesson, and print one line for each."""
    context = click.get_current_context()
    given = [
        name
        for name in context.params
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    ]
    if refused := [name for name in given if name in RUN_OPTIONS]:
        raise UsageError(
            N_("--all trains the variants as they are: leave out --{option}."),
            option=refused[0].replace("_", "-"),
        )
    names = [context.params["dataset"]] if "dataset" in given else list(datasets.DATASETS)
    wanted = [
        specs.variant_run(DataSpec(images.name, images.digest), number)
        for images in map(find_data, names)
        for number in range(1, len(VARIANTS))
    ]
    store = Store()
    began = time.monotonic()
    stored = {spec.key for spec in wanted if store.find(spec.key)}
    if missing := [spec for spec in wanted if spec.key not in stored]:
        _train_all(missing, store)
    runs = [run for spec in wanted if (run := store.find(spec.key))]
    if as_json:
        click.echo(dump_json([run_object(run, cached=run.key in stored) for run in runs]))
        return
    for run in runs:
        click.echo(
            _(
                "{dataset}  variant {variant}  test accuracy {accuracy:.4f}  {seconds:5.1f} s"
            ).format(
                dataset=f"{run.dataset['name']:<13}",
                variant=specs.variant_of(run.spec),
                accuracy=run.test_accuracy,
                seconds=run.train_seconds,
            )
        )
    click.echo(
        _("{n} runs, {new} of them new, in {seconds:.0f} s.").format(
            n=len(runs), new=len(missing), seconds=time.monotonic() - began
        )
    )


def _train(spec: RunSpec, store: Store) -> Run:
    from core.engine.engine import Engine

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
        "epochs": [epoch.row for epoch in run.epochs],
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
@click.argument("name")
@click.option("--seeds", default=3, show_default=True, help="runs of each row, 1 to 10")
@click.option("--dataset", default="mnist", show_default=True, help="mnist, fashion-mnist")
@click.option("--optimizer", multiple=True, help="of an own study; may be given several times")
@click.option("--sweep", type=Value(), help="of an own study: a parameter and values, rho=0.3,0.5")
@click.option("--hidden", type=Hidden(), help="of an own study, default 256")
@option(run_fields.ACTIVATION, "of an own study, default relu")
@option(run_fields.EPOCHS, "of an own study, default 5")
@option(run_fields.BATCH_SIZE, "of an own study, default 128")
@option(run_fields.VALIDATION_SPLIT, "of an own study, default 0")
@click.option("--yes", is_flag=True, help="do not ask before a study that takes long")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object and nothing else")
def study(name: str, seeds: int, dataset: str, yes: bool, as_json: bool, **options: Any) -> None:
    """Run the study NAME (L4-A, L4-B or own) and print it beside what was published.

    Runs that are stored already are not trained again.

    Example: python -m core study L4-A --seeds 3
    """
    chosen = _study_from(name, options)
    studies.check_seeds(seeds)
    images = find_data(dataset)
    trained_on = len(images.arrays.x_train)
    studies.check_size(chosen, seeds, trained_on)
    data_spec = DataSpec(images.name, images.digest)
    wanted = chosen.specs(seeds, data_spec)
    store = Store()
    missing = [spec for spec in wanted if store.find(spec.key) is None]
    seconds = len(missing) * studies.seconds_of_run(chosen, trained_on)
    if seconds > studies.CONFIRM_SECONDS and not yes:
        question = _("{n} runs, about {minutes:.0f} minutes. Go on?")
        click.confirm(question.format(n=len(missing), minutes=seconds / 60), abort=True, err=True)
    began = time.monotonic()
    if missing:
        _train_all(missing, store)
    runs = {spec.key: run for spec in wanted if (run := store.find(spec.key))}
    took = time.monotonic() - began
    rows = studies.summarise(chosen, runs, seeds, data_spec)
    if as_json:
        click.echo(dump_json(study_object(chosen, rows, took, images)))
    else:
        _print_study(rows, took, images)


def _study_from(name: str, options: dict[str, Any]) -> Study:
    """The study that is asked for: a published one, or an own one with these options."""
    if name.lower() != "own":
        found = studies.study(name)
        # Without the option there is an empty tuple of optimizers; that of --hidden is `none`.
        unset = {**dict.fromkeys(options), "optimizer": ()}
        given = [key.replace("_", "-") for key in options if options[key] != unset[key]]
        if given:
            raise UsageError(
                N_("--{option} is for an own study: use `python -m core study own`."),
                option=given[0],
            )
        return found
    given_values = {key: value for key, value in options.items() if value is not None}

    def changed(spec: Any, *keys: str) -> Any:
        return replace(spec, **{key: given_values[key] for key in keys if key in given_values})

    sweep = options["sweep"]
    return studies.own_study(
        options["optimizer"],
        (sweep[0], studies.values_from(sweep[1])) if sweep else None,
        changed(studies.LAB4_MODEL, "hidden", "activation"),
        changed(studies.LAB4_TRAIN, "epochs", "batch_size", "validation_split"),
    )


def _train_all(missing: list[RunSpec], store: Store) -> None:
    """Train these runs and store them. What is finished stays, whatever happens to the others."""
    from core.engine.engine import Engine

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


def study_object(
    study: Study, rows: list[Summary], seconds: float, data: Dataset
) -> dict[str, Any]:
    """What `study --json` prints: accuracies on the test images, from 0 to 1."""
    return {
        "study": study.name,
        "dataset": {"name": data.name, "source": data.place, "complete": data.complete},
        "rows": [
            {
                "name": row.row.name,
                "published": row.row.published,
                "mean": row.accuracy.mean,
                "std": row.accuracy.std,
                "values": list(row.accuracy.values),
                "diverged": [{"seed": s, "epoch": e} for s, e in row.diverged.items()],
            }
            for row in rows
        ],
        "seconds": seconds,
    }


def _print_study(rows: list[Summary], seconds: float, data: Dataset) -> None:
    width = max(len(row.row.name) for row in rows)
    click.echo(f"{_('optimizer'):<{width}}  {_('published  mean    std     seeds  seconds')}")
    for row in rows:
        accuracy = row.accuracy
        diverged = ", ".join(
            _("seed {seed} diverged in epoch {epoch}").format(seed=seed, epoch=epoch)
            for seed, epoch in row.diverged.items()
        )
        click.echo(
            f"{row.row.name:<{width}}  {_optional(row.row.published):>9}  "
            f"{_optional(accuracy.mean):>6}  {_optional(accuracy.std):>6}  "
            f"{len(row.runs):>5}  {row.seconds.mean or 0:>7.1f}  {diverged}".rstrip()
        )
    by_name = {row.row.name: row for row in rows}
    for row in rows:
        if row.row.statement:
            text, other = row.row.statement
            found = studies.difference(row, by_name[other])
            click.echo(f"{row.row.name}: {_verdict(text, other, found)}")
    click.echo(
        _("Test accuracy, {title}, {extent}, from {place}; {seconds:.0f} s.").format(
            title=data.definition.title,
            extent=_("the full set") if data.complete else _("a sample"),
            place=data.place,
            seconds=seconds,
        )
    )


def _verdict(text: str, other: str, found: Difference | None) -> str:
    """A published statement, and what the seeds say about it."""
    if found is None or found.low is None or found.high is None:
        return _('"{text}": at least {n} seeds are needed to tell.').format(
            text=_(text), n=studies.PAIRS
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
                hidden=_("drawing model")
                if spec.model.kind == "drawing"
                else "+".join(map(str, spec.model.hidden)) or _("no hidden layer"),
                epochs=spec.train.epochs,
                optimizer=spec.optimizer.text,
                seed=spec.train.seed,
                accuracy=run.test_accuracy,
            )
            + ("" if run.dataset["complete"] else _("  (not the full set)"))
        )


def _asked_for() -> set[str]:
    """The options of a run that were given, and not left to their defaults."""
    context = click.get_current_context()
    given = {
        name
        for name in context.params
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    return given & RUN_OPTIONS


def _reading_spec(data: Dataset, options: dict[str, Any]) -> RunSpec:
    """The run that is to read drawings: without any options of a run, the drawing model."""
    if not _asked_for():
        options = {**options, "drawing_model": True}
    settings = settings_from(options)
    full = RunSpec(DataSpec(data.name, data.definition.digest), *settings)
    if options["drawing_model"] and Store().find(full.key):
        return full  # comes with the lab, also where only a sample of its images is at hand
    return RunSpec(DataSpec(data.name, data.digest), *settings)


@main.command()
@spec_options
@click.option("--steps", is_flag=True, help="write the picture after each step beside the image")
@click.option("--json", "as_json", is_flag=True, help="print one JSON list and nothing else")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
def predict(images: tuple[Path, ...], steps: bool, as_json: bool, **options: Any) -> None:
    """Recognise the pictures IMAGES (PNG or JPEG) with a stored run.

    Without options of a run the drawing model reads them, which comes with the lab.

    Example: python -m core predict --variant 1 five.png
    """
    found = find_data(options["dataset"])
    run = Store().find(_reading_spec(found, options).key)
    if run is None:
        raise StoreError(
            N_("This run is not trained yet: use `python -m core train` with the same options.")
        )

    from core.drawing import recognition
    from core.networks import forward as inference

    network, known = inference.load(run), recognition.reference(found.arrays.x_train)
    answers = [_answer(path, network, known, found, steps) for path in images]
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
    path: Path, network: "Network", known: "Reference", data: Dataset, steps: bool
) -> dict[str, Any]:
    """One object of `predict --json`; a picture that cannot be read has an error instead."""
    from core.drawing import preparation as drawing
    from core.drawing import recognition

    try:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                N_("{file} cannot be opened ({reason}): check its name."),
                file=path,
                reason=error.strerror or error,
            ) from error
        prepared = drawing.prepare(drawing.read(content, path.name))
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


@main.command()
@spec_options
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
    from core.drawing import labelled as drawings
    from core.drawing import recognition
    from core.networks import forward as inference

    run, data = _reader(key, options)
    network, known = inference.load(run), recognition.reference(data.arrays.x_train)
    result = drawings.report(network, known, drawings.read_table(table, data.class_names))
    if as_json:
        click.echo(dump_json({"run": run.key, **result}))
        return
    for way, text in (
        ("full", _("{share:.1%} right with all steps")),
        ("polarity", _("{share:.1%} right with ink told from paper, and resized")),
        ("sheet", _("{share:.1%} right as in the lab sheet: grey, resized")),
    ):
        click.echo(text.format(share=result["accuracy"][way]))
    summary = _("{count} drawings, {unsure:.1%} of the answers unsure, run {run}")
    click.echo(summary.format(count=result["count"], unsure=result["unsure"], run=run.key))
    for item in result["wrong"]:
        click.echo(_("{file}: {label} read as {predicted}").format(**item))


def _reader(key: str | None, options: dict[str, Any]) -> tuple[Run, Dataset]:
    """The run that is to read drawings, trained if need be, and its data set."""
    if key is None:
        data = find_data(options["dataset"])
        if options["hidden"] is not None and options["validation_split"] is None:
            options = {**options, "validation_split": 0.0}
        spec = _reading_spec(data, options)
        store = Store()
        return store.find(spec.key) or _train(spec, store), data
    if _asked_for():
        raise UsageError(N_("--run names a whole run: leave out the other options of a run."))
    run = Store().find(key)
    if run is None:
        raise UsageError(
            N_("There is no run {key}: `python -m core runs` lists what is stored."), key=key
        )
    return run, find_data(run.spec.data.name)


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

    from core.engine import worker

    worker.prepare()
    from core.training import benchmark

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
