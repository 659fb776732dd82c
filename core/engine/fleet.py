"""The workers: how they are reached, what each was given, and whether it still answers."""

import asyncio
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from core.engine import cluster, faults, worker
from core.engine.queue import Job
from core.errors import LabError, MissingData
from core.i18n import N_
from core.networks import bases
from core.specs import DataSpec
from core.training import images
from core.training.run import Outcome

if TYPE_CHECKING:
    from distributed import Client, Future

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
ASK_SECONDS = 60
"""How long a short question waits for a worker to start."""
SILENT_SECONDS = {
    "queued": 180.0,
    "importing": 180.0,
    "compiling": 180.0,
    "preparing": 60.0,
    "running": 60.0,
    "saving": 120.0,
}
"""How long a worker may say nothing of a run it was given before it counts as hung."""
WORN = 40
"""Runs and questions after which a worker process of our own is replaced: what TensorFlow compiles
stays in it, 5 MB of four optimizers on a surface and 13 MB of a small network."""


@dataclass(eq=False)
class Task:
    """What a worker was given. It takes up the worker until it ends, also when it is stopped."""

    name: str
    job: Job
    address: str
    future: "Future[Outcome]"
    heard: float = field(default_factory=time.monotonic)
    state: str = "queued"
    hung: bool = False


