"""The fields of a run: what the sidebar, its part of the URL and the command line ask for."""

from core.fields import LIMITS, Number, OneOf, WholeNumber, named
from core.i18n import N_
from core.networks.layers import HIDDEN_ACTIVATIONS
from core.specs.optimizers import OPTIMIZERS

LAYERS = WholeNumber("layers", N_("hidden layers"), 1, LIMITS["hidden layers"])
NEURONS = [
    WholeNumber(f"layer{i}", N_("neurons"), 128, LIMITS["neurons"])
    for i in range(1, int(LIMITS["hidden layers"].high) + 1)
]
"""Of each hidden layer."""
ACTIVATION = OneOf("activation", N_("activation"), "relu", named(HIDDEN_ACTIVATIONS))
OPTIMIZER = OneOf("optimizer", N_("optimizer"), "adam", named(OPTIMIZERS))
EPOCHS = WholeNumber("epochs", N_("epochs"), 10, LIMITS["epochs"])
BATCH_SIZE = WholeNumber("batch_size", N_("batch size"), 32, LIMITS["batch size"])
VALIDATION_SPLIT = Number(
    "validation_split", N_("validation split"), 0.2, LIMITS["validation split"]
)
SEED = WholeNumber("seed", N_("seed"), 0, LIMITS["seed"])


def learning_rate(optimizer: str) -> Number:
    """The learning rate; by default what Keras has for this optimizer."""
    default = OPTIMIZERS[optimizer].learning_rate
    return Number("learning_rate", N_("learning rate"), default, LIMITS["learning rate"])
