"""The optimizers of Keras that suit the lab: their parameters, defaults, limits and meanings.

Data only, so that a page need not import Keras; tests compare every default with Keras's own.
Left out are the parameters that all optimizers share (clipping, averaging of weights, gradient
accumulation), `weight_decay` where it is off by default, and ScheduleFreeAdamW, whose weights are
to be exchanged between training and testing, which the lab's fit does not do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from core.fields import Limit, check, check_choice, check_number, check_switch
from core.i18n import N_

if TYPE_CHECKING:
    import keras
    from keras.optimizers.schedules import LearningRateSchedule

Value = float | int | bool
"""Of a parameter."""

BELOW_ONE = 0.9999
"""The largest allowed decay: with 1 a running mean would never change."""


class Parameter(NamedTuple):
    """A parameter by Keras's default; the type of the default is the type of its values."""

    default: Value
    low: float
    high: float
    meaning: str


class Optimizer(NamedTuple):
    """What is to be known of an optimizer without Keras."""

    title: str
    """Its class in keras.optimizers."""
    learning_rate: float
    """Keras's default."""
    parameters: dict[str, Parameter]
    """The others, by Keras's names."""


def _decay(default: float, meaning: str, low: float = 0.0) -> Parameter:
    return Parameter(default, low, BELOW_ONE, meaning)


def _switch(default: bool, meaning: str) -> Parameter:
    return Parameter(default, 0, 1, meaning)


_MEAN = N_("decay of the running mean of gradients")
_SQUARES = N_("decay of the running mean of squared gradients")
_EPSILON = Parameter(1e-7, 1e-10, 1.0, N_("keeps the division from failing near zero"))
_ADAM = {
    "beta_1": _decay(0.9, _MEAN),
    "beta_2": _decay(0.999, _SQUARES),
    "epsilon": _EPSILON,
}
_AMSGRAD = _switch(False, N_("divide by the largest running mean so far (AMSGrad)"))
_WEIGHT_DECAY = Parameter(
    0.004, 0.0, 1.0, N_("part of each weight, times the learning rate, taken off in a step")
)
_ACCUMULATED = Parameter(0.1, 0.0001, 10.0, N_("where the sum of squared gradients begins"))

OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Optimizer("Adam", 0.001, {**_ADAM, "amsgrad": _AMSGRAD}),
    "sgd": Optimizer(
        "SGD",
        0.01,
        {
            "momentum": _decay(0.0, N_("how much of the last step goes on in this one")),
            "nesterov": _switch(False, N_("look ahead along the momentum (Nesterov)")),
        },
    ),
    "rmsprop": Optimizer(
        "RMSprop",
        0.001,
        {
            "rho": _decay(0.9, _SQUARES),
            "momentum": _decay(0.0, N_("how much of the last step goes on in this one")),
            "epsilon": _EPSILON,
            "centered": _switch(False, N_("divide by the deviation from the mean gradient")),
        },
    ),
    "nadam": Optimizer("Nadam", 0.001, _ADAM),
    "adamax": Optimizer(
        "Adamax",
        0.001,
        {**_ADAM, "beta_2": _decay(0.999, N_("decay of the largest gradient so far"))},
    ),
    "adagrad": Optimizer(
        "Adagrad", 0.001, {"initial_accumulator_value": _ACCUMULATED, "epsilon": _EPSILON}
    ),
    "adadelta": Optimizer(
        "Adadelta",
        0.001,
        {
            "rho": _decay(0.95, N_("decay of the running means of squares")),
            "epsilon": _EPSILON,
        },
    ),
    "adamw": Optimizer(
        "AdamW", 0.001, {**_ADAM, "weight_decay": _WEIGHT_DECAY, "amsgrad": _AMSGRAD}
    ),
    "ftrl": Optimizer(
        "Ftrl",
        0.001,
        {
            "learning_rate_power": Parameter(
                -0.5, -1.0, 0.0, N_("how the step shrinks while squared gradients add up")
            ),
            "initial_accumulator_value": _ACCUMULATED,
            "l1_regularization_strength": Parameter(
                0.0, 0.0, 10.0, N_("draws small weights to exactly zero")
            ),
            "l2_regularization_strength": Parameter(0.0, 0.0, 10.0, N_("draws weights to zero")),
            "l2_shrinkage_regularization_strength": Parameter(
                0.0, 0.0, 10.0, N_("adds the weight to its gradient")
            ),
            "beta": Parameter(0.0, 0.0, 10.0, N_("shrinks the step, most of all at first")),
        },
    ),
    "lion": Optimizer(
        "Lion",
        0.001,
        {
            "beta_1": _decay(0.9, N_("weight of the running mean against the gradient"), 0.0001),
            "beta_2": _decay(0.99, _MEAN),
        },
    ),
    "lamb": Optimizer("Lamb", 0.001, _ADAM),
    "adafactor": Optimizer(
        "Adafactor",
        0.001,
        {
            "beta_2_decay": Parameter(
                -0.8, -2.0, -0.1, N_("how fast the decay of the mean of squares nears 1")
            ),
            "epsilon_1": Parameter(1e-30, 1e-38, 1.0, N_("added to the squared gradient")),
            "epsilon_2": Parameter(0.001, 1e-10, 1.0, N_("smallest size of weights to scale by")),
            "clip_threshold": Parameter(1.0, 0.1, 100.0, N_("a larger step is scaled down")),
            "relative_step": _switch(
                True, N_("limit the learning rate by 1/√t (the rule does so anyway)")
            ),
        },
    ),
    "muon": Optimizer(
        "Muon",
        0.001,
        {
            "momentum": _decay(0.95, N_("how much of the last step goes on in this one")),
            "nesterov": _switch(True, N_("look ahead along the momentum (Nesterov)")),
            "ns_steps": Parameter(5, 1, 10, N_("rounds of the Newton-Schulz iteration")),
            "rms_rate": Parameter(0.2, 0.001, 10.0, N_("size of a step, before the learning rate")),
            "weight_decay": _WEIGHT_DECAY,
            "adam_beta_1": _decay(0.9, N_("beta_1 of Adam, which moves the biases")),
            "adam_beta_2": _decay(0.999, N_("beta_2 of Adam, which moves the biases")),
            "adam_lr_ratio": Parameter(1.0, 0.001, 100.0, N_("learning rate of Adam over Muon's")),
            "adam_weight_decay": Parameter(
                0.004,
                0.0,
                1.0,
                N_("part of each bias, times the learning rate, taken off in a step"),
            ),
            "epsilon": _EPSILON,
        },
    ),
}
"""By their Keras name, in the order of the pickers."""


