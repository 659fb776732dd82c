"""The download of a full data set, in the background, with a bar that every session sees."""

import threading
from dataclasses import dataclass

import streamlit as st

from core import data as datasets
from core import settings
from core.data import Definition
from core.errors import LabError
from pages.ui import layout
from pages.ui.text import _


@dataclass
class Download:
    """One download of this server: the progress bar that `datasets.fetch` reports to."""

    total: int = 0
    done: int = 0
    running: bool = False
    error: LabError | None = None

    def update(self, n: int) -> None:
        self.done += n

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.done = 0


@st.cache_resource
def _downloads() -> dict[str, Download]:
    return {}


def start(wanted: Definition) -> None:
    """Download a data set in a thread of its own, unless that is under way."""
    current = Download(running=True)
    if _downloads().setdefault(wanted.name, current) is not current:
        return

    def work() -> None:
        try:
            datasets.fetch(wanted, current)
            _downloads().pop(wanted.name, None)  # a second attempt may have replaced it
        except LabError as error:
            current.error = error
        finally:
            current.running = False

    threading.Thread(target=work, daemon=True).start()


def offer(wanted: Definition, place: str = "sidebar") -> None:
    """Where only a sample or nothing is on this machine: get the full set, once by itself.

    `place` tells two offers of a page apart.
    """
    if datasets.present(wanted) or not wanted.url:
        return
    if not settings.offline():
        start(wanted)
    current = _downloads().get(wanted.name)
    if current and current.running:
        _bar(wanted)
        return
    st.caption(_("The full set is not on this computer."))
    if current and current.error:
        st.caption(layout.sentence(current.error))
    if st.button(
        _("Download all of {title}").format(title=wanted.title),
        icon=":material/download:",
        key=f"download-{place}",
    ):
        _downloads().pop(wanted.name, None)
        start(wanted)
        st.rerun()


@layout.fragment(run_every=1)
def _bar(wanted: Definition) -> None:
    current = _downloads().get(wanted.name)
    if not (current and current.running):
        st.rerun()
    else:
        share = current.done / current.total if current.total else 0.0
        st.progress(min(share, 1.0), _("Downloading {title}").format(title=wanted.title))
