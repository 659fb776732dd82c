"""What values are allowed, said once: limits, and the sentences that refuse a value."""

from typing import NamedTuple

from core.errors import UsageError
from core.i18n import N_


class Limit(NamedTuple):
    """Smallest and largest allowed value, both included."""

    low: float
    high: float


LIMITS: dict[str, Limit] = {
    N_("hidden layers"): Limit(0, 5),
    N_("neurons"): Limit(1, 1024),
    N_("epochs"): Limit(1, 100),
    N_("batch size"): Limit(1, 1024),
    N_("validation split"): Limit(0, 0.5),
    N_("learning rate"): Limit(1e-6, 10),
    N_("seed"): Limit(0, 2**31 - 1),
}


def check(name: str, value: float, *, whole: bool = True) -> None:
    """Raise UsageError unless `value` is a number within LIMITS[name]."""
    check_number(name, value, LIMITS[name], whole=whole)


def check_number(name: str, value: float, limit: Limit, *, whole: bool) -> None:
    """Raise UsageError unless `value` is a number within `limit`."""
    low, high = limit
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        message = (
            N_("{name} is {value}: give a whole number from {low} to {high}.")
            if whole
            else N_("{name} is {value}: give a number from {low} to {high}.")
        )
        raise UsageError(message, name=name, value=value, low=low, high=high)


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `allowed`."""
    if value not in allowed:
        raise UsageError(
            N_("{name} is {value}: choose one of {allowed}."),
            name=name,
            value=value,
            allowed=", ".join(allowed),
        )
