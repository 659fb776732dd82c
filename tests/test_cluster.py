"""Training on other machines: a real scheduler and workers of dask, each in a folder of its own.

They are started as the README says, and share neither the disk nor the images with the server.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from core import data as datasets
from core import labs
from core.data.mnist import DATASET as MNIST
from core.engine import Engine, alone, cluster, worker
from core.networks import blocks
from core.networks.bases import BASES
from core.networks.layers import Dense
from core.optimizers import finder
from core.specs import (
    DataSpec,
    NetworkSpec,
    RunSpec,
    TrainSpec,
    dense_network,
    optimizer_spec,
)
from core.store import Run, Store
from tests.test_bases import save
from tests.test_engine import client_of, finish, runs_with_epochs, state, until

pytestmark = pytest.mark.slow


@dataclass
class Machines:
    """A scheduler and workers, as on other computers: without a copy of the lab or of the data."""

    folder: Path
    port: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self, name: str, *arguments: str) -> None:
        """Start one of them in a folder of its own."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LAB_")}
        kept.pop("PYTHONPATH", None)
        with (home / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                cwd=home,
                env={**kept, "HOME": str(home), "KERAS_HOME": str(home)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_scheduler(self) -> None:
        arguments = ("--host", "127.0.0.1", "--port", str(self.port))
        self.start("scheduler", "scheduler", *arguments, "--dashboard-address", "127.0.0.1:0")

    def start_worker(self, name: str) -> None:
        self.start(name, "worker", self.address, "--nthreads", "1")

    def kill(self, name: str) -> None:
        """End one of them and its children as a power cut would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """A scheduler and two workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = Machines(tmp_path / "machines", port)
    started.folder.mkdir()
    started.start_scheduler()
    for name in ("one", "two"):
        started.start_worker(name)
    yield started
    for name in list(started.processes):
        started.kill(name)


@pytest.fixture
def engine(
    machines: Machines, small_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """An engine that trains on those machines; it has the images, and they have not."""
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    monkeypatch.setenv("LAB_SCHEDULER", machines.address)
    remote = Engine(Store())
    remote.start()
    until(lambda: len(remote.workers) == 2)
    client_of(remote).run(worker.prepare)  # so that both begin with their runs at once
    yield remote
    remote.close()


@pytest.fixture
def spec(small_mnist: Path) -> RunSpec:
    digest = datasets.load(datasets.Source(MNIST, "LAB_DATA", small_mnist, 0)).digest
    return RunSpec(
        DataSpec("mnist", digest), dense_network((32,)), optimizer_spec(), TrainSpec(3, 20, 0.2)
    )


def long(spec: RunSpec, seed: int = 0) -> RunSpec:
    return replace(spec, network=dense_network((256, 256)), train=TrainSpec(100, 2, 0.2, seed))


def weights(run: Run, folder: Path) -> list[np.ndarray]:
    import keras

    path = folder / "model.keras"
    path.write_bytes(run.read("model.keras"))
    model = keras.models.load_model(path)
    assert model
    found: list[np.ndarray] = model.get_weights()
    return found


def test_both_ways_give_equal_runs(
    engine: Engine, spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [replace(spec, train=replace(spec.train, seed=seed)) for seed in range(4)]
    for one in specs:
        engine.submit(one, "ada")
    remote = [finish(engine, one) for one in specs]
    assert len(engine.workers) == 2
    monkeypatch.delenv("LAB_SCHEDULER")
    embedded = Engine(Store(tmp_path / "other"), workers=2)
    try:
        for one, there in zip(specs, remote, strict=True):
            embedded.submit(one)
            here = finish(embedded, one)
            assert [replace(e, seconds=0) for e in here.epochs] == [
                replace(e, seconds=0) for e in there.epochs
            ]
            assert here.read("predictions.npy") == there.read("predictions.npy")
            for ours, theirs in zip(weights(here, tmp_path), weights(there, tmp_path), strict=True):
                np.testing.assert_array_equal(ours, theirs)
            assert (here.dataset, here.versions) == (there.dataset, there.versions)
    finally:
        embedded.close()


def test_what_a_run_begins_with_travels_too(
    engine: Engine, spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Path(os.environ["LAB_DATA"])
    (tmp_path / "data").mkdir()
    shutil.copy(here / "mnist.npz", tmp_path / "data")
    arrays = [np.full(shape, 0.01, np.float32) for shape in blocks.shapes(blocks.MOBILENET_V2)]
    save(tmp_path / "data" / BASES["mobilenet_v2"].file, arrays)
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))
    drawing, store = labs.base("drawing", engine.store), Store(tmp_path / "other")
    for base in (drawing, labs.base("mobilenet_v2", engine.store, side=32)):
        one = replace(spec, network=NetworkSpec((base, Dense(6))))
        engine.submit(one)
        there = finish(engine, one)
        found = alone.train(one, store, lambda claim: None)
        np.testing.assert_allclose(found.predictions, there.predictions, atol=1e-5)
        assert [e.loss for e in found.epochs] == pytest.approx([e.loss for e in there.epochs])


def test_progress_and_a_stop_travel(engine: Engine, spec: RunSpec) -> None:
    both = [long(spec, 0), long(spec, 1)]
    for run in both:
        engine.submit(run, "ada")
    claims = [runs_with_epochs(engine, run) for run in both]
    assert len({claim.machine for claim in claims}) == 2, "one on each worker"
    sweep = engine.ask(finder.sweep, finder.for_sweep(spec))
    assert len(sweep.losses)
    engine.stop(both[0].key, "ada")
    assert state(engine, both[0]) == "stopped"
    until(lambda: len(engine._fleet.busy) == 1)
    engine.submit(spec, "ada")
    assert finish(engine, spec).spec == spec
    assert state(engine, both[1]) == "running"


def test_a_machine_that_is_switched_off_and_one_that_joins(
    engine: Engine, machines: Machines, spec: RunSpec
) -> None:
    runs = [replace(long(spec, seed), train=TrainSpec(30, 2, 0.2, seed)) for seed in range(2)]
    for run in runs:
        engine.submit(run, "ada")
    for run in runs:
        runs_with_epochs(engine, run)
    machines.kill("one")
    until(lambda: len(engine.workers) == 1)
    machines.start_worker("three")
    for run in runs:
        assert finish(engine, run).spec == run
    until(lambda: len(engine.workers) == 2)


def test_a_scheduler_that_starts_again(engine: Engine, machines: Machines, spec: RunSpec) -> None:
    spec = replace(long(spec), train=TrainSpec(30, 2, 0.2))
    engine.submit(spec, "ada")
    runs_with_epochs(engine, spec)
    machines.kill("scheduler")
    until(lambda: engine.trouble)
    assert state(engine, spec) == "queued", "it is not lost, and not failed"
    until(lambda: "cannot be reached: runs wait" in str(engine.trouble))
    for name in ("one", "two"):
        machines.kill(name)
    machines.start_scheduler()
    until(lambda: "has no workers: runs wait" in str(engine.trouble))
    machines.start_worker("one")
    assert finish(engine, spec).spec == spec
    assert engine.trouble is None
    assert engine.students(spec.key) == frozenset()


def test_the_code_for_other_machines_is_whole_and_always_the_same() -> None:
    code = cluster._code()
    assert cluster._code() == code
    with zipfile.ZipFile(BytesIO(code)) as file:
        names = file.namelist()
        assert {"core/__init__.py", "core/engine/worker.py", "core/data/mnist.py"} <= set(names)
        assert all(name.endswith(".py") for name in names)
