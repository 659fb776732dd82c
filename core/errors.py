"""What can go wrong, as a small tree of exceptions.

LabError
 ├─ UsageError      the request is wrong: a value outside its limits, an unknown name (exit
 │                  status 2)
 ├─ DataError       a data set or a picture is missing or damaged
 │   └─ MissingData  a worker has not the images or the base of a run: it is sent them
 ├─ StoreError      the store of runs cannot be read or written
 └─ TrainingError   a run did not finish
     └─ Stopped     because somebody stopped it

Each message is one sentence for a student: what happened, what is allowed, what to do. It is kept
apart from its values, so that the edge (a page, the command line) can translate it before filling
them in.
"""

from collections.abc import Callable

from core.i18n import untranslated


class LabError(Exception):
    """Anything the lab can explain to its user.

    `message` is an English format string marked with `N_`; `values` fill its placeholders.
    """

    exit_status = 1

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def sentence(self, _: Callable[[str], str] = untranslated) -> str:
        """The message in the language of the translation function `_`, with its values.

        The value called `name` is a term of the field (`N_("batch size")`) and is translated too.
        """
        values = {key: _(str(v)) if key == "name" else v for key, v in self.values.items()}
        text = _(self.message).format(**values)
        return text[:1].upper() + text[1:] if self.message.startswith("{name}") else text

    def __str__(self) -> str:
        return self.sentence()

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own pickling would drop the keyword values on the way back from a worker.
        return _rebuild, (type(self), self.message, self.values)


def _rebuild(kind: type[LabError], message: str, values: dict[str, object]) -> LabError:
    return kind(message, **values)


class UsageError(LabError):
    """The request is wrong: a value outside its limits or an unknown name."""

    exit_status = 2


class DataError(LabError):
    """A data set or a picture is missing, damaged or cannot be downloaded."""


class MissingData(DataError):
    """This machine has other images than a run names, or not the base that it begins with.

    Which of them is its value `data`, a DataSpec, or `base`, a name for core.networks.bases.
    """


class StoreError(LabError):
    """The store of runs cannot be read or written."""


class TrainingError(LabError):
    """A run did not finish."""


class Stopped(TrainingError):
    """A run was stopped on request."""
