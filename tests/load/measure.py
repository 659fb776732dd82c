"""What is measured of a server under load: memory, processor, waiting times, trainings."""

import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import psutil  # type: ignore[import-untyped]

from core.store import Store
from core.store.database import Database
from tests.browser import Server
from tests.load.session import Timing

SAMPLE_SECONDS = 5.0


class Gauge:
    """Memory of the server's process in MB and its processor time, sampled in the background."""

    def __init__(self, server: Server) -> None:
        self._process = psutil.Process(server.process.pid)
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

    def minutes(self) -> list[float]:
        """The mean memory of every minute that is over."""
        samples = defaultdict(list)
        for when, memory in self.samples:
            samples[when // 60].append(memory)
        return [statistics.mean(samples[n]) for n in range(int(self.seconds // 60))]


class Trainings:
    """How often a worker began to train which run, by a note that the database itself keeps."""

    def __init__(self, cache: Path) -> None:
        self._database = Database(cache)
        with self._database.transaction() as connection:
            connection.execute("CREATE TABLE trainings (key TEXT)")
            connection.execute(
                "CREATE TRIGGER begun AFTER UPDATE OF state ON claims "
                "WHEN new.state = 'importing' AND old.state <> 'importing' "
                "BEGIN INSERT INTO trainings VALUES (new.key); END"
            )

    def counted(self) -> dict[str, int]:
        """How often each run began."""
        return dict(self._database.rows("SELECT key, count(*) FROM trainings GROUP BY key"))


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
