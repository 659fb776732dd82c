"""The engine as it is: a real cluster, TensorFlow in its workers, small data."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest
from distributed import Client

from core import data as datasets
from core.data.mnist import DATASET as MNIST
from core.engine import Engine, fleet, worker
from core.engine.fleet import SILENT_SECONDS
from core.errors import DataError, Stopped, StoreError, TrainingError, UsageError
from core.networks.frozen import base_of_run
from core.networks.layers import Channel, Conv2D, Dense, Flatten
from core.optimizers import finder
from core.optimizers import surfaces as motion
from core.specs import (
    DataSpec,
    NetworkSpec,
    RunSpec,
    TrainSpec,
    dense_network,
    optimizer_spec,
)
from core.store import Claim, Run, Store
from core.store.records import ALIVE
from core.training.run import run as train
from tests.conftest import fill, make_read_only

PATIENCE = 400
"""Seconds after which a condition is taken never to hold.

Workers give way to whatever else the computer does: where it is busy, starting one takes minutes.
"""

LONG = TrainSpec(100, 1, 0.2)
"""Takes a minute with WIDE, so that it runs for as long as a test looks at it."""
WIDE = dense_network((256, 256))


def until(condition: Callable[[], Any]) -> Any:
    """Wait until `condition` holds, and return its value."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return value


