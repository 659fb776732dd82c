"""Lab 4: how optimizers and their parameters change training; two reports, A and B."""

from collections.abc import Mapping
from dataclasses import replace

from core.i18n import N_
from core.labs.contract import Lab, Step
from core.labs.steps import COMPARE, ONE_RUN, OVERVIEW
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.optimizers import OPTIMIZERS, Value
from core.studies.experiment import Experiment, Statement
from core.studies.study import Study

BASE = RunSpec(
    DataSpec("mnist"),
    dense_network((256,)),
    optimizer_spec("adam"),
    TrainSpec(epochs=5, batch_size=128, validation_split=0.0),
)
"""The network of both reports; own studies begin with it too."""


def _row(
    name: str,
    title: str,
    optimizer: str,
    learning_rate: float | None = None,
    parameters: Mapping[str, Value] | None = None,
    *,
    published: float | None = None,
    training: tuple[float, ...] = (),
    statement: Statement | None = None,
) -> Experiment:
    spec = optimizer_spec(optimizer, learning_rate, parameters or {})
    return Experiment(
        name,
        title,
        {"optimizer": spec},
        published=published,
        published_training=training,
        statement=statement,
    )


_NO_EFFECT = Statement(N_("rho has no effect"), "rmsprop")

_REPORT_A = (
    _row(
        "rmsprop",
        "RMSprop",
        "rmsprop",
        published=0.9770,
        training=(0.8699, 0.9596, 0.9734, 0.9804, 0.9853),
    ),
    _row(
        "rmsprop-rho-0.3",
        N_("RMSprop, rho 0.3"),
        "rmsprop",
        parameters={"rho": 0.3},
        statement=_NO_EFFECT,
    ),
    _row(
        "rmsprop-rho-0.5",
        N_("RMSprop, rho 0.5"),
        "rmsprop",
        parameters={"rho": 0.5},
        statement=_NO_EFFECT,
    ),
    _row(
        "rmsprop-rate-0.0001",
        N_("RMSprop, learning rate 0.0001"),
        "rmsprop",
        0.0001,
        published=0.9436,
        training=(0.6831, 0.9055, 0.9215, 0.9341, 0.9412),
    ),
    _row(
        "sgd",
        "SGD",
        "sgd",
        published=0.9130,
        training=(0.5826, 0.8629, 0.8820, 0.8938, 0.9001),
    ),
    _row(
        "sgd-nesterov",
        N_("SGD, momentum 0.5, Nesterov"),
        "sgd",
        parameters={"momentum": 0.5, "nesterov": True},
        published=0.9234,
        training=(0.6581, 0.8861, 0.9021, 0.9119, 0.9173),
    ),
    _row(
        "adam",
        "Adam",
        "adam",
        published=0.9770,
        training=(0.8528, 0.9596, 0.9717, 0.9803, 0.9855),
    ),
    _row(
        "adam-0.8",
        N_("Adam, beta_1 = beta_2 = 0.8"),
        "adam",
        parameters={"beta_1": 0.8, "beta_2": 0.8},
        published=0.9773,
        training=(0.8604, 0.9620, 0.9753, 0.9818, 0.9854),
        statement=Statement(N_("slightly better than the defaults, not significant"), "adam"),
    ),
    _row(
        "adam-0",
        N_("Adam, beta_1 = beta_2 = 0"),
        "adam",
        parameters={"beta_1": 0.0, "beta_2": 0.0},
        published=0.9641,
        training=(0.8495, 0.9488, 0.9607, 0.9668, 0.9694),
    ),
)

_REPORT_B = tuple(
    _row(name, OPTIMIZERS[name].title, name)
    for name in ("adam", "nadam", "rmsprop", "sgd", "adamax", "adagrad")
)
_IN_A = {row.name for row in _REPORT_A}

LAB = Lab(
    name="optimizers",
    title=N_("Lab 4: optimizers"),
    short="lab4",
    order=4,
    datasets=("mnist", "fashion-mnist"),
    base=BASE,
    experiments=(*_REPORT_A, *(row for row in _REPORT_B if row.name not in _IN_A)),
    studies=(
        Study("L4-A", N_("Report A: parameters of three optimizers"), BASE, _REPORT_A),
        Study(
            "L4-B",
            N_("Report B: six optimizers with their defaults"),
            BASE,
            _REPORT_B,
            N_("Published: all reach 95% except Adagrad and SGD."),
            0.95,
        ),
    ),
    steps=(
        OVERVIEW,
        replace(COMPARE, name="optimizers", title=N_("Optimizers")),
        Step("rules", N_("Update rules"), ":material/function:", "pages/optimizers/rules.py"),
        Step("motion", N_("How it moves"), ":material/route:", "pages/optimizers/motion.py"),
        Step("rate", N_("Learning rate"), ":material/speed:", "pages/optimizers/rate.py"),
        *ONE_RUN[1:],
    ),
)
