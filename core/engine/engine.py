"""One training per run, whoever asks and however often: a fair queue before dask.distributed.

    submit(spec, student) -> a claim in the store, a turn in the queue
    dispatcher            -> as many tasks as there are workers
    worker                -> progress by event -> the claim's file, which every page reads
    finished task         -> the run in the store, the claim released

The workers are processes of this machine, or those of the dask cluster that LAB_SCHEDULER names. A
run of which the worker was lost is tried once more; one of which the cluster was lost waits again.
"""

import asyncio
import heapq
import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from core import settings
from core.engine import cluster, worker
from core.engine.estimates import REMEMBERED, Speeds
from core.engine.queue import Waiting
from core.errors import LabError, MissingData, Stopped, TrainingError
from core.i18n import N_
from core.specs.run import DataSpec, RunSpec
from core.store.store import Claim, Run, State, Store, epochs_from

if TYPE_CHECKING:
    from distributed import Client, Future

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
POLL_SECONDS = 0.1
ASK_SECONDS = 60
"""How long a short question waits for a worker to start."""
RESULT_SECONDS = 60
"""How long the result of a finished task may take to come from its worker."""
MAX_FAULTS = 2.0
"""After how many lost workers a run is given up: it is tried once more."""
NOT_BEGUN = 0.25
"""How much the death of a worker counts for a run that was given to it and had not begun."""
SILENT_SECONDS = {"queued": 180.0, "preparing": 180.0, "running": 60.0, "saving": 120.0}
"""How long a worker may say nothing of a run it was given before it counts as hung."""

STOPPED = N_("The training was stopped.")
STOPPED_FOR_ALL = N_("The training was stopped by the teacher.")

OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError")


class Place(NamedTuple):
    """Where a run stands in the queue."""

    number: int
    """1 for the next one."""
    of: int
    seconds: float | None
    """About how long it waits, as fast as runs were here; None while there is no worker."""


@dataclass(eq=False)
class Job:
    """A run that this engine trains or will train."""

    claim: Claim
    students: set[str]
    task: str = ""
    """The task that trains it now; empty while it waits."""
    faults: float = 0
    written: bool = True
    """False while the store could not take the claim as it is."""

    @property
    def key(self) -> str:
        return self.claim.key

    @property
    def spec(self) -> RunSpec:
        return self.claim.spec


@dataclass(eq=False)
class Task:
    """What a worker was given. It takes up the worker until it ends, also when it is stopped."""

    name: str
    job: Job
    address: str
    future: "Future[worker.Outcome]"
    heard: float = field(default_factory=time.monotonic)
    state: str = "queued"
    hung: bool = False


async def _asked(
    function: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Any, LabError | None]:
    """Run a function on a thread of its own: the worker goes on to hear what it is told."""

    def answer() -> Any:
        worker.prepare()
        return function(*args)

    try:
        return await asyncio.to_thread(answer), None
    except LabError as error:
        return None, error


def _run_at(client: "Client", address: str, function: Callable[..., Any], *args: Any) -> Any:
    """Run a function on a worker, beside its training. Raises OSError if it does not answer."""
    run = client._run  # client.run waits for ever for a worker that hangs
    wait = ASK_SECONDS
    return client.sync(run, function, *args, workers=[address], callback_timeout=wait)[address]


