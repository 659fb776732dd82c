"""The download of a full data set, in the background, with a bar that every session sees."""

import streamlit as st

from core import data as datasets
from core import settings
from core.data import Definition
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
        _bar(wanted)
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


@layout.fragment(run_every=1)
def _bar(wanted: Definition) -> None:
    current = background.find(wanted.name)
    if not current or current.ended.is_set():
        st.rerun()
    else:
        st.progress(current.share, _("Downloading {title}").format(title=wanted.title))
