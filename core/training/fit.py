"""`Model.fit` for images that fit in memory, as one compiled call for many steps.

`fit` returns to Python after every batch, and for the small networks of the lab that takes longer
than the batch itself. Here XLA compiles a loop over batches: each step gathers its images by their
shuffled indices from an array that stays on the device, and applies the Keras optimizer. With
convolutions the loop is a plain graph, and nearly all of its time is their arithmetic.

It means the same as `Model.fit(x, y, batch_size, epochs, validation_split)`:

- the last part of the data is the validation set, taken before shuffling;
- every epoch shuffles the rest anew, and trains on the short last batch too;
- loss and accuracy of an epoch are means over its images while the weights change;
- what L1 and L2 add belongs to the loss, also to that of other images;
- batch normalisation sees the images of the batch alone;
- loss, metrics, layers, optimizer, schedules and callbacks are Keras's own, but for dropout, which
  means the same and draws other numbers.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.data.contract import Images
from core.errors import DataError
from core.i18n import N_
from core.networks.layers import Floats
from core.specs import TrainSpec, training_images
from core.specs.schedules import Plateau
from core.training.augmentation import Distort
from core.training.dropout import dropped
from core.training.epochs import Epoch
from core.training.evaluation import batch_size, penalty_of

CHUNK_SECONDS = 0.25
"""How long one compiled call should take: between two calls progress moves and a stop is heeded."""

XLA_LAYERS = (
    keras.layers.Flatten,
    keras.layers.Dense,
    keras.layers.BatchNormalization,
    keras.layers.Dropout,
)


@dataclass(frozen=True)
class Moment:
    """Where a fit is: finished epochs, steps done of all steps, and seconds since it began."""

    epochs: list[Epoch]
    steps_done: int
    steps: int
    seconds: float
    finished: bool = False
    """True if no epoch comes any more."""
    preparing: bool = False
    """True while features are computed: then the steps are images. See core.training.features."""


@dataclass(frozen=True)
class Fit:
    """What `fit` returns: the table of epochs, and how its seconds were spent."""

    epochs: list[Epoch]
    best_epoch: int | None
    """With early stopping the epoch whose weights were kept."""
    compile_seconds: float
    train_seconds: float


class Means(NamedTuple):
    """Figures over images."""

    loss: float
    """With the penalty in it."""
    accuracy: float
    penalty: float | None
    """What L1 and L2 add to the loss of the data; None in networks without them."""


class CompiledSteps:
    """Training and evaluation of one model on images that stay on the device.

    x is uint8 (n, height, width) and is scaled to 0..1 as float32, or it is float32 and is taken as
    it is, as features (n, features) are; y is uint8 (n,) and is one-hot encoded.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        x: Images | Floats,
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
        # XLA is slower than a plain graph where it meets convolutions (within a loop 30 times as
        # slow) and random numbers.
        dense = all(isinstance(layer, XLA_LAYERS) for layer in model.layers) and not distort
        images = map(tf.TensorSpec.from_tensor, self._images)
        given = [*images, tf.TensorSpec([None], tf.int32)]  # and which of the images
        self._many_steps = tf.function(
            self._loop,
            jit_compile=dense,
            input_signature=[*given, *[tf.TensorSpec([], tf.int32)] * 4],
        )
        self._evaluation = tf.function(self._evaluated, input_signature=given)

    def compile(self, images: int) -> None:
        """Compile for epochs over that many images, without training on any."""
        order = self._padded(np.zeros(images, np.int32))
        self._many_steps(*self._images, order, images, 0, 0, 0)
        self._evaluation(*self._images, tf.zeros(1, tf.int32))

    def epoch(
        self, order: npt.NDArray[np.int32], on_call: Callable[[int], None], seed: int = 0
    ) -> Means:
        """Train once on the images with the indices `order`, in that order.

        With the same `seed` they are distorted alike, if they are.

        Calls `on_call(steps done in this epoch)` about every CHUNK_SECONDS; an exception from it
        ends the epoch. Returns means while the weights changed.
        """
        steps = math.ceil(len(order) / self._batch_size)
        indices = self._padded(order)
        sums = np.zeros(3)
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
        loss, accuracy, penalty = (sums / len(order)).tolist()
        return Means(loss + penalty, accuracy, penalty if self._model.losses else None)

    def step(self, order: npt.NDArray[np.int32], number: int) -> float:
        """Train on one batch of `order`, counted from 0; its mean loss before the step."""
        first = number * self._batch_size
        images = min(self._batch_size, len(order) - first)
        indices = self._padded(order)
        sums = self._many_steps(*self._images, indices, len(order), number, number + 1, 0)
        return float(sums[0] + sums[2]) / images

    def evaluate(self, indices: npt.NDArray[np.int32]) -> Means:
        """The figures of the model, as it is, on the images with these indices."""
        sums = np.zeros(2)
        size = batch_size(self._model)
        for first in range(0, len(indices), size):
            part = indices[first : first + size]
            sums += self._evaluation(*self._images, part).numpy()
        loss, accuracy = (sums / len(indices)).tolist()
        penalty = penalty_of(self._model)
        return Means(loss + (penalty or 0.0), accuracy, penalty)

    def _batch(self, x: tf.Tensor, y: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        classes = self._model.output_shape[-1]
        batch = tf.gather(x, indices)
        scaled = tf.cast(batch, tf.float32) / 255.0 if batch.dtype == tf.uint8 else batch
        return scaled, tf.one_hot(tf.gather(y, indices), classes)

    def _padded(self, order: npt.NDArray[np.int32]) -> tf.Tensor:
        """The indices, and some more up to whole batches: XLA compiles for one size of batch."""
        return tf.constant(np.pad(order, (0, -len(order) % self._batch_size)))

    def _step(self, x: tf.Tensor, y: tf.Tensor, counts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Train on one batch, of which only the images whose `counts` is 1 (and not 0) count."""
        if self._distort is not None:
            x = self._distort(x, seed)
        weights = self._model.trainable_variables
        images = tf.reduce_sum(counts)
        with tf.GradientTape() as tape:
            probabilities = self._outputs(x, counts)
            losses = keras.losses.categorical_crossentropy(y, probabilities) * counts
            penalty = sum(self._model.losses, tf.zeros(()))
            loss = tf.reduce_sum(losses) / images + penalty
        self._optimizer.apply(tape.gradient(loss, weights), weights)
        correct = keras.metrics.categorical_accuracy(y, probabilities) * counts
        return tf.stack([tf.reduce_sum(losses), tf.reduce_sum(correct), penalty * images])

    def _outputs(self, x: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """What the model says while it trains."""
        for layer in self._model.layers:
            match layer:
                case keras.layers.Dropout():
                    step = self._optimizer.iterations.value
                    seed = layer.seed or 0  # Keras's may have none
                    # One pass over the numbers also where the graph around it is plain: of the
                    # report's network on hand signs a quarter of the time.
                    forget = partial(dropped, rate=layer.rate, seed=seed)
                    x = tf.function(forget, jit_compile=True)(x, step=step)
                case keras.layers.BatchNormalization():
                    places = [-1, *[1] * (len(x.shape) - 2)]
                    counted = tf.broadcast_to(tf.reshape(counts, places), tf.shape(x)[:-1])
                    # Without identity Keras would hand the mask on to the layers behind.
                    x = tf.identity(layer(x, training=True, mask=counted))
                case _:
                    x = layer(x, training=True)
        return x

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
        sums = tf.zeros(3, tf.float64)
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
    x: Images | Floats,
    y: Images,
    spec: TrainSpec,
    report: Callable[[Moment], None] = lambda moment: None,
    distort: Distort | None = None,
    test: tuple[Images | Floats, Images] | None = None,
    copies: Sequence[Images | Floats] = (),
) -> Fit:
    """Train `model` in place; x uint8 (n, height, width) or float32 features, y uint8 (n,).

    `report` is called about four times a second; an exception from it ends the fit. The order of
    the images follows from `spec.seed` alone, so runs with equal seeds see equal batches. With
    `distort` every batch is distorted anew before it is trained on. Where nothing is split off to
    validate on, the images and labels of `test` are evaluated after each epoch; nothing is decided
    by them. With `copies` of the training part each epoch trains on one of them, in turn. A
    schedule of the learning rate belongs to the optimizer; only that on a plateau and early
    stopping are looked after here.
    """
    training = split(len(x), spec.validation_split)
    validation = np.arange(training, len(x), dtype=np.int32)
    watched = np.empty(0, np.int32)
    if test and not len(validation):
        watched = np.arange(len(x), len(x) + len(test[0]), dtype=np.int32)
        x, y = np.concatenate([x, test[0]]), np.concatenate([y, test[1]])
    first_copy = len(x)
    if copies:
        x, y = np.concatenate([x, *copies]), np.concatenate([y, *[y[:training]] * len(copies)])
    began = time.perf_counter()
    compiled = CompiledSteps(model, optimizer, x, y, spec.batch_size, distort)
    compiled.compile(training)
    compile_seconds = time.perf_counter() - began

    shuffle = np.random.default_rng(spec.seed)
    steps_per_epoch = math.ceil(training / spec.batch_size)
    called, seen = callbacks(spec), _seen(model, optimizer)
    for callback in called:
        callback.set_model(seen)
        callback.on_train_begin()
    last = spec.epochs
    began = time.perf_counter()
    epochs: list[Epoch] = []

    def on_call(steps: int) -> None:
        done = len(epochs) * steps_per_epoch + steps
        seconds = time.perf_counter() - began
        report(Moment(list(epochs), done, last * steps_per_epoch, seconds, len(epochs) == last))

    while len(epochs) < last:
        epoch_began = time.perf_counter()
        order = shuffle.permutation(training).astype(np.int32)
        if copies:
            order += first_copy + len(epochs) % len(copies) * training
        distortions = int(shuffle.integers(2**31)) if distort else 0
        means = compiled.epoch(order, on_call, distortions)
        val = compiled.evaluate(validation) if len(validation) else None
        watched_means = compiled.evaluate(watched) if len(watched) else None
        seconds = time.perf_counter() - epoch_began
        rate = _last_rate(optimizer) if spec.schedule else None
        epochs.append(_epoch(len(epochs) + 1, means, val, watched_means, seconds, rate))
        for callback in called:
            callback.on_epoch_end(len(epochs) - 1, {"val_loss": val and val.loss})
        if seen.stop_training:
            last = len(epochs)
        on_call(0)
    for callback in called:
        callback.on_train_end()
    best = [one.best_epoch + 1 for one in called if hasattr(one, "best_epoch")]
    return Fit(epochs, best[0] if best else None, compile_seconds, time.perf_counter() - began)


def callbacks(spec: TrainSpec) -> list[keras.callbacks.Callback]:
    """What Keras is to do at the end of each epoch."""
    found: list[keras.callbacks.Callback] = []
    if isinstance(spec.schedule, Plateau):
        factor, patience = spec.schedule.factor, spec.schedule.patience
        found.append(
            keras.callbacks.ReduceLROnPlateau(factor=factor, patience=patience, mode="min")
        )
    if spec.early_stopping:
        found.append(
            keras.callbacks.EarlyStopping(
                patience=spec.early_stopping, mode="min", restore_best_weights=True
            )
        )
    return found


def _seen(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> SimpleNamespace:
    """What callbacks want of a model: this one is not compiled, and has no optimizer."""
    return SimpleNamespace(
        optimizer=optimizer,
        stop_training=False,
        get_weights=model.get_weights,
        set_weights=model.set_weights,
    )


def _epoch(
    number: int,
    means: Means,
    validation: Means | None,
    test: Means | None,
    seconds: float,
    learning_rate: float | None,
) -> Epoch:
    other = validation or test
    return Epoch(
        number,
        means.loss,
        means.accuracy,
        validation and validation.loss,
        validation and validation.accuracy,
        seconds,
        test and test.loss,
        test and test.accuracy,
        means.penalty,
        other and other.penalty,
        learning_rate,
    )


def _last_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """The learning rate of the last step."""
    rate = optimizer._learning_rate  # the property says that of the next one
    if callable(rate):
        rate = rate(optimizer.iterations - 1)
    return float(rate)