class Engine:
    """Trains runs on worker processes and keeps their claims and results in `store`.

    `workers` is how many trainings run at once; by default what settings.workers says. With an
    existing cluster it is as many as that has workers. Raises UsageError for wrong settings.
    """

    def __init__(self, store: Store, workers: int | None = None) -> None:
        settings.store_bytes()
        self.store = store
        self._count = workers or settings.workers()
        self._scheduler = settings.scheduler()
        # Process ids come again, in a container that starts again even the same.
        self._owner = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, Task] = {}
        self._waiting = Waiting()
        self._elsewhere: dict[str, tuple[RunSpec, set[str]]] = {}
        self._speeds = Speeds()
        self._client: Client | None = None
        self._scheduler_id = ""
        self._workers: list[str] = []
        self._to_stop: list[str] = []
        self._trouble: LabError | None = None
        self._needed = False
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._dispatcher = threading.Thread(target=self._dispatch, daemon=True)
        self._dispatcher.start()
        threading.Thread(target=self._beat, daemon=True).start()

    # What pages and commands ask for

    def start(self) -> None:
        """Have the workers started, in the background; each imports TensorFlow ahead of runs."""
        self._needed = True
        self._wake.set()

    def submit(self, spec: RunSpec, student: str = "") -> None:
        """Let a student ask for a run: it is queued, or the student joins those who asked before.

        Does nothing if it is finished. Raises StoreError if the store cannot be written.
        """
        with self._lock:
            job = self._jobs.get(spec.key)
            if job and job.claim.alive:
                job.students.add(student)
                if not job.task:
                    self._waiting.add(spec.key, student)
            elif self.store.claim(spec, self._owner):
                self._jobs[spec.key] = Job(Claim(spec.key, spec, self._owner), {student})
                self._waiting.add(spec.key, student)
            elif self.store.find(spec.key) is None:
                self._elsewhere.setdefault(spec.key, (spec, set()))[1].add(student)
        self.start()

    def stop(self, key: str, student: str | None = None) -> None:
        """A student does not want the run any more: it stops if nobody else does.

        Without a student it stops for all, also where another process trains it. Raises StoreError
        if that one cannot be told.
        """
        with self._lock:
            others = self._elsewhere.get(key, (None, set()))[1]
            others.discard(student or "")
            if student is None or not others:
                self._elsewhere.pop(key, None)
            job = self._jobs.get(key)
            if job is None or not job.claim.alive:
                if student is None and self.store.claimed(key):
                    self.store.ask_to_stop(key)
                return
            job.students.discard(student or "")
            if student is not None and job.students:
                self._waiting.leave(key, student)
                return
            self._to_stop += filter(None, [job.task])
            self._end(job, Stopped(STOPPED_FOR_ALL if student is None else STOPPED))
        self._wake.set()

    def students(self, key: str) -> frozenset[str]:
        """Who wants a run that is under way."""
        with self._lock:
            job = self._jobs.get(key)
            if job:
                return frozenset(job.students if job.claim.alive else ())
            return frozenset(self._elsewhere.get(key, (None, ()))[1])

    def owns(self, key: str) -> bool:
        """True if this engine trains the run."""
        return key in self._jobs

    def place(self, key: str) -> Place | None:
        """Where a run of this engine stands in the queue; None once a worker has it."""
        return self.places().get(key)

    def places(self) -> dict[str, Place]:
        """The queue: the place of every run that waits, by its key."""
        with self._lock:
            order = self._waiting.order()
            free = [self._seconds_left(task.job.claim) for task in self._tasks.values()]
            free += [0.0] * (len(self._workers) - len(free))
            if not free:
                return {key: Place(n, len(order), None) for n, key in enumerate(order, 1)}
            heapq.heapify(free)
            places: dict[str, Place] = {}
            for number, key in enumerate(order, 1):
                starts = heapq.heappop(free)
                places[key] = Place(number, len(order), starts)
                heapq.heappush(free, starts + self._speeds.seconds(self._jobs[key].spec))
            return places

    @property
    def trouble(self) -> LabError | None:
        """Why no worker can be had at the moment, or None."""
        return self._trouble

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers, as far as they are known."""
        return list(self._workers)

    def _seconds_left(self, claim: Claim) -> float:
        if claim.seconds_left is not None:
            return claim.seconds_left
        return self._speeds.seconds(claim.spec)

    def wait(self, spec: RunSpec, on_progress: Callable[[Claim], None]) -> Run:
        """Wait for a run that was submitted here or elsewhere, and return it.

        Raises StoreError or TrainingError, which says why there is no result.
        """
        while True:
            with self._lock:
                elsewhere = spec.key in self._elsewhere
            claim = self.store.claimed(spec.key)
            if claim and claim.alive:
                on_progress(claim)
            elif not elsewhere:
                break
            time.sleep(POLL_SECONDS)
        if run := self.store.find(spec.key):
            return run
        raise claim.error if claim else TrainingError(N_("The training left no result: try again."))

    def ask(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a short function says that needs TensorFlow: a worker runs it beside its training.

        It does not wait in the queue. Raises TrainingError if no worker can be had, and the
        LabErrors of the function.
        """
        self.start()
        end = time.monotonic() + ASK_SECONDS
        while not (self._workers or self._trouble) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        client, workers = self._client, self.workers
        if client is None or not workers:
            raise self._trouble or _no_answer(TimeoutError(N_("they start slowly")))
        address = random.choice(workers)
        try:
            answer, error = _run_at(client, address, _asked, function, args)
            if isinstance(error, MissingData):
                self._send_data(client, address, error)
                answer, error = _run_at(client, address, _asked, function, args)
        except (OSError, RuntimeError, KeyError) as failure:
            raise _no_answer(failure) from failure
        if error:
            raise error
        result: Answer = answer
        return result

    def close(self) -> None:
        """End the workers. Runs under way are left as interrupted."""
        self._closed.set()
        self._wake.set()
        with self._lock:
            for job in list(self._jobs.values()):
                self._write(job, replace(job.claim, state="interrupted"))
            self._jobs.clear()  # so that no late report is written over it
            self._waiting = Waiting()
        self._dispatcher.join()
        if self._client is not None:
            cluster.close(self._client)
            self._client = None
        self.store.end_beat(self._owner)

    # The dispatcher: the only thread that gives the cluster work, except for short questions

    def _dispatch(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(BEAT_SECONDS)
            self._wake.clear()
            if not self._needed:
                continue
            try:
                self._work(self._client or self._connect())
            except LabError as error:
                self._lost(error)
            except Exception as error:
                if self._closed.is_set():
                    return
                if not isinstance(error, OSError | TimeoutError):
                    logger.error("The queue stumbled", exc_info=error)
                self._lost(_no_answer(error))

    def _work(self, client: "Client") -> None:
        """Tell workers what to stop, restart those that hang, give those that are free a run."""
        scheduler_id, workers = cluster.look(client)
        if self._scheduler_id not in ("", scheduler_id):
            raise OSError("the scheduler was started again")
        self._scheduler_id = scheduler_id
        for address in set(workers) - set(self._workers):
            future = client.submit(worker.prepare, workers=[address], pure=False)
            future.add_done_callback(lambda done: done.release())
        self._workers = workers
        if workers:
            self._trouble = None
        elif self._scheduler:
            self._trouble = _no_workers(self._scheduler)
        self._stop_tasks(client)
        self._restart_hung(client)
        self._send_runs(client, workers)

    def _send_runs(self, client: "Client", workers: list[str]) -> None:
        """Give each worker that has no run of ours the next one of the queue.

        dask by itself would put two behind each other while a worker imports TensorFlow.
        """
        with self._lock:
            busy = {task.address for task in self._tasks.values()}
            free = [address for address in workers if address not in busy]
            if not free or not self._waiting.order():
                return
        loads = client.processing()  # on a shared cluster others have runs too
        free.sort(key=lambda address: len(loads.get(address, ())))
        with self._lock:
            for address in free:
                if key := self._waiting.pop():
                    self._send(client, self._jobs[key], address)

    def _connect(self) -> "Client":
        """Have a cluster. Raises TrainingError if that cannot be."""
        if not self._speeds.known:
            with suppress(LabError):
                self._speeds.note(*self.store.runs()[:REMEMBERED])
        try:
            if self._scheduler:
                self._client = cluster.connect(self._scheduler)
            else:
                self._client = cluster.start(self._count)
            self._client.subscribe_topic(worker.TOPIC, self._on_event)
        except Exception as error:
            if self._scheduler:
                raise _not_reached(self._scheduler) from error
            self._needed = False
            failure = _not_started(error)
            with self._lock:
                for job in list(self._jobs.values()):
                    self._end(job, failure)
            raise failure from error
        return self._client

    def _send(self, client: "Client", job: Job, address: str) -> None:
        name = f"{job.key}-{uuid.uuid4().hex[:8]}"
        job.task = name
        try:
            future = client.submit(
                worker.train,
                job.spec,
                name,
                key=name,
                pure=False,
                workers=[address],
                allow_other_workers=True,  # if that one is gone by then
            )
        except Exception:
            self._again(job)
            raise
        self._tasks[name] = Task(name, job, address, future)
        future.add_done_callback(lambda done: self._on_done(name, done))

    def _stop_tasks(self, client: "Client") -> None:
        from distributed import Event

        with self._lock:
            names, self._to_stop = self._to_stop, []
        for name in names:
            Event(name, client=client).set()

    def _restart_hung(self, client: "Client") -> None:
        """Restart workers that said nothing for too long: their runs come back as killed.

        A run that has not begun may well wait behind one of another engine, on a shared cluster.
        """
        now = time.monotonic()
        with self._lock:
            known = set(self._tasks)
            silent = {
                name: task
                for name, task in self._tasks.items()
                if now - task.heard > SILENT_SECONDS[task.state]
            }
            for task in silent.values():
                task.heard = now
        if not silent:
            return
        for address, names in client.processing().items():
            hung = [silent[name] for name in names if name in silent]
            others = [n for n in names if n not in known and not n.startswith("prepare")]
            if any(task.state != "queued" for task in hung) or (hung and not others):
                for task in hung:
                    task.hung = True
                with suppress(KeyError, ValueError):  # gone meanwhile, or without a nanny
                    client.restart_workers([address], timeout=30, raise_for_error=False)

    def _lost(self, error: LabError) -> None:
        """Forget a cluster that does not answer: its runs wait for the next one."""
        if str(self._trouble) != str(error):
            logger.warning("%s", error)
        self._trouble = error
        with self._lock:
            for task in self._tasks.values():
                if self._is_current(task):
                    self._again(task.job)
            self._to_stop = list(self._tasks)  # if it is still there, its workers are to end them
            self._tasks.clear()
            client, self._client = self._client, None
            self._scheduler_id, self._workers = "", []
        if client is not None:
            try:
                cluster.close(client)
            except Exception:
                logger.debug("The connection could not be closed", exc_info=True)

    # What workers report

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        news = dict(event[1])
        with self._lock:
            task = self._tasks.get(news.pop("task"))
            if task is None:
                return
            task.heard, task.state, task.hung = time.monotonic(), news["state"], False
            if not self._is_current(task) or not task.job.claim.alive:
                return
            task.address = news.pop("worker")  # which dask adds
            news["epochs"] = epochs_from(news["epochs"])
            began = task.job.claim.began or time.time()
            self._write(task.job, replace(task.job.claim, began=began, **news))

    def _on_done(self, name: str, future: "Future[worker.Outcome]") -> None:
        outcome, error = None, None
        try:
            outcome = future.result(timeout=RESULT_SECONDS)
        except Exception as failure:
            error = failure
        with self._lock:
            task = self._tasks.pop(name, None)
            self._wake.set()  # the worker is free
            if task is None or not self._is_current(task):
                return
        try:
            if outcome is None:
                self._failed(task, error)
            else:
                run = self.store.save(task.job.spec, outcome.record, outcome.files)
                self._finish(task.job)
                with self._lock:
                    self._speeds.note(run)
        except Exception as failure:
            self._end(task.job, _reason(failure, task))

    def _is_current(self, task: Task) -> bool:
        """False for a task whose run was stopped, or was sent anew since."""
        return self._jobs.get(task.job.key) is task.job and task.job.task == task.name

    def _failed(self, task: Task, error: Exception | None) -> None:
        """Try a run again whose worker or cluster was lost; end it for any other reason."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        job = task.job
        match error:
            case MissingData() if self._client and self._scheduler:
                try:
                    self._send_data(self._client, str(error.values["worker"]), error)
                except (OSError, RuntimeError, KeyError):
                    job.faults += 1
            case CancelledError():
                pass  # a stopped run has no task any more: the scheduler is gone
            case KilledWorker():
                job.faults += NOT_BEGUN if task.state == "queued" else 1
            case OSError():
                job.faults += 1  # the result was lost on its way
            case _ if type(error).__name__ in OUT_OF_MEMORY:
                job.faults += 1
            case _:
                job.faults = MAX_FAULTS
        with self._lock:
            if not self._is_current(task):
                return  # stopped meanwhile
            if job.faults < MAX_FAULTS:
                self._again(job)
            else:
                self._end(job, _reason(error, task))

    def _send_data(self, client: "Client", address: str, missing: MissingData) -> None:
        """Send a worker the images it has not. Raises `missing` if this machine has others too."""
        wanted = missing.values["data"]
        assert isinstance(wanted, DataSpec)
        try:
            data = worker.load(wanted)
        except MissingData:
            raise missing from None
        _run_at(client, address, worker.receive, data)

    # What becomes of a run

    def _again(self, job: Job) -> None:
        """Put a run back in front of the queue."""
        job.task = ""
        self._waiting.add_first(job.key, job.students)
        self._write(job, Claim(job.key, job.spec, self._owner))
        self._wake.set()

    def _finish(self, job: Job) -> None:
        with self._lock:
            if self._jobs.get(job.key) in (job, None):
                self._jobs.pop(job.key, None)
                self.store.release(job.key)

    def _end(self, job: Job, reason: LabError) -> None:
        """Keep the claim, with its curves, as the record of why there is no result."""
        with self._lock:
            if self._jobs.get(job.key) is not job or not job.claim.alive:
                return  # closed, or stopped before
            job.task = ""
            self._waiting.remove(job.key)
            values = {
                name: value if isinstance(value, int | float) else str(value)
                for name, value in reason.values.items()
            }
            state: State = "stopped" if isinstance(reason, Stopped) else "failed"
            ended = replace(job.claim, state=state, reason=reason.message, reason_values=values)
            self._write(job, ended)

    def _write(self, job: Job, claim: Claim) -> None:
        # A disk that is full for a moment must not end the training, nor hide how it ended: what
        # cannot be written now is written with the next beat.
        job.claim, job.written = claim, False
        with suppress(LabError):
            self.store.update(claim)
            job.written = True
            if not claim.alive:
                del self._jobs[claim.key]

    # Signs of life

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            try:
                self._live()
            except Exception:
                logger.exception("A beat failed")

    def _live(self) -> None:
        """Say that this process is alive, write what could not be written, hear what others ask."""
        with self._lock:
            jobs = list(self._jobs.values())
            for job in jobs:
                if not job.written:
                    self._write(job, job.claim)
        if jobs:
            with suppress(LabError):
                self.store.beat(self._owner)
        for job in jobs:
            if job.claim.alive and self.store.asked_to_stop(job.key):
                self.stop(job.key)
        self._watch_elsewhere()

    def _watch_elsewhere(self) -> None:
        """Take over runs that somebody here wants and that another process does not train on."""
        for key in list(self._elsewhere):
            claim = self.store.claimed(key)
            if claim and claim.alive:
                continue
            with self._lock:
                spec, students = self._elsewhere.pop(key, (None, set()))
                given_up = claim and (claim.state == "failed" or claim.reason == STOPPED_FOR_ALL)
                if spec and not given_up:
                    for student in students:
                        with suppress(LabError):
                            self.submit(spec, student)


def _reason(error: Exception | None, task: Task) -> LabError:
    """Why a run failed, in a sentence for its student."""
    from distributed.scheduler import KilledWorker

    match error:
        case LabError():
            return error
        case KilledWorker() if task.hung:
            return TrainingError(N_("The training process did not answer any more: try again."))
        case KilledWorker():
            return TrainingError(
                N_("The training process was killed, perhaps for want of memory: try again.")
            )
        case _ if type(error).__name__ in OUT_OF_MEMORY:
            return TrainingError(
                N_("There was not enough memory: choose fewer neurons or a smaller batch.")
            )
        case _:
            logger.error("Run %s failed", task.job.key, exc_info=error)
            return TrainingError(
                N_("The training failed ({kind}): try again, or tell your teacher."),
                kind=type(error).__name__,
            )


def _not_started(error: Exception) -> TrainingError:
    return TrainingError(
        N_("The training processes could not be started ({reason}): try again."), reason=error
    )


def _not_reached(address: str) -> TrainingError:
    return TrainingError(
        N_("The cluster at {address} cannot be reached: runs wait until it is there."),
        address=address,
    )


def _no_workers(address: str) -> TrainingError:
    return TrainingError(
        N_("The cluster at {address} has no workers: runs wait until one is there."),
        address=address,
    )


def _no_answer(error: Exception) -> TrainingError:
    return TrainingError(
        N_("The training processes do not answer ({reason}): they are started again."),
        reason=error,
    )