class Fleet:
    """The worker processes of this machine, or those of the dask cluster at `scheduler`.

    One thread, the dispatcher, connects, gives out runs, restarts what hangs and lets go of a
    cluster that is lost. The others ask short questions, report what they heard of a task
    and read. What they share (tasks, workers, tasks to be stopped) is under the lock; it is held
    for a moment only, and never while the cluster is waited for. Nothing here calls the queue.
    """

    def __init__(self, count: int, scheduler: str | None) -> None:
        self._count = count
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._scheduler_id = ""
        self._workers: list[str] = []
        self._tasks: dict[str, Task] = {}
        self._to_stop: list[str] = []
        self._compiled: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._trouble: LabError | None = None
        self._began = 0.0
        self._start_seconds: float | None = None

    @property
    def remote(self) -> bool:
        """True if the workers are those of another scheduler."""
        return self._scheduler is not None

    @property
    def connected(self) -> bool:
        """True from `connect` to `lost` or `close`."""
        return self._client is not None

    @property
    def trouble(self) -> LabError | None:
        """Why no worker can be had at the moment, or None."""
        return self._trouble

    @property
    def start_seconds(self) -> float | None:
        """How long it took to have the first worker with TensorFlow; None until there is one."""
        return self._start_seconds

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers, as far as they are known."""
        return list(self._workers)

    @property
    def busy(self) -> list[Task]:
        """What the workers do for us now, also what is to be stopped."""
        with self._lock:
            return list(self._tasks.values())

    # The dispatcher

    def connect(self, on_event: Callable[[tuple[float, dict[str, Any]]], None]) -> None:
        """Have a cluster; its workers' reports go to `on_event`. Raises TrainingError."""
        self._began, self._start_seconds = time.monotonic(), None
        try:
            if self._scheduler:
                self._client = cluster.connect(self._scheduler)
            else:
                self._client = cluster.start()
            self._client.subscribe_topic(worker.TOPIC, on_event)
        except Exception as error:
            if self._scheduler:
                raise faults.not_reached(self._scheduler) from error
            raise faults.not_started(error) from error

    def look(self) -> None:
        """See which workers there are, and have new ones import TensorFlow ahead of runs.

        Raises OSError or TimeoutError if the scheduler does not answer, or is another one.
        """
        client = self._connection()
        scheduler_id, workers = cluster.look(client)
        if self._scheduler_id not in ("", scheduler_id):
            raise OSError("the scheduler was started again")
        self._scheduler_id = scheduler_id
        for address in set(workers) - set(self._workers):
            future = client.submit(worker.prepare, workers=[address], pure=False)
            future.add_done_callback(self._prepared)
        self._workers = workers
        if workers:
            self._trouble = None
        elif self._scheduler:
            self._trouble = faults.no_workers(self._scheduler)
        # The others of ours would slow down the first one, and the first run on its way.
        room = all(task.state in ("running", "saving") for task in self.busy)
        if not self._scheduler and self._start_seconds and room and len(workers) < self._count:
            cluster.grow(client, self._count)

    def _prepared(self, done: "Future[None]") -> None:
        """A worker has TensorFlow."""
        done.release()
        if self._start_seconds is None:
            self._start_seconds = time.monotonic() - self._began

    def tell_stops(self) -> None:
        """Tell the workers which tasks are to end."""
        from distributed import Event

        with self._lock:
            names, self._to_stop = self._to_stop, []
        for name in names:
            Event(name, client=self._connection()).set()

    def restart_hung(self) -> None:
        """Restart workers that said nothing for too long: their runs come back as killed.

        A run that has not begun may well wait behind one of another engine, on a shared cluster.
        """
        client, now = self._connection(), time.monotonic()
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
                self._restart(address)

    def renew(self) -> None:
        """Replace one worker of our own that has done much, while it has nothing to do."""
        if self._scheduler:
            return
        with self._lock:
            busy = {task.address for task in self._tasks.values()} | {*self._asked.elements()}
            worn = [a for a in self._workers if self._compiled[a] >= WORN and a not in busy]
            if not worn:
                return
            self._workers.remove(worn[0])  # nobody asks it any more
            del self._compiled[worn[0]]
        self._restart(worn[0])

    def _restart(self, address: str) -> None:
        with suppress(KeyError, ValueError):  # gone meanwhile, or without a nanny
            self._connection().restart_workers([address], timeout=30, raise_for_error=False)

    def free(self) -> list[str]:
        """The workers that have no run of ours, those with the least to do for others first.

        dask by itself would put two runs behind each other while a worker imports TensorFlow.
        """
        busy = {task.address for task in self.busy}
        free = [address for address in self._workers if address not in busy]
        if free:
            loads = self._connection().processing()  # on a shared cluster others have runs too
            free.sort(key=lambda address: len(loads.get(address, ())))
        return free

    def send(
        self, job: Job, address: str, on_done: Callable[[str, "Future[Outcome]"], None]
    ) -> None:
        """Give a worker the task of a job. `on_done` hears of its end, with its name."""
        name = job.task
        with self._lock:  # no report of the task comes before it is known
            future = self._connection().submit(
                worker.train,
                job.spec,
                name,
                key=name,
                pure=False,
                workers=[address],
                allow_other_workers=True,  # if that one is gone by then
            )
            self._tasks[name] = Task(name, job, address, future)
        future.add_done_callback(lambda done: on_done(name, done))

    def lost(self, error: LabError) -> list[Task]:
        """Forget a cluster that does not answer, and say which tasks are lost with it."""
        if str(self._trouble) != str(error):
            logger.warning("%s", error)
        self._trouble = error
        with self._lock:
            tasks, self._tasks = self._tasks, {}
            self._to_stop = list(tasks)  # if it is still there, its workers are to end them
            client, self._client = self._client, None
            self._scheduler_id, self._workers = "", []
        if client is not None:
            try:
                cluster.close(client)
            except Exception:
                logger.debug("The connection could not be closed", exc_info=True)
        return list(tasks.values())

    def close(self) -> None:
        """End our own workers, or leave those of others, when the dispatcher has ended."""
        if self._client is not None:
            cluster.close(self._client)
            self._client = None

    # Any thread

    def heard(self, name: str, state: str) -> Task | None:
        """A worker reports about a task: the task, or None if it is not known any more."""
        with self._lock:
            task = self._tasks.get(name)
            if task:
                task.heard, task.state, task.hung = time.monotonic(), state, False
            return task

    def ended(self, name: str) -> Task | None:
        """A task has ended, and its worker is free; None if it is not known any more."""
        with self._lock:
            task = self._tasks.pop(name, None)
            if task:
                self._compiled[task.address] += 1
            return task

    def stop(self, name: str) -> None:
        """Have a task stopped, soon. An empty name is none."""
        with self._lock:
            self._to_stop += filter(None, [name])

    def ask(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a short function says that needs TensorFlow: a worker runs it beside its training.

        Raises TrainingError if no worker can be had, and the LabErrors of the function.
        """
        end = time.monotonic() + ASK_SECONDS
        while not (self._workers or self._trouble) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        with self._lock:
            client = self._client
            if client is None or not self._workers:
                raise self._trouble or faults.no_answer(TimeoutError(N_("they start slowly")))
            address = random.choice(self._workers)
            self._asked[address] += 1
        try:
            answer, error = _run_at(client, address, _asked, function, args)
            if isinstance(error, MissingData):
                _send_data(client, address, error)
                answer, error = _run_at(client, address, _asked, function, args)
        except (OSError, RuntimeError, KeyError) as failure:
            raise faults.no_answer(failure) from failure
        finally:
            with self._lock:
                self._asked[address] -= 1
                self._compiled[address] += 1
        if error:
            raise error
        result: Answer = answer
        return result

    def send_data(self, missing: MissingData) -> bool:
        """Send the worker that misses images, or the base of a network, those of this machine.

        False if it does not answer. Raises `missing` if there is nobody to send them, or if this
        machine misses them too. Workers of our own have the same images and files.
        """
        of_a_run = "base" in missing.values and bases.received(str(missing.values["base"]))
        if self._client is None or not (self.remote or of_a_run):
            raise missing
        try:
            _send_data(self._client, str(missing.values["worker"]), missing)
        except (OSError, RuntimeError, KeyError):
            return False
        return True

    def _connection(self) -> "Client":
        if self._client is None:
            raise OSError("there is no connection")
        return self._client


def _send_data(client: "Client", address: str, missing: MissingData) -> None:
    wanted, base = missing.values.get("data"), str(missing.values.get("base"))
    try:
        if isinstance(wanted, DataSpec):
            _run_at(client, address, images.receive, images.load(wanted).whole)
        else:
            _run_at(client, address, bases.receive, base, bases.content(base))
    except MissingData:
        raise missing from None


def _run_at(client: "Client", address: str, function: Callable[..., Any], *args: Any) -> Any:
    """Run a function on a worker, beside its training. Raises OSError if it does not answer."""
    run = client._run  # client.run waits for ever for a worker that hangs
    wait = ASK_SECONDS
    return client.sync(run, function, *args, workers=[address], callback_timeout=wait)[address]


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
