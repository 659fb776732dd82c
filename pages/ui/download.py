"""Downloads in the background, with a bar that every session sees: data sets, and weights."""

import streamlit as st

from core import data as datasets
from core import settings
from core.data import Definition
from core.errors import MissingData
from core.networks import bases, blocks
from pages.ui import background, layout
from pages.ui.text import _


def start(wanted: Definition) -> None:
    """Download a data set in a thread of its own, unless that is under way."""
    background.start(wanted.name, lambda work: datasets.fetch(wanted, work))


def offer(wanted: Definition, place: str = "sidebar") -> None:
    """Where only a sample or nothing is on this machine: get the full set, once by itself.

    `place` tells two offers of a page apart.
    """
    if datasets.present(wanted) or not wanted.url:
        return
    if not settings.offline():
        start(wanted)
    current = background.find(wanted.name)
    if current and not current.ended.is_set():
        _bar(wanted.name, wanted.title)
        return
    st.caption(_("The full set is not on this computer."))
    if current and current.error:
        st.caption(layout.sentence(current.error))
    if st.button(
        _("Download all of {title}").format(title=wanted.title),
        icon=":material/download:",
        key=f"download-{wanted.name}-{place}",
    ):
        background.forget(wanted.name)
        start(wanted)
        st.rerun()


def missing_weights(name: str) -> None:
    """Where the weights of a pre-trained network are not on this machine, how to get them."""
    try:
        bases.locate(name)
    except MissingData as missing:
        st.caption(layout.sentence(missing))
        offer_weights(name)


def offer_weights(name: str) -> None:
    """The button that gets the weights of a pre-trained network, where it may and need be."""
    wanted = bases.BASES[name]
    if bases.present(name) or not wanted.url or settings.offline():
        return
    current = background.find(name)
    if current and not current.ended.is_set():
        _bar(name, wanted.title)
        return
    if current and current.error:
        st.caption(layout.sentence(current.error))
    text = _("Download the weights of {title} ({size:.0f} MB)")
    if st.button(
        text.format(title=wanted.title, size=4e-6 * blocks.weights(wanted.architecture)),
        icon=":material/download:",
        key=f"download-{name}",
    ):
        background.forget(name)
        background.start(name, lambda work: bases.fetch(name, work))
        st.rerun()


@layout.fragment(run_every=1)
def _bar(name: str, title: str) -> None:
    current = background.find(name)
    if not current or current.ended.is_set():
        st.rerun()
    else:
        st.progress(current.share, _("Downloading {title}").format(title=title))
