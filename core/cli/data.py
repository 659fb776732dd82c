"""`data`: the data sets and pre-trained networks on this computer, and their download."""

import click

from core import data as datasets
from core.cli.output import Download, _, how_to_get, plural
from core.errors import DataError
from core.networks import bases
from core.report import words

SHOWN = 10  # of the files that are no images


@click.group(invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List the data sets, with their sizes and sha256, and pre-trained networks: where they are.

    Example: python -m core data
    """
    if ctx.invoked_subcommand:
        return
    for wanted in datasets.DATASETS.values():
        lines = _describe(wanted)
        click.echo(f"{wanted.title} ({wanted.name})")
        for line in lines:
            click.echo(f"  {line}")
    for name, base in bases.BASES.items():
        click.echo(f"{base.title} ({name})")
        try:
            click.echo(f"  {bases.locate(name)}")
        except DataError as error:
            click.echo(f"  {error.sentence(_)}")


def _describe(wanted: datasets.Definition) -> list[str]:
    try:
        source = datasets.locate(wanted)
        found = datasets.load(source, Download(wanted.title))
    except DataError as error:
        return [error.sentence(_)]
    lines = [
        _("source: {place}").format(place=source.origin),
        *(f"{path}  sha256 {digest}" for path, digest in datasets.checksums(source)),
        _("images: {train:,} to train, {test:,} to test").format(
            train=len(found.y_train), test=len(found.y_test)
        ),
        _("content: sha256 {digest}").format(digest=found.digest),
        _duplicates(found),
        *_unreadable(found),
        _("licence: {licence}").format(licence=wanted.licence),
    ]
    if found.complete:
        return [*lines, _("This is the full set.")]
    what = _("This is not the full set but {sample}.")
    what = what.format(sample=words.sample(wanted, found.origin, _))
    return [*lines, f"{what} {how_to_get(wanted)}"]


def _duplicates(found: datasets.Dataset) -> str:
    return _(
        "duplicates: {train:,} within the training images, {test:,} within the test images, "
        "{both:,} training images that are test images too"
    ).format(**found.duplicates._asdict())


def _unreadable(found: datasets.Dataset) -> list[str]:
    """The files that are no images, if there are any."""
    n = len(found.unreadable)
    if not n:
        return []
    text = plural("{n} file is no image: {names}", "{n} files are no images: {names}", n)
    names = [*found.unreadable[:SHOWN], *["…"] * (n > SHOWN)]
    return [text.format(n=n, names=", ".join(names))]


@data.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download the data set NAME, or a pre-trained network, into the cache and verify it.

    Example: python -m core data fetch mnist
    """
    if name in bases.BASES:
        title = bases.BASES[name].title
        bases.fetch(name, Download(title))
        click.echo(_("{title} is in {folder}.").format(title=title, folder=bases.locate(name)))
        return
    wanted = datasets.definition(name)
    if not wanted.ways:
        click.echo(
            _("{title} comes with the lab: there is nothing to get.").format(title=wanted.title)
        )
        return
    datasets.fetch(wanted, Download(wanted.title))
    click.echo(
        _("{title} is in {folder}.").format(
            title=wanted.title, folder=datasets.download_folder(wanted)
        )
    )
