"""How long a run takes: from its number of steps and weights, and from what was measured here."""

import math
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from statistics import median

from core.data import DATASETS, definition
from core.data.divided import SHARE
from core.networks import structure
from core.networks.frozen import Base
from core.specs import DataSpec, NetworkSpec, RunSpec, training_images
from core.store import Run

REMEMBERED = 50
"""How many measured runs count."""

Alike = tuple[NetworkSpec, int, str]
"""A network, a batch size and a solver: runs with the same ones take alike."""

Features = tuple[Base | None, DataSpec, tuple[str, int, float, int] | None]
"""A frozen base, the images, and in which ways these are changed: runs with the same share them."""

TESTED = 10_000
"""Test images of a data set, whose features are computed too."""
SAMPLE = 4_000
"""Training images of a data set as long as nothing is known of it."""


def seconds_of(spec: RunSpec, images: int) -> float:
    """About how long a run takes where a data set has that many images to train and to validate.

    Measured on two cores with networks of the lab, batch 30 and 128: 0.8 s to compile and to test,
    0.25 ms for a step, and for each image and multiplication 15 ps in a dense network, which XLA
    compiles, and 25 ps in others; of a frozen base once for an image. Raises UsageError for an
    unknown data set.
    """
    return _preparing(spec, images) + _training(spec, images)


def _preparing(spec: RunSpec, images: int) -> float:
    """The part of it in which a frozen base makes features: none of a network without one."""
    used, trained_on = _images(spec, images)
    tested = TESTED
    if spec.data.split is not None:
        tested += math.ceil(images * SHARE / (1 - SHARE))
    computed = used + trained_on * spec.train.copies + tested
    return computed * _products(spec, frozen=True) * 25e-12


def _training(spec: RunSpec, images: int) -> float:
    """The part of it that is left where features are kept."""
    _used, trained_on = _images(spec, images)
    steps = math.ceil(trained_on / spec.train.batch_size)
    per_image = _products(spec, frozen=False) * (15e-12 if spec.network.dense else 25e-12)
    return 0.8 + spec.train.epochs * (steps * 0.25e-3 + trained_on * per_image)


def _images(spec: RunSpec, images: int) -> tuple[int, int]:
    """How many of that many images a run uses, and how many of these train."""
    used = min(images, spec.data.images or images)
    return used, training_images(used, spec.train.validation_split)


def _products(spec: RunSpec, *, frozen: bool) -> int:
    """How many multiplications an image takes in those layers that are frozen, or in the others."""
    known = definition(spec.data.name)
    rows = structure.rows(spec.network, known.shape, len(known.class_names))
    return sum(row.layer.products(row.inputs) for row in rows if row.frozen == frozen)


class Speeds:
    """What runs took on these workers, against seconds_of. Safe among threads."""

    def __init__(self) -> None:
        self._noting = threading.Lock()
        self._ratios: deque[tuple[Alike, float]] = deque(maxlen=REMEMBERED)
        self._images: dict[tuple[str, int | None], int] = {
            (known.digest, None): known.images for known in DATASETS.values() if known.digest
        }
        self._prepared: set[Features] = set()
        self._factors: dict[Alike, float] = {}
        self._compiled: dict[Alike, float] = {}
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
            if run.spec.data.name not in DATASETS:
                continue  # its file is gone: nobody can ask for such runs
            images, data = run.dataset["train"] + run.dataset["validation"], run.spec.data
            if data == DataSpec(data.name, data.digest, split=data.split):
                self._images[data.digest, data.split] = images
            self._prepared.add(_features(run.spec))
            expected = _training(run.spec, images)
            ratio = (run.train_seconds + run.compile_seconds) / expected
            alike = _alike(run.spec)
            self._ratios.append((alike, ratio))
            self._compiled[alike] = run.compile_seconds
        groups = defaultdict(list)
        for alike, ratio in self._ratios:
            groups[alike].append(ratio)
        self._factors = {alike: median(ratios) for alike, ratios in groups.items()}
        if self._ratios:
            self._usual = median(ratio for _, ratio in self._ratios)

    def seconds(self, spec: RunSpec, images: int | None = None) -> float:
        """How long that run will take: as runs of its network and batch size took, or as all.

        What its frozen base makes of its images is kept if an earlier run was of the same.
        """
        images = images or self._images.get((spec.data.digest, spec.data.split), SAMPLE)
        expected = _training(spec, images) * self._factors.get(_alike(spec), self._usual)
        if _features(spec) not in self._prepared:
            expected += _preparing(spec, images) * self._usual
        return expected

    def compile_seconds(self, spec: RunSpec) -> float | None:
        """How long the last run that takes alike was compiled; None without one."""
        return self._compiled.get(_alike(spec))


def _alike(spec: RunSpec) -> Alike:
    return spec.network, spec.train.batch_size, spec.train.solver


def _features(spec: RunSpec) -> Features:
    train = spec.train
    changed = (train.augmentation, train.copies, train.validation_split, train.seed)
    return spec.network.base, spec.data, changed if train.copies else None
