"""One training per run, whoever asks and however often: a queue over dask.distributed.

    submit(spec)  -> a claim in the store, a task on a worker
    worker        -> progress by event -> the claim's file, which every page reads
    finished task -> the run in the store, the claim released

The workers are processes of an embedded LocalCluster. They end with the process that started them,
however it ends.
"""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, TypeVar

from core import settings, worker
from core.errors import LabError, Stopped, TrainingError
from core.i18n import N_
from core.runs import Claim, Run, Store, epochs_from
from core.specs import RunSpec

if TYPE_CHECKING:
    from distributed import Client, Future

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
POLL_SECONDS = 0.1
ASK_SECONDS = 60
"""How long a short question waits for a worker to start."""
MAX_DEATHS = 2
"""With how many workers a run may die before it is given up: it is tried once more."""


async def _asked(function: Callable[..., Answer], args: tuple[Any, ...]) -> Answer:
    """Run a function on a thread of its own: the worker goes on to hear what it is told."""

    def answer() -> Answer:
        worker.prepare()
        return function(*args)

    return await asyncio.to_thread(answer)


class Engine:
    """Trains runs on worker processes and keeps their claims and results in `store`.

    `workers` is how many trainings run at once; by default what settings.workers says.
    """

    def __init__(self, store: Store, workers: int | None = None) -> None:
        self.store = store
        self._workers = workers
        self._client: Client | None = None
        self._start_lock = threading.Lock()
        self._lock = threading.RLock()
        self._active: dict[str, tuple[str, Claim]] = {}
        self._futures: dict[str, Future[worker.Outcome]] = {}
        self._deaths: Counter[str] = Counter()
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._closed = threading.Event()
        threading.Thread(target=self._beat, daemon=True).start()

    def start(self) -> "Client":
        """Start the workers, unless they are there; each imports TensorFlow ahead of its runs."""
        with self._start_lock:
            if self._client is None:
                self._client = _start_cluster(self._workers or settings.workers())
                self._client.subscribe_topic(worker.TOPIC, self._on_event)
            return self._client

    def submit(self, spec: RunSpec) -> None:
        """Ask for a run. Does nothing if it is finished, queued or running already.

        Raises StoreError if the store cannot be written, TrainingError if no worker can be had.
        """
        if not self.store.claim(spec, self._owner):
            return
        try:
            self._send(spec)
        except Exception as error:
            with self._lock:
                self._active.pop(spec.key, None)
                self.store.release(spec.key)
            raise TrainingError(
                N_("The training processes could not be started ({reason}): try again."),
                reason=error,
            ) from error

    def _send(self, spec: RunSpec) -> None:
        task = f"{spec.key}-{uuid.uuid4().hex[:8]}"
        with self._lock:
            self._write(task, Claim(spec.key, spec, self._owner))
        future = self.start().submit(worker.train, spec, task, key=task, pure=False)
        with self._lock:
            self._futures[spec.key] = future
        future.add_done_callback(lambda done: self._on_done(spec, done))

    def _send_again(self, spec: RunSpec) -> bool:
        """Send a run whose worker died to the next one; False if that happened too often.

        All runs that were given to a worker come back when it dies. Only one that had begun counts.
        """
        with self._lock:
            if spec.key not in self._active:
                return False
            _, claim = self._active[spec.key]
            self._deaths[spec.key] += claim.state != "queued"
            if self._deaths[spec.key] >= MAX_DEATHS:
                return False
        self._send(spec)
        return True

    def ask(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a short function says that needs TensorFlow: a worker runs it beside its training.

        It does not wait in the queue. Raises TrainingError if no worker can be had.
        """
        try:
            client = self.start()
            client.wait_for_workers(1, timeout=ASK_SECONDS)
            address = next(iter(client.scheduler_info(n_workers=-1)["workers"]))
            answer: Answer = client.run(_asked, function, args, workers=[address])[address]
        except (OSError, TimeoutError) as error:
            raise TrainingError(
                N_("The training processes do not answer ({reason}): try again."), reason=error
            ) from error
        return answer

    def owns(self, key: str) -> bool:
        """True if this engine trains the run, and so can stop it."""
        return key in self._active

    def stop(self, key: str) -> None:
        """Ask a run of this engine to stop: at once if queued, else after its current call."""
        from distributed import Event

        with self._lock:
            active, future = self._active.get(key), self._futures.get(key)
        if active is None:
            return
        task, claim = active
        Event(task, client=self.start()).set()
        if claim.state == "queued" and future is not None:
            future.cancel()

    def wait(self, spec: RunSpec, on_progress: Callable[[Claim], None]) -> Run:
        """Wait for a run that was submitted here or elsewhere, and return it.

        Raises StoreError or TrainingError, which says why there is no result.
        """
        while (claim := self.store.claimed(spec.key)) and claim.alive:
            on_progress(claim)
            time.sleep(POLL_SECONDS)
        if run := self.store.find(spec.key):
            return run
        raise claim.error if claim else TrainingError(N_("The training left no result: try again."))

    def close(self) -> None:
        """End the workers. Runs under way are left as interrupted."""
        self._closed.set()
        with self._lock:
            for task, claim in list(self._active.values()):
                self._write(task, replace(claim, state="interrupted"))
            self._active.clear()  # so that no late report is written over it
        with self._start_lock:
            if self._client is not None:
                cluster = self._client.cluster
                self._client.close()
                if cluster is not None:
                    cluster.close()
                self._client = None

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        news = dict(event[1])
        key, task = news.pop("key"), news.pop("task")
        news.pop("worker", None)
        news["epochs"] = epochs_from(news["epochs"])
        with self._lock:
            current = self._active.get(key)
            if current and current[0] == task and current[1].alive:
                self._write(task, replace(current[1], **news))

    def _write(self, task: str, claim: Claim) -> None:
        self._active[claim.key] = (task, claim)
        # A disk that is full for a moment must not end the training, nor hide how it ended: what
        # cannot be written now is written with the next beat.
        with suppress(LabError):
            self.store.update(claim)
            if not claim.alive:
                del self._active[claim.key]

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            with self._lock:
                for task, claim in list(self._active.values()):
                    self._write(task, claim)

    def _on_done(self, spec: RunSpec, future: "Future[worker.Outcome]") -> None:
        try:
            outcome = future.result()
            self.store.save(spec, outcome.record, outcome.files)
        except Exception as error:
            from distributed.scheduler import KilledWorker

            try:
                again = isinstance(error, KilledWorker) and self._send_again(spec)
            except Exception as failure:
                again, error = False, failure
            if not again:
                self._end(spec, error)
        else:
            with self._lock:
                self._active.pop(spec.key, None)
                self._futures.pop(spec.key, None)
                self._deaths.pop(spec.key, None)
                self.store.release(spec.key)

    def _end(self, spec: RunSpec, error: Exception) -> None:
        """Keep the claim, with its curves, as the record of why there is no result."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        match error:
            case LabError():
                reason = error
            case CancelledError():
                reason = Stopped(N_("The training was stopped."))
            case KilledWorker():
                reason = TrainingError(
                    N_("The training process was killed, perhaps for want of memory: try again.")
                )
            case _:
                logger.error("Run %s failed", spec.key, exc_info=error)
                reason = TrainingError(
                    N_("The training failed ({kind}): try again, or tell your teacher."),
                    kind=type(error).__name__,
                )
        with self._lock:
            if spec.key not in self._active:  # closed: it is marked as interrupted
                return
            task, claim = self._active[spec.key]
            self._futures.pop(spec.key, None)
            self._deaths.pop(spec.key, None)
            ended = replace(
                claim,
                state="stopped" if isinstance(reason, Stopped) else "failed",
                reason=reason.message,
                reason_values={
                    name: value if isinstance(value, int | float) else str(value)
                    for name, value in reason.values.items()
                },
            )
            self._write(task, ended)


def _start_cluster(workers: int) -> "Client":
    import dask
    from distributed import Client, LocalCluster

    # None of dask's own retries: it counts a death against all runs that the worker was given.
    dask.config.set({"distributed.scheduler.allowed-failures": 0})
    # A terminal sends Ctrl-C to all processes. Workers leave it to the one that started them: they
    # inherit the mask of the threads that start here. (resource_tracker would undo it later.)
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    client = Client(cluster)
    for address in client.scheduler_info(n_workers=-1)["workers"]:
        future = client.submit(worker.prepare, workers=[address], pure=False)
        future.add_done_callback(lambda done: done.release())
    return client
