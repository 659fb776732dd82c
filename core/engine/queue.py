"""The runs that this process trains or will train, who wants them, and whose turn it is."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from core.engine.faults import MAX_FAULTS
from core.engine.turns import Turns
from core.errors import LabError, Stopped
from core.i18n import N_
from core.networks import bases
from core.networks.frozen import Frozen
from core.specs import RunSpec
from core.store import Claim, State, Store
from core.training.epochs import epochs_from

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0

STOPPED = N_("The training was stopped.")
STOPPED_FOR_ALL = N_("The training was stopped by the teacher.")


class Place(NamedTuple):
    """Where a run stands in the queue."""

    number: int
    """1 for the next one."""
    of: int
    seconds: float | None
    """About how long it waits, as fast as runs were here; None while there is no worker."""


@dataclass(eq=False)
class Job:
    """A run that this process trains or will train. Only its queue changes it."""

    claim: Claim
    students: set[str]
    task: str = ""
    """The task that trains it now; empty while it waits."""
    faults: float = 0
    written: bool = True
    """False while the store could not take the claim as it is."""
    finished: bool = False
    """True if only its claim is left, which the store could not remove yet."""

    @property
    def key(self) -> str:
        return self.claim.key

    @property
    def spec(self) -> RunSpec:
        return self.claim.spec


def new_owner() -> str:
    """A name for this process. Its id alone comes again, in a container that restarts the same."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class Queue:
    """Jobs from the moment when a student asks for a run until it is finished or ended.

    Safe among threads: every public method takes the one lock, and holds it while it writes the
    claim, so that the store sees changes in their order. Nothing here waits for a worker or calls
    back. A disk that is full for a moment must not end a training, nor hide how it ended: what the
    store could not take is kept, and `live` writes it with the next beat.
    """

    def __init__(self, store: Store, owner: str) -> None:
        self.store = store
        self._owner = owner
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._turns = Turns()
        self._elsewhere: dict[str, tuple[RunSpec, set[str]]] = {}
        """Runs that students here want and another process trains."""

    # Students

    def submit(self, spec: RunSpec, student: str) -> None:
        """Queue a run, or let the student join those who asked before. Raises StoreError."""
        self.have_base(spec)
        with self._lock:
            job = self._jobs.get(spec.key)
            if job and job.claim.alive and not job.finished:
                job.students.add(student)
                if not job.task:
                    self._turns.add(spec.key, student)
            elif self.store.claim(spec, self._owner):
                self._jobs[spec.key] = Job(Claim(spec.key, spec, self._owner), {student})
                self._turns.add(spec.key, student)
            elif self.store.find(spec.key) is None:
                self._elsewhere.setdefault(spec.key, (spec, set()))[1].add(student)

    def have_base(self, spec: RunSpec) -> None:
        """Have at hand the run that another one continues: workers, who see no store, are sent it.

        Where there is none, they say so.
        """
        base = spec.network.base
        if not isinstance(base, Frozen) or bases.received(base.run):
            return
        if run := self.store.find(base.run):
            bases.receive(base.run, run.read("model.keras"))

    def stop(self, key: str, student: str | None) -> str:
        """A student, or None for all, does not want the run any more.

        The name of the task that is to end with it, or "". Raises StoreError.
        """
        with self._lock:
            others = self._elsewhere.get(key, (None, set()))[1]
            others.discard(student or "")
            if student is None or not others:
                self._elsewhere.pop(key, None)
            job = self._jobs.get(key)
            if job is None or not job.claim.alive or job.finished:
                if student is None and self.store.claimed(key):
                    self.store.ask_to_stop(key)
                return ""
            job.students.discard(student or "")
            if student is not None and job.students:
                self._turns.leave(key, student)
                return ""
            task = job.task
            reason = Stopped(STOPPED_FOR_ALL if student is None else STOPPED)
            self._end(job, reason, for_all=student is None)
            return task

    def students(self, key: str) -> frozenset[str]:
        """Who wants a run that is under way."""
        with self._lock:
            if job := self._jobs.get(key):
                return frozenset(job.students if job.claim.alive else ())
            return frozenset(self._elsewhere.get(key, (None, ()))[1])

    def owns(self, key: str) -> bool:
        """True if this process trains the run."""
        return key in self._jobs

    def waits_elsewhere(self, key: str) -> bool:
        """True if somebody here wants a run that another process trains."""
        with self._lock:
            return key in self._elsewhere

    def claimed(self, key: str) -> Claim | None:
        """The claim of a run as this process knows it, or else as the store does; None if finished.

        Raises StoreError.
        """
        with self._lock:
            if job := self._jobs.get(key):
                return None if job.finished else job.claim
        return self.store.claimed(key)

    # Whose turn it is

    def waiting(self) -> list[Job]:
        """The jobs that wait for a worker, the next one first."""
        with self._lock:
            return [self._jobs[key] for key in self._turns.order()]

    def take(self) -> Job | None:
        """The job whose turn it is, with the name of a task for it; None if nobody waits."""
        with self._lock:
            key = self._turns.pop()
            if key is None:
                return None
            job = self._jobs[key]
            job.task = f"{key}-{uuid.uuid4().hex[:8]}"
            return job

    # What becomes of a task

    def is_current(self, job: Job, task: str) -> bool:
        """False for a task whose run was stopped, or was sent anew since."""
        with self._lock:
            return self._jobs.get(job.key) is job and job.task == task

    def progress(self, job: Job, task: str, news: dict[str, Any]) -> None:
        """Note what the worker says: the fields of a Claim that change."""
        with self._lock:
            if self.is_current(job, task) and job.claim.alive:
                news["epochs"] = epochs_from(news["epochs"])
                began = time.monotonic() if job.claim.began is None else job.claim.began
                self._write(job, replace(job.claim, began=began, **news))

    def again(self, job: Job, task: str, faults: float = 0) -> bool:
        """Put a run in front of the queue again whose task was lost.

        False if it has then as many faults as are allowed: see `core.engine.faults`.
        """
        with self._lock:
            if not self.is_current(job, task):
                return True
            job.faults += faults
            if job.faults >= MAX_FAULTS:
                return False
            job.task = ""
            self._turns.add_first(job.key, job.students)
            self._write(job, Claim(job.key, job.spec, self._owner))
            return True

    def finish(self, job: Job) -> None:
        """Remove the claim of a run that is in the store now."""
        with self._lock:
            if self._jobs.get(job.key) in (job, None):
                self._finish(job)

    def end(self, job: Job, reason: LabError) -> None:
        """Keep the claim, with its curves, as the record of why there is no result."""
        with self._lock:
            self._end(job, reason)

    def end_all(self, reason: LabError) -> None:
        """End every run for the same reason."""
        with self._lock:
            for job in list(self._jobs.values()):
                self._end(job, reason)

    # Signs of life

    def live(self) -> set[str]:
        """Say that this process is alive, and write what could not be written.

        The runs that another process asks to stop for all. Raises StoreError.
        """
        with self._lock:
            jobs = list(self._jobs.values())
            for job in jobs:
                if job.finished:
                    self._finish(job)
                elif not job.written:
                    self._write(job, job.claim)
        if not jobs:
            return set()
        self.store.beat(self._owner)
        return self.store.asked_to_stop(self._owner)

    def take_over(self) -> None:
        """Queue runs that somebody here wants and no other process trains any more.

        Not those that failed there, or were stopped for all. Raises StoreError.
        """
        for key in list(self._elsewhere):
            claim = self.store.claimed(key)
            if claim and claim.alive:
                continue
            with self._lock:
                spec, students = self._elsewhere.pop(key, (None, set()))
                given_up = claim and (claim.state == "failed" or claim.stopped_for_all)
                if spec and not given_up:
                    for student in students:
                        with suppress(LabError):
                            self.submit(spec, student)

    def close(self) -> None:
        """Leave all runs as interrupted."""
        with self._lock:
            for job in list(self._jobs.values()):
                if not job.finished:
                    self._write(job, replace(job.claim, state="interrupted"))
            self._jobs.clear()  # so that no late report is written over it
            self._turns = Turns()
        self.store.end_beat(self._owner)

    # With the lock held

    def _end(self, job: Job, reason: LabError, *, for_all: bool = False) -> None:
        if self._jobs.get(job.key) is not job or not job.claim.alive or job.finished:
            return  # closed, or stopped before
        job.task = ""
        self._turns.remove(job.key)
        values = {
            name: value if isinstance(value, int | float) else str(value)
            for name, value in reason.values.items()
        }
        state: State = "stopped" if isinstance(reason, Stopped) else "failed"
        ended = replace(
            job.claim,
            state=state,
            stopped_for_all=for_all,
            reason=reason.message,
            reason_values=values,
        )
        self._write(job, ended)

    def _finish(self, job: Job) -> None:
        job.finished = True
        self._jobs[job.key] = job
        with suppress(LabError):
            self.store.release(job.key, self._owner)
            del self._jobs[job.key]

    def _write(self, job: Job, claim: Claim) -> None:
        job.claim, job.written = claim, False
        with suppress(LabError):
            self.store.update(claim)
            job.written = True
            if not claim.alive:
                del self._jobs[claim.key]


def keep_alive(queue: Queue, stop: Callable[[str], None], closed: threading.Event) -> None:
    """Say every second, until it is `closed`, that this process is alive, and heed others.

    `stop` hears of each run that another process asks to stop for all.
    """
    while not closed.wait(BEAT_SECONDS):
        try:
            with suppress(LabError):  # what could not be written is written with the next one
                for key in queue.live():
                    stop(key)
                queue.take_over()
        except Exception:
            logger.exception("A beat failed")
