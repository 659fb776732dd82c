"""What is under way: claims, signs of life, wishes to stop, and the database that holds them."""

import math
import multiprocessing
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreError
from core.specs import RunSpec
from core.store import Claim, State, Store, database
from core.store import claims as module
from core.training.epochs import Epoch
from tests.test_runs import EPOCHS, FILES, SPEC, record, seed


@pytest.fixture
def store(cache: Path) -> Store:
    return Store()


# Claims


def claims_won(cache: Path, spec: RunSpec, owner: str) -> bool:
    return Store(cache).claim(spec, owner)


@pytest.mark.parametrize("dead", [False, True], ids=["first", "after an interrupted one"])
def test_one_of_many_threads_gets_the_claim(dead: bool, cache: Path) -> None:
    start = threading.Barrier(8)

    def run(number: int) -> bool:
        start.wait()
        return claims_won(cache, spec, f"thread {number}")

    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            spec = seed(attempt)
            if dead:
                abandoned(cache, spec)
            assert list(pool.map(run, range(8))).count(True) == 1


@pytest.mark.slow
@pytest.mark.parametrize("dead", [False, True], ids=["first", "after an interrupted one"])
def test_one_of_many_processes_gets_the_claim(dead: bool, cache: Path) -> None:
    specs = [seed(number) for number in range(20)]
    if dead:
        for spec in specs:
            abandoned(cache, spec)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        tasks = [(spec, pool.submit(claims_won, cache, spec, "p")) for spec in specs * 4]
        winners = [spec.key for spec, task in tasks if task.result(timeout=60)]
    assert sorted(winners) == sorted(spec.key for spec in specs)


def abandoned(cache: Path, spec: RunSpec) -> None:
    """A claim whose owner was killed a while ago."""
    store = Store(cache)
    store.update(Claim(spec.key, spec, "killed", "running", tuple(EPOCHS), 5, 10, 2.0))
    change(cache, "UPDATE owners SET beat = beat - ?", module.STALE_AFTER + 1)


def change(cache: Path, statement: str, *values: object) -> None:
    """Change the database behind the store's back."""
    with closing(sqlite3.connect(cache / "lab.db", timeout=30)) as connection, connection:
        connection.execute(statement, values)


def test_a_claim_keeps_others_away_until_it_is_released(store: Store) -> None:
    assert store.claim(SPEC, "me")
    assert not store.claim(SPEC, "you")
    claim = store.claimed(SPEC.key)
    assert claim is not None
    assert (claim.owner, claim.state, claim.spec) == ("me", "queued", SPEC)
    store.release(SPEC.key, "me")
    assert store.claimed(SPEC.key) is None
    assert store.claims() == []
    assert store.claim(SPEC, "you")


def test_a_finished_run_cannot_be_claimed(store: Store) -> None:
    store.save(SPEC, record(), FILES)
    assert not store.claim(SPEC, "me")
    assert store.claims() == []


def test_a_claim_without_a_beat_is_interrupted_and_is_offered_again(
    store: Store, cache: Path
) -> None:
    abandoned(cache, SPEC)
    claim = store.claimed(SPEC.key)
    assert claim is not None
    assert (claim.state, claim.alive) == ("interrupted", False)
    assert list(claim.epochs) == EPOCHS, "its curve is still there"
    assert "interrupted" in str(claim.error)
    assert store.claim(SPEC, "me")
    claim = store.claimed(SPEC.key)
    assert claim is not None
    assert (claim.state, claim.owner) == ("queued", "me")


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_run_that_ended_without_a_result_is_offered_again(state: State, store: Store) -> None:
    store.update(Claim(SPEC.key, SPEC, "me", state))
    claim = store.claimed(SPEC.key)
    assert claim is not None
    assert claim.state == state
    assert store.claim(SPEC, "me")


