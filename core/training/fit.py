"""`Model.fit` for images that fit in memory, as one compiled call for many steps.

`fit` returns to Python after every batch, and for the small networks of the lab that takes longer
than the batch itself. Here XLA compiles a loop over batches: each step gathers its images by their
shuffled indices from an array that stays on the device, and applies the Keras optimizer.

It means the same as `Model.fit(x, y, batch_size, epochs, validation_split)`:

- the last part of the data is the validation set, taken before shuffling;
- every epoch shuffles the rest anew, and trains on the short last batch too;
- loss and accuracy of an epoch are means over its images while the weights change;
- loss, metrics and optimizer are Keras's own.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.data.contract import Images
from core.errors import DataError
from core.i18n import N_
from core.specs import TrainSpec, training_images
from core.training.augmentation import Distort
from core.training.epochs import Epoch

CHUNK_SECONDS = 0.25
"""How long one compiled call should take: between two calls progress moves and a stop is heeded."""

EVALUATION_BATCH = 2048

DENSE_LAYERS = (keras.layers.Flatten, keras.layers.Dense)


@dataclass(frozen=True)
class Moment:
    """Where a fit is: finished epochs, steps done of all steps, and seconds since it began."""

    epochs: list[Epoch]
    steps_done: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class Fit:
    """What `fit` returns: the table of epochs, and how its seconds were spent."""

    epochs: list[Epoch]
    compile_seconds: float
    train_seconds: float


class CompiledSteps:
    """Training and evaluation of one model on images that stay on the device.

    x is uint8 (n, height, width) and is scaled to 0..1 as float32; y is uint8 (n,) and is one-hot
    encoded.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        x: Images,
        y: Images,
        batch_size: int,
        distort: Distort | None = None,
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._batch_size = batch_size
        # Arguments of what is compiled, and not read in it: TensorFlow keeps every graph with a
        # gradient of its own making as long as the process lives, and the images with it.
        self._images = tf.constant(x), tf.constant(y)
        self._distort = distort
        self._steps_per_call = 1
        optimizer.build(model.trainable_variables)
        # XLA is slower than a plain graph where it meets convolutions and random numbers.
        dense = all(isinstance(layer, DENSE_LAYERS) for layer in model.layers) and not distort
        self._many_steps = tf.function(
            self._loop,
            jit_compile=dense,
            input_signature=[
                *map(tf.TensorSpec.from_tensor, self._images),
                tf.TensorSpec([None], tf.int32),
                *[tf.TensorSpec([], tf.int32)] * 4,
            ],
        )
        self._evaluation = tf.function(
            self._evaluated,
            input_signature=[
                *map(tf.TensorSpec.from_tensor, self._images),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    def compile(self, images: int) -> None:
        """Compile for epochs over that many images, without training on any."""
        order = self._padded(np.zeros(images, np.int32))
        self._many_steps(*self._images, order, images, 0, 0, 0)
        self._evaluation(*self._images, tf.zeros(1, tf.int32))

    def epoch(
        self, order: npt.NDArray[np.int32], on_call: Callable[[int], None], seed: int = 0
    ) -> tuple[float, float]:
        """Train once on the images with the indices `order`, in that order.

        With the same `seed` they are distorted alike, if they are.

        Calls `on_call(steps done in this epoch)` about every CHUNK_SECONDS; an exception from it
        ends the epoch. Returns the mean loss and the accuracy while the weights changed.
        """
        steps = math.ceil(len(order) / self._batch_size)
        indices = self._padded(order)
        sums = np.zeros(2)
        done = 0
        while done < steps:
            began = time.perf_counter()
            stop = min(done + self._steps_per_call, steps)
            figures = self._many_steps(*self._images, indices, len(order), done, stop, seed)
            sums += figures.numpy()
            seconds = time.perf_counter() - began
            self._steps_per_call = max(1, round((stop - done) * min(CHUNK_SECONDS / seconds, 10)))
            done = stop
            on_call(done)
        loss, accuracy = sums / len(order)
        return float(loss), float(accuracy)

    def step(self, order: npt.NDArray[np.int32], number: int) -> float:
        """Train on one batch of `order`, counted from 0; its mean loss before the step."""
        first = number * self._batch_size
        images = min(self._batch_size, len(order) - first)
        indices = self._padded(order)
        sums = self._many_steps(*self._images, indices, len(order), number, number + 1, 0)
        return float(sums[0]) / images

    def evaluate(self, indices: npt.NDArray[np.int32]) -> tuple[float, float]:
        """Mean loss and accuracy of the model, as it is, on the images with these indices."""
        sums = np.zeros(2)
        for first in range(0, len(indices), EVALUATION_BATCH):
            part = indices[first : first + EVALUATION_BATCH]
            sums += self._evaluation(*self._images, part).numpy()
        loss, accuracy = sums / len(indices)
        return float(loss), float(accuracy)

    def _batch(self, x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        classes = self._model.output_shape[-1]
        scaled = tf.cast(tf.gather(x, indices), tf.float32) / 255.0
        return scaled, tf.one_hot(tf.gather(y, indices), classes)

    def _padded(self, order: npt.NDArray[np.int32]) -> tf.Tensor:
        """The indices, and some more up to whole batches: XLA compiles for one size of batch."""
        return tf.constant(np.pad(order, (0, -len(order) % self._batch_size)))

    def _step(self, x: tf.Tensor, y: tf.Tensor, counts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Train on one batch, of which only the images whose `counts` is 1 (and not 0) count."""
        if self._distort is not None:
            x = self._distort(x, seed)
        weights = self._model.trainable_variables
        with tf.GradientTape() as tape:
            probabilities = self._model(x, training=True)
            losses = keras.losses.categorical_crossentropy(y, probabilities) * counts
            loss = tf.reduce_sum(losses) / tf.reduce_sum(counts)
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        correct = keras.metrics.categorical_accuracy(y, probabilities) * counts
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(correct)])

    def _loop(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: tf.Tensor,
        images: tf.Tensor,
        first: tf.Tensor,
        stop: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        # Not `for step in tf.range(first, stop)`: XLA takes the ends of a range for constants and
        # would compile again for every pair of them.
        # In float64 the sums do not depend on where one call ends and the next begins.
        sums = tf.zeros(2, tf.float64)
        step = first
        while step < stop:
            places = step * self._batch_size + tf.range(self._batch_size)
            counts = tf.cast(places < images, tf.float32)
            batch = self._batch(x, y, tf.gather(order, places))
            figures = self._step(*batch, counts, tf.stack([seed, step]))
            sums += tf.cast(figures, tf.float64)
            step += 1
        return sums

    def _evaluated(self, x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        x, y = self._batch(x, y, indices)
        probabilities = self._model(x, training=False)
        losses = keras.losses.categorical_crossentropy(y, probabilities)
        correct = keras.metrics.categorical_accuracy(y, probabilities)
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(correct)])


def split(images: int, validation_split: float) -> int:
    """As training_images, but an empty part is refused.

    Raises DataError if nothing would be left to train on or, with a split, to validate on.
    """
    training = training_images(images, validation_split)
    if training == 0 or (validation_split > 0 and training == images):
        raise DataError(
            N_(
                "A validation split of {split} leaves one part of {images} images empty: change it."
            ),
            images=images,
            split=validation_split,
        )
    return training


def fit(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    x: Images,
    y: Images,
    spec: TrainSpec,
    report: Callable[[Moment], None] = lambda moment: None,
    distort: Distort | None = None,
    test: tuple[Images, Images] | None = None,
) -> Fit:
    """Train `model` in place; x uint8 (n, height, width), y uint8 (n,).

    `report` is called about four times a second; an exception from it ends the fit. The order of
    the images follows from `spec.seed` alone, so runs with equal seeds see equal batches. With
    `distort` every batch is distorted anew before it is trained on. Where nothing is split off to
    validate on, the images and labels of `test` are evaluated after each epoch; nothing is decided
    by them.
    """
    training = split(len(x), spec.validation_split)
    validation = np.arange(training, len(x), dtype=np.int32)
    watched = np.empty(0, np.int32)
    if test and not len(validation):
        watched = np.arange(len(x), len(x) + len(test[0]), dtype=np.int32)
        x, y = np.concatenate([x, test[0]]), np.concatenate([y, test[1]])
    began = time.perf_counter()
    compiled = CompiledSteps(model, optimizer, x, y, spec.batch_size, distort)
    compiled.compile(training)
    compile_seconds = time.perf_counter() - began

    shuffle = np.random.default_rng(spec.seed)
    steps_per_epoch = math.ceil(training / spec.batch_size)
    began = time.perf_counter()
    epochs: list[Epoch] = []

    def on_call(steps: int) -> None:
        done = len(epochs) * steps_per_epoch + steps
        total = spec.epochs * steps_per_epoch
        report(Moment(list(epochs), done, total, time.perf_counter() - began))

    for number in range(1, spec.epochs + 1):
        epoch_began = time.perf_counter()
        order = shuffle.permutation(training).astype(np.int32)
        distortions = int(shuffle.integers(2**31)) if distort else 0
        loss, accuracy = compiled.epoch(order, on_call, distortions)
        val_loss, val_accuracy = compiled.evaluate(validation) if len(validation) else (None, None)
        test_figures = compiled.evaluate(watched) if len(watched) else (None, None)
        seconds = time.perf_counter() - epoch_began
        epochs.append(Epoch(number, loss, accuracy, val_loss, val_accuracy, seconds, *test_figures))
        on_call(0)
    return Fit(epochs, compile_seconds, time.perf_counter() - began)
