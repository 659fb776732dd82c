"""How the learning rate changes while a network trains, each way as one record.

A schedule knows its parameters, with Keras's meaning, and the object of Keras that it is. A further
one is a further class here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

from core.fields import LIMITS, Limit, check_choice, check_number, value_text
from core.i18n import N_
from core.networks.layers import differing

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

NONE = "none"
"""The name of no schedule."""

SCHEDULES: dict[str, type["Schedule"]] = {}
"""Every kind of schedule by its name, which stands in stored runs."""

PARAMETERS = {
    "decay": (N_("decay"), Limit(0, 10)),
    "factor": (N_("factor"), Limit(0.001, 0.999)),
    "every": (N_("epochs between two steps"), Limit(1, LIMITS["epochs"].high)),
    "end": (N_("end"), Limit(0, 1)),
    "patience": (N_("patience"), Limit(1, LIMITS["epochs"].high)),
    "warmup": (N_("warm-up"), Limit(0, LIMITS["epochs"].high)),
}
"""What sentences call a parameter, and its limits; one name means the same in all schedules."""


@dataclass(frozen=True)
class Schedule:
    """One way of changing the learning rate; parameters at their defaults are no part of a key."""

    name: ClassVar[str]
    """On the command line, in addresses and in stored runs."""
    title: ClassVar[str]
    meaning: ClassVar[str]
    """What it does, as a sentence for students."""

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls):
            SCHEDULES[cls.name] = cls

    def __post_init__(self) -> None:
        for one in fields(self):
            term, limit = PARAMETERS[one.name]
            whole = isinstance(one.default, int)
            value = check_number(term, getattr(self, one.name), limit, whole=whole)
            object.__setattr__(self, one.name, value + 0)  # not -0.0

    @property
    def text(self) -> str:
        """As a line says it: time decay=0.002."""
        return " ".join(
            [self.name, *(f"{name}={value_text(value)}" for name, value in differing(self).items())]
        )


@dataclass(frozen=True)
class Decay(Schedule, ABC):
    """A schedule that is known before the training."""

    warmup: int = field(default=0, kw_only=True)
    """Epochs in which the learning rate grows from 0 to its full size, before anything else."""

    @abstractmethod
    def keras(self, rate: float, epoch: int, steps: int) -> "LearningRateSchedule | float":
        """The schedule after its warm-up; `epoch` and `steps` are the steps of one and of all."""


@dataclass(frozen=True)
class TimeDecay(Decay):
    """Divides the learning rate by 1 + decay · step."""

    name = "time"
    title = N_("time-based")
    meaning = N_("The learning rate is divided by 1 + decay × step, a step being one batch.")

    decay: float = 0.001

    def keras(self, rate: float, epoch: int, steps: int) -> "LearningRateSchedule":
        from keras.optimizers.schedules import InverseTimeDecay

        return InverseTimeDecay(rate, 1, self.decay)


@dataclass(frozen=True)
class Exponential(Decay):
    """Multiplies the learning rate by a factor in each epoch, a little in each step."""

    name = "exponential"
    title = N_("exponential")
    meaning = N_("In each epoch the learning rate becomes factor times as large, step by step.")

    factor: float = 0.9

    def keras(self, rate: float, epoch: int, steps: int) -> "LearningRateSchedule":
        from keras.optimizers.schedules import ExponentialDecay

        return ExponentialDecay(rate, epoch, self.factor)


@dataclass(frozen=True)
class StepDecay(Decay):
    """Multiplies the learning rate by a factor, all at once, every so many epochs."""

    name = "step"
    title = N_("step")
    meaning = N_("Every so many epochs the learning rate drops to factor times what it was.")

    factor: float = 0.5
    every: int = 10

    def keras(self, rate: float, epoch: int, steps: int) -> "LearningRateSchedule | float":
        from keras.optimizers.schedules import PiecewiseConstantDecay

        drops = range(self.every * epoch, steps, self.every * epoch)
        if not drops:
            return rate
        # Not ExponentialDecay(staircase=True): compiled, it may drop a step too late.
        values = [rate * self.factor**number for number in range(len(drops) + 1)]
        return PiecewiseConstantDecay([step - 1 for step in drops], values)


@dataclass(frozen=True)
class Cosine(Decay):
    """Lets the learning rate fall along half a cosine, to a part of it at the last step."""

    name = "cosine"
    title = N_("cosine")
    meaning = N_(
        "The learning rate falls along half a cosine: slowly, fast, slowly, and ends at the "
        "part of it that “end” names."
    )

    end: float = 0.0

    def keras(self, rate: float, epoch: int, steps: int) -> "LearningRateSchedule":
        from keras.optimizers.schedules import CosineDecay

        return CosineDecay(rate, steps, alpha=self.end)


@dataclass(frozen=True)
class Plateau(Schedule):
    """Multiplies the learning rate by a factor where the validation loss falls no more."""

    name = "plateau"
    title = N_("on a plateau")
    meaning = N_(
        "After so many epochs (patience) without a lower validation loss the learning rate drops "
        "to factor times what it was."
    )

    factor: float = 0.1
    patience: int = 10


def schedule(name: str, parameters: Mapping[str, Any]) -> Schedule:
    """A schedule by its name, with defaults for all that is not given.

    Raises UsageError for what is not known or not allowed.
    """
    check_choice(N_("learning-rate schedule"), name, (NONE, *SCHEDULES))
    kind = SCHEDULES[name]
    for given in parameters:
        check_choice(N_("parameter"), given, tuple(one.name for one in fields(kind)))
    return kind(**parameters)


def schedule_dict(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON can hold it: its name, and what differs from its defaults."""
    return {"name": schedule.name, **differing(schedule)}


def schedule_from(values: Mapping[str, Any]) -> Schedule:
    """The schedule that `schedule_dict` was made from. Raises KeyError, TypeError, UsageError."""
    parameters = dict(values)
    return SCHEDULES[parameters.pop("name")](**parameters)
