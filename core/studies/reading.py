"""What the figures of a run say, in sentences, and what those of two runs side by side say.

A difference that other images could turn round is not called one, and nothing is called a finding:
another seed gives another run.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from core.i18n import N_, untranslated
from core.specs.augmentation import NONE
from core.store import Run

ERRORS = 2
"""Standard errors from which on a share differs: by chance alone one in twenty does."""


class Sentence(NamedTuple):
    """A message, and the values that fill it."""

    message: str
    values: dict[str, Any]

    def text(self, _: Callable[[str], str] = untranslated) -> str:
        """In the language of the translation function `_`."""
        translated = {k: _(v) if isinstance(v, str) else v for k, v in self.values.items()}
        return _(self.message).format(**translated)


def sentences(run: Run) -> list[Sentence]:
    """One to three sentences on a finished run: did it learn, was it long enough, what by heart?"""
    if said := _diverged(run) or _no_better_than_chance(run):
        return [said]
    if len(run.epochs) == 1:
        text = N_(
            "After one epoch each curve is a single point: more epochs show how the network goes "
            "on to improve."
        )
        return [Sentence(text, {})]
    watched = _watched(run)
    if not watched:
        return [Sentence(N_("No images were kept back, so nothing shows what was missed."), {})]
    if run.best_epoch:
        kept = watched[run.best_epoch - 1]
        return [_stopped(run, kept), *filter(None, [_gap(run, kept, together=True)])]
    rose = _rose(watched)
    said_all = [rose or _fell(watched), _gap(run, watched[-1], together=not rose)]
    if not run.dataset["validation"]:
        text = N_(
            "Without a validation split the second curve is of the test images. Do not choose "
            "settings by it: then they are no test any more."
        )
        said_all.append(Sentence(text, {}))
    return [one for one in said_all if one]


class Watched(NamedTuple):
    """Training beside images that were not trained on, after an epoch."""

    epoch: int
    part: str
    """What those images are for."""
    loss: float
    accuracy: float
    training_loss: float
    training_accuracy: float
    images: int

    @property
    def loss_noise(self) -> float:
        """What a loss may differ by on other images.

        Nearly all of it is of images that are read wrongly, and a number of k such images is
        uncertain by √k. On MNIST, with 800 to 12,000 images, that was the standard error of the
        loss to a few percent, and two to three times that of the difference of two epochs: those
        are tried on the same images. Half as much again, because the lowest of many epochs is low
        by chance too.
        """
        wrong = max(1.0, self.images * (1 - self.accuracy))
        return 1.5 * self.loss / math.sqrt(wrong)


def accuracy_noise(accuracy: float, images: int) -> float:
    """What a share (0..1) of so many images may differ by on others, by the binomial law."""
    return ERRORS * max(math.sqrt(accuracy * (1 - accuracy) / images), 1 / images)


def _diverged(run: Run) -> Sentence | None:
    """Said of a run whose losses are numbers to an epoch only."""
    for epoch in run.epochs:
        losses = (epoch.loss, epoch.val_loss, epoch.test_loss)
        if not all(loss is None or math.isfinite(loss) for loss in losses):
            text = N_(
                "In epoch {n} the loss was not a number any more: the steps were too large. Try a "
                "smaller learning rate."
            )
            return Sentence(text, {"n": epoch.epoch})
    return None


def _no_better_than_chance(run: Run) -> Sentence | None:
    """Said of a network that gets no more right than the same answer to every image would."""
    images = run.dataset["test"]
    share = max(map(sum, run.confusion)) / images
    if run.test_accuracy > share + accuracy_noise(share, images):
        return None
    text = N_(
        "{accuracy:.1%} of the test images are right; the same answer to every image would get "
        "{share:.1%}. So these figures show nothing that the network learned: try another learning "
        "rate, or more epochs."
    )
    return Sentence(text, {"accuracy": run.test_accuracy, "share": share})


def _watched(run: Run) -> list[Watched]:
    """The epochs whose network was tried on other images: validation, or without it test images."""
    kept = run.dataset["validation"]
    part, name = ("val", N_("validation")) if kept else ("test", N_("test"))
    return [
        Watched(epoch.epoch, name, loss, accuracy, epoch.loss, epoch.accuracy, run.dataset[name])
        for epoch in run.epochs
        if (loss := getattr(epoch, f"{part}_loss")) is not None
        and (accuracy := getattr(epoch, f"{part}_accuracy")) is not None
    ]


def _stopped(run: Run, kept: Watched) -> Sentence:
    """Said of a run with early stopping."""
    text = N_(
        "The {part} loss was lowest in epoch {n} of {epochs} ({low:.3f}): the weights of that "
        "epoch were kept, and every figure on the test images is of them."
    )
    values = {"part": kept.part, "n": kept.epoch, "epochs": len(run.epochs), "low": kept.loss}
    return Sentence(text, values)


def _rose(watched: Sequence[Watched]) -> Sentence | None:
    """Said of a loss on other images that is higher at the end than it was before."""
    best, last = min(watched, key=lambda one: one.loss), watched[-1]
    if last.loss - best.loss <= best.loss_noise:
        return None
    text = N_(
        "The {part} loss was lowest in epoch {n} ({low:.3f}) and rose after, to {end:.3f}, and so "
        "did the training loss: the steps may be too large."
    )
    if last.training_loss < best.training_loss:
        text = N_(
            "The {part} loss was lowest in epoch {n} ({low:.3f}) and was {end:.3f} at the end, "
            "while the training loss still fell."
        )
        worse = [
            one
            for one in watched
            if one.epoch > best.epoch and one.loss - best.loss > best.loss_noise
        ]
        gap = last.training_accuracy - last.accuracy
        if len(worse) == 1:
            text = N_(
                "The {part} loss was lowest in epoch {n} ({low:.3f}) and was {end:.3f} at the end, "
                "while the training loss still fell. One epoch alone may be a jump of the "
                "optimizer."
            )
        elif gap > accuracy_noise(last.accuracy, last.images):
            text = N_(
                "The {part} loss was lowest in epoch {n} ({low:.3f}) and rose after, to "
                "{end:.3f}, while the training loss still fell: from there on the network learned "
                "the training images by heart."
            )
    return Sentence(text, {"part": last.part, "n": best.epoch, "low": best.loss, "end": last.loss})


def _fell(watched: Sequence[Watched]) -> Sentence:
    """Whether the loss on other images fell in the last third of the epochs."""
    last = watched[-1]
    before = watched[-1 - math.ceil((len(watched) - 1) / 3)]
    text = N_(
        "From epoch {n} to the end the {part} loss went from {before:.3f} to {end:.3f}: on "
        "{images:,} images such a small change may be chance."
    )
    if before.loss - last.loss > last.loss_noise:
        text = N_(
            "The {part} loss still fell at the end: from {before:.3f} after epoch {n} to "
            "{end:.3f}. More epochs may help."
        )
    values = {"part": last.part, "n": before.epoch, "images": last.images}
    return Sentence(text, {**values, "before": before.loss, "end": last.loss})


def _gap(run: Run, last: Watched, *, together: bool) -> Sentence | None:
    """Training and other images at the end; if they may be `together`, that is said too."""
    gap, noise = last.training_accuracy - last.accuracy, accuracy_noise(last.accuracy, last.images)
    layers, augmentation = run.spec.network.behind, run.spec.train.augmentation
    if gap > noise:
        text = N_(
            "In epoch {n}, {training:.1%} of the training images were right while the network "
            "learned, and {other:.1%} of the {part} images after it: it is better on what it "
            "trained on."
        )
    elif gap >= -noise:
        text = N_(
            "Training accuracy ({training:.1%}) and {part} accuracy ({other:.1%}) end together: "
            "no sign that images were learned by heart."
        )
        if not together:
            return None
    elif augmentation != NONE:
        text = N_(
            "At the end {part} accuracy ({other:.1%}) is above training accuracy ({training:.1%}): "
            "during training images are distorted, so that one is lower."
        )
    elif any(layer.kind == "Dropout" for layer in layers):
        text = N_(
            "At the end {part} accuracy ({other:.1%}) is above training accuracy ({training:.1%}): "
            "during training neurons are switched off, so that one is lower."
        )
    else:
        text = N_(
            "At the end {part} accuracy ({other:.1%}) is above training accuracy ({training:.1%}): "
            "that one is the mean over the whole epoch, while the network was still improving."
        )
    return Sentence(
        text,
        {
            "n": last.epoch,
            "training": last.training_accuracy,
            "other": last.accuracy,
            "part": last.part,
        },
    )


def difference(run: Run, other: Run) -> Sentence:
    """How the test accuracy of a run differs from that of another one, on the same images."""
    if _diverged(run) or _diverged(other):
        return Sentence(N_("One of the two runs diverged, so there is nothing to compare."), {})
    images = run.dataset["test"]
    noise = math.hypot(*(accuracy_noise(one.test_accuracy, images) for one in (run, other)))
    gap = run.test_accuracy - other.test_accuracy
    if abs(gap) <= noise:
        text = N_(
            "The test accuracies differ by {gap:.2f} points. On {n:,} test images less than "
            "{noise:.2f} points cannot be told from chance."
        )
    else:
        text = N_(
            "The test accuracy of this run is {gap:.2f} points lower than that of the other run. "
            "That is more than chance usually makes among {n:,} test images ({noise:.2f} points); "
            "another seed may still change it."
        )
        if gap > 0:
            text = N_(
                "The test accuracy of this run is {gap:.2f} points higher than that of the other "
                "run. That is more than chance usually makes among {n:,} test images ({noise:.2f} "
                "points); another seed may still change it."
            )
    return Sentence(text, {"gap": 100 * abs(gap), "n": images, "noise": 100 * noise})
