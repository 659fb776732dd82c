"""What becomes of a run between students, workers and the store, without any of the workers."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.engine.faults import MAX_FAULTS
from core.engine.queue import Job, Queue
from core.errors import StoreError, TrainingError
from core.store import Store
from tests.test_runs import FILES, SPEC, record


@pytest.fixture
def queue(cache: Path) -> Queue:
    return Queue(Store(), "here")


def taken(queue: Queue) -> Job:
    """The job that a worker gets."""
    job = queue.take()
    assert job
    return job


def refuse(*_: object) -> None:
    raise StoreError("The database is locked.")


def test_a_claim_that_cannot_be_removed_goes_with_the_next_beat(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.submit(SPEC, "ada")
    job = taken(queue)
    queue.store.save(SPEC, record(), FILES)
    with monkeypatch.context() as patch:
        patch.setattr(queue.store, "release", refuse)
        queue.finish(job)
    assert queue.claimed(SPEC.key) is None, "nobody waits for it any longer"
    assert queue.store.claimed(SPEC.key)
    assert queue.stop(SPEC.key, "ada") == ""
    queue.live()
    assert queue.store.claimed(SPEC.key) is None
    assert not queue.owns(SPEC.key)


def test_how_a_run_ended_is_written_when_it_can_be(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.submit(SPEC, "ada")
    job = taken(queue)
    with monkeypatch.context() as patch:
        patch.setattr(queue.store, "update", refuse)
        queue.end(job, TrainingError("It failed."))
    stored = queue.store.claimed(SPEC.key)
    assert stored
    assert stored.state == "queued"
    queue.live()
    stored = queue.store.claimed(SPEC.key)
    assert stored
    assert (stored.state, stored.reason) == ("failed", "It failed.")


@pytest.mark.parametrize("for_all", [False, True])
def test_a_run_that_was_stopped_elsewhere_is_taken_over_unless_it_was_for_all(
    for_all: bool, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever the sentence is: the state of the claim decides.
    monkeypatch.setattr("core.engine.queue.STOPPED_FOR_ALL", "Stopped.")
    monkeypatch.setattr("core.engine.queue.STOPPED", "Stopped.")
    there = Queue(Store(), "there")
    there.submit(SPEC, "grace")
    queue.submit(SPEC, "ada")
    assert queue.waits_elsewhere(SPEC.key)
    there.stop(SPEC.key, None if for_all else "grace")
    queue.take_over()
    assert queue.owns(SPEC.key) is not for_all
    assert not queue.waits_elsewhere(SPEC.key)


def test_a_wish_to_stop_reaches_the_process_that_trains(queue: Queue) -> None:
    there = Queue(Store(), "there")
    there.submit(SPEC, "grace")
    queue.stop(SPEC.key, None)
    assert queue.live() == set()
    assert there.live() == {SPEC.key}


def test_a_lost_run_comes_first_again_until_it_has_too_many_faults(queue: Queue) -> None:
    queue.submit(SPEC, "ada")
    queue.submit(replace(SPEC, train=replace(SPEC.train, seed=1)), "grace")
    job = taken(queue)
    first = job.task
    assert queue.again(job, first, 1)
    assert queue.waiting()[0] is job
    assert taken(queue) is job
    assert job.task != first
    assert queue.again(job, first, MAX_FAULTS), "that task does not count any more"
    assert not queue.again(job, job.task, 1)
