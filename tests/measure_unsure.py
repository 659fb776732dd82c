"""How often an answer is called unsure: of digits, and of what is none.

    LAB_DATA=<folder of all data sets> python -m tests.measure_unsure [KEY]

Reads the pictures as the Draw page does, with the drawing model or the stored run KEY: 1,000 test
images each of MNIST and Fashion-MNIST, 1,000 letters of notMNIST, the drawings of `drawn/`, and 300
scribbles.
"""

import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from core import data as datasets
from core import settings
from core.data.contract import Images
from core.data.fashion_mnist import DATASET as FASHION_MNIST
from core.data.mnist import DATASET as MNIST
from core.drawing import labelled as drawn
from core.drawing import preparation as drawing
from core.drawing import recognition
from core.errors import DataError
from core.labs.digits import DRAWING, LAB
from core.specs import DataSpec
from core.store import Store

Pictures = list[Images]


def in_colour(images: Images) -> Pictures:
    return [np.repeat(image[..., np.newaxis], 3, axis=2) for image in images]


def letters(folder: Path, count: int) -> Pictures:
    """Letters of notMNIST, drawn by lot; files that cannot be read are left out."""
    found: Pictures = []
    with tarfile.open(folder / "notMNIST_small.tar.gz") as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".png"))
        for name in np.random.default_rng(0).permutation(names):
            content = archive.extractfile(str(name))
            assert content is not None
            try:
                found.append(drawing.read(content.read(), name))
            except DataError:
                continue
            if len(found) == count:
                break
    return found


def scribble(seed: int) -> Images:
    """One to three strokes that wander at random, in one width."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", (280, 280), "white")
    pen = ImageDraw.Draw(image)
    width = int(random.integers(6, 22))
    for _ in range(random.integers(1, 4)):
        path = random.normal(0, 35, (random.integers(4, 25), 2)).cumsum(axis=0)
        path -= path.min(axis=0)
        path = 20 + path / path.max() * random.integers(80, 240)
        pen.line([(x, y) for x, y in path], fill="black", width=width, joint="curve")
    return np.asarray(image)


def main() -> None:
    folder = settings.data_folder()
    assert folder is not None, "name the folder of data in LAB_DATA"
    mnist, fashion = (
        datasets.load(datasets.locate(definition)) for definition in (MNIST, FASHION_MNIST)
    )
    shipped = DRAWING.spec(LAB.on(DataSpec("mnist", MNIST.digest))).key
    run = Store().find(sys.argv[1] if len(sys.argv) > 1 else shipped)
    assert run is not None, "there is no such run"
    network, known = run.network(), recognition.reference(mnist)
    table = drawn.read_table(folder / "drawn" / "labels.csv", MNIST.class_names)
    sets = {
        "MNIST test images": in_colour(mnist.arrays.x_test[:1000]),
        "drawings": [item.picture for item in table],
        "Fashion-MNIST test images": in_colour(fashion.arrays.x_test[:1000]),
        "notMNIST letters": letters(folder, 1000),
        "scribbles": [scribble(seed) for seed in range(300)],
    }
    for name, pictures in sets.items():
        prepared = [drawing.prepare(picture, known.form) for picture in pictures]
        answers = recognition.recognise(network, prepared, known)
        unsure = np.mean([answer.unsure for answer in answers])
        small = np.mean([answer.certainty < recognition.SURE for answer in answers])
        print(f"{name}: {unsure:.1%} of {len(answers)} unsure ({small:.1%} by probability alone)")


if __name__ == "__main__":
    main()
