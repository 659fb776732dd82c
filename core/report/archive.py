"""A finished run as files to keep and to hand in."""

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from core.data import Dataset
from core.data.contract import Images
from core.i18n import N_, untranslated
from core.labs import OWN, Choice
from core.networks.frozen import Pretrained
from core.report import words
from core.report.objects import further, spec_object
from core.report.pictures import Picture
from core.store import Run
from core.store.records import dump_json

README = N_(
    """\
Recognition Lab: results of one training run

Data: {title}, found in: {place}. {extent} {train:,} images trained the network, {validation:,} \
validated it, {test:,} tested it. Licence: {licence}. The seed was {seed} and the run is {key}, \
finished {finished}. On the test images the accuracy is {accuracy:.4f} and the loss {loss:.4f}; \
{misclassified:,} are misclassified.

Classes from p0 on: {classes}.

settings.txt  every setting of the run
curves.png    accuracy and loss of each epoch
confusion.png how many images of each class were taken for which class
checked.png   the test images of the lab sheet, with the answers of the network
mistakes.png  the first misclassified test images
results.csv   each test image: its index, true and predicted class, the confidence (the largest
              output) and all outputs, p0 first
epochs.csv    loss and accuracy of each epoch
metrics.json  the settings and the figures of the run
model.keras   the trained network: keras.models.load_model("model.keras")
"""
)

TABLE = "results.csv"
"""The file of the archive with a row for each test image: see results_csv."""


def results_csv(run: Run, y_test: Images) -> str:
    """One row for each test image: index, true, predicted, confidence and the outputs p0, p1...

    y_test is uint8 (test images,): the labels in the order of the predictions.
    """
    outputs = run.predictions
    predicted, confidence = outputs.argmax(axis=1), outputs.max(axis=1)
    table = np.column_stack([np.arange(len(outputs)), y_test, predicted, confidence, outputs])
    classes = [f"p{i}" for i in range(outputs.shape[1])]
    header = ",".join(["index", "true", "predicted", "confidence", *classes])
    formats = ["%d"] * 3 + ["%.6g"] * (1 + len(classes))
    text = io.StringIO()
    # pandas takes five times as long, and Results waits for it.
    np.savetxt(text, table, formats, ",", header=header, comments="")
    return text.getvalue().replace("nan", "")


def epochs_csv(run: Run) -> str:
    """One row for each epoch; the validation columns are empty if there was no validation."""
    text = io.StringIO()
    # A penalty that is no number any more is missing in later rows.
    writer = csv.DictWriter(text, list(run.epochs[0].row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(epoch.row for epoch in run.epochs)
    return text.getvalue()


def file_name(run: Run, choice: Choice) -> str:
    """What the files of a run are named by, such as lab7-mnist-variant3-1a2b3c4d; ASCII only."""
    lab, experiment = choice.lab, choice.experiment
    name = OWN if experiment is None else experiment.name
    if experiment and "{name}" in experiment.title:
        name = f"{lab.word}{name}"
    digest = run.key.removeprefix(f"{run.spec.data.name}-")[:8]
    parts = (lab.short or lab.name, run.spec.data.name, name, digest)
    plain = unicodedata.normalize("NFKD", "-".join(parts)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9.]+", "-", plain.lower())


def results_zip(
    run: Run,
    dataset: Dataset,
    choice: Choice,
    pictures: Mapping[str, Picture],
    _: Callable[[str], str] = untranslated,
) -> bytes:
    """All results of a run in one archive, with the same bytes whenever it is made.

    `pictures` are those of core.report.pictures, by the names of their files.
    """
    content: dict[str, str | bytes] = {
        "README.txt": _readme(run, dataset, _),
        "settings.txt": words.settings(run, dataset, choice, _),
        **{name: picture.png for name, picture in pictures.items()},
        TABLE: results_csv(run, dataset.arrays.y_test),
        "epochs.csv": epochs_csv(run),
        "metrics.json": dump_json(_metrics(run), indent=1) + "\n",
        "model.keras": run.read("model.keras"),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            # ZipInfo's own date is 1980: the clock is not part of the results.
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            file.writestr(info, data)
    return archive.getvalue()


WITHOUT_BASE = N_(
    """\
              It holds the layers behind {base} only: what goes into them are
              the features that {base} makes of the images.
"""
)


def _readme(run: Run, dataset: Dataset, _: Callable[[str], str]) -> str:
    extent = _("This is the full set.")
    if not dataset.complete:
        extent = _(
            "These images are {sample}, not the full set: the figures do not compare with "
            "published ones."
        ).format(sample=words.sample(dataset.definition, dataset.origin, _))
    base = run.spec.network.base
    alone = _(WITHOUT_BASE).format(base=base.text) if isinstance(base, Pretrained) else ""
    said = _(README).format(
        title=dataset.definition.title,
        place=dataset.origin,
        extent=extent,
        train=run.dataset["train"],
        validation=run.dataset["validation"],
        test=run.dataset["test"],
        licence=dataset.definition.licence,
        seed=run.spec.train.seed,
        key=run.key,
        finished=run.finished,
        accuracy=run.test_accuracy,
        loss=run.test_loss,
        misclassified=run.misclassified,
        classes=", ".join(map(_, dataset.class_names)),
    )
    return said + alone


def _metrics(run: Run) -> dict[str, object]:
    return {
        "key": run.key,
        "finished": run.finished,
        "spec": spec_object(run.spec),
        "dataset": run.dataset,
        "test_accuracy": run.test_accuracy,
        "test_loss": run.test_loss,
        **further(run),
        "misclassified": run.misclassified,
        "train_seconds": run.train_seconds,
        "compile_seconds": run.compile_seconds,
        "per_class": run.per_class,
        "confusion": run.confusion,
        "versions": run.versions,
    }
