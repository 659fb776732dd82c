"""Hands that the students of a class give, and what a head that is trained on them knows.

They are in the memory of one process and nowhere else. A student's album belongs to the session
that holds it: the room only looks at the albums that are still held, so that hands are gone with
their session. What is given is the image that networks read, not the photograph.

A network is trained on a few hands. Its last layer, the head, is trained anew on those of the
class, on what the layer before makes of them: logistic regression, in a second. Other photographs
of a hand that it was trained on are easy; what counts is the hand of somebody else.
"""

import csv
import io
import threading
import zipfile
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakSet

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.data.contract import Images
from core.errors import UsageError
from core.i18n import N_
from core.networks.forward import TrainedNetwork
from core.networks.layers import Floats

AT_ONCE, WIDEST = 8, 5000
"""Images that go through a network together, and numbers of the layer before the last one: a class
shares the memory of the server."""
MOST, ALL = 60, 2000
"""Hands that a student and a class may give: 1.6 MB of 28 x 28 pixels, and half a minute to train
heads on."""
PARTS = 5
"""Where no student is left out, each of so many parts of the hands is left out once."""

_training = threading.Lock()

Labels = npt.NDArray[np.intp]


class Hands(NamedTuple):
    """The hands of a class."""

    images: Images
    """uint8 (n, height, width)"""
    labels: Labels
    """The number of the class of each (n,)."""
    students: Labels
    """Whose they are (n,), numbered from 0."""


@dataclass(eq=False)
class Album:
    """What one session gives."""

    student: str
    given: tuple[tuple[Images, int], ...] = ()
    """Images with the numbers of their classes."""


class Room:
    """The albums that are held by sessions; for any number of threads."""

    def __init__(self) -> None:
        self._albums: WeakSet[Album] = WeakSet()
        self._changing = threading.Lock()

    def enter(self, student: str) -> Album:
        """An album, which is seen while it is held, with what this student gave before."""
        with self._changing:
            before = [album for album in self._albums if album.student == student]
            album = Album(student, tuple(one for known in before for one in known.given))
            for known in before:
                known.given = ()
            self._albums.add(album)
        return album

    def take_back(self, student: str) -> None:
        """Forget all that this student gave."""
        with self._changing:
            for album in self._albums:
                if album.student == student:
                    album.given = ()

    def give(self, album: Album, image: Images, label: int) -> None:
        """Add a hand. Raises UsageError if it is there already, or there is no room for it."""
        with self._changing:
            if any(np.array_equal(image, known) for known, _label in album.given):
                raise UsageError(N_("You gave this picture already: take another one."))
            if len(album.given) >= MOST or sum(len(one.given) for one in self._albums) >= ALL:
                raise UsageError(
                    N_(
                        "There is no room for more hands: {most} of one student and {all} of the "
                        "class are kept."
                    ),
                    most=MOST,
                    all=ALL,
                )
            album.given += ((image, label),)

    def hands(self) -> Hands:
        """All hands, sorted by student."""
        with self._changing:
            albums = sorted(self._albums, key=lambda album: album.student)
        given = [(album.student, *one) for album in albums for one in album.given]
        if not given:
            return Hands(np.empty((0, 0, 0), np.uint8), *np.empty((2, 0), np.intp))
        students, images, labels = zip(*given, strict=True)
        whose = np.unique(np.array(students), return_inverse=True)[1]
        return Hands(np.stack(images), np.array(labels), whose)


class Head(NamedTuple):
    """A new last layer, and how often it is right."""

    classifier: Any
    """Of scikit-learn: `predict_proba` of features."""
    hands: int
    """So many it was trained on, and so many the figures below are of."""
    students: int
    network: int
    """For how many of them the network is right as it is."""
    others: int
    """For how many a head is right that saw no hand of that student."""
    mixed: int
    """For how many a head is right that saw any hands but a fifth, which has this one."""


def features(network: TrainedNetwork, images: Images) -> Floats:
    """What the layer before the last one makes of uint8 (n, height, width): (n, features)."""
    batches = [
        list(network.activations(images[first : first + AT_ONCE]).values())[-2]
        for first in range(0, len(images), AT_ONCE)
    ]
    return np.concatenate(batches).reshape(len(images), -1)


def train_head(network: TrainedNetwork, hands: Hands) -> Head:
    """A head for `network`, trained on the hands of a class and tested on those left out of it.

    One is trained at a time, for all threads. Raises UsageError unless they are of two students and
    of two classes at least, and for a network that diverged, or whose layer before the last one is
    too wide.
    """
    students, labels = len(np.unique(hands.students)), hands.labels
    if students < 2 or len(np.unique(labels)) < 2:
        raise UsageError(
            N_("A head needs hands of two students and of two letters: give some more of them.")
        )
    numbers = features(network, hands.images[:1]).size
    if numbers > WIDEST:
        raise UsageError(
            N_(
                "The layer before the last one has {n:,} numbers, too many for a head: choose a "
                "network with at most {most:,} there."
            ),
            n=numbers,
            most=WIDEST,
        )
    parts = np.random.default_rng(0).permutation(len(labels)) % PARTS
    with _training:
        known = features(network, hands.images)
        if not np.isfinite(known).all():
            raise UsageError(N_("This network diverged: choose another one for a head."))
        return Head(
            _fitted(known, labels),
            len(labels),
            students,
            int((network.probabilities(hands.images).argmax(axis=1) == labels).sum()),
            _right(known, labels, hands.students),
            _right(known, labels, parts),
        )


def _right(known: Floats, labels: Labels, parts: Labels) -> int:
    """For how many hands of each part a head is right that is trained on all other parts."""
    right = 0
    for part in np.unique(parts):
        test = parts == part
        said = _fitted(known[~test], labels[~test]).predict(known[test])
        right += int((said == labels[test]).sum())
    return right


def _fitted(known: Floats, labels: Labels) -> Any:
    # A second, for those who train.
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if len(np.unique(labels)) < 2:  # which logistic regression refuses
        return DummyClassifier().fit(known, labels)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(known, labels)


def archive(hands: Hands, class_names: tuple[str, ...]) -> bytes:
    """A zip with a picture of each hand, and labels.csv, which says of what and of whom."""
    content, table = io.BytesIO(), io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["file", "label", "student"])
    with zipfile.ZipFile(content, "w") as file:
        for number, (image, label, student) in enumerate(zip(*hands, strict=True)):
            name = f"{number:04}.png"
            picture = io.BytesIO()
            Image.fromarray(image).save(picture, "PNG")
            file.writestr(name, picture.getvalue())
            rows.writerow([name, class_names[label], student + 1])
        file.writestr("labels.csv", table.getvalue())
    return content.getvalue()