@pytest.fixture(autouse=True)
def data(cache: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker gets the environment of the moment when it starts, and starts again when killed."""
    monkeypatch.setenv("LAB_DATA", str(small_mnist))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, small_mnist: Path) -> Iterator[Engine]:
    """One engine with two workers for most tests; their runs differ by their seeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_DATA", str(small_mnist))
        shared = Engine(Store(tmp_path_factory.mktemp("engine")), workers=2)
        shared.start()
        until(lambda: len(shared.workers) == 2)  # the second starts later, with the same data
        yield shared
        shared.close()


@pytest.fixture
def spec(engine: Engine, request: pytest.FixtureRequest, small_mnist: Path) -> Iterator[RunSpec]:
    """A small run of this test's own; whatever of it is under way at the end is stopped."""
    digest = datasets.load(datasets.Source(MNIST, "LAB_DATA", small_mnist, 0)).digest
    seed = zlib.crc32(request.node.nodeid.encode()) % 10**6
    yield RunSpec(
        DataSpec("mnist", digest),
        dense_network((8,)),
        optimizer_spec(),
        TrainSpec(2, 50, 0.2, seed),
    )
    for claim in engine.store.claims():
        engine.stop(claim.key)
    until(lambda: not any(engine.owns(claim.key) for claim in engine.store.claims()))


def long(spec: RunSpec, number: int = 0) -> RunSpec:
    """A run like `spec` that takes long; another one for each number."""
    return replace(spec, network=WIDE, train=replace(LONG, seed=spec.train.seed + number))


def state(engine: Engine, spec: RunSpec) -> str | None:
    claim = engine.store.claimed(spec.key)
    return claim.state if claim else None


def finish(engine: Engine, spec: RunSpec) -> Run:
    return engine.wait(spec, lambda claim: None)


def runs_with_epochs(engine: Engine, spec: RunSpec, count: int = 2) -> Claim:
    """Wait until the run has finished that many epochs, and return its claim."""

    def claim() -> Claim | None:
        current = engine.store.claimed(spec.key)
        assert current is not None, "the run ended before it was looked at"
        assert current.alive, current.error
        return current if current.state == "running" and len(current.epochs) >= count else None

    return until(claim)


def client_of(engine: Engine) -> Any:
    """Its connection to the cluster."""
    engine.start()
    until(lambda: engine.workers)
    return engine._fleet._client


def trainings(engine: Engine, spec: RunSpec) -> int:
    """How many tasks began to train that run."""
    events = client_of(engine).get_events(worker.TOPIC)
    return len({news["task"] for _, news in events if news["task"].startswith(spec.key)})


def worker_of(engine: Engine, spec: RunSpec) -> psutil.Process | None:
    """The process that trains the run, or None while there is none."""
    client = client_of(engine)
    for address, tasks in client.processing().items():
        if any(task.startswith(spec.key) for task in tasks):
            pid = client.run(os.getpid, workers=[address], on_error="ignore").get(address)
            return psutil.Process(pid) if pid else None
    return None


def kill_worker_of(engine: Engine, spec: RunSpec) -> int:
    """Kill the process that trains the run, once it does; wait until it is gone."""
    runs_with_epochs(engine, spec, count=1)
    process = until(lambda: worker_of(engine, spec))
    process.kill()
    until(lambda: gone(process.pid))
    # Its last report stands until the next worker has begun.
    until(lambda: state(engine, spec) != "running")
    return int(process.pid)


def gone(pid: int) -> bool:
    """True if the process ended, also if nobody asked for its exit status yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# A run and its queue


def test_a_run_goes_from_submit_to_the_store(engine: Engine, spec: RunSpec) -> None:
    engine.submit(spec)
    assert engine.owns(spec.key)
    run = finish(engine, spec)
    assert run.spec == spec
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]
    assert run.dataset == {
        "name": "mnist",
        "source": "LAB_DATA",
        "complete": False,
        "train": 800,
        "validation": 200,
        "test": 200,
        "shape": [28, 28],
        "classes": 10,
    }
    assert run.predictions.shape == (200, 10)
    assert run.misclassified == round(200 * (1 - run.test_accuracy))
    assert engine.store.find(spec.key) == run
    until(lambda: not engine.owns(spec.key))
    assert engine.store.claimed(spec.key) is None


def test_what_a_run_took_is_noted(engine: Engine, spec: RunSpec) -> None:
    before = engine._speeds.known
    engine.submit(spec)
    finish(engine, spec)
    until(lambda: engine._speeds.known == before + 1)


def test_a_finished_run_is_not_trained_again(engine: Engine, spec: RunSpec) -> None:
    engine.submit(spec)
    first = finish(engine, spec)
    engine.submit(spec)
    assert not engine.owns(spec.key)
    assert finish(engine, spec) == first
    assert trainings(engine, spec) == 1


@pytest.mark.slow
def test_a_damaged_run_is_trained_again(engine: Engine, spec: RunSpec) -> None:
    engine.submit(spec)
    run = finish(engine, spec)
    (run.folder / "model.keras").write_bytes(b"damaged")
    engine.submit(spec)
    assert finish(engine, spec).read("model.keras") != b"damaged"
    assert trainings(engine, spec) == 2


def test_many_who_ask_at_once_get_one_training(engine: Engine, spec: RunSpec) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> Run:
        start.wait()
        engine.submit(spec)
        return finish(engine, spec)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert [run.spec for run in answers] == [spec] * 8
    assert trainings(engine, spec) == 1


def test_other_programs_cannot_use_the_workers(engine: Engine) -> None:
    address = client_of(engine).scheduler.address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match=r"TCP|Timed out"):
        Client(address.replace("tls", "tcp"), timeout=2)


@pytest.mark.slow
def test_two_engines_on_one_store_train_a_run_once(engine: Engine, spec: RunSpec) -> None:
    second = Engine(Store(engine.store.cache), workers=1)
    engine.submit(spec)
    second.submit(spec)
    assert not second.owns(spec.key)
    seen: list[Claim] = []
    run = second.wait(spec, seen.append)
    assert run == finish(engine, spec)
    assert seen
    assert trainings(engine, spec) == 1
    second.stop(spec.key)  # is not its own, and there is nothing to stop
    second.close()


@pytest.mark.slow
def test_the_second_worker_starts_when_the_first_one_has_tensorflow(
    tmp_path: Path, spec: RunSpec
) -> None:
    own = Engine(Store(tmp_path / "own"), workers=2)
    try:
        own.start()
        until(lambda: len(own.workers) == 1)
        claim = Claim(spec.key, spec, "", "importing")
        assert own.expected(claim) is None
        until(lambda: own.expected(claim) is not None or len(own.workers) > 1)
        assert own.expected(claim) is not None, "the second one did not wait"
        until(lambda: len(own.workers) == 2)
        assert (own.expected(claim) or 0) > 0.5
    finally:
        own.close()


@pytest.mark.slow
def test_a_run_that_continues_another_one_gets_it_from_the_store(
    engine: Engine, spec: RunSpec
) -> None:
    begin = NetworkSpec((Channel(), Conv2D(2, 5, "relu"), Flatten()))
    first = replace(spec, network=begin)
    second = replace(spec, network=NetworkSpec((base_of_run(begin, first.key), Dense(5))))
    engine.submit(second)
    with pytest.raises(TrainingError, match=f"The run {first.key}, which this one continues, is"):
        finish(engine, second)
    for one in (first, second):
        engine.submit(one)
        found = finish(engine, one)
    began_with, ended_with = (one.network().weights[1] for one in (finish(engine, first), found))
    np.testing.assert_array_equal(ended_with[0], began_with[0])
    assert engine.ask(finder.sweep, finder.for_sweep(second)).losses.size


@pytest.mark.slow
def test_progress_is_seen_in_the_store(engine: Engine, spec: RunSpec) -> None:
    wanted = replace(spec, network=WIDE, train=replace(spec.train, epochs=40, batch_size=4))
    reader = Store(engine.store.cache)
    claims: list[Claim] = []
    engine.submit(wanted)
    while (claim := reader.claimed(wanted.key)) and claim.alive:
        claims.append(claim)
        time.sleep(0.05)
    assert finish(engine, wanted)
    states = list(dict.fromkeys(claim.state for claim in claims))
    # The short ones may pass between two looks.
    short = ("importing", "compiling", "saving")
    assert [state for state in states if state not in short] == ["queued", "running"]
    assert states == [state for state in ALIVE if state in states]
    running = [claim for claim in claims if claim.state == "running"]
    counts = [len(claim.epochs) for claim in running]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "epochs appear while it runs"
    fractions = [claim.fraction for claim in running]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] <= 1
    assert running[-1].steps == 40 * 200


def test_wait_reports_progress(engine: Engine, spec: RunSpec) -> None:
    seen: list[Claim] = []
    engine.submit(spec)
    engine.wait(spec, seen.append)
    assert seen
    assert {claim.key for claim in seen} == {spec.key}


def test_waiting_for_a_run_that_nobody_asked_for_says_so(engine: Engine, spec: RunSpec) -> None:
    with pytest.raises(TrainingError, match="left no result"):
        finish(engine, spec)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_with_and_without_the_engine(
    engine: Engine, spec: RunSpec, tmp_path: Path
) -> None:
    engine.submit(spec)
    run = finish(engine, spec)
    outcome = train(spec, lambda moment: None)

    import keras
    import numpy as np

    weights = []
    for number, content in enumerate((run.read("model.keras"), outcome.files["model.keras"])):
        path = tmp_path / f"{number}.keras"
        path.write_bytes(content)
        weights.append(keras.models.load_model(path).get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert run.read("predictions.npy") == outcome.files["predictions.npy"]


# Stopping


@pytest.mark.slow
def test_a_running_run_stops_soon_keeps_its_epochs_and_starts_again(
    engine: Engine, spec: RunSpec
) -> None:
    spec = long(spec)
    engine.submit(spec)
    before = runs_with_epochs(engine, spec)
    began = time.monotonic()
    engine.stop(spec.key)
    until(lambda: state(engine, spec) == "stopped")
    assert time.monotonic() - began < 5, "about a second where nothing else runs"
    claim = engine.store.claimed(spec.key)
    assert claim
    assert claim.epochs[: len(before.epochs)] == before.epochs
    assert isinstance(claim.error, Stopped)
    assert engine.store.find(spec.key) is None
    with pytest.raises(Stopped, match="was stopped"):
        finish(engine, spec)
    until(lambda: not engine.owns(spec.key))

    engine.submit(spec)
    assert engine.owns(spec.key)
    assert state(engine, spec) == "queued"
    runs_with_epochs(engine, spec)


@pytest.mark.slow
def test_a_queued_run_stops_at_once_and_the_others_go_on(engine: Engine, spec: RunSpec) -> None:
    first, second = long(spec), long(spec, 1)
    for busy in (first, second):
        engine.submit(busy)
        runs_with_epochs(engine, busy)
    engine.submit(spec)
    assert state(engine, spec) == "queued"
    engine.stop(spec.key)
    until(lambda: state(engine, spec) == "stopped")
    assert trainings(engine, spec) == 0
    assert state(engine, first) == state(engine, second) == "running"
    until(lambda: not engine.owns(spec.key))
    # Asked for again, it waits for a worker and then is trained.
    engine.submit(spec)
    engine.stop(first.key)
    assert finish(engine, spec).spec == spec


# A class of students


@pytest.fixture
def both_busy(engine: Engine, spec: RunSpec) -> list[RunSpec]:
    """Two long runs that keep both workers busy."""
    until(lambda: len(engine.workers) == 2)
    busy = [long(spec, 1), long(spec, 2)]
    for run in busy:
        engine.submit(run, "busy")
    until(lambda: all(state(engine, run) == "running" for run in busy))
    return busy


@pytest.mark.slow
def test_many_runs_of_one_student_do_not_hold_up_the_one_of_another(
    engine: Engine, spec: RunSpec, both_busy: list[RunSpec]
) -> None:
    many = [long(spec, number) for number in range(10, 20)]
    for run in many:
        engine.submit(run, "many")
    engine.submit(spec, "one")
    places = [engine.place(run.key) for run in (many[0], spec, *many[1:])]
    assert [place and place.number for place in places] == list(range(1, 12))
    waits = [place.seconds for place in places if place and place.seconds is not None]
    assert len(waits) == 11
    assert waits == sorted(waits)
    assert waits[-1] > waits[0] >= 0
    for busy in both_busy:
        engine.stop(busy.key, "busy")
    assert finish(engine, spec).spec == spec
    assert [state(engine, run) for run in many[1:]].count("queued") >= 7
    assert engine.place(spec.key) is None


@pytest.mark.slow
def test_a_run_ends_when_nobody_wants_it_any_more(engine: Engine, spec: RunSpec) -> None:
    spec = long(spec)
    for student in ("ada", "grace", "ada"):
        engine.submit(spec, student)
    assert engine.students(spec.key) == {"ada", "grace"}
    runs_with_epochs(engine, spec)
    engine.stop(spec.key, "ada")
    engine.stop(spec.key, "ada")
    engine.stop(spec.key, "somebody else")
    assert engine.students(spec.key) == {"grace"}
    assert state(engine, spec) == "running"
    engine.stop(spec.key, "grace")
    assert state(engine, spec) == "stopped", "at once, though the worker still has to hear of it"
    assert engine.students(spec.key) == frozenset()
    until(lambda: not engine._fleet.busy)
    assert trainings(engine, spec) == 1


def test_a_stop_without_a_name_is_for_everybody(engine: Engine, spec: RunSpec) -> None:
    spec = long(spec)
    for student in ("ada", "grace"):
        engine.submit(spec, student)
    engine.stop(spec.key)
    assert state(engine, spec) == "stopped"


@pytest.mark.slow
def test_a_run_that_another_process_stops_is_trained_here_for_those_who_wait_here(
    engine: Engine, spec: RunSpec, both_busy: list[RunSpec]
) -> None:
    other = Engine(Store(engine.store.cache), workers=1)
    try:
        other.submit(spec, "there")
        engine.submit(spec, "here")
        assert other.owns(spec.key)
        assert not engine.owns(spec.key)
        assert engine.students(spec.key) == {"here"}
        other.stop(spec.key, "there")
        until(lambda: engine.owns(spec.key))
        assert engine.students(spec.key) == {"here"}
        # The teacher stops it for all, from whichever server.
        other.stop(spec.key)
        until(lambda: state(engine, spec) == "stopped")
    finally:
        other.close()


@pytest.mark.slow
def test_a_short_question_is_answered_beside_a_training(engine: Engine, spec: RunSpec) -> None:
    both = [long(spec, 1), long(spec, 2)]
    for one in both:
        engine.submit(one)
    until(lambda: all(state(engine, one) == "running" for one in both))
    [path] = engine.ask(motion.paths, "ravine", [optimizer_spec("sgd", 0.1)], (-8.0, 3.0), 20)
    assert path.points.shape == (21, 2)
    assert [state(engine, one) for one in both] == ["running", "running"]


def test_a_question_that_fails_says_why(engine: Engine, spec: RunSpec) -> None:
    elsewhere = replace(spec, data=DataSpec("mnist", "0" * 64))
    with pytest.raises(DataError, match="changed since this run was chosen"):
        engine.ask(finder.sweep, elsewhere)


def test_stopping_what_does_not_run_does_nothing(engine: Engine, spec: RunSpec) -> None:
    engine.stop(spec.key)
    assert state(engine, spec) is None
    engine.submit(spec)
    finish(engine, spec)
    engine.stop(spec.key)
    assert engine.store.find(spec.key)


# What goes wrong


def test_other_data_than_chosen_ends_as_failed_with_its_sentence(
    engine: Engine, spec: RunSpec
) -> None:
    spec = replace(spec, data=DataSpec("mnist", "0" * 64))
    engine.submit(spec)
    with pytest.raises(TrainingError, match="The MNIST images changed since this run was chosen"):
        finish(engine, spec)
    assert state(engine, spec) == "failed"
    until(lambda: not engine.owns(spec.key))


@pytest.mark.slow
def test_a_store_that_cannot_be_written_at_the_end(engine: Engine, spec: RunSpec) -> None:
    runs = engine.store.cache / "runs"
    runs.mkdir(exist_ok=True)
    (runs / spec.key).write_text("a file where the run should go")
    before = sorted(runs.iterdir())
    engine.submit(spec)
    with pytest.raises(TrainingError, match=r"cannot be written \(Not a directory\)"):
        finish(engine, spec)
    assert state(engine, spec) == "failed"
    claim = engine.store.claimed(spec.key)
    assert claim
    assert len(claim.epochs) <= 2
    assert sorted(path for path in runs.iterdir() if path.name != ".lock") == [
        path for path in before if path.name != ".lock"
    ]
    # Once there is room, it is trained.
    until(lambda: not engine.owns(spec.key))
    (runs / spec.key).unlink()
    engine.submit(spec)
    assert finish(engine, spec).spec == spec


@pytest.mark.parametrize("how", ["full", pytest.param("read-only", marks=pytest.mark.slow)])
def test_a_disk_that_cannot_be_written_while_a_run_is_trained(
    how: str, engine: Engine, spec: RunSpec, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._queue, "store", Store(small_disk / "cache"))
    spec = replace(spec, network=WIDE, train=replace(spec.train, epochs=20, batch_size=4))
    engine.submit(spec, "ada")
    runs_with_epochs(engine, spec)
    if how == "full":
        fill(small_disk)
    else:
        make_read_only(small_disk, before=engine.store.close)
    until(lambda: not engine._queue.claimed(spec.key).alive)  # type: ignore[union-attr]
    assert engine.store.find(spec.key) is None
    if how == "read-only":  # on a full one the database may have room of its own
        with pytest.raises(StoreError, match="cannot be written"):
            engine.submit(replace(spec, train=replace(spec.train, seed=1)))
    if how == "full":
        (small_disk / "filler").unlink()
    else:
        make_read_only(small_disk, False)
    until(lambda: state(engine, spec) == "failed")
    reason = "No space left on device" if how == "full" else "Read-only file system"
    with pytest.raises(TrainingError, match=f"cannot be written .{reason}.: make room"):
        finish(engine, spec)
    claim = engine.store.claimed(spec.key)
    assert claim
    assert len(claim.epochs) == 20, "what it had reached is not lost"
    assert not list((small_disk / "cache" / "runs").glob("*"))
    until(lambda: not engine.owns(spec.key))


def test_a_store_that_cannot_be_written_starts_no_worker(tmp_path: Path, spec: RunSpec) -> None:
    file = tmp_path / "file"
    file.touch()
    before = psutil.Process().children(recursive=True)
    engine = Engine(Store(file / "cache"), workers=1)
    with pytest.raises(StoreError, match="cannot be written"):
        engine.submit(spec)
    assert not engine.owns(spec.key)
    assert psutil.Process().children(recursive=True) == before
    engine.close()


def test_the_stale_claim_of_a_dead_process_is_taken_over(engine: Engine, spec: RunSpec) -> None:
    assert engine.store.claim(spec, "elsewhere:1")
    engine.store.end_beat("elsewhere:1")
    assert state(engine, spec) == "interrupted"
    engine.submit(spec)
    assert finish(engine, spec).spec == spec


@pytest.mark.slow
def test_a_worker_killed_once_does_not_end_the_run(engine: Engine, spec: RunSpec) -> None:
    spec = replace(long(spec), train=replace(LONG, epochs=15, seed=spec.train.seed))
    engine.submit(spec)
    kill_worker_of(engine, spec)
    assert engine.owns(spec.key)
    run = finish(engine, spec)
    assert [epoch.epoch for epoch in run.epochs] == list(range(1, 16))


@pytest.mark.slow
@pytest.mark.parametrize("done", ["runs", "questions"])
def test_a_worker_is_replaced_after_many_runs_or_questions_and_the_next_run_is_trained(
    done: str, engine: Engine, spec: RunSpec
) -> None:
    before = set(engine.workers)
    engine._fleet._compiled.clear()  # what other tests did
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet, "WORN", 1)
        if done == "runs":
            engine.submit(spec)
            finish(engine, spec)
        else:
            engine.ask(motion.paths, "ravine", [optimizer_spec("sgd", 0.1)], (-8.0, 3.0), 20)
        until(lambda: set(engine.workers) - before)
    until(lambda: len(engine.workers) == 2)
    another = replace(spec, train=replace(spec.train, seed=spec.train.seed + 1))
    engine.submit(another)
    assert finish(engine, another).test_accuracy > 0


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(
    engine: Engine, spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(long(spec), train=replace(LONG, epochs=10, seed=spec.train.seed))
    engine.submit(spec)
    runs_with_epochs(engine, spec, count=1)
    process = until(lambda: worker_of(engine, spec))
    process.suspend()
    monkeypatch.setitem(SILENT_SECONDS, "running", 3.0)
    until(lambda: gone(process.pid))
    monkeypatch.setitem(SILENT_SECONDS, "running", 60.0)  # the next worker may be slow
    until(lambda: engine.places() or state(engine, spec) != "running")
    assert engine.owns(spec.key), "it is tried once more"
    engine.stop(spec.key)


def fail_for_want_of_memory(spec: RunSpec, task: str) -> None:
    raise MemoryError


def test_a_run_that_needs_too_much_memory_is_tried_twice_and_says_what_to_do(
    engine: Engine, spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def submit(self: Client, function: Any, *args: Any, **options: Any) -> Any:
        if function is worker.train:
            tried.append(args[1])
            function = fail_for_want_of_memory
        return usual(self, function, *args, **options)

    usual = Client.submit
    monkeypatch.setattr(Client, "submit", submit)
    engine.submit(spec)
    with pytest.raises(TrainingError, match="not enough memory: choose fewer neurons"):
        finish(engine, spec)
    assert len(tried) == 2
    assert state(engine, spec) == "failed"


@pytest.mark.slow
def test_runs_go_to_different_workers_also_while_these_start(cache: Path, spec: RunSpec) -> None:
    engine = Engine(Store(), workers=2)
    first, second = long(spec), long(spec, 1)
    try:
        client_of(engine)
        engine.submit(first)
        until(lambda: state(engine, first) == "running")
        engine.submit(second)
        until(lambda: state(engine, second) == "running")
        assert state(engine, first) == "running", "the second has not waited for it"
    finally:
        engine.close()


@pytest.mark.slow
def test_a_run_that_kills_its_worker_twice_fails_and_the_others_go_on(
    engine: Engine, spec: RunSpec
) -> None:
    bad, waiting = long(spec), [replace(spec, train=replace(spec.train, seed=n)) for n in range(6)]
    engine.submit(bad)
    runs_with_epochs(engine, bad)
    other = long(spec, 1)
    engine.submit(other)
    runs_with_epochs(engine, other)
    for behind in waiting:  # on either worker, behind its run
        engine.submit(behind)
    first = kill_worker_of(engine, bad)
    # Behind the good run, or on the fresh worker: the bad one gets its turn again.
    engine.stop(other.key)
    assert kill_worker_of(engine, bad) != first
    with pytest.raises(TrainingError, match="The training process was killed"):
        finish(engine, bad)
    assert state(engine, bad) == "failed"
    assert engine.store.find(bad.key) is None
    for behind in waiting:
        assert finish(engine, behind).spec == behind


@pytest.mark.slow
def test_a_death_is_counted_for_the_run_that_ran_and_not_for_those_behind_it(
    cache: Path, spec: RunSpec
) -> None:
    engine = Engine(Store(), workers=1)
    try:
        waiting = {long(spec, number) for number in range(2)}
        for run in waiting:
            engine.submit(run)
        for _ in range(2):  # each is killed once, while the other one waits or begins again
            run = until(lambda: next((r for r in waiting if state(engine, r) == "running"), None))
            kill_worker_of(engine, run)
            waiting.remove(run)
        for claim in engine.store.claims():
            assert claim.alive, claim.error
            assert engine.owns(claim.key)
    finally:
        engine.close()


# The end of an engine


def start_engine(cache: Path, spec: RunSpec, then: str) -> subprocess.Popen[str]:
    """A process with an engine that trains `spec`, and then does what `then` says.

    It prints the ids of its processes once the run has an epoch.
    """
    code = f"""
import json, time, psutil
from core.engine import Engine
from core.store import Store
from core.specs import RunSpec

if __name__ == "__main__":
    engine = Engine(Store(), workers=2)
    spec = RunSpec.from_dict(json.loads({json.dumps(json.dumps(spec.to_dict()))}))
    engine.submit(spec)
    while not engine.store.claimed(spec.key).epochs:
        time.sleep(0.02)
    print(json.dumps([p.pid for p in psutil.Process().children(recursive=True)]), flush=True)
    {then}
"""
    script = cache.parent / "program.py"
    script.write_text(code)
    root = Path(worker.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "LAB_CACHE": str(cache), "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pids_printed(program: subprocess.Popen[str]) -> list[int]:
    assert program.stdout
    line = program.stdout.readline()
    assert line, program.communicate()[1]
    pids = json.loads(line)
    assert len(pids) >= 2
    return pids


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_a_killed_process(
    cache: Path, spec: RunSpec, ending: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = long(spec)
    with start_engine(cache, spec, then="time.sleep(600)") as program:
        pids = pids_printed(program)
        program.send_signal(ending)
        program.wait(PATIENCE)
        until(lambda: all(gone(pid) for pid in pids))
    # Its claim is offered again when no beat has come for a while.
    monkeypatch.setattr("core.store.claims.STALE_AFTER", 0.5)
    store = Store(cache)
    claim = store.claimed(spec.key)
    assert claim
    assert claim.epochs
    until(lambda: (claim := store.claimed(spec.key)) and claim.state == "interrupted")


@pytest.mark.slow
def test_close_ends_the_workers_and_marks_runs_interrupted(cache: Path, spec: RunSpec) -> None:
    spec = long(spec)
    with start_engine(cache, spec, then="engine.close(); print('closed')") as program:
        pids = pids_printed(program)
        output, errors = program.communicate(timeout=PATIENCE)
        assert (output, program.returncode) == ("closed\n", 0), errors
        assert errors == ""
        until(lambda: all(gone(pid) for pid in pids))
    claim = Store(cache).claimed(spec.key)
    assert claim
    assert claim.state == "interrupted"
    [(written,)] = Store(cache)._database.rows("SELECT state FROM claims")
    assert written == "interrupted", "not only by its age"
    assert claim.epochs
    assert "interrupted: start it again" in claim.error.sentence()
    assert Store(cache).claim(spec, "another"), "it can be started again at once"


def test_an_engine_that_was_never_used_closes(cache: Path) -> None:
    Engine(Store()).close()
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LAB_SCHEDULER", "teacher:8786", "give an address such as tcp://192"),
        ("LAB_SCHEDULER", "http://teacher:8786", "give an address such as tcp://192"),
        ("LAB_STORE_GB", "0", "give a number of gigabytes such as 2 or 0.5"),
        ("LAB_STORE_GB", "-1", "give a number of gigabytes such as 2 or 0.5"),
        ("LAB_STORE_GB", "2 GB", "give a number of gigabytes such as 2 or 0.5"),
        ("LAB_WORKERS", "0", "give a number from 1 to 64"),
    ],
)
def test_a_wrong_setting_is_refused_at_the_start(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=message):
        Engine(Store())


def test_training_errors_come_back_from_a_worker_as_they_were() -> None:
    for error in (TrainingError("{kind} happened.", kind="Thing"), Stopped("Stopped.")):
        back = pickle.loads(pickle.dumps(error))
        assert type(back) is type(error)
        assert (back.message, back.values) == (error.message, error.values)
        assert str(back) == str(error)
