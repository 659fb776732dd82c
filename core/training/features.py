"""What a frozen base makes of images, computed once and kept.

    <cache>/features/<hash>.npy    float32 (images, features) of a thousand images or fewer

The hash is that of the base, of its weights and of the images, so that no other features are ever
taken for them. Those that were not used for longest make room for others.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import settings
from core.data.contract import Images
from core.errors import UsageError
from core.i18n import N_
from core.networks import bases, blocks, forward
from core.networks.blocks import Step
from core.networks.build import build
from core.networks.frozen import Base, Pretrained, part_dict
from core.networks.layers import Floats
from core.networks.structure import LayerRow
from core.training.fit import Moment

KEPT_TOGETHER = 1000
"""Images whose features are one file."""
AT_ONCE = 50
"""Images between two looks for a stop, if they are of 96 x 96 pixels or less."""
TOGETHER = 1e9
"""Bytes of the features of a run: training holds them three times."""
MOST_BYTES = 2e9
"""Of all features that are kept."""

Outputs = Callable[[tf.Tensor], tf.Tensor]


class FrozenBase:
    """The frozen part of a network, with its weights, in TensorFlow.

    `rows` are those of the whole network. Raises MissingData if this machine has not the weights,
    and DataError if they are damaged.
    """

    def __init__(self, part: Base, rows: Sequence[LayerRow]) -> None:
        self._part, self._inputs = part, rows[0].inputs
        self._numbers = [row.output for row in rows if row.frozen][-1]
        self._layers: list[keras.Layer] = []
        if isinstance(part, Pretrained):
            weights = bases.weights(part.name, part.digest)
            outputs = _of_others(part, weights)
        else:
            frozen = [row for row in rows if row.frozen]
            of_rows = forward.load(frozen, bases.content(part.run)).weights
            weights = tuple(array for arrays in of_rows for array in arrays)
            outputs, self._layers = _of_run(frozen, weights)
        self._outputs = tf.function(outputs, reduce_retracing=True)
        self._hash = hashlib.sha256(json.dumps(part_dict(part), sort_keys=True).encode())
        for array in weights:
            self._hash.update(np.ascontiguousarray(array).data)

    def with_head(self, head: keras.Sequential) -> keras.Sequential:
        """The whole network; the head alone behind what is too large to be stored with each run."""
        if isinstance(self._part, Pretrained):
            return head
        return keras.Sequential([keras.Input(self._inputs), *self._layers, *head.layers])

    def features(
        self, images: Sequence[Images], report: Callable[[Moment], None] = lambda moment: None
    ) -> list[Floats]:
        """What it makes of each array of images, uint8 (n, height, width): float32 (n, features).

        `report` hears how many images are done; an exception from it ends this, and what is kept
        by then stays. Raises UsageError for more than TOGETHER.
        """
        most = int(TOGETHER / np.float32().itemsize / self._numbers)
        if sum(map(len, images)) > most:
            raise UsageError(
                N_(
                    "What the frozen base makes of {n:,} images does not fit into the memory: "
                    "choose fewer images or fewer changed copies, {most:,} in all with the tests."
                ),
                n=sum(map(len, images)),
                most=most,
            )
        parts = [
            [array[first : first + KEPT_TOGETHER] for first in range(0, len(array), KEPT_TOGETHER)]
            for array in images
        ]
        total, done, began = sum(map(len, images)), 0, time.perf_counter()

        def tell(more: int) -> None:
            nonlocal done
            done += more
            report(Moment([], done, total, time.perf_counter() - began, preparing=True))

        return [np.concatenate([self._of(part, tell) for part in array]) for array in parts]

    def _of(self, images: Images, tell: Callable[[int], None]) -> Floats:
        """The features of some images, which are kept together."""
        file = self._file(images)
        kept = _kept(file)
        if kept is not None:
            tell(len(images))
            return kept
        batches = []
        at_once = AT_ONCE
        if isinstance(self._part, Pretrained):
            at_once = max(1, AT_ONCE * 96**2 // max(96, self._part.side) ** 2)
        for first in range(0, len(images), at_once):
            batches.append(self._computed(images[first : first + at_once]))
            tell(len(batches[-1]))
        features = np.concatenate(batches)
        _keep(file, features)
        return features

    def _computed(self, images: Images) -> Floats:
        values = np.asarray(images / np.float32(255), np.float32)
        if isinstance(self._part, Pretrained):
            values = self._part.prepared(values)
        return np.asarray(self._outputs(tf.constant(values)))

    def _file(self, images: Images) -> Path:
        found = self._hash.copy()
        found.update(repr(images.shape).encode())
        found.update(np.ascontiguousarray(images).data)
        return settings.cache_folder() / "features" / f"{found.hexdigest()}.npy"


def _of_run(
    rows: Sequence[LayerRow], weights: Sequence[Floats]
) -> tuple[Outputs, list[keras.Layer]]:
    """The first layers of a run, as they are in evaluation."""
    model = build(rows, seed=0)
    model.set_weights(weights)
    return lambda images: model(images, training=False), model.layers


def _of_others(part: Pretrained, weights: Sequence[Floats]) -> Outputs:
    architecture, constants = bases.base(part.name).architecture, [*map(tf.constant, weights)]
    return lambda images: blocks.run(architecture, constants, images, _TensorFlow())


class _TensorFlow:
    """Operations of core.networks.blocks on tensors."""

    def convolve(self, values: tf.Tensor, kernel: Any, bias: Any, step: Step) -> tf.Tensor:
        convolve = tf.nn.depthwise_conv2d if step.depthwise else tf.nn.conv2d
        strides = [1, step.stride, step.stride, 1]
        values = tf.nn.bias_add(convolve(values, kernel, strides, "SAME"), bias)
        return keras.activations.get(step.activation)(values)

    def pool(self, values: tf.Tensor) -> tf.Tensor:
        return tf.nn.max_pool2d(values, 2, 2, "VALID")

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(values, axis=[1, 2])


def _kept(file: Path) -> Floats | None:
    """The features in a file; None if there are none, or not all."""
    try:
        features: Floats = np.load(file, allow_pickle=False)
        os.utime(file)  # it was used
    except (OSError, ValueError, EOFError):
        return None
    return features


def _keep(file: Path, features: Floats) -> None:
    """Write features, at once and whole; on a full or read-only disk they are not kept."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as new:
            np.save(Path(new) / file.name, features)
            (Path(new) / file.name).rename(file)
        _make_room(file.parent)


def _make_room(folder: Path) -> None:
    files = [(path.stat(), path) for path in folder.glob("*.npy")]
    total = sum(status.st_size for status, _path in files)
    for status, path in sorted(files, key=lambda one: one[0].st_mtime):
        if total <= MOST_BYTES:
            return
        path.unlink(missing_ok=True)
        total -= status.st_size