def test_an_update_is_a_beat_and_keeps_what_it_is_told(store: Store) -> None:
    store.claim(SPEC, "me")
    diverged = (Epoch(1, math.nan, 0.1, math.nan, 0.1, 1.0),)
    store.update(Claim(SPEC.key, SPEC, "me", "running", diverged, 25, 100, 5.0))
    claim = store.claimed(SPEC.key)
    assert claim is not None
    assert claim.alive
    assert math.isnan(claim.epochs[0].loss)
    assert (claim.fraction, claim.seconds_left) == (0.25, 15.0)
    assert [claim.key for claim in store.claims()] == [SPEC.key]


def test_before_the_first_step_the_time_left_is_not_known() -> None:
    claim = Claim(SPEC.key, SPEC, "me")
    assert (claim.fraction, claim.seconds_left) == (0.0, None)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"spec": 3}', "\0", '{"mood": "good"}']
)
def test_a_claim_that_another_version_wrote_is_no_claim(
    content: str, store: Store, cache: Path
) -> None:
    store.claim(SPEC, "me")
    change(cache, "UPDATE claims SET content = ?", content)
    assert store.claimed(SPEC.key) is None
    assert store.claims() == []
    assert store.claim(SPEC, "you")


def test_readers_never_see_half_an_update(store: Store, cache: Path) -> None:
    store.claim(SPEC, "me")
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            store.update(Claim(SPEC.key, SPEC, "me", "running", tuple(EPOCHS)))

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            assert all(Store(cache).claimed(SPEC.key) for _ in range(500))
        finally:
            ended.set()
        for writer in writers:
            writer.result()


# Signs of life


def test_the_beat_of_its_owner_keeps_a_claim_alive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned(store.cache, SPEC)
    claim = store.claimed(SPEC.key)
    assert claim
    assert claim.state == "interrupted"
    store.beat(claim.owner)
    claim = store.claimed(SPEC.key)
    assert claim
    assert claim.alive
    store.beat("another")
    store.end_beat(claim.owner)
    claim = store.claimed(SPEC.key)
    assert claim
    assert claim.state == "interrupted"
    store.end_beat(claim.owner)


def test_a_wish_to_stop_is_heard_until_it_has_stopped_and_not_by_a_new_claim(store: Store) -> None:
    store.claim(SPEC, "one")
    assert not store.asked_to_stop("one")
    store.ask_to_stop(SPEC.key)
    assert [claim.key for claim in store.claims()] == [SPEC.key]
    assert store.asked_to_stop("one") == {SPEC.key}
    assert not store.asked_to_stop("two")
    store.update(Claim(SPEC.key, SPEC, "one", "running"))
    assert store.asked_to_stop("one") == {SPEC.key}, "until it has stopped"
    store.update(Claim(SPEC.key, SPEC, "one", "stopped"))
    assert not store.asked_to_stop("one")
    store.claim(SPEC, "one")
    assert not store.asked_to_stop("one")


