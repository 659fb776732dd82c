"""The compiled fit means the same as Keras's own `fit`."""

import gc
import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.trainers.data_adapters.array_slicing import train_validation_split

from core import data as datasets
from core.cli.main import main
from core.data.contract import Arrays
from core.data.mnist import DATASET as MNIST
from core.errors import DataError
from core.labs.digits import LAB
from core.networks import structure
from core.networks.build import build as built
from core.networks.layers import (
    AveragePooling2D,
    BatchNormalization,
    Channel,
    Conv2D,
    Flatten,
    MaxPooling2D,
)
from core.networks.structure import LayerRow
from core.networks.summary import keras_code
from core.specs import NetworkSpec, OptimizerSpec, TrainSpec, changed, dense_network, optimizer_spec
from core.specs.optimizers import OPTIMIZERS
from core.specs.schedules import (
    Cosine,
    Decay,
    Exponential,
    Plateau,
    Schedule,
    StepDecay,
    TimeDecay,
)
from core.training import benchmark, schedules
from core.training import fit as training
from core.training.evaluation import evaluate
from core.training.fit import CompiledSteps, Means, Moment

NETWORK = dense_network((16, 8))
PICTURES = (
    Channel(),
    Conv2D(3, 5, "relu", l2=0.01, padding="same"),
    BatchNormalization(),
    MaxPooling2D(),
    AveragePooling2D(),
)
CONVOLUTIONS = NetworkSpec((*PICTURES, Flatten()))


def rows(network: NetworkSpec) -> tuple[LayerRow, ...]:
    return structure.rows(network, (28, 28), 10)


def build(network: NetworkSpec, seed: int) -> keras.Sequential:
    return built(rows(network), seed)


def ignore(_: object) -> None:
    pass


def ignore_both(_: object, __: object) -> None:
    pass


@pytest.fixture(scope="module")
def digits() -> Arrays:
    """500 training digits, and a test part."""
    sample = MNIST.sample
    assert sample is not None
    x_train, y_train, x_test, y_test = sample()
    return Arrays(x_train[:500], y_train[:500], x_test[:200], y_test[:200])


