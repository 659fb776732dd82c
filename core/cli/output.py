"""What commands share: translation, progress of a download, and finding a data set."""

import sys
from typing import Any

import click

from core import data as datasets
from core import labs
from core.data import Dataset, Definition
from core.errors import UsageError
from core.i18n import N_, translation
from core.networks import bases
from core.networks.frozen import Base, Pretrained
from core.report import words

_ = translation(None).gettext
plural = translation(None).ngettext


class Download:
    """A click progress bar with the interface that a download reports to."""

    total = 0

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def update(self, n: int) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=self.total, label=self._label, file=sys.stderr)
            self._bar.render_progress()
        self._bar.update(n)

    def reset(self) -> None:
        if self._bar is not None:
            self._bar.update(-self._bar.pos)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def find_data(name: str) -> Dataset:
    """The data set, downloaded if need be; says on standard error when it is only a sample."""
    wanted = datasets.definition(name)
    data = datasets.obtain(wanted, Download(wanted.title))
    if not data.complete:
        message = _("Note: this is not all of {title} but {train:,} + {test:,} images ({sample}).")
        message = message.format(
            title=wanted.title,
            train=len(data.y_train),
            test=len(data.y_test),
            sample=words.sample(wanted, data.origin, _),
        )
        click.echo(f"{message} {how_to_get(wanted)}", err=True)
    return data


def find_base(name: str | None, side: int | None, scaling: str | None) -> Base | None:
    """What a network is to begin with; weights are downloaded if need be.

    Raises UsageError for what is no base, and DataError where its weights cannot be had.
    """
    if name is None:
        if side or scaling:
            raise UsageError(
                N_("--side and --scaling are those of a pre-trained base: give --base.")
            )
        return None
    if name in bases.BASES:
        bases.obtain(name, Download(bases.BASES[name].title))
    found = labs.base(name, labs.open_store(), side, scaling)
    if isinstance(found, Pretrained) and found.digest and bases.BASES[name].published:
        message = _("Note: these are not the weights of {title} that were published ({file}).")
        click.echo(message.format(title=bases.BASES[name].title, file=bases.locate(name)), err=True)
    return found


def how_to_get(wanted: Definition) -> str:
    """What to do for the full set."""
    if wanted.url:
        return _("For the full set: python -m core data fetch {name}").format(name=wanted.name)
    return _("For the full set put {file} into {folder}.").format(
        file=", ".join(wanted.ways[0]), folder=datasets.first_folder(wanted)
    )


def optional(figure: float | None) -> str:
    """A loss or an accuracy with four decimals, or a dash."""
    return "–" if figure is None else f"{figure:.4f}"