def test_another_process_that_took_a_run_over_keeps_it(store: Store, cache: Path) -> None:
    abandoned(cache, SPEC)
    assert store.claim(SPEC, "me")
    store.update(Claim(SPEC.key, SPEC, "killed", "running", tuple(EPOCHS)))
    store.release(SPEC.key, "killed")
    claim = store.claimed(SPEC.key)
    assert claim
    assert (claim.owner, claim.state) == ("me", "queued")


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_time_jump_makes_no_live_run_look_dead_and_no_dead_one_alive(
    hours: int, store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.claim(SPEC, "me")
    abandoned(cache, seed(1))
    store.beat("me")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    assert {claim.owner: claim.state for claim in store.claims()} == {
        "me": "queued",
        "killed": "interrupted",
    }
    store.beat("me")
    assert not store.claim(SPEC, "you")


def test_a_claim_grows_old_by_the_monotonic_clock(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.claim(SPEC, "me")
    now = module._now()
    for seconds, state in (
        (module.STALE_AFTER - 1, "queued"),
        (module.STALE_AFTER + 1, "interrupted"),
    ):
        monkeypatch.setattr(module, "_now", lambda seconds=seconds: now + seconds)
        claim = store.claimed(SPEC.key)
        assert claim
        assert claim.state == state


def test_after_a_restart_of_the_computer_nothing_is_alive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.claim(SPEC, "me")
    monkeypatch.setattr(module, "_boot", lambda: "another start")
    claim = store.claimed(SPEC.key)
    assert claim
    assert claim.state == "interrupted"
    assert store.claim(SPEC, "you")


def test_a_beat_of_the_future_is_one_of_before_a_restart(store: Store, cache: Path) -> None:
    store.claim(SPEC, "me")
    change(cache, "UPDATE owners SET beat = beat + 5")
    claim = store.claimed(SPEC.key)
    assert claim
    assert claim.state == "interrupted"


def test_what_nobody_needs_is_removed(
    store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENDED_KEPT", 2)
    for number in range(4):
        abandoned(cache, seed(number))
    store.update(Claim(seed(4).key, seed(4), "gone", "failed"))
    store.end_beat("gone")
    store.claim(seed(5), "me")
    store.claim(seed(6), "me")
    assert {claim.spec.train.seed for claim in store.claims()} == {3, 4, 5, 6}
    assert store._database.rows("SELECT owner FROM owners") == [("me",)]


# The database


def damaged(path: Path) -> None:
    path.write_bytes(b"This is not a database." * 1000)


def half_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def of_a_newer_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {database.VERSION + 1}")


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (damaged, r"lab.db is damaged: stop the lab and move it elsewhere"),
        (half_damaged, r"lab.db is damaged: stop the lab and move it elsewhere"),
        (of_a_newer_version, r"lab.db is of a newer version of the lab: update this one"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_and_finished_runs_are_read(
    break_it: Callable[[Path], None], sentence: str, store: Store, cache: Path
) -> None:
    store.claim(seed(1), "me")
    store.close()
    break_it(cache / "lab.db")
    content = (cache / "lab.db").read_bytes()
    for action in (
        lambda: store.claim(SPEC, "me"),
        lambda: store.update(Claim(SPEC.key, SPEC, "me")),
        lambda: store.claimed(seed(1).key),
        store.claims,
    ):
        with pytest.raises(StoreError, match=sentence):
            action()
    store.end_beat("me")
    run = store.save(SPEC, record(), FILES)
    assert Store(cache).find(SPEC.key) == run
    assert store.runs() == [run]
    assert (cache / "lab.db").read_bytes() == content
    # It is moved away, and all goes on.
    for path in cache.glob("lab.db*"):
        path.unlink()
    store.update(Claim(seed(1).key, seed(1), "me", "running"))
    assert [claim.state for claim in store.claims()] == ["running"]


def test_a_locked_database_is_one_sentence_and_is_read(
    store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    store.claim(seed(1), "me")
    store.close()
    with closing(sqlite3.connect(cache / "lab.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"lab.db is locked by another program"):
            store.claim(SPEC, "me")
        assert store.save(SPEC, record(), FILES) == store.find(SPEC.key)
        assert [claim.key for claim in store.claims()] == [seed(1).key]
        other.execute("ROLLBACK")
    assert store.claim(seed(2), "me")


def test_a_database_that_was_replaced_is_opened_anew(store: Store, cache: Path) -> None:
    store.claim(SPEC, "me")
    for path in cache.glob("lab.db*"):
        path.unlink()
    assert store.claims() == []
    assert store.claim(SPEC, "you")
    assert [claim.owner for claim in Store(cache).claims()] == ["you"]


def test_threads_that_come_and_go_share_few_connections(store: Store) -> None:
    def poll(number: int) -> None:
        store.claim(seed(number % 10), "me")
        store.claimed(seed(number % 10).key)

    for _ in range(20):
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(poll, range(20)))
    assert len(store._database._idle) <= 5


def test_a_forked_process_has_connections_of_its_own(store: Store) -> None:
    store.claim(SPEC, "me")
    assert store._database._idle
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=store.update, args=[Claim(SPEC.key, SPEC, "me", "running")])
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert [claim.state for claim in store.claims()] == ["running"]


def test_looking_makes_no_database(store: Store, cache: Path) -> None:
    assert store.claimed(SPEC.key) is None
    assert store.claims() == []
    store.end_beat("me")
    assert not cache.exists()
