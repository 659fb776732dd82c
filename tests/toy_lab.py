"""A lab of toy shapes, for tests: as a file in core/labs/ would be."""

from core.i18n import N_
from core.labs.contract import Lab, Step
from core.labs.steps import COMPARE, ONE_RUN
from core.networks.layers import Channel, Conv2D, Dense, Flatten, MaxPooling2D
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.studies.experiment import Experiment, Shown
from core.studies.study import Study

BASE = RunSpec(
    DataSpec("toy"), dense_network((32,)), optimizer_spec("adam", 0.002), TrainSpec(20, 20, 0.2)
)

CONVOLUTIONS = NetworkSpec(
    (
        Channel(),
        Conv2D(6, 3, "relu"),
        MaxPooling2D(),
        Conv2D(8, 3, "relu"),
        Flatten(),
        Dense(12, "relu"),
    )
)

LAB = Lab(
    name="toy",
    title=N_("Toy lab: shapes"),
    order=9,
    datasets=("toy",),
    base=BASE,
    experiments=(
        Experiment("dense", N_("One Dense layer"), shown=Shown(12, (0, 4), 3)),
        Experiment(
            "conv",
            N_("Convolutions"),
            {"network": CONVOLUTIONS, "train": {"epochs": 10, "augmentation": "handwriting"}},
        ),
    ),
    studies=(
        Study(
            "TOY",
            N_("Three ways to change a run"),
            BASE,
            (
                Experiment("conv", N_("Convolutions"), {"network": CONVOLUTIONS}),
                Experiment("sgd", "SGD", {"optimizer": optimizer_spec("sgd", 0.1)}),
                Experiment("few", N_("100 images"), {"data": {"images": 100}}),
            ),
        ),
    ),
    steps=(
        *ONE_RUN,
        COMPARE,
        Step(
            "augmentation",
            N_("Augmentation"),
            ":material/rotate_right:",
            "pages/signs/augmentation.py",
        ),
    ),
    before_lesson=("dense", "conv"),
)
