"""What a run is said to show is what its figures show, and no more."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.networks.layers import Dense, Dropout, Flatten
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Run
from core.studies import reading
from core.training.epochs import Epoch

HEART = "learned the training images by heart"
CHANCE = "such a small change may be chance"
MORE = "More epochs may help."
TOGETHER = "end together: no sign that images were learned by heart."


def run(
    losses: list[float],
    others: list[float],
    *,
    accuracy: tuple[float, float] = (0.99, 0.97),
    test: float = 0.97,
    validation: int = 12_000,
    network: NetworkSpec | None = None,
) -> Run:
    """A run whose losses on training and other images were these, and whose accuracies at the end.

    Without `validation` images the others are test images.
    """
    part = "val" if validation else "test"
    figures: list[dict[str, Any]] = [
        {f"{part}_loss": loss, f"{part}_accuracy": accuracy[1]} for loss in others
    ]
    epochs = [
        Epoch(**{"val_loss": None, "val_accuracy": None, **figure}, epoch=n, loss=loss,
              accuracy=accuracy[0], seconds=1.0)
        for n, (loss, figure) in enumerate(zip(losses, figures, strict=True), 1)
    ]  # fmt: skip
    spec = RunSpec(
        DataSpec("mnist"),
        network or dense_network((8,)),
        optimizer_spec("adam"),
        TrainSpec(len(epochs), 32, 0.2 if validation else 0.0),
    )
    values: dict[str, Any] = dict.fromkeys(Run.__dataclass_fields__)
    values |= {
        "folder": Path(),
        "spec": spec,
        "dataset": {"train": 48_000, "validation": validation, "test": 10_000},
        "epochs": tuple(epochs),
        "test_accuracy": test,
        "test_loss": others[-1],
        "confusion": np.diag([1_000] * 10).tolist(),
    }
    return Run(**values)


def said(one: Run) -> str:
    sentences = reading.sentences(one)
    assert 1 <= len(sentences) <= 3
    return " ".join(sentence.text() for sentence in sentences)


FALLING = [0.40, 0.25, 0.18, 0.14, 0.11, 0.08, 0.06, 0.05, 0.04, 0.03]
"""Of the training images, which are learned better and better."""


def test_a_loss_that_rises_while_training_falls_is_learning_by_heart() -> None:
    text = said(run(FALLING, [0.24, 0.16, 0.12, 0.10, 0.09, 0.09, 0.10, 0.11, 0.11, 0.12]))
    assert "validation loss was lowest in epoch 5 (0.090) and rose after, to 0.120" in text
    assert HEART in text
    assert "99.0% of the training images were right while the network learned, and 97.0%" in text


def test_early_stopping_is_said_of_the_epoch_that_it_kept() -> None:
    rises = [0.24, 0.16, 0.12, 0.10, 0.09, 0.09, 0.10, 0.11, 0.11, 0.12]
    text = said(replace(run(FALLING, rises), best_epoch=5))
    assert "validation loss was lowest in epoch 5 of 10 (0.090): the weights of that epoch" in text
    assert "In epoch 5, 99.0% of the training images" in text
    assert HEART not in text
    assert MORE not in text


def test_one_bad_epoch_or_equal_accuracies_are_not_learning_by_heart() -> None:
    jump = [0.24, 0.16, 0.12, 0.10, 0.09, 0.09, 0.09, 0.09, 0.09, 0.15]
    rise = [0.24, 0.16, 0.12, 0.10, 0.09, 0.10, 0.11, 0.12, 0.13, 0.15]
    for one in (run(FALLING, jump), run(FALLING, rise, accuracy=(0.97, 0.97))):
        text = said(one)
        assert "validation loss was lowest in epoch 5 (0.090) and was 0.150 at the end" in text
        assert HEART not in text
        assert ("One epoch alone may be a jump" in text) == (one.epochs[-2].val_loss == 0.09)


def test_a_loss_that_rises_together_with_training_is_something_else() -> None:
    text = said(run([0.4, 0.2, 0.3, 0.6], [0.4, 0.2, 0.3, 0.6]))
    assert "and so did the training loss" in text
    assert HEART not in text


def test_the_same_rise_on_few_images_may_be_chance() -> None:
    others = [0.24, 0.16, 0.12, 0.10, 0.09, 0.09, 0.09, 0.09, 0.10, 0.10]
    assert HEART in said(run(FALLING, others, validation=12_000))
    text = said(run(FALLING, others, validation=800))
    assert "From epoch 7 to the end the validation loss went from 0.090 to 0.100" in text
    assert f"on 800 images {CHANCE}" in text
    assert "rose" not in text


def test_a_loss_that_still_falls_asks_for_more_epochs() -> None:
    text = said(run([0.9, 0.5, 0.3], [0.8, 0.4, 0.25], accuracy=(0.92, 0.92), test=0.92))
    assert "still fell at the end: from 0.400 after epoch 2 to 0.250" in text
    assert MORE in text
    assert "(92.0%) and validation accuracy (92.0%) end together" in text


def test_training_and_validation_that_end_together_are_no_sign_of_learning_by_heart() -> None:
    losses = [0.30, 0.21, 0.20, 0.20, 0.20]
    text = said(run(losses, losses, accuracy=(0.941, 0.940)))
    assert CHANCE in text
    assert TOGETHER in text
    risen = said(run(losses, [0.3, 0.2, 0.3, 0.3, 0.3], accuracy=(0.941, 0.940)))
    assert TOGETHER not in risen


def test_validation_above_training_is_explained() -> None:
    losses = [0.9, 0.5]
    assert "the mean over the whole epoch" in said(run(losses, losses, accuracy=(0.80, 0.90)))
    dropout = NetworkSpec((Flatten(), Dense(8, "relu"), Dropout(0.5)))
    text = said(run(losses, losses, accuracy=(0.80, 0.90), network=dropout))
    assert "neurons are switched off" in text
    assert "distorted" not in text


def test_without_validation_the_test_images_are_named() -> None:
    text = said(run(FALLING, [0.2, *[0.1] * 9], validation=0))
    assert "the test loss" in text
    assert "Without a validation split the second curve is of the test images." in text
    assert "validation loss" not in text


@pytest.mark.parametrize(("loss", "other"), [(math.nan, 0.5), (0.5, math.inf)])
def test_a_run_that_diverged_says_when(loss: float, other: float) -> None:
    assert said(run([0.5, loss], [0.5, other])) == (
        "In epoch 2 the loss was not a number any more: the steps were too large. Try a smaller "
        "learning rate."
    )


@pytest.mark.parametrize("accuracy", [0.0980, 0.1055])
def test_what_is_no_better_than_chance_has_learned_nothing(accuracy: float) -> None:
    text = said(run([2.3, 2.3], [2.3, 2.3], test=accuracy))
    assert "the same answer to every image would get 10.0%" in text
    assert "nothing that the network learned" not in said(run([2.3, 2.2], [2.3, 2.2], test=0.12))


def test_one_epoch_shows_no_course() -> None:
    assert "single point" in said(run([0.3], [0.2]))


def test_a_loss_that_only_wobbles_by_chance_is_never_called_a_rise() -> None:
    """Ten epochs of equally good networks, which read one image in ten differently."""
    numbers = np.random.default_rng(0)
    wrong, images, called = 0.03, 2_000, 0
    for _run in range(100):
        each = numbers.uniform(1, 5, (10, images)) * (numbers.random((10, images)) < wrong)
        each[:, : images * 9 // 10] = each[0, : images * 9 // 10]
        called += HEART in said(
            run(FALLING, each.mean(axis=1).tolist(), accuracy=(0.99, 1 - wrong), validation=images)
        )
    assert called == 0


def test_the_noise_of_a_loss_is_its_standard_error() -> None:
    numbers = np.random.default_rng(1)
    each = numbers.uniform(1, 5, 10_000) * (numbers.random(10_000) < 0.03)
    watched = reading.Watched(1, "validation", float(each.mean()), 0.97, 0.0, 1.0, 10_000)
    assert watched.loss_noise == pytest.approx(1.5 * each.std() / 100, rel=0.1)


def test_two_runs_differ_by_more_than_chance_or_not() -> None:
    good, better = run([0.3], [0.2], test=0.900), run([0.3], [0.2], test=0.905)
    best = run([0.3], [0.2], test=0.930)
    assert (
        reading.difference(better, good)
        .text()
        .startswith(
            "The test accuracies differ by 0.50 points. On 10,000 test images less than 0.84 points"
        )
    )
    said = reading.difference(best, good).text()
    assert "3.00 points higher than that of the other run. That is more than chance" in said
    assert "3.00 points lower" in reading.difference(good, best).text()
    diverged = run([math.nan], [0.2])
    assert "diverged" in reading.difference(good, diverged).text()