def for_keras(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels as the lab sheet prepares them."""
    return x.astype(np.float32) / 255, keras.utils.to_categorical(y, 10)


def compiled_in_keras(model: keras.Model, optimizer: OptimizerSpec) -> keras.Model:
    model.compile(optimizer.keras(), "categorical_crossentropy", metrics=["accuracy"])
    return model


def weights(model: keras.Model) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def fitted(
    digits: Arrays, spec: TrainSpec, report: Callable[[Moment], None] = ignore
) -> tuple[keras.Model, training.Fit]:
    model = build(NETWORK, spec.seed)
    optimizer = optimizer_spec().keras()
    return model, training.fit(model, optimizer, digits.x_train, digits.y_train, spec, report)


ALIKE: dict[str, tuple[NetworkSpec, str, Schedule | None]] = {
    "adam": (NETWORK, "adam", None),
    "sgd": (NETWORK, "sgd", None),
    "rmsprop": (NETWORK, "rmsprop", None),
    "L2": (dense_network((16, 8), l2=(0.01, 0.001)), "sgd", None),
    "L1 and L2": (dense_network((16, 8), l1=0.001, l2=0.003), "adam", None),
    "normalised": (dense_network((16, 1), "tanh", batch_normalisation=True), "sgd", None),
    "initializer": (dense_network((16, 8), initializer="he_normal"), "sgd", None),
    "convolutions": (
        CONVOLUTIONS,
        "sgd",
        None,
    ),
    "time": (NETWORK, "sgd", TimeDecay(0.05)),
    "exponential": (NETWORK, "sgd", Exponential(0.2)),
    "step": (NETWORK, "sgd", StepDecay(0.1, every=1)),
    "cosine": (NETWORK, "sgd", Cosine(0.1)),
    "warm-up": (NETWORK, "sgd", Cosine(0.1, warmup=1)),
}
"""Networks, optimizers and schedules in which nothing is random."""
FEW = ("adam", "L1 and L2", "normalised", "convolutions", "warm-up")
"""Those of the default run."""


@pytest.mark.parametrize(
    "name",
    [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in ALIKE],
)
def test_epochs_give_the_losses_accuracies_and_weights_of_keras(name: str, digits: Arrays) -> None:
    # 500 images in batches of 32: 15 whole ones and a short one of 20.
    network, optimizer, schedule = ALIKE[name]
    mine, theirs = build(network, 1), build(network, 1)
    np.testing.assert_array_equal(weights(mine), weights(theirs))
    epochs = 3 if schedule else 1
    train = TrainSpec(epochs, 32, 0.0, schedule=schedule)
    spec = optimizer_spec(optimizer, 0.1 if schedule else None)
    steps = CompiledSteps(
        mine, schedules.optimizer(spec, train, 500), digits.x_train, digits.y_train, 32
    )
    order = np.arange(500, dtype=np.int32)
    found = [(steps.epoch(order, ignore), steps.evaluate(order)) for _ in range(epochs)]

    x, y = for_keras(digits.x_train, digits.y_train)
    theirs.compile(
        schedules.optimizer(spec, train, 500), "categorical_crossentropy", metrics=["accuracy"]
    )
    history = theirs.fit(
        x, y, batch_size=32, epochs=epochs, shuffle=False, validation_data=(x, y), verbose=0
    ).history
    assert [one.loss for one, _ in found] == pytest.approx(history["loss"], rel=1e-4)
    assert [one.accuracy for one, _ in found] == pytest.approx(history["accuracy"], abs=3e-3)
    assert [after.loss for _, after in found] == pytest.approx(history["val_loss"], rel=1e-4)
    np.testing.assert_allclose(weights(mine), weights(theirs), rtol=1e-3, atol=1e-4)
    assert np.abs(weights(mine) - weights(build(network, 1))).max() > 1e-3, "it trained"


RATE, STEPS = 0.5, 10
"""The learning rate that schedules begin with here, and the steps of an epoch."""


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (TimeDecay(0.1), lambda step: RATE / (1 + 0.1 * step)),
        (Exponential(0.5), lambda step: RATE * 0.5 ** (step / STEPS)),
        (StepDecay(0.5, every=2), lambda step: RATE * 0.5 ** (step // (2 * STEPS))),
        (StepDecay(0.5, every=9), lambda step: RATE),
        (Cosine(0.2), lambda s: RATE * (0.2 + 0.4 * (1 + math.cos(math.pi * s / (5 * STEPS))))),
    ],
    ids=["time", "exponential", "step", "no step yet", "cosine"],
)
@pytest.mark.parametrize("warmup", [0, 2])
def test_a_schedule_gives_the_learning_rate_of_its_formula_in_every_compiled_step(
    schedule: Decay, expected: Callable[[int], float], warmup: int
) -> None:
    train = TrainSpec(5 + warmup, 3, 0.0, schedule=replace(schedule, warmup=warmup))
    optimizer = schedules.optimizer(optimizer_spec("sgd", RATE), train, 3 * STEPS - 1)

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([], tf.int64)])
    def rate(step: tf.Tensor) -> tf.Tensor:
        given = optimizer._learning_rate
        return tf.convert_to_tensor(given(step) if callable(given) else given)

    early = warmup * STEPS
    for step in range(train.epochs * STEPS):
        wanted = RATE * step / early if step < early else expected(step - early)
        assert float(rate(step)) == pytest.approx(wanted, abs=1e-6), step


def test_the_warm_up_is_the_one_of_keras() -> None:
    train = TrainSpec(5, 3, 0.0, schedule=Cosine(0.2, warmup=2))
    mine = schedules.optimizer(optimizer_spec("sgd", RATE), train, 3 * STEPS)._learning_rate
    keras_s = keras.optimizers.schedules.CosineDecay(
        0.0, 3 * STEPS, 0.2, warmup_target=RATE, warmup_steps=2 * STEPS
    )
    for step in range(5 * STEPS):
        assert float(mine(step)) == pytest.approx(float(keras_s(step)), abs=1e-6)


def test_the_loss_is_told_apart_in_data_and_penalty(digits: Arrays) -> None:
    network = dense_network((8,), l2=0.01)
    fits = []
    for validation_split in (0.2, 0.0):
        model = build(network, 1)
        train = TrainSpec(2, 32, validation_split, schedule=TimeDecay(0.01))
        optimizer = schedules.optimizer(optimizer_spec("sgd"), train, 500)
        test = (digits.x_test, digits.y_test)
        x, y = digits.x_train, digits.y_train
        fits.append(training.fit(model, optimizer, x, y, train, test=test))
    kernel = model.weights[0].numpy()
    last = fits[-1].epochs[-1]
    assert last.end_penalty == pytest.approx(0.01 * (kernel**2).sum(), rel=1e-5)
    assert last.penalty is not None
    assert last.penalty != last.end_penalty
    result = evaluate(model, *test)
    assert (result.loss, result.penalty) == pytest.approx((last.test_loss, last.end_penalty))
    assert [epoch.end_penalty for epoch in fits[0].epochs] != [None, None]
    steps = 16  # of the last epoch the last one is the 32nd, counted from 0
    assert last.learning_rate == pytest.approx(0.01 / (1 + 0.01 * (2 * steps - 1)))
    plain = fitted(digits, TrainSpec(1, 100, 0.2))[1].epochs[0]
    assert {"penalty", "end_penalty", "learning_rate"}.isdisjoint(plain.row)


@pytest.mark.parametrize(
    ("train", "stops"),
    [
        (TrainSpec(9, 400, 0.2, early_stopping=1), True),
        (TrainSpec(4, 400, 0.2, early_stopping=50), False),
        (TrainSpec(6, 400, 0.2, schedule=Plateau(0.5, patience=1)), False),
    ],
    ids=["stopped", "not stopped", "plateau"],
)
def test_callbacks_do_what_they_do_in_keras(train: TrainSpec, stops: bool, digits: Arrays) -> None:
    # All images in one batch: their order does not matter. The steps are too large.
    spec = optimizer_spec("sgd", 0.5)
    mine, theirs = build(NETWORK, 1), compiled_in_keras(build(NETWORK, 1), spec)
    moments: list[Moment] = []
    x, y = digits.x_train, digits.y_train
    fit = training.fit(mine, spec.keras(), x, y, train, moments.append)
    history = theirs.fit(
        *for_keras(x, y),
        batch_size=400,
        epochs=train.epochs,
        validation_split=0.2,
        callbacks=training.callbacks(train),
        verbose=0,
    ).history
    losses = [float(epoch.val_loss or 0) for epoch in fit.epochs]
    assert losses == pytest.approx(history["val_loss"], rel=1e-3)
    assert (len(losses) < train.epochs) == stops
    np.testing.assert_allclose(weights(mine), weights(theirs), rtol=1e-2, atol=1e-3)
    assert moments[-1].finished
    assert not any(moment.finished for moment in moments[:-1])
    assert moments[-1].steps == moments[-1].steps_done == len(fit.epochs)
    if train.early_stopping:
        assert fit.best_epoch == 1 + int(np.argmin(losses))
        assert fit.best_epoch < len(losses), "the weights of another epoch are kept"
    else:
        rates = [float(epoch.learning_rate or 0) for epoch in fit.epochs]
        assert rates == pytest.approx(history["learning_rate"])
        assert rates[-1] < rates[0]
        assert fit.best_epoch is None


@pytest.mark.slow
def test_dropout_trains_as_that_of_keras_does(digits: Arrays) -> None:
    # What is random differs: means over seeds, roughly.
    network = dense_network((32,), dropout=0.5)
    spec, order = optimizer_spec("sgd", 0.1), np.arange(500, dtype=np.int32)
    mine, theirs, without = [], [], []
    for seed in range(3):
        model = build(network, seed)
        steps = CompiledSteps(model, spec.keras(), digits.x_train, digits.y_train, 32)
        mine.append([steps.epoch(order, ignore).loss, steps.evaluate(order).loss])
        again = steps.evaluate(order).loss
        assert again == mine[-1][1], "nothing is forgotten in evaluation"
        model = compiled_in_keras(build(network, seed), spec)
        x, y = for_keras(digits.x_train, digits.y_train)
        history = model.fit(
            x, y, batch_size=32, shuffle=False, validation_data=(x, y), verbose=0
        ).history
        theirs.append([history["loss"][0], history["val_loss"][0]])
        steps = CompiledSteps(
            build(dense_network((32,)), seed), spec.keras(), digits.x_train, digits.y_train, 32
        )
        without.append(steps.epoch(order, ignore).loss)
    np.testing.assert_allclose(np.mean(mine, 0), np.mean(theirs, 0), rtol=0.05)
    assert np.mean(mine, 0)[0] > 1.03 * np.mean(without)


@pytest.mark.parametrize("batch_size", [500, 512, 1024])
def test_a_batch_as_large_as_the_data_or_larger_is_one_step(
    batch_size: int, digits: Arrays
) -> None:
    mine, theirs = build(NETWORK, 1), build(NETWORK, 1)
    spec = optimizer_spec("sgd", 0.5)
    x, y = digits.x_train, digits.y_train
    steps = CompiledSteps(mine, spec.keras(), x, y, batch_size)
    calls: list[int] = []
    loss, *_ = steps.epoch(np.arange(500, dtype=np.int32), calls.append)
    assert calls == [1]
    history = compiled_in_keras(theirs, spec).fit(
        *for_keras(x, y), batch_size=batch_size, shuffle=False, verbose=0
    )
    assert loss == pytest.approx(history.history["loss"][0], rel=1e-5)
    np.testing.assert_allclose(weights(mine), weights(theirs), rtol=1e-4, atol=1e-6)


def test_validation_is_on_the_last_part_after_the_epoch(digits: Arrays) -> None:
    model, fit = fitted(digits, TrainSpec(2, 32, 0.3, seed=4))
    x, y = for_keras(digits.x_train[350:], digits.y_train[350:])
    expected = compiled_in_keras(model, optimizer_spec()).evaluate(x, y, verbose=0)
    last = fit.epochs[-1]
    assert [last.val_loss, last.val_accuracy] == pytest.approx(expected, rel=1e-5)
    assert last.val_loss != fit.epochs[0].val_loss


@pytest.mark.parametrize("share", [0.1, 0.12, 0.15, 0.17, 0.18, 0.2, 0.22, 0.25, 0.27, 0.3, 0.5])
@pytest.mark.parametrize("images", [60_000, 4000, 999, 7, 2])
def test_the_split_is_the_one_of_keras(images: int, share: float) -> None:
    indices = np.arange(images)
    try:
        (theirs,), (rest,) = train_validation_split((indices,), validation_split=share)
    except ValueError:
        with pytest.raises(DataError):
            training.split(images, share)
        return
    training_images = training.split(images, share)
    np.testing.assert_array_equal(indices[:training_images], theirs)
    np.testing.assert_array_equal(indices[training_images:], rest)


@pytest.mark.parametrize(("images", "share"), [(1, 0.5), (0, 0.0)])
def test_a_split_that_leaves_nothing_is_refused(images: int, share: float) -> None:
    with pytest.raises(DataError, match=f"leaves one part of {images} images empty"):
        training.split(images, share)


def test_without_a_split_all_images_are_trained_on_and_none_validated(digits: Arrays) -> None:
    moments: list[Moment] = []
    _, fit = fitted(digits, TrainSpec(1, 100, 0), moments.append)
    assert moments[-1].steps == 5
    assert (fit.epochs[0].val_loss, fit.epochs[0].val_accuracy) == (None, None)


@pytest.mark.slow
def test_without_a_split_the_test_images_are_watched_and_change_nothing(digits: Arrays) -> None:
    train = TrainSpec(2, 100, 0, seed=1)
    plain, _ = fitted(digits, train)
    watched = build(NETWORK, train.seed)
    test = (digits.x_test, digits.y_test)
    optimizer = optimizer_spec().keras()
    x, y = digits.x_train, digits.y_train
    fit = training.fit(watched, optimizer, x, y, train, test=test)
    np.testing.assert_array_equal(weights(plain), weights(watched))
    expected = compiled_in_keras(watched, optimizer_spec()).evaluate(*for_keras(*test), verbose=0)
    last = fit.epochs[-1]
    assert [last.test_loss, last.test_accuracy] == pytest.approx(expected, rel=1e-5)
    assert last.test_loss != fit.epochs[0].test_loss
    split = training.fit(watched, optimizer_spec().keras(), x, y, TrainSpec(1, 100, 0.2), test=test)
    assert split.epochs[0].test_loss is None


def test_runs_of_a_seed_start_alike_and_see_equal_batches_with_every_optimizer(
    digits: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bytes, bytes]] = []

    def note(self: CompiledSteps, order: np.ndarray, *others: Any) -> Means:
        seen.append((weights(self._model).tobytes(), order.tobytes()))
        return Means(0.0, 0.0, None)

    # What every epoch begins with is looked at; to train on it would add nothing but time.
    monkeypatch.setattr(CompiledSteps, "epoch", note)
    monkeypatch.setattr(CompiledSteps, "compile", ignore_both)
    train = TrainSpec(2, 100, 0, seed=5)
    for name in OPTIMIZERS:
        model, optimizer = build(NETWORK, 5), optimizer_spec(name).keras()
        training.fit(model, optimizer, digits.x_train, digits.y_train, train)
    first, second = seen[::2], seen[1::2]
    assert len(first) == len(second) == len(OPTIMIZERS)
    assert len(set(first)) == len(set(second)) == 1
    assert first[0][1] != second[0][1]


@pytest.mark.parametrize("spec", [NETWORK, dense_network()], ids=str)
def test_a_seed_gives_the_weights_that_keras_gives_it(spec: NetworkSpec) -> None:
    names: dict[str, Any] = {}
    keras.utils.set_random_seed(7)
    exec(keras_code(rows(spec)), names)
    np.testing.assert_array_equal(weights(build(spec, 7)), weights(names["model"]))


def test_other_threads_that_draw_random_numbers_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = weights(build(NETWORK, 7))
    dense = keras.layers.Dense

    def disturbed(*args: Any, **kwargs: Any) -> keras.Layer:
        random.random()  # as dask's own threads do at any time
        return dense(*args, **kwargs)

    monkeypatch.setattr(keras.layers, "Dense", disturbed)
    np.testing.assert_array_equal(weights(build(NETWORK, 7)), expected)


@pytest.mark.slow
def test_equal_seeds_give_equal_runs_and_other_seeds_others(digits: Arrays) -> None:
    first, first_fit = fitted(digits, TrainSpec(2, 32, 0.2, seed=7))
    again, again_fit = fitted(digits, TrainSpec(2, 32, 0.2, seed=7))
    other, _ = fitted(digits, TrainSpec(2, 32, 0.2, seed=8))
    np.testing.assert_array_equal(weights(first), weights(again))
    assert [e.loss for e in first_fit.epochs] == [e.loss for e in again_fit.epochs]
    assert not np.allclose(weights(first), weights(other))


def test_every_epoch_sees_the_images_in_another_order(
    digits: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[np.ndarray] = []
    epoch = CompiledSteps.epoch

    def noted(self: CompiledSteps, order: np.ndarray, *others: Any) -> Means:
        orders.append(order)
        return epoch(self, order, *others)

    monkeypatch.setattr(CompiledSteps, "epoch", noted)
    fitted(digits, TrainSpec(3, 100, 0.2))
    assert all(sorted(order) == list(range(400)) for order in orders)
    assert len({order.tobytes() for order in orders}) == 3


def test_a_whole_fit_is_the_one_of_keras_on_images_in_the_same_order(digits: Arrays) -> None:
    spec = TrainSpec(4, 32, 0.2, seed=3)
    mine, fit = fitted(digits, spec)
    theirs = compiled_in_keras(build(NETWORK, spec.seed), optimizer_spec())
    x, y = for_keras(digits.x_train, digits.y_train)
    shuffle = np.random.default_rng(spec.seed)
    for epoch in fit.epochs:
        order = shuffle.permutation(400)
        history = theirs.fit(
            x[order],
            y[order],
            batch_size=32,
            shuffle=False,
            validation_data=(x[400:], y[400:]),
            verbose=0,
        ).history
        assert epoch.loss == pytest.approx(history["loss"][0], rel=1e-4)
        assert epoch.accuracy == pytest.approx(history["accuracy"][0], abs=1e-6)
        assert epoch.val_loss == pytest.approx(history["val_loss"][0], rel=1e-4)
        assert epoch.val_accuracy == pytest.approx(history["val_accuracy"][0], abs=1e-6)
    np.testing.assert_allclose(weights(mine), weights(theirs), rtol=1e-3, atol=1e-4)


def test_progress_grows_step_by_step_to_the_end(digits: Arrays) -> None:
    moments: list[Moment] = []
    _, fit = fitted(digits, TrainSpec(3, 32, 0.2), moments.append)
    done = [moment.steps_done for moment in moments]
    assert done == sorted(done)
    assert {moment.steps for moment in moments} == {3 * 13}
    assert done[-1] == 3 * 13
    assert moments[-1].epochs == fit.epochs
    assert [epoch.epoch for epoch in fit.epochs] == [1, 2, 3]


def test_an_exception_from_the_report_ends_the_fit_at_once(digits: Arrays) -> None:
    calls: list[Moment] = []

    def stop(moment: Moment) -> None:
        calls.append(moment)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(digits, TrainSpec(100, 32, 0.2), stop)
    assert len(calls) == 1
    assert calls[0].steps_done < 13


def test_compiling_trains_on_nothing(digits: Arrays) -> None:
    model = build(NETWORK, 1)
    before = weights(model)
    optimizer = optimizer_spec().keras()
    CompiledSteps(model, optimizer, digits.x_train, digits.y_train, 32).compile(400)
    np.testing.assert_array_equal(weights(model), before)
    assert int(optimizer.iterations.numpy()) == 0


def test_a_network_without_hidden_layers_can_be_trained(digits: Arrays) -> None:
    model = build(dense_network(), 0)
    optimizer = optimizer_spec().keras()
    spec = TrainSpec(3, 32, 0.2)
    fit = training.fit(model, optimizer, digits.x_train, digits.y_train, spec)
    assert fit.epochs[-1].accuracy > fit.epochs[0].accuracy


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 8])
def test_mean_test_accuracy_is_the_one_of_plain_fit(
    number: int, full_data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(full_data))
    data = datasets.obtain(MNIST)
    x_train, y_train, x_test, y_test = data.arrays
    variant = LAB.experiment(str(number)).spec(LAB.base)
    network, spec = variant.network, variant.train
    mine, theirs = [], []
    for seed in range(3):
        train = TrainSpec(spec.epochs, spec.batch_size, spec.validation_split, seed)
        model = build(network, seed)
        training.fit(model, optimizer_spec().keras(), x_train, y_train, train)
        mine.append(evaluate(model, x_test, y_test).accuracy)

        model = compiled_in_keras(build(network, seed), optimizer_spec())
        # With a global seed, Keras 3.15 on TensorFlow takes the same order in every epoch: tf.data
        # starts its shuffle anew. A plain `fit` shuffles every epoch anew, and so it does here.
        tf.random.set_seed(None)
        model.fit(
            *for_keras(x_train, y_train),
            batch_size=spec.batch_size,
            epochs=spec.epochs,
            validation_split=spec.validation_split,
            verbose=0,
        )
        theirs.append(model.evaluate(*for_keras(x_test, y_test), verbose=0)[1])
    print(f"variant {number}: compiled {mine}, plain fit {theirs}")
    # Single runs differ by up to a point: four standard errors of the difference of the means.
    error = np.hypot(np.std(mine, ddof=1), np.std(theirs, ddof=1)) / np.sqrt(len(mine))
    assert abs(np.mean(mine) - np.mean(theirs)) < 4 * max(error, 0.001)


@pytest.mark.slow
def test_the_comparison_with_keras_uses_the_images_of_the_run() -> None:
    few = changed(LAB.base, {"data": {"images": 60}, "train": {"epochs": 1}})
    data = datasets.load(datasets.Source(MNIST, "sample", Path(), 0.0))
    result = benchmark.compare(few, data, 1)
    assert result["images"] == 60
    assert len(result["fit_seconds"]) == len(result["compiled_seconds"]) == 1


def test_bench_says_that_it_does_not_distort_images(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "compare", lambda *_: {})
    main(["bench", "--drawing-model", "--json"], standalone_mode=False)
    assert "timed without distorting the images" in capsys.readouterr().err
    main(["bench", "--variant", "1", "--json"], standalone_mode=False)
    assert "distorting" not in capsys.readouterr().err


def test_a_fit_lets_go_of_its_images() -> None:
    """A worker trains hundreds of runs: what it kept of each would fill the memory of a class."""
    images, labels = np.zeros((333, 28, 28), np.uint8), np.zeros(333, np.uint8)
    training.fit(build(NETWORK, 0), optimizer_spec().keras(), images, labels, TrainSpec(1, 50, 0.0))
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, tf.Tensor)]
    arrays = [one for one in kept if not tf.is_symbolic_tensor(one)]
    assert not [one for one in arrays if one.shape == images.shape]
