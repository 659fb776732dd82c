"""Practical 7: recognising handwritten digits, and clothes."""

from dataclasses import replace

from core.data import definition
from core.i18n import N_
from core.labs.contract import Lab
from core.labs.steps import ONE_RUN
from core.networks.frozen import base_of_run
from core.networks.layers import Channel, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from core.specs import DataSpec, NetworkSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.studies.experiment import Experiment, Shown


def _variant(
    number: int,
    samples: int,
    hidden: tuple[int, ...],
    epochs: int,
    batch_size: int,
    validation_split: float,
    test_indices: tuple[int, ...],
    mistakes: int,
) -> Experiment:
    """A column of the table of the lab sheet."""
    return Experiment(
        name=str(number),
        title=N_("Variant {name}"),
        changes={
            "network": dense_network(hidden),
            "train": TrainSpec(epochs, batch_size, validation_split),
        },
        shown=Shown(samples, test_indices, mistakes),
    )


_EXAMPLE = replace(
    _variant(0, 25, (128,), 10, 32, 0.20, (1,), 5), title=N_("Variant {name} (worked example)")
)
_TABLE = (
    _variant(1, 30, (256, 256), 3, 30, 0.10, (5, 25, 7), 10),
    _variant(2, 35, (64,), 5, 25, 0.12, (8, 12, 35), 12),
    _variant(3, 40, (32, 32), 7, 42, 0.15, (14, 20, 39), 15),
    _variant(4, 45, (512,), 9, 15, 0.17, (30, 20, 40), 20),
    _variant(5, 55, (300, 300), 12, 20, 0.18, (25, 17, 50), 22),
    _variant(6, 60, (150,), 14, 5, 0.22, (22, 11, 59), 3),
    _variant(7, 65, (400, 400), 6, 35, 0.25, (33, 44, 55), 7),
    _variant(8, 70, (100,), 8, 28, 0.27, (11, 22, 44), 9),
    _variant(9, 75, (450, 450), 2, 12, 0.30, (70, 50, 45), 6),
)

DRAWING = Experiment(
    name="drawing",
    title=N_("Drawing model"),
    changes={
        "network": NetworkSpec(
            (
                Channel(),
                Conv2D(32, 3, "relu"),
                Conv2D(32, 3, "relu"),
                MaxPooling2D(),
                Conv2D(64, 3, "relu"),
                Conv2D(64, 3, "relu"),
                MaxPooling2D(),
                Flatten(),
                Dense(128, "relu"),
                Dropout(0.5),
            )
        ),
        "train": TrainSpec(12, 128, 0.0, augmentation="handwriting"),
    },
    shown=None,
)
"""The network that reads drawings; trained on MNIST it comes with the lab."""

LAB = Lab(
    name="digits",
    title=N_("Practical 7: digits"),
    short="lab7",
    order=1,
    datasets=("mnist", "fashion-mnist"),
    base=RunSpec(
        DataSpec("mnist"),
        dense_network((128,)),
        optimizer_spec("adam"),
        TrainSpec(epochs=10, batch_size=32, validation_split=0.2),
    ),
    word=N_("Variant"),
    experiments=(_EXAMPLE, *_TABLE, DRAWING),
    before_lesson=tuple(variant.name for variant in (_EXAMPLE, *_TABLE)),
    drawing_model=DRAWING.name,
    steps=ONE_RUN,
)

_SHIPPED = DRAWING.spec(LAB.on(DataSpec.of(definition("mnist"))))
STROKES = base_of_run(_SHIPPED.network, _SHIPPED.key)
"""The convolutions of the drawing model that comes with the lab: others may begin with them."""
