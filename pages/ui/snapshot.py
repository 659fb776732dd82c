"""What the Class page shows of the store: computed once per change, for all who look at it."""

import time
from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from core.engine import Place
from core.errors import StoreError
from core.store import Claim, Run
from core.store.students import Present
from pages.ui import server

HERE_SECONDS = 3600.0
"""Students who were not seen for longer than this are not listed."""
RUNS_SECONDS, CLAIMS_SECONDS = 20, 2
"""How old a snapshot may be: the time of a file may miss a change, and that of claims passes."""


class Stored(NamedTuple):
    """The finished runs."""

    runs: dict[str, Run]
    """By their keys, the newest first."""
    others: list[str]
    """The names of runs of another version of the lab."""
    bytes: int


class Lesson(NamedTuple):
    """What is finished, what is under way, and who is here."""

    runs: dict[str, Run]
    """By their keys."""
    claims: dict[str, Claim]
    """By their keys."""
    queue: dict[str, Place]
    students: list[Present]

    def find(self, key: str) -> Run | None:
        """A finished run, also one that comes with the lab."""
        return self.runs.get(key) or server.find_run(key)

    def is_under_way(self, key: str) -> bool:
        """True for a run that is trained or waits."""
        return key in self.claims and self.claims[key].alive


def stored() -> Stored:
    """The finished runs. Raises StoreError if they cannot be read."""
    store = server.engine().store
    return _stored(str(store.cache), store.runs_state(), int(time.monotonic() // RUNS_SECONDS))


@st.cache_resource(max_entries=1, show_spinner=False)
def _stored(cache: str, state: object, moment: int) -> Stored:
    store = server.engine().store
    return Stored({run.key: run for run in store.runs()}, store.other_versions(), store.size())


def lesson() -> Lesson:
    """All of the lesson now. Raises StoreError if the database cannot be read."""
    store = server.engine().store
    state = store.runs_state(), store.claims_state()
    return _lesson(str(store.cache), state, int(time.monotonic() // CLAIMS_SECONDS))


@st.cache_resource(max_entries=1, show_spinner=False)
def _lesson(cache: str, state: object, moment: int) -> Lesson:
    engine = server.engine()
    claims = {claim.key: claim for claim in engine.store.claims()}
    students: list[Present] = []
    with suppress(StoreError):  # a database of before that cannot be written knows none
        students = engine.store.students.present(HERE_SECONDS)
    return Lesson(stored().runs, claims, engine.places(), students)
