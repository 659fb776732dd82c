"""One training per run, whoever asks and however often: a fair queue before dask.distributed.

    submit(spec, student) -> a claim in the store, a turn in the queue
    dispatcher            -> as many tasks as there are workers
    worker                -> progress by event -> the claim in the store, which every page reads
    finished task         -> the run in the store, the claim released

The workers are processes of this machine, or those of the dask cluster that LAB_SCHEDULER names. A
run of which the worker was lost is tried once more; one of which the cluster was lost waits again.

The runs are in `queue`, the workers in `fleet`, and `faults` says what a failure means.
"""

import heapq
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from core import settings
from core.engine import faults
from core.engine.estimates import REMEMBERED, Speeds
from core.engine.fleet import POLL_SECONDS, Fleet, Task
from core.engine.queue import BEAT_SECONDS, Place, Queue, keep_alive, new_owner
from core.errors import LabError, MissingData
from core.specs import RunSpec
from core.store import Claim, Run, Store
from core.training.run import Outcome

if TYPE_CHECKING:
    from distributed import Future

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

RESULT_SECONDS = 60
"""How long the result of a finished task may take to come from its worker."""


class Engine:
    """Trains runs on worker processes and keeps their claims and results in `store`.

    `workers` is how many trainings run at once; by default what settings.workers says. With an
    existing cluster it is as many as that has workers. Raises UsageError for wrong settings.

    Safe among threads; what several of them change is in the queue, the fleet and the speeds, each
    with a lock of its own. Two threads run here: the dispatcher, which alone gives workers runs,
    and one for the signs of life. Threads of dask say what workers report.
    """

    def __init__(self, store: Store, workers: int | None = None) -> None:
        settings.store_bytes()
        self._fleet = Fleet(workers or settings.workers(), settings.scheduler())
        self._queue = Queue(store, new_owner())
        self._speeds = Speeds()
        self._needed = False
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._dispatcher = threading.Thread(target=self._dispatch, daemon=True)
        self._dispatcher.start()
        beating = [self._queue, self.stop, self._closed]
        threading.Thread(target=keep_alive, args=beating, daemon=True).start()

    # What pages and commands ask for

    @property
    def store(self) -> Store:
        """Where claims and finished runs are."""
        return self._queue.store

    @property
    def trouble(self) -> LabError | None:
        """Why no worker can be had at the moment, or None."""
        return self._fleet.trouble

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers, as far as they are known."""
        return self._fleet.workers

    @property
    def starting(self) -> bool:
        """True until a worker has TensorFlow."""
        return self._fleet.start_seconds is None

    def start(self) -> None:
        """Have the workers started, in the background; each imports TensorFlow ahead of runs."""
        self._needed = True
        self._wake.set()

    def submit(self, spec: RunSpec, student: str = "") -> None:
        """Let a student ask for a run: it is queued, or the student joins those who asked before.

        Does nothing if it is finished. Raises StoreError if the store cannot be written.
        """
        self._queue.submit(spec, student)
        self.start()

    def stop(self, key: str, student: str | None = None) -> None:
        """A student does not want the run any more: it stops if nobody else does.

        Without a student it stops for all, also where another process trains it. Raises StoreError
        if that one cannot be told.
        """
        self._fleet.stop(self._queue.stop(key, student))
        self._wake.set()

    def students(self, key: str) -> frozenset[str]:
        """Who wants a run that is under way."""
        return self._queue.students(key)

    def owns(self, key: str) -> bool:
        """True if this engine trains the run."""
        return self._queue.owns(key)

    def place(self, key: str) -> Place | None:
        """Where a run of this engine stands in the queue; None once a worker has it."""
        return self.places().get(key)

    def places(self) -> dict[str, Place]:
        """The queue: the place of every run that waits, by its key."""
        waiting = self._queue.waiting()
        free = [self._seconds_left(task.job.claim) for task in self._fleet.busy]
        free += [0.0] * (len(self.workers) - len(free))
        if not free:
            return {job.key: Place(n, len(waiting), None) for n, job in enumerate(waiting, 1)}
        heapq.heapify(free)
        places: dict[str, Place] = {}
        for number, job in enumerate(waiting, 1):
            starts = heapq.heappop(free)
            places[job.key] = Place(number, len(waiting), starts)
            heapq.heappush(free, starts + self._speeds.seconds(job.spec))
        return places

    def _seconds_left(self, claim: Claim) -> float:
        if claim.seconds_left is not None:
            return claim.seconds_left
        return self._speeds.seconds(claim.spec)

    def seconds(self, spec: RunSpec, images: int | None = None) -> float:
        """About how long a run takes here, from its first step on.

        `images` are those to train and to validate; by default as many as the last runs had.
        """
        return self._speeds.seconds(spec, images)

    def expected(self, claim: Claim) -> float | None:
        """How long the part before a training takes in which a run is, as far as that is known."""
        if claim.state == "importing":
            return self._fleet.start_seconds
        if claim.state == "compiling":
            return self._speeds.compile_seconds(claim.spec)
        if claim.state == "preparing":
            return claim.seconds_left
        return None

    def wait(self, spec: RunSpec, on_progress: Callable[[Claim], None]) -> Run:
        """Wait for a run that was submitted here or elsewhere, and return it.

        Raises StoreError or TrainingError, which says why there is no result.
        """
        while True:
            elsewhere = self._queue.waits_elsewhere(spec.key)
            claim = self._queue.claimed(spec.key)
            if claim and claim.alive:
                on_progress(claim)
            elif not elsewhere:
                break
            time.sleep(POLL_SECONDS)
        if run := self.store.find(spec.key):
            return run
        raise claim.error if claim else faults.no_result()

    def ask(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a short function says that needs TensorFlow: a worker runs it beside its training.

        It does not wait in the queue. Raises TrainingError if no worker can be had, and the
        LabErrors of the function.
        """
        for spec in args:
            if isinstance(spec, RunSpec):
                self._queue.have_base(spec)
        self.start()
        return self._fleet.ask(function, *args)

    def close(self) -> None:
        """End the workers. Runs under way are left as interrupted."""
        self._closed.set()
        self._wake.set()
        self._queue.close()
        self._dispatcher.join()
        self._fleet.close()

    # The dispatcher: the only thread that gives the cluster work, except for short questions

    def _dispatch(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(BEAT_SECONDS)
            self._wake.clear()
            if not self._needed:
                continue
            try:
                self._work()
            except LabError as error:
                self._lost(error)
            except Exception as error:
                if self._closed.is_set():
                    return
                if not isinstance(error, OSError | TimeoutError):
                    logger.error("The queue stumbled", exc_info=error)
                self._lost(faults.no_answer(error))

    def _work(self) -> None:
        """Tell workers what to stop, restart what hangs or is worn, give those free a run."""
        if not self._fleet.connected:
            self._connect()
        self._fleet.look()
        self._fleet.tell_stops()
        self._fleet.restart_hung()
        self._fleet.renew()
        if not self._queue.waiting():
            return
        for address in self._fleet.free():
            if job := self._queue.take():
                try:
                    self._fleet.send(job, address, self._on_done)
                except Exception:
                    self._queue.again(job, job.task)
                    raise

    def _connect(self) -> None:
        """Have a cluster. Raises TrainingError if that cannot be."""
        if not self._speeds.known:
            with suppress(LabError):
                self._speeds.note(*self.store.runs()[:REMEMBERED])
        try:
            self._fleet.connect(self._on_event)
        except LabError as error:
            if not self._fleet.remote:  # whoever asks again tries again
                self._needed = False
                self._queue.end_all(error)
            raise

    def _lost(self, error: LabError) -> None:
        """Let the runs of a cluster that does not answer wait for the next one."""
        for task in self._fleet.lost(error):
            self._queue.again(task.job, task.name)
            self._wake.set()

    # What workers report

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        news = dict(event[1])
        name = news.pop("task")
        if task := self._fleet.heard(name, news["state"]):
            task.address = news.pop("worker")  # which dask adds
            self._queue.progress(task.job, name, news)

    def _on_done(self, name: str, future: "Future[Outcome]") -> None:
        outcome, error = None, None
        try:
            outcome = future.result(timeout=RESULT_SECONDS)
        except Exception as failure:
            error = failure
        task = self._fleet.ended(name)
        self._wake.set()  # the worker is free
        if task is None or not self._queue.is_current(task.job, name):
            return
        try:
            if outcome is None:
                self._failed(task, error)
            else:
                run = self.store.save(task.job.spec, outcome.record, outcome.files)
                self._queue.finish(task.job)
                self._speeds.note(run)
        except Exception as failure:
            self._queue.end(task.job, faults.reason(failure, task.job.key, hung=task.hung))

    def _failed(self, task: Task, error: Exception | None) -> None:
        """Try a run again whose worker or cluster was lost; end it for any other reason."""
        if isinstance(error, MissingData):
            counts = 0.0 if self._fleet.send_data(error) else 1.0
        else:
            counts = faults.weight(error, begun=task.state != "queued")
        if self._queue.again(task.job, task.name, counts):
            self._wake.set()
        elif self._queue.is_current(task.job, task.name):
            self._queue.end(task.job, faults.reason(error, task.job.key, hung=task.hung))