@dataclass(frozen=True)
class OptimizerSpec:
    """A Keras optimizer, its learning rate, and what differs from Keras's other defaults.

    `parameters` may be given as a dictionary; it is kept as sorted pairs of name and value.
    """

    name: str
    learning_rate: float
    parameters: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        check_choice(N_("optimizer"), self.name, tuple(OPTIMIZERS))
        rate = check("learning rate", self.learning_rate, whole=False)
        object.__setattr__(self, "learning_rate", rate)
        known = OPTIMIZERS[self.name].parameters
        given = dict(self.parameters)
        for name, value in given.items():
            given[name] = self._checked(name, value)
        kept = ((name, value) for name, value in given.items() if value != known[name].default)
        object.__setattr__(self, "parameters", tuple(sorted(kept)))

    @property
    def text(self) -> str:
        """As a line says it: sgd 0.01 momentum=0.5."""
        changed = [f"{name}={value}" for name, value in self.parameters]
        return " ".join([self.name, f"{self.learning_rate:g}", *changed])

    def keras(
        self, learning_rate: "LearningRateSchedule | float | None" = None
    ) -> "keras.optimizers.Optimizer":
        """The Keras optimizer, with this learning rate or its own."""
        import keras

        kind = getattr(keras.optimizers, OPTIMIZERS[self.name].title)
        made: keras.optimizers.Optimizer = kind(
            learning_rate=self.learning_rate if learning_rate is None else learning_rate,
            **dict(self.parameters),
        )
        return made

    def _checked(self, name: str, value: Value) -> Value:
        known = OPTIMIZERS[self.name].parameters
        check_choice(N_("parameter"), name, tuple(known))
        default, low, high, _ = known[name]
        if isinstance(default, bool):
            check_switch(name, value)
            return value
        number: Value = check_number(name, value, Limit(low, high), whole=isinstance(default, int))
        return number + 0  # not -0.0, which would be another key


def optimizer_spec(
    name: str = "adam",
    learning_rate: float | None = None,
    parameters: Mapping[str, Value] = MappingProxyType({}),
) -> OptimizerSpec:
    """An optimizer by its Keras name, with Keras's defaults for all that is not given."""
    check_choice(N_("optimizer"), name, tuple(OPTIMIZERS))
    if learning_rate is None:
        learning_rate = OPTIMIZERS[name].learning_rate
    return OptimizerSpec(name, learning_rate, tuple(parameters.items()))
