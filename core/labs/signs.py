"""Lab 6: convolutional networks on hand signs."""

from dataclasses import replace

from core.i18n import N_
from core.labs.contract import Lab, Step
from core.labs.steps import COMPARE, ONE_RUN
from core.networks.known import LENET_5, SIGNS
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.augmentation import Moves
from core.studies.experiment import Experiment, Shown
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
OWN_TEST = Experiment("cnn-own-test", N_("CNN, no random split"), {"data": {"split": None}}, _SHOWN)

C6 = Study(
    "C6",
    N_("What does a convolutional network make of hands?"),
    BASE,
    (DENSE, LE_NET, CNN, AUGMENTED),
)

LAB = Lab(
    name="signs",
    title=N_("Lab 6: hand signs"),
    short="lab6",
    order=6,
    datasets=("signs", "mnist", "fashion-mnist"),
    base=BASE,
    experiments=(CNN, AUGMENTED, LE_NET, DENSE, OWN_TEST),
    studies=(C6,),
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
