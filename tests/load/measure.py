"""What is measured of a server under load: memory, processor, waiting times, trainings."""

import asyncio
import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil  # type: ignore[import-untyped]
from distributed import Client, rpc

from core.engine import worker
from core.store import Store
from tests.browser import Server
from tests.load.session import Timing

SAMPLE_SECONDS = 5.0
START_SECONDS = 60.0


class Gauge:
    """Memory of the server's process in MB and its processor time, sampled in the background."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.process.pid)
        self._workers = [process.pid for process in server.processes()]
        self._begun = time.monotonic()
        self._processor = self._spent()
        self.samples: list[tuple[float, float]] = []
        """Seconds since the start, and the memory at that time."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._begun
        self.cores = (self._spent() - self._processor) / self.seconds
        self._ended.set()
        self._thread.join()

    def _spent(self) -> float:
        spent = self._process.cpu_times()
        return float(spent.user + spent.system)

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            memory = self._process.memory_info().rss / 2**20
            self.samples.append((time.monotonic() - self._begun, memory))

    def minutes(self) -> tuple[float, float]:
        """The mean memory in the second minute and in the last one."""
        early = [memory for when, memory in self.samples if 60 <= when < 120]
        late = [memory for when, memory in self.samples if when >= self.seconds - 60]
        return statistics.mean(early), statistics.mean(late)


class Trainings:
    """Which tasks began to train which run, as the workers tell it to all who listen."""

    def __init__(self, server: Server, workers: int) -> None:
        self.tasks: dict[str, set[str]] = defaultdict(set)
        self._client = _scheduler_of(server)
        self._client.wait_for_workers(workers, timeout=START_SECONDS)
        self._client.subscribe_topic(worker.TOPIC, self._heard)

    def _heard(self, event: tuple[float, dict[str, Any]]) -> None:
        task = event[1]["task"]  # the key of its run, and a name of its own
        self.tasks[task.rpartition("-")[0]].add(task)

    def close(self) -> None:
        """Listen no more; the workers go on."""
        self._client.close()


def _scheduler_of(server: Server) -> Client:
    """A client of the scheduler inside of the server, which may have to start first."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        for connection in psutil.Process(server.process.pid).net_connections("tcp"):
            address = f"tcp://127.0.0.1:{connection.laddr.port}"
            if connection.status == psutil.CONN_LISTEN and asyncio.run(_is_scheduler(address)):
                return Client(address, set_as_default=False)
        time.sleep(0.2)
    raise AssertionError("the server has no scheduler")


async def _is_scheduler(address: str) -> bool:
    """Does a scheduler listen there? The server listens with other things as well."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(2), rpc(address) as remote:
            return bool((await remote.identity())["type"] == "Scheduler")
    return False


def tracebacks(log: str) -> list[str]:
    """What went wrong, by the server's log."""
    # Starlette's own words for a tab that is closed while the server sends something to it.
    closing = r"Exception in ASGI application\n(.*\n)*?\S*WebSocketDisconnected: Cannot call.*\n"
    return re.sub(closing, "", log).split("Traceback")[1:]


def drained(cache: Path, seconds: float) -> bool:
    """Wait until no run is queued or under way; False if that takes longer."""
    store, end = Store(cache), time.monotonic() + seconds
    while any(claim.alive for claim in store.claims()):
        if time.monotonic() > end:
            return False
        time.sleep(1.0)
    return True


def percentile(values: Sequence[float], share: float = 0.95) -> float:
    """The smallest value that this share of the values does not exceed."""
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def table(timings: Iterable[Timing], ticks: Sequence[float]) -> str:
    """Count, median, 95th percentile and longest wait for each kind of action, as Markdown."""
    kinds = defaultdict(list)
    for timing in timings:
        kinds[timing.kind].append(timing.seconds)
    everything = [seconds for values in kinds.values() for seconds in values]
    rows = [
        *sorted(kinds.items()),
        ("**all actions**", everything),
        ("progress, each second", ticks),
    ]
    lines = ["| action | count | median | 95% | longest |", "|---|--:|--:|--:|--:|"]
    for kind, values in rows:
        if values:
            figures = (statistics.median(values), percentile(values), max(values))
            shown = " | ".join(f"{seconds:.2f} s" for seconds in figures)
            lines.append(f"| {kind} | {len(values):,} | {shown} |")
    return "\n".join(lines)
