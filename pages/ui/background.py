"""Long work in a thread of the server, with a bar in every session that waits for it."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import streamlit as st

from core.data.files import RETRY_AFTER
from core.errors import LabError

POLL = 0.3  # seconds


@dataclass
class Work:
    """What is done, and the progress bar that it reports to."""

    total: int = 0
    done: int = 0
    error: LabError | None = None
    end: float = 0.0
    """By time.monotonic."""
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def update(self, n: int) -> None:
        self.done += n

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.done = 0


@st.cache_resource
def _known() -> dict[Hashable, Work]:
    return {}


def find(name: Hashable) -> Work | None:
    """The work of that name, under way or ended, unless it was forgotten."""
    return _known().get(name)


def forget(name: Hashable) -> None:
    """Let it be begun again."""
    _known().pop(name, None)


def start(name: Hashable, do: Callable[[Work], object]) -> Work:
    """The work of that name, which begins now unless it was begun before.

    What failed is begun again after RETRY_AFTER seconds.
    """
    known = find(name)
    if known and known.error and time.monotonic() - known.end > RETRY_AFTER:
        forget(name)
    new = Work()
    work = _known().setdefault(name, new)
    if work is new:
        threading.Thread(target=_run, args=[work, do], daemon=True).start()
    return work


def _run(work: Work, do: Callable[[Work], object]) -> None:
    try:
        do(work)
    except LabError as error:
        work.error = error
    finally:
        work.end = time.monotonic()
        work.ended.set()


def finish(name: Hashable, do: Callable[[Work], object], label: str) -> None:
    """Wait for that work, and begin it if nobody has. Raises the LabError in which it ended.

    It goes on if the student does something else meanwhile.
    """
    work = start(name, do)
    if not work.ended.wait(POLL):
        place = st.empty()
        while not work.ended.wait(POLL):
            place.progress(work.share, label)
        place.empty()
    if work.error:
        raise work.error.with_traceback(None)  # or it would grow with every session
