"""Lab 6: convolutional networks on hand signs."""

from collections.abc import Iterator
from dataclasses import replace

from core.i18n import N_
from core.labs import digits
from core.labs.contract import Lab, Step
from core.labs.steps import COMPARE, ONE_RUN
from core.networks.frozen import SCALINGS, Pretrained
from core.networks.known import LENET_5, SIGNS
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.augmentation import Moves
from core.studies.experiment import Experiment, Point, Shown
from core.studies.study import Study

SPLIT = 43
"""The seed with which the report draws its test images from the training images."""

BASE = RunSpec(
    DataSpec("signs", split=SPLIT),
    SIGNS,
    optimizer_spec("nadam"),
    TrainSpec(epochs=50, batch_size=128, validation_split=0.0),
)

_SHOWN = Shown(samples=48, test_indices=(0, 1, 2), mistakes=12)

CNN = Experiment("cnn", N_("CNN"), {}, _SHOWN, published=0.9714)
AUGMENTED = Experiment(
    "augmented",
    N_("CNN, augmentation"),
    {"train": {"augmentation": Moves().text}},
    _SHOWN,
    published=0.9964,
)
LE_NET = Experiment("lenet", "LeNet-5", {"network": LENET_5}, _SHOWN)
DENSE = Experiment(
    "dense",
    N_("No convolution"),
    {"network": dense_network((128,))},
    _SHOWN,
)
VGG16 = Experiment(
    "vgg16",
    N_("VGG16 of photographs"),
    {
        "network": NetworkSpec((Pretrained("vgg16", 48, "225"),)),  # 225: as the listing has it
        "optimizer": optimizer_spec("rmsprop", 0.0001),
        "train": {"augmentation": Moves().text, "copies": 5},
    },
    published=0.8073,
)
LITE0 = Experiment(
    "lite0",
    N_("EfficientNet-Lite0 of photographs"),
    {"network": NetworkSpec((Pretrained("lite0", 96),))},
    _SHOWN,
)
MOBILENET = Experiment(
    "mobilenet",
    N_("MobileNetV2 of photographs"),
    {"network": NetworkSpec((Pretrained("mobilenet_v2", 96),))},
)
STROKES = Experiment(
    "strokes",
    N_("Convolutions of drawn digits"),
    {"network": NetworkSpec((digits.STROKES,))},
    _SHOWN,
)
OWN_TEST = Experiment("cnn-own-test", N_("CNN, no random split"), {"data": {"split": None}}, _SHOWN)

C6 = Study(
    "C6",
    N_("What does a convolutional network make of hands?"),
    BASE,
    (DENSE, LE_NET, CNN, AUGMENTED, VGG16, LITE0, MOBILENET, STROKES),
    N_(
        "The report's transfer row is VGG16, frozen, on images enlarged to 48 × 48. Its listing "
        "divides them by 225 and not by 255, and VGG16 itself learned from other numbers: see "
        "C6-225."
    ),
)

FEW = {50: (40, 5), 200: (40, 10), 1000: (40, 32), None: (10, 32)}
"""Epochs and batch size by how many training images, all of them last: after each epoch all test
images are looked at, so few images are trained on in small batches and not in more epochs."""


def _with_images(name: str, title: str, network: NetworkSpec) -> Iterator[Experiment]:
    """A network trained on few images and on many."""
    for images, (epochs, batch_size) in FEW.items():
        value = N_("all") if images is None else f"{images}"
        yield Experiment(
            f"{name}-{value}",
            N_("{line}, {value} images"),
            {
                "network": network,
                "data": {"images": images},
                "train": {"epochs": epochs, "batch_size": batch_size},
            },
            point=Point(title, value),
        )


IMAGES = Study(
    "C6-N",
    N_("Is a pre-trained network worth it, with few images and with many?"),
    replace(BASE, data=DataSpec("signs")),
    (
        *_with_images("softmax", N_("No hidden layer"), dense_network()),
        *_with_images("cnn", CNN.title, SIGNS),
        *_with_images("strokes", N_("Drawn digits"), STROKES.changes["network"]),
        *_with_images("lite0", "Lite0", LITE0.changes["network"]),
        *_with_images("vgg16", "VGG16", NetworkSpec((Pretrained("vgg16", 48),))),
        *_with_images("mobilenet", "MobileNetV2", MOBILENET.changes["network"]),
    ),
    sweep=N_("training images"),
    draws=True,
)

SCALING = Study(
    "C6-225",
    N_("What if a pre-trained network is given other numbers than it learned from?"),
    replace(
        BASE,
        data=DataSpec("signs", images=1000),
        train=replace(BASE.train, epochs=40, batch_size=32),
    ),
    tuple(
        Experiment(
            f"{base}-{scaling}",
            N_("{line}, {value}"),
            {"network": NetworkSpec((Pretrained(base, side, scaling),))},
            point=Point(title, words),
        )
        for base, title, side in (("lite0", "Lite0", 96), ("vgg16", "VGG16", 48))
        for scaling, words in SCALINGS.items()
    ),
    sweep=N_("values of the pixels"),
    draws=True,
)

LAB = Lab(
    name="signs",
    title=N_("Lab 6: hand signs"),
    short="lab6",
    order=6,
    datasets=("signs", "mnist", "fashion-mnist"),
    base=BASE,
    experiments=(CNN, AUGMENTED, LE_NET, LITE0, STROKES, DENSE, OWN_TEST),
    studies=(C6, IMAGES, SCALING),
    steps=(
        *ONE_RUN,
        replace(COMPARE, name="hands"),
        Step(
            "augmentation",
            N_("Augmentation"),
            ":material/rotate_right:",
            "pages/signs/augmentation.py",
        ),
        Step("hand", N_("Your own hand"), ":material/front_hand:", "pages/signs/hand.py"),
    ),
)
