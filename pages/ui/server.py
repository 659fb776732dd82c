"""What all sessions of a server share: the engine with its store, and the data sets."""

import ctypes
import sys
from contextlib import suppress

import streamlit as st

from core import data as datasets
from core import labs
from core.data import Dataset, Source
from core.engine import Engine
from core.store import Run
from pages.ui import background
from pages.ui.text import _


def give_memory_back() -> None:
    """Have the C library return what is free, so that the server does not grow with each student.

    Streamlit runs a page in a thread, and glibc gives threads pools of their own: each run leaves
    its pool in pieces. Numbers and their meaning are those of mallopt(3).
    """
    arena_max, mmap_threshold, trim_threshold = -8, -3, -1
    with suppress(OSError, AttributeError):  # another C library
        allocator = ctypes.CDLL("libc.so.6")
        allocator.mallopt(arena_max, 2)
        allocator.mallopt(mmap_threshold, 2**18)
        allocator.mallopt(trim_threshold, 2**18)


def take_short_turns() -> None:
    """Have threads of Python take turns each millisecond: five by itself.

    A page asks the disk a hundred times, and after each answer waits for its turn again.
    """
    sys.setswitchinterval(0.001)


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; its workers start in the background, ahead of a run."""
    started = Engine(labs.open_store())
    started.start()
    return started


def find_run(key: str) -> Run | None:
    """The finished run of that key. The store is asked each time: it is the only truth."""
    return engine().store.find(key)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load(name: str, place: str, version: float, _source: Source) -> Dataset:
    return datasets.load(_source)


def load(source: Source) -> Dataset:
    """The data set at `source`, read once per server and shared: its arrays are read-only.

    If it must be prepared first, a bar shows how far that is.
    """
    key = (source.definition.name, source.origin, source.version)
    if source.definition.prepare and source.files:
        label = _("Reading {title}, once").format(title=source.definition.title)
        background.finish(key, lambda work: datasets.prepare(source, work), label)
    return _load(*key, source)
