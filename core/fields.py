"""What a widget, a URL and an option of the command line share, said once: a field.

A field knows its name, what its values may be, and how they are written as text. It refuses others
with a UsageError, from wherever they come.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Generic, NamedTuple, TypeVar

from core.errors import UsageError
from core.i18n import N_

T = TypeVar("T")


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
"""Of the settings of a run."""


def check(name: str, value: Any, *, whole: bool = True) -> Any:
    """The value as `check_number` returns it, if it is a number within LIMITS[name]."""
    return check_number(name, value, LIMITS[name], whole=whole)


def check_number(name: str, value: Any, limit: Limit, *, whole: bool) -> Any:
    """The value as an int if it is to be `whole`, as a float otherwise; NumPy's numbers too.

    Raises UsageError unless it is a number within `limit`.
    """
    _refuse_empty(name, value)
    low, high = limit
    kind: Any = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        message = (
            N_("{name} is {value}: give a whole number from {low} to {high}.")
            if whole
            else N_("{name} is {value}: give a number from {low} to {high}.")
        )
        raise UsageError(message, name=name, value=value, low=low, high=high)
    return int(value) if whole else float(value)


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `allowed`."""
    if value not in allowed:
        _refuse_empty(name, value)
        raise UsageError(
            N_("{name} is {value}: choose one of {allowed}."),
            name=name,
            value=value,
            allowed=", ".join(allowed),
        )


def check_switch(name: str, value: object) -> None:
    """Raise UsageError unless `value` is true or false."""
    if not isinstance(value, bool):
        raise UsageError(N_("{name} is {value}: give true or false."), name=name, value=value)


def _refuse_empty(name: str, value: object) -> None:
    if value == "":
        raise UsageError(N_("{name} is empty: give a value, or leave it out."), name=name)


@dataclass(frozen=True)
class Field(Generic[T]):
    """A value that somebody chooses. The name is its parameter in a URL."""

    name: str
    term: str
    """What sentences call it, marked with N_; with a capital it is the label of the widget."""
    default: T
    """What it is where nothing else is said, as in a URL without it."""

    def parse(self, text: str) -> T:
        """The value that a text says. Raises UsageError if it is not allowed."""
        raise NotImplementedError

    def check(self, value: T) -> None:
        """Raise UsageError unless the value is allowed."""

    def text(self, value: T) -> str:
        """The text that `parse` reads as this value."""
        return str(value)

    def label(self, _: Callable[[str], str]) -> str:
        """What a person reads beside it, translated by `_`."""
        text = _(self.term)
        return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class WholeNumber(Field[int]):
    """A whole number within limits."""

    limit: Limit

    def parse(self, text: str) -> int:
        number: Any = text  # which no limit allows: what is not a number gets the same sentence
        with suppress(ValueError):
            number = int(text)
        self.check(number)
        return int(number)

    def check(self, value: int) -> None:
        check_number(self.term, value, self.limit, whole=True)


@dataclass(frozen=True)
class Number(Field[float]):
    """A number within limits."""

    limit: Limit

    def parse(self, text: str) -> float:
        number: Any = text
        with suppress(ValueError):
            number = float(text)
        self.check(number)
        return float(number)

    def check(self, value: float) -> None:
        check_number(self.term, value, self.limit, whole=False)


@dataclass(frozen=True)
class OneOf(Field[str]):
    """One of several values, each with what a person reads for it."""

    choices: Mapping[str, str]

    def parse(self, text: str) -> str:
        self.check(text)
        return text

    def check(self, value: str) -> None:
        check_choice(self.term, value, tuple(self.choices))


@dataclass(frozen=True)
class SeveralOf(Field[list[str]]):
    """Any of several values, at most `most` of them; none of them has `separator` in it."""

    choices: Mapping[str, str]
    most: int | None = None
    separator: str = ","

    def parse(self, text: str) -> list[str]:
        values = list(dict.fromkeys(part for part in text.split(self.separator) if part))
        self.check(values)
        return values

    def check(self, value: list[str]) -> None:
        for one in value:
            check_choice(self.term, one, tuple(self.choices))
        if self.most is not None and len(value) > self.most:
            raise UsageError(
                N_("{name}: {n} are chosen, choose at most {most}."),
                name=self.term,
                n=len(value),
                most=self.most,
            )

    def text(self, value: list[str]) -> str:
        return self.separator.join(value)


@dataclass(frozen=True)
class Each(Field[tuple[Any, ...]]):
    """One value for all hidden layers, or one for each, separated by commas."""

    one: Field[Any]

    def parse(self, text: str) -> tuple[Any, ...]:
        return tuple(self.one.parse(part.strip()) for part in text.split(","))

    def check(self, value: tuple[Any, ...]) -> None:
        for part in value:
            self.one.check(part)

    def text(self, value: tuple[Any, ...]) -> str:
        return ",".join(map(self.one.text, value))


@dataclass(frozen=True)
class Text(Field[str]):
    """Any text."""

    def parse(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Switch(Field[bool]):
    """On or off, written as true or false; 1 and 0 are read too."""

    def parse(self, text: str) -> bool:
        known = {"true": True, "1": True, "false": False, "0": False}
        if text not in known:
            _refuse_empty(self.term, text)
            raise UsageError(
                N_("{name} is {value}: give true or false."), name=self.term, value=text
            )
        return known[text]

    def text(self, value: bool) -> str:
        return "true" if value else "false"


def named(values: Iterable[str]) -> dict[str, str]:
    """Choices that a person reads as they are."""
    return {value: value for value in values}


def value_from(text: str) -> Any:
    """A value as it is typed: a whole number, another number, or true or false.

    Other text, and what is too large for a number, is returned as it is: whoever checks it names
    what is allowed.
    """
    for kind in (int, float):
        with suppress(ValueError, OverflowError):
            value = kind(text)
            return value if math.isfinite(value) else text
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def value_text(value: float | int | bool) -> str:
    """A value as it is read: short, but no two values alike."""
    if isinstance(value, bool):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
