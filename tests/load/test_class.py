"""A class at once: many students on one server, each a session of its own, for some minutes.

    python -m pytest -n 0 -m load tests/load

A lesson is `--load-minutes 45`, and fewer students are `--load-students 10`; LAB_DATA gives them
the full data. Nothing else should run on the machine: students and server share it, and waiting
times are what this test is about.
"""

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import data as datasets
from core import labs
from core.data.mnist import DATASET as MNIST
from core.labs import LABS
from core.labs.steps import OVERVIEW
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Store
from tests.browser import DIGITS, Server, start_server
from tests.load.measure import Gauge, Trainings, drained, percentile, table, tracebacks
from tests.load.session import NoAnswer, Session, Timing

WORKERS = 2
FULL = bool(os.environ.get("LAB_DATA"))
DRAIN = 1800.0
"""Seconds that the queue may take after the students have left."""
LIMIT = 2.0
"""Seconds within which 95% of all actions must be answered."""
GROWTH = 0.03
"""How much more memory the last ten minutes may take than the tenth to the twentieth."""

THINKING = (2.0, 8.0)
"""Seconds between two actions of a student."""
ARRIVING = 10.0
"""Seconds within which all of them open the lab."""
EVERY = 60.0
"""Seconds from one appointment to the next: then a group starts the same variant at once."""
TOGETHER = (3, 1, 7, 2, 5, 4)
"""The variants of these appointments; students by themselves choose among the others."""
ALONE = (0, 6, 8, 9)

SHORT_RUN, LONG_RUN = ((4, 128), (20, 64)) if FULL else ((80, 8), (100, 2))
"""The most epochs of a run with own settings, at least half as many, and its batch size: so that
two workers have enough to do for the whole time, and a run that is to be stopped goes on for long.
"""

READING = ("overview", "data", "network", "check", "mistakes", "results", "optimizers", "motion")
FINISHED = "Test accuracy"

pytestmark = pytest.mark.load


@dataclass
class Register:
    """What the class asked for: how often a run was started and stopped, and which shall end."""

    data: DataSpec
    started: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    wanted: set[str] = field(default_factory=set)

    def start(self, key: str) -> None:
        """Somebody presses the button that starts a run."""
        self.started[key] += 1
        self.wanted.add(key)

    def stop(self, key: str) -> None:
        """Its only owner presses the button that stops it."""
        self.stopped[key] += 1
        self.wanted.discard(key)

    def variant(self, number: int) -> str:
        """The key of a variant's run."""
        return labs.choose("digits", f"{number}", self.data, {}).spec.key

    def own(self, neurons: int, epochs: int, batch_size: int, seed: int) -> str:
        """The key of a run with own settings; all others are as the sidebar has them at first."""
        train = TrainSpec(epochs, batch_size, 0.2, seed)
        return RunSpec(self.data, dense_network((neurons,)), optimizer_spec(), train).key


