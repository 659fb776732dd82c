"""How long a run takes: from its number of steps and weights, and from what was measured here."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from statistics import median

from core.data import DATASETS
from core.networks.summary import weights
from core.specs.run import ModelSpec, RunSpec, TrainSpec, training_images
from core.store import Run

REMEMBERED = 50
"""How many measured runs count."""

Alike = tuple[ModelSpec, int]
"""A network and a batch size: runs of both alike take alike."""

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
    """What runs took on these workers, against seconds_of. Safe among threads."""

    def __init__(self) -> None:
        self._noting = threading.Lock()
        self._ratios: deque[tuple[Alike, float]] = deque(maxlen=REMEMBERED)
        self._images = {wanted.digest: FULL for wanted in DATASETS.values()}
        self._factors: dict[Alike, float] = {}
        self._usual = 1.0

    @property
    def known(self) -> int:
        """How many measured runs count."""
        return len(self._ratios)

    def note(self, *runs: Run) -> None:
        """Learn from finished runs."""
        with self._noting:
            self._note(runs)

    def _note(self, runs: Iterable[Run]) -> None:
        for run in runs:
            images = run.dataset["train"] + run.dataset["validation"]
            self._images[run.spec.data.digest] = images
            expected = seconds_of(run.spec.model, run.spec.train, images)
            ratio = (run.train_seconds + run.compile_seconds) / expected
            self._ratios.append(((run.spec.model, run.spec.train.batch_size), ratio))
        groups = defaultdict(list)
        for alike, ratio in self._ratios:
            groups[alike].append(ratio)
        self._factors = {alike: median(ratios) for alike, ratios in groups.items()}
        if self._ratios:
            self._usual = median(ratio for _, ratio in self._ratios)

    def seconds(self, spec: RunSpec) -> float:
        """How long that run will take: as runs of its network and batch size took, or as all."""
        images = self._images.get(spec.data.digest, SAMPLE)
        factor = self._factors.get((spec.model, spec.train.batch_size), self._usual)
        return seconds_of(spec.model, spec.train, images) * factor
