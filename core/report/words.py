"""A run in words: where its figures come from, and every setting."""

from collections.abc import Callable

from core.data import DATASETS, Dataset, Definition
from core.data.divided import SHARE
from core.labs import Choice
from core.networks.structure import LayerRow
from core.specs import DataSpec, TrainSpec, fields
from core.specs.augmentation import augmentation_words
from core.specs.optimizers import OPTIMIZERS
from core.store import Run


def name(choice: Choice, _: Callable[[str], str]) -> str:
    """What was chosen: an experiment of the lab, or own settings."""
    return choice.experiment.label(_) if choice.experiment else _("Own settings")


def sample(wanted: Definition, origin: str, _: Callable[[str], str]) -> str:
    """What images are that are not all of a data set, by where they were found."""
    instead = wanted.instead(origin)
    return instead(_) if instead else _("a sample")


def images_of(run: Run, _: Callable[[str], str]) -> str:
    """Which images of its data set a run was trained and tested on."""
    found = run.dataset
    if found["complete"]:
        return _("full set")
    return sample(DATASETS[found["name"]], found["source"], _)


def provenance(run: Run, _: Callable[[str], str]) -> str:
    """Where the figures of a run come from, in one line."""
    line = _(
        "One run with seed {seed} on {title} ({place}): {train:,} images to train, "
        "{validation:,} to validate, {test:,} to test. Run {key}, Keras {keras}."
    )
    return line.format(
        seed=run.spec.train.seed,
        title=DATASETS[run.dataset["name"]].title,
        place=images_of(run, _),
        train=run.dataset["train"],
        validation=run.dataset["validation"],
        test=run.dataset["test"],
        key=run.key,
        keras=run.versions["keras"],
    )


def split(data: DataSpec, _: Callable[[str], str]) -> str:
    """Where the test images of a run come from."""
    if data.split is None:
        return _("those of the data set")
    text = _("{share:.0%} of the training images of each class, drawn with seed {seed}")
    return text.format(share=SHARE, seed=data.split)


def which_images(
    spec: DataSpec, _: Callable[[str], str], plural: Callable[[str, str, int], str]
) -> list[str]:
    """Which images a run takes or leaves out, beside how many."""
    said = [] if spec.split is None else [_("random split {seed}").format(seed=spec.split)]
    if spec.draw is not None:
        said.append(_("drawn with seed {seed}").format(seed=spec.draw))
    if spec.unique:
        said.append(_("without duplicates"))
    if n := len(spec.without):
        said.append(plural("without {n} image", "without {n} images", n).format(n=n))
    return said


def augmentation(train: TrainSpec, _: Callable[[str], str]) -> str:
    """What is done to the training images, and how many changed copies a frozen base sees."""
    said = augmentation_words(train.augmentation, _)
    if train.copies:
        said = _("{kind}, changed copies: {n}").format(kind=said, n=train.copies)
    return said


def early_stopping(run: Run, _: Callable[[str], str]) -> str:
    """How early stopping was set, and the epoch whose weights it kept."""
    if run.best_epoch is None:
        return _("none")
    text = _("patience {n}; the weights of epoch {best} are kept")
    return text.format(n=run.spec.train.early_stopping, best=run.best_epoch)


def settings(run: Run, dataset: Dataset, choice: Choice, _: Callable[[str], str]) -> str:
    """Everything that decides the results of a run, one setting a line."""
    optimizer, train = run.spec.optimizer, run.spec.train
    known = OPTIMIZERS[optimizer.name]
    defaults = {key: parameter.default for key, parameter in known.parameters.items()}
    rows = {
        _("Lab"): _(choice.lab.title),
        _("Experiment"): name(choice, _),
        _("Data set"): dataset.definition.title,
        _("Found in"): dataset.origin,
        _("Images"): images_of(run, _),
        _("Test images"): split(run.spec.data, _),
        _("Duplicates"): _("left out") if run.spec.data.unique else _("not looked for"),
        _("Images to train"): f"{run.dataset['train']:,}",
        _("Images to validate"): f"{run.dataset['validation']:,}",
        _("Images to test"): f"{run.dataset['test']:,}",
        **dict(_layer(n, row, _) for n, row in enumerate(run.layers, 1)),
        fields.OPTIMIZER.label(_): known.title,
        fields.learning_rate(optimizer.name).label(_): f"{optimizer.learning_rate:g}",
        **{key: f"{value}" for key, value in (defaults | dict(optimizer.parameters)).items()},
        fields.EPOCHS.label(_): f"{train.epochs}",
        fields.BATCH_SIZE.label(_): f"{train.batch_size}",
        fields.VALIDATION_SPLIT.label(_): f"{100 * train.validation_split:.6g}%",
        _("Augmentation"): augmentation(train, _),
        fields.SCHEDULE.label(_): train.schedule.text if train.schedule else _("none"),
        fields.EARLY_STOPPING.label(_): early_stopping(run, _),
        fields.SEED.label(_): f"{train.seed}",
        _("Run"): run.key,
        _("Versions"): ", ".join(f"{package} {number}" for package, number in run.versions.items()),
    }
    return "".join(f"{setting}: {value}\n" for setting, value in rows.items())


def _layer(number: int, row: LayerRow, _: Callable[[str], str]) -> tuple[str, str]:
    """A layer by its number, and the line of Keras that makes it."""
    name = _("Layer {n}, frozen") if row.frozen else _("Layer {n}")
    return name.format(n=number), " ".join(row.code.split())