class Student:
    """What a student does with the lab, at random, but the same each time."""

    def __init__(self, number: int, server: Server, register: Register, seconds: float) -> None:
        self.session = Session(server.url)
        self.register = register
        self._seconds = seconds
        self._number = number
        self._random = random.Random(number)
        self._key = register.variant(0)
        self._mine = False
        self._seeds = 0
        self._lab = next(iter(LABS))

    async def live(self, begin: float, appointments: list[asyncio.Barrier]) -> None:
        """Open the lab, and do one thing after the other until the time is over."""
        await asyncio.sleep(begin - time.monotonic() + self._random.uniform(0, ARRIVING))
        await self.session.open()
        await self.own()
        await self.train()
        doings = {
            self.variant: 1,
            self.own: 2,
            self.train: 5,
            self.read: 5,
            self.rules: 1,
            self.draw: 2,
            self.results: 1,
        }
        met = 0
        while time.monotonic() < begin + self._seconds:
            if met < len(appointments) and time.monotonic() > begin + ARRIVING + met * EVERY:
                await self.meet(TOGETHER[met % len(TOGETHER)], appointments[met])
                met += 1
            [doing] = self._random.choices([*doings], [*doings.values()])
            await doing()
        await self.session.close()

    async def go(self, name: str) -> None:
        """Go to a step, in the first lab that has it."""
        steps = ((lab, step) for lab in LABS.values() for step in lab.steps)
        lab, step = next((lab, step) for lab, step in steps if step.name == name)
        if lab.name != self._lab:
            await self.session.go(OVERVIEW.title)  # which every lab has
            await self.session.set("Lab", lab.title, sidebar=True)
            self._lab = lab.name
        await self.session.go(step.title)

    async def think(self) -> None:
        """Look at the page, while what is on it goes on."""
        await self.session.look(self._random.uniform(*THINKING))

    async def variant(self, number: int | None = None) -> None:
        """Choose a variant of the table."""
        await self.go("overview")
        number = self._random.choice(ALONE) if number is None else number
        await self.session.set("Variant", f"{number or '0 (worked example)'}", sidebar=True)
        self._key, self._mine = self.register.variant(number), False
        await self.think()

    async def own(self) -> None:
        """Choose own settings, which nobody else has: some that train long, to be stopped."""
        await self.go("overview")
        await self.session.set("Variant", "Own settings", sidebar=True)
        self._seeds += 1
        long = self._random.random() < 0.2
        seed = 1000 * (self._number + 1) + self._seeds
        neurons = self._random.choice((8, 16, 32))
        most, batch_size = LONG_RUN if long else SHORT_RUN
        epochs = self._random.randint(most // 2, most)
        fields = {"Neurons in layer 1": neurons, "Epochs": epochs, "Batch size": batch_size}
        for label, value in {**fields, "Seed": seed}.items():
            await self.session.look(self._random.uniform(0.5, 2))
            await self.session.set(label, value, sidebar=True)
        self._key, self._mine = self.register.own(neurons, epochs, batch_size, seed), True
        await self.think()

    async def train(self) -> None:
        """Go to the page Train, start the run unless it is there, and watch it for a while."""
        await self.go("train")
        await self.think()
        await self.start()
        patience = self._random.uniform(3, 30)
        stops = self._mine and self._random.random() < 0.4
        if await self.session.look(patience / (4 if stops else 1), self.finished) or not stops:
            return await self.think()
        if self.session.page.find("Stop"):
            self.register.stop(self._key)
            await self.session.press("Stop", "stop")
            await self.session.look(5, lambda: self.session.page.find("Start again"))
        await self.think()

    def finished(self) -> bool:
        """Does the page show a finished run?"""
        return self.session.page.metric(FINISHED) is not None

    async def start(self) -> None:
        """Press the button that starts the run, if the page has it; then the page must show it."""
        page = self.session.page
        label = next((name for name in ("Start training", "Start again") if page.find(name)), None)
        if label is None:
            return
        self.register.start(self._key)
        await self.session.press(label, "start")
        shown = self.finished() or page.find("Start again") or any(page.of("progress"))
        if not shown:
            raise NoAnswer(f"the training did not start: {page.texts()}")

    async def meet(self, number: int, appointment: asyncio.Barrier) -> None:
        """Choose a variant and start it at the same moment as the others of the group."""
        await self.variant(number)
        await self.go("train")
        with suppress(TimeoutError):  # whoever is not there by then has a reason of their own
            async with asyncio.timeout(EVERY):
                await appointment.wait()
        await self.start()
        await self.session.look(20, self.finished)

    async def read(self) -> None:
        """Read a page, and try what is on it."""
        await self.go(self._random.choice(READING))
        await self.think()
        tries = {
            r"Training image, from 0 to \d+": self._random.randrange(1000),
            r"Any other test image, from 0 to \d+": self._random.randrange(200),
            "Zoom in on the best rows": self._random.random() < 0.5,
        }
        for label, value in tries.items():
            if self.session.page.find(label):
                await self.session.set(label, value)
                await self.think()
        if cells := self.session.page.find("Look into one cell, the largest first"):
            await self.session.set(cells.content.label, self._random.choice(cells.content.options))
            await self.think()

    async def rules(self) -> None:
        """Read the update rule of an optimizer."""
        await self.go("rules")
        await self.think()
        widget = self.session.page.find("Optimizer")
        assert widget is not None
        await self.session.set("Optimizer", self._random.choice(widget.content.options))
        await self.think()

    async def draw(self) -> None:
        """Draw digits, and see that a network reads them."""
        await self.go("draw")
        for _ in range(self._random.randint(1, 3)):
            await self.think()
            await self.session.draw(DIGITS[self._random.choice(list(DIGITS))])
            # A page that begins again just then, as a training ends, has the answer a moment later.
            if not await self.session.look(20, lambda: self.session.page.metric("Answer")):
                self.session.problems.append("Draw: no answer to a drawing")
        await self.think()

    async def results(self) -> None:
        """Take the results home, if there are some."""
        await self.go("results")
        await self.think()
        if self.session.page.find(r"Everything \(zip\)"):
            await self.session.download(r"Everything \(zip\)")


async def attend(students: list[Student], seconds: float) -> list[BaseException]:
    """Let all students live at once; what went wrong with any of them."""
    loop, begin = asyncio.get_running_loop(), time.monotonic()
    loop.set_default_executor(ThreadPoolExecutor(len(students)))
    group = students[::5]
    meetings = max(1, int((seconds - ARRIVING) // EVERY))
    appointments = [asyncio.Barrier(len(group)) for _ in range(meetings)]
    lives = [student.live(begin, appointments if student in group else []) for student in students]
    ended = await asyncio.gather(*lives, return_exceptions=True)
    return [error for error in ended if error]


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """The full data if LAB_DATA names them, otherwise the small ones."""
    found: Path = request.getfixturevalue("full_data" if FULL else "small_mnist")
    return found


@pytest.fixture
def register(folder: Path) -> Register:
    digest = datasets.load(datasets.Source(MNIST, "LAB_DATA", folder, 0)).digest
    return Register(DataSpec("mnist", digest))


@pytest.fixture
def server(cache: Path, folder: Path) -> Iterator[Server]:
    """A server with workers, which its first visitor makes it start."""
    started = start_server(cache, folder, WORKERS)

    async def visit() -> None:
        session = Session(started.url)
        await session.open()
        await session.close()

    asyncio.run(visit())
    yield started
    if started.process.poll() is None:
        started.end()


def test_a_class_of_students_at_once(
    cache: Path,
    server: Server,
    register: Register,
    capsys: pytest.CaptureFixture[str],
    pytestconfig: pytest.Config,
) -> None:
    count = pytestconfig.getoption("load_students")
    seconds = 60 * pytestconfig.getoption("load_minutes")
    trainings = Trainings(cache)
    students = [Student(number, server, register, seconds) for number in range(count)]
    with Gauge(server) as gauge:
        errors = asyncio.run(attend(students, seconds))
    in_time = drained(cache, DRAIN)
    server.end()
    store = Store(cache)
    sessions = [student.session for student in students]
    faults = Counter(map(repr, errors))
    faults.update(problem for session in sessions for problem in session.problems)
    with capsys.disabled():
        print(report(sessions, gauge, register, len(store.runs())))
        print(*(f"{count} × {fault}" for fault, count in faults.most_common()), sep="\n")
    assert not faults
    assert not tracebacks((cache / "server.log").read_text())
    assert in_time, "the queue is not empty"
    check_runs(store, register, trainings)
    check_memory(gauge)
    check_waiting([timing for session in sessions for timing in session.timings])


def report(sessions: list[Session], gauge: Gauge, register: Register, stored: int) -> str:
    """The figures, for people."""
    timings = [timing for session in sessions for timing in session.timings]
    ticks = [seconds for session in sessions for seconds in session.ticks]
    minutes = " ".join(f"{memory:.0f}" for memory in gauge.minutes())
    return f"""
{len(sessions)} students, {gauge.seconds:.0f} s, {WORKERS} workers, {os.cpu_count()} cores:

{table(timings, ticks)}

Runs: {len(register.started)}, started {register.started.total()} times and stopped \
{register.stopped.total()} times; {stored} in the store.
The server's process: {gauge.cores:.2f} cores, and in each minute {minutes} MB.
"""


def check_runs(store: Store, register: Register, trainings: Trainings) -> None:
    """No run was lost or trained twice, and none was trained that nobody asked for."""
    stored = [run.key for run in store.runs()]
    assert len(stored) == len(set(stored))
    assert set(stored) <= set(register.started)
    assert register.wanted <= set(stored), "runs are lost"
    left = {claim.key: claim.state for claim in store.claims()}
    assert set(left.values()) <= {"stopped"}, left
    assert set(left) <= set(register.stopped) - register.wanted
    assert not (store.cache / "damaged").exists()
    trained = trainings.counted()
    assert set(stored) <= set(trained)
    twice = {key: n for key, n in trained.items() if n > 1 + register.stopped[key]}
    assert not twice, "runs were trained more often than they were asked for"


def check_memory(gauge: Gauge) -> None:
    """The server does not grow while a lesson goes on; a shorter trial says nothing of it."""
    minutes = gauge.minutes()
    if len(minutes) >= 30:
        early, late = statistics.mean(minutes[10:20]), statistics.mean(minutes[-10:])
        assert late < (1 + GROWTH) * early


def check_waiting(timings: list[Timing]) -> None:
    """Pages answer while trainings go on."""
    assert percentile([timing.seconds for timing in timings]) < LIMIT
