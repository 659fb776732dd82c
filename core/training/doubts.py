"""Training images whose label networks doubt that never saw them: some of these labels are wrong.

The images are dealt into folds. For each fold a network learns from the others, and says what it
takes the images of this one for. Northcutt, Jiang and Chuang, "Confident Learning" (2021), tell by
these answers, and by how sure networks are of each class, which labels may be wrong; cleanlab is
their program.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.data.contract import Images
from core.errors import DataError
from core.i18n import N_
from core.networks import structure
from core.networks.structure import LayerRow
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.training import images

IMAGES = 10_000
"""Training images that are looked at, the first ones, so that it takes some seconds."""
FOLDS, EPOCHS, BATCH, NEURONS = 3, 10, 128, 256


@dataclass(frozen=True)
class Doubts:
    """The training images whose label is doubted, the most doubted first."""

    numbers: npt.NDArray[np.intp]
    """Of them among the training images of the data set, (n,)."""
    predicted: npt.NDArray[np.intp]
    """The class that each is taken for, (n,)."""
    probabilities: npt.NDArray[np.float32]
    """Of that class, and of the one that the label says, (n, 2)."""
    images: int
    """How many were looked at."""
    agreed: float
    """For which part of them the class with the highest probability is that of the label."""


def spec_for(data: DataSpec) -> RunSpec:
    """The network that doubts, the same for whoever asks: then a class decides on one list.

    Of equal images one alone is looked at: the others, in the other folds, would be known by heart.
    """
    return RunSpec(
        replace(data, images=IMAGES, unique=True),
        dense_network([NEURONS]),
        optimizer_spec("adam"),
        TrainSpec(EPOCHS, BATCH, 0.0),
    )


def find(spec: RunSpec) -> Doubts:
    """Train the network of a run once for each fold, and ask cleanlab; needs TensorFlow.

    Raises MissingData if this machine has other images than the spec names, and DataError if there
    are too few to learn from.
    """
    from cleanlab.filter import find_label_issues

    data = images.load(spec.data)
    numbers = images.used(data, spec.data)
    x, y = data.x_train[numbers], data.y_train[numbers]
    if len(y) < FOLDS or len(np.unique(y)) < 2:
        raise DataError(
            N_("{title} has too few training images here to doubt their labels."),
            title=data.definition.title,
        )
    rows = structure.rows(spec.network, data.definition.shape, len(data.class_names))
    probabilities = out_of_sample(x, y, rows, spec)
    predicted = probabilities.argmax(axis=1)
    # Without this filter it works on variables of its module, and questions run on many threads.
    found = find_label_issues(
        y,
        probabilities,
        return_indices_ranked_by="self_confidence",
        filter_by="low_self_confidence",
        n_jobs=1,
    )
    found = found[predicted[found] != y[found]]
    classes = np.stack([predicted[found], y[found]], axis=1)
    return Doubts(
        numbers[found],
        predicted[found],
        np.take_along_axis(probabilities[found], classes, axis=1),
        len(y),
        float((predicted == y).mean()),
    )


def out_of_sample(
    x: Images, y: Images, rows: tuple[LayerRow, ...], spec: RunSpec
) -> npt.NDArray[np.float32]:
    """What networks of these layers say to images that they were not trained on, (n, classes).

    x uint8 (n, height, width), y uint8 (n,); optimizer and training are those of `spec`.
    """
    from sklearn.model_selection import KFold

    from core.networks.build import build
    from core.training import evaluation
    from core.training import fit as training

    model, optimizer = build(rows, spec.train.seed), spec.optimizer.keras()
    steps = training.CompiledSteps(model, optimizer, x, y, spec.train.batch_size)
    variables = [*model.variables, *optimizer.variables]
    first = [variable.numpy() for variable in variables]
    shuffle = np.random.default_rng(spec.train.seed)
    probabilities = np.empty((len(y), rows[-1].output), np.float32)
    for rest, fold in KFold(FOLDS, shuffle=True, random_state=spec.train.seed).split(y):
        # The same network anew: to compile another one takes longer than to train it.
        for variable, value in zip(variables, first, strict=True):
            variable.assign(value)
        for _ in range(spec.train.epochs):
            steps.epoch(shuffle.permutation(rest).astype(np.int32), lambda done: None)
        probabilities[fold] = evaluation.predict(model, x[fold])
    return probabilities
