"""Lab 2: deep networks on letters, beside logistic regression; regularisation and decay."""

from dataclasses import replace

from core.i18n import N_
from core.labs.contract import Lab, Step
from core.labs.steps import COMPARE, ONE_RUN
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.specs.schedules import TimeDecay
from core.studies.experiment import Experiment, Shown
from core.studies.study import Study

HIDDEN = (128, 256, 128, 64)
EPOCHS = 50

BASE = RunSpec(
    DataSpec("notmnist"),
    dense_network(HIDDEN),
    optimizer_spec("sgd"),
    # Of 210,000 images 10,000 to validate, as in the report; of fewer the same part.
    TrainSpec(epochs=EPOCHS, batch_size=128, validation_split=1 / 21),
)

REGULARISED = dense_network(HIDDEN, l2=0.001, dropout=(0.1, 0.1, 0.1, 0.0))

_SHOWN = Shown(samples=30, test_indices=(0, 1, 2), mistakes=12)

LOGISTIC = Experiment(
    "logistic",
    N_("Logistic regression"),
    {"network": dense_network(), "train": {"solver": "logistic"}},
    published=0.83,
)
NO_HIDDEN = Experiment("no-hidden", N_("No hidden layer"), {"network": dense_network()}, _SHOWN)
DEEP = Experiment("deep", N_("Four hidden layers"), {}, _SHOWN, published=0.9007)
WITH_L2 = Experiment(
    "l2-dropout", N_("L2 and dropout"), {"network": REGULARISED}, _SHOWN, published=0.8994
)
AS_IT_RAN = Experiment(
    "listing", N_("Decay as the listing ran: none"), {"network": REGULARISED}, published=0.9026
)
AS_MEANT = Experiment(
    "decay",
    N_("Decay as it was meant"),
    {
        "network": REGULARISED,
        "optimizer": optimizer_spec("sgd", 0.1, {"momentum": 0.9}),
        "train": {"schedule": TimeDecay(0.1 / EPOCHS)},
    },
    _SHOWN,
)

D2 = Study(
    "D2",
    N_("From logistic regression to a deep network"),
    BASE,
    (LOGISTIC, NO_HIDDEN, DEEP, WITH_L2, AS_IT_RAN, AS_MEANT),
    N_(
        "Logistic regression and the network without a hidden layer are the same model: one is "
        "trained until it converges, the other for 50 epochs. The listing of the report makes an "
        "optimizer with decay and then names 'sgd' instead: its decay was never applied, and its "
        "row is the run with L2 and dropout once more."
    ),
)
L2 = Study(
    "D2-L2",
    N_("How strong should L2 be?"),
    BASE,
    tuple(
        Experiment(f"{l2:g}", N_("L2 {name}"), {"network": dense_network(HIDDEN, l2=l2)})
        for l2 in (0, 0.0001, 0.0003, 0.001, 0.003, 0.01)
    ),
    sweep=N_("L2"),
)
DROPOUT = Study(
    "D2-dropout",
    N_("How much dropout?"),
    BASE,
    tuple(
        Experiment(
            f"{part:g}",
            N_("Dropout {name}"),
            {"network": dense_network(HIDDEN, dropout=(part, part, part, 0))},
        )
        for part in (0, 0.1, 0.2, 0.3, 0.4, 0.5)
    ),
    sweep=N_("dropout"),
)

LAB = Lab(
    name="letters",
    title=N_("Lab 2: letters"),
    short="lab2",
    order=2,
    datasets=("notmnist",),
    base=BASE,
    experiments=(DEEP, WITH_L2, AS_MEANT, NO_HIDDEN),
    studies=(D2, L2, DROPOUT),
    steps=(
        *ONE_RUN,
        replace(COMPARE, name="regularisation", title=N_("Regularisation")),
        Step("weights", N_("Weights"), ":material/bar_chart:", "pages/letters/weights.py"),
        Step(
            "gradients",
            N_("Vanishing gradients"),
            ":material/trending_down:",
            "pages/letters/gradients.py",
        ),
        Step("labels", N_("Wrong labels"), ":material/label_off:", "pages/letters/labels.py"),
    ),
)
