"""A run in this process, beside others that share its store."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import data as datasets
from core.data.mnist import DATASET as MNIST
from core.engine import alone
from core.errors import Stopped, TrainingError
from core.specs import DataSpec, RunSpec, TrainSpec, dense_network, optimizer_spec
from core.store import Claim, Run, Store
from core.training.run import run as train

LONG = TrainSpec(100, 2, 0.2)


@pytest.fixture(autouse=True)
def data(cache: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> datasets.Dataset:
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    return datasets.load(datasets.locate(MNIST))


@pytest.fixture
def spec(data: datasets.Dataset) -> RunSpec:
    images = DataSpec("mnist", data.digest)
    return RunSpec(images, dense_network((8,)), optimizer_spec(), TrainSpec(2, 50, 0.2))


def in_thread(spec: RunSpec, on_progress: Callable[[Claim], None]) -> Callable[[], Run]:
    """Train in a thread with a store of its own, as another process would; gives its run."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(alone.train, spec, Store(), on_progress)
    pool.shutdown(wait=False)
    return lambda: future.result(timeout=120)


def test_it_gives_and_stores_the_run_and_shows_it_under_way(spec: RunSpec) -> None:
    store = Store()
    seen: list[Claim | None] = []
    run = alone.train(spec, store, lambda claim: seen.append(Store().claimed(spec.key)))
    assert [claim and claim.state for claim in (seen[0], seen[-1])] == ["importing", "saving"]
    assert seen[-1]
    assert len(seen[-1].epochs) == 2
    assert store.claims() == []
    outcome = train(spec, lambda moment: None)
    assert [row.loss for row in run.epochs] == [row["loss"] for row in outcome.record["epochs"]]
    assert np.array_equal(run.predictions, store.runs()[0].predictions)


def test_a_finished_run_is_not_trained_again(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = alone.train(spec, Store(), lambda claim: None)
    monkeypatch.delattr(alone, "run")
    assert alone.train(spec, Store(), lambda claim: None).key == first.key


@pytest.mark.slow
def test_two_at_once_train_it_once(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def noted(*args: Any) -> Any:
        trained.append(args[0])
        return train(*args)

    monkeypatch.setattr(alone, "run", noted)
    started = threading.Event()
    first = in_thread(spec, lambda claim: started.set())
    assert started.wait(120)
    states: list[str] = []
    second = alone.train(spec, Store(), lambda claim: states.append(claim.state))
    assert first().key == second.key
    assert trained == [spec]
    assert states, "it shows how far the other one is"


@pytest.mark.slow
def test_it_trains_what_another_process_gives_up(spec: RunSpec) -> None:
    store = Store()
    assert store.claim(spec, "another")
    waiting = threading.Event()
    result = in_thread(spec, lambda claim: waiting.set())
    assert waiting.wait(120)
    assert store.find(spec.key) is None
    store.end_beat("another")
    assert result().key == spec.key


@pytest.mark.slow
def test_a_stop_for_all_ends_it_and_keeps_its_curves(spec: RunSpec) -> None:
    wide = replace(spec, network=dense_network((256, 256)), train=LONG)

    def stop(claim: Claim) -> None:
        if claim.epochs:
            Store().ask_to_stop(wide.key)

    with pytest.raises(Stopped, match="stopped by the teacher"):
        alone.train(wide, Store(), stop)
    claim = Store().claimed(wide.key)
    assert claim
    assert (claim.state, claim.stopped_for_all) == ("stopped", True)
    assert claim.epochs


def test_ctrl_c_leaves_it_as_interrupted(spec: RunSpec) -> None:
    def press(claim: Claim) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alone.train(spec, Store(), press)
    claim = Store().claimed(spec.key)
    assert claim
    assert claim.state == "interrupted"


def test_a_failure_is_a_sentence_here_and_in_the_store(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise MemoryError

    monkeypatch.setattr(alone, "run", fail)
    with pytest.raises(TrainingError, match="There was not enough memory"):
        alone.train(spec, Store(), lambda claim: None)
    claim = Store().claimed(spec.key)
    assert claim
    assert claim.state == "failed"
    assert str(claim.error).startswith("There was not enough memory")
