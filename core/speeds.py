"""How long a run takes: from its number of steps and weights, and from what was measured here."""

import math
from collections import deque
from statistics import median

from core.datasets import DATASETS
from core.runs import Run
from core.specs import ModelSpec, RunSpec, TrainSpec, training_images
from core.structure import weights

REMEMBERED = 50
"""How many measured runs count."""

FULL, SAMPLE = 60_000, 4_000
"""Training images of a full data set, and of another one as long as nothing is known of it."""


def seconds_of(model: ModelSpec, train: TrainSpec, images: int) -> float:
    """About how long a run takes with that many images to train and to validate.

    Measured on two cores with networks of the lab, batch 30 and 128: 0.8 s to compile and to test,
    0.25 ms for a step, and 15 ps for each weight and image. The convolutional network uses a weight
    many times: 0.25 ms for each image.
    """
    trained_on = training_images(images, train.validation_split)
    steps = math.ceil(trained_on / train.batch_size)
    per_image = 0.25e-3 if model.kind == "drawing" else weights(model) * 15e-12
    return 0.8 + train.epochs * (steps * 0.25e-3 + trained_on * per_image)


class Speeds:
    """What runs took on these workers, against seconds_of."""

    def __init__(self) -> None:
        self._ratios: deque[tuple[RunSpec, float]] = deque(maxlen=REMEMBERED)
        self._images = {wanted.digest: FULL for wanted in DATASETS.values()}

    @property
    def known(self) -> int:
        """How many measured runs count."""
        return len(self._ratios)

    def note(self, *runs: Run) -> None:
        """Learn from finished runs."""
        for run in runs:
            images = run.dataset["train"] + run.dataset["validation"]
            self._images[run.spec.data.digest] = images
            expected = seconds_of(run.spec.model, run.spec.train, images)
            self._ratios.append((run.spec, (run.train_seconds + run.compile_seconds) / expected))

    def seconds(self, spec: RunSpec) -> float:
        """How long that run will take: as runs of its network and batch size took, or as all."""
        images = self._images.get(spec.data.digest, SAMPLE)
        alike = [
            ratio
            for known, ratio in self._ratios
            if (known.model, known.train.batch_size) == (spec.model, spec.train.batch_size)
        ]
        ratios = alike or [ratio for _, ratio in self._ratios] or [1.0]
        return seconds_of(spec.model, spec.train, images) * median(ratios)
