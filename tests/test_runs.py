import json
import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreError
from core.labs import open_store
from core.labs.digits import LAB
from core.specs import (
    SCHEMA,
    DataSpec,
    RunSpec,
    TrainSpec,
    dense_network,
    key_of,
    optimizer_spec,
)
from core.store import Claim, Store
from core.store import runs as finished_runs
from core.store.records import dump_json
from core.training.epochs import Epoch
from tests.conftest import fill, make_read_only

SPEC = RunSpec(
    DataSpec("mnist", "0" * 64), dense_network((8,)), optimizer_spec(), TrainSpec(2, 32, 0.2)
)
EPOCHS = [Epoch(1, 0.9, 0.7, 0.8, 0.75, 1.5), Epoch(2, 0.5, 0.85, 0.6, 0.8, 1.25)]
FILES = {"model.keras": b"weights", "predictions.npy": b"probabilities"}


def record(**changes: Any) -> dict[str, Any]:
    values = {
        "dataset": {"name": "mnist", "source": "sample", "complete": False, "test": 1000},
        "epochs": [asdict(epoch) for epoch in EPOCHS],
        "test_loss": 0.55,
        "test_accuracy": 0.82,
        "misclassified": 180,
        "confusion": [[1, 0], [0, 1]],
        "per_class": [{"precision": 1.0}],
        "train_seconds": 2.75,
        "compile_seconds": 0.5,
        "versions": {"keras": "3"},
        "finished": "2026-01-02T03:04:05+00:00",
    }
    return values | changes


def seed(number: int) -> RunSpec:
    return replace(SPEC, train=replace(SPEC.train, seed=number))


@pytest.fixture
def store(cache: Path) -> Store:
    return Store()


@pytest.fixture
def folder(store: Store) -> Path:
    """The folder of a stored run."""
    return store.save(SPEC, record(), FILES).folder


def everything(folder: Path) -> list[str]:
    """The files and folders that a store holds."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


# Finished runs


def test_a_saved_run_is_found_as_it_was_saved(store: Store, cache: Path) -> None:
    assert store.find(SPEC.key) is None
    assert store.runs() == []
    store.save(SPEC, record(), FILES)
    run = Store(cache).find(SPEC.key)
    assert run is not None
    assert run.spec == SPEC
    assert list(run.epochs) == EPOCHS
    assert (run.test_accuracy, run.misclassified) == (0.82, 180)
    assert {name: run.read(name) for name in FILES} == FILES
    assert run.folder == cache / "runs" / SPEC.key


def test_the_newest_run_comes_first(store: Store) -> None:
    for number, day in enumerate(("02", "03", "01")):
        store.save(seed(number), record(finished=f"2026-01-{day}T00:00:00+00:00"), FILES)
    assert [run.spec.train.seed for run in store.runs()] == [1, 0, 2]


def test_the_first_of_two_equal_runs_is_kept(store: Store) -> None:
    store.save(SPEC, record(), FILES)
    run = store.save(SPEC, record(test_accuracy=0.1), {"model.keras": b"other"})
    assert run.test_accuracy == 0.82
    assert run.read("model.keras") == b"weights"
    assert len(store.runs()) == 1


def test_a_run_saved_by_many_at_once_is_stored_once(store: Store, cache: Path) -> None:
    start = threading.Barrier(8)

    def save(spec: RunSpec) -> str:
        start.wait()
        return Store(cache).save(spec, record(), FILES).key

    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            spec = seed(attempt)
            assert set(pool.map(save, [spec] * 8)) == {spec.key}
    assert len(Store(cache).runs()) == len(list((cache / "runs").glob("[!.]*"))) == 20
    assert list((cache / "runs").glob(".*")) == []


def test_a_run_appears_by_one_rename_so_that_nobody_sees_half_of_it(
    store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    place = cache / "runs" / SPEC.key
    usual = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == place:
            seen.append((place.exists(), sorted(path.name for path in self.iterdir())))
        moved = usual(self, target)
        if target == place:
            seen.append((place.exists(), sorted(path.name for path in place.iterdir())))
        return moved

    monkeypatch.setattr(Path, "rename", rename)
    store.save(SPEC, record(), FILES)
    whole = ["model.keras", "predictions.npy", "run.json"]
    assert seen == [(False, whole), (True, whole)]


def test_readers_see_a_run_whole_or_not_at_all(store: Store, cache: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        writer = Store(cache)
        while not ended.is_set():
            with suppress(StoreError):  # the other one has deleted it already
                writer.save(SPEC, record(), FILES)
            ended.wait(0.003)
            writer.delete(SPEC.key)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            end, found = time.monotonic() + 20, 0
            while found < 20:
                found += Store(cache).find(SPEC.key) is not None
                assert time.monotonic() < end, "no run was seen"
        finally:
            ended.set()
        for writer in writers:
            writer.result()
    assert not list((cache / "damaged").glob("*"))


def test_a_diverged_loss_is_stored_as_valid_json_and_comes_back_as_nan(store: Store) -> None:
    epochs = [Epoch(1, math.nan, 0.1, math.inf, 0.1, 1.0), Epoch(2, 0.5, 0.5, None, None, 1.0)]
    rows = [asdict(epoch) for epoch in epochs]
    run = store.save(SPEC, record(epochs=rows, test_loss=math.nan), FILES)

    def no_constant(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    json.loads((run.folder / "run.json").read_text(), parse_constant=no_constant)
    found = Store(run.folder.parents[1]).find(SPEC.key)
    assert found is not None
    assert math.isnan(found.test_loss)
    first, second = found.epochs
    assert math.isnan(first.loss)
    assert first.val_loss is not None
    assert math.isnan(first.val_loss)
    assert second == epochs[1], "without a validation split there is None, not NaN"


def test_json_has_null_for_every_number_that_is_not_finite() -> None:
    value = {"a": [math.nan, math.inf], "b": (-math.inf, 1.5, 2), "c": "NaN", "d": True}
    assert json.loads(dump_json(value)) == {
        "a": [None, None],
        "b": [None, 1.5, 2],
        "c": "NaN",
        "d": True,
    }


# Damaged runs


def edited(folder: Path, **changes: Any) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGES = {
    "no run.json": lambda folder: (folder / "run.json").unlink(),
    "half of run.json": lambda folder: os.truncate(folder / "run.json", 200),
    "empty run.json": lambda folder: os.truncate(folder / "run.json", 0),
    "binary run.json": lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe\0"),
    "a list as run.json": lambda folder: (folder / "run.json").write_text("[]"),
    "more in run.json than there is": lambda folder: edited(folder, mood="good"),
    "no epochs": lambda folder: edited(folder, epochs=[{}]),
    "checksums as a list": lambda folder: edited(folder, sha256=["model.keras"]),
    "a spec beyond the limits": lambda folder: edited(
        folder,
        spec=SPEC.to_dict() | {"network": [{"layer": "Flatten"}, {"layer": "Dense", "units": 0}]},
    ),
    "another run's spec": lambda folder: edited(folder, spec=seed(1).to_dict()),
    "truncated predictions": lambda folder: os.truncate(folder / "predictions.npy", 5),
    "changed predictions": lambda folder: (folder / "predictions.npy").write_bytes(b"x" * 13),
    "no model": lambda folder: (folder / "model.keras").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_set_aside_and_can_be_trained_again(
    damage: str, folder: Path, cache: Path
) -> None:
    DAMAGES[damage](folder)
    store = Store(cache)
    assert store.runs() == []
    assert not folder.exists()
    (aside,) = (cache / "damaged").iterdir()
    assert aside.name.startswith(SPEC.key)
    assert store.claim(SPEC, "me")
    assert store.save(SPEC, record(), FILES) == store.find(SPEC.key)


def test_damage_is_noticed_by_a_store_that_knew_the_run_whole(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.find(SPEC.key) is not None
    os.truncate(folder / "predictions.npy", 5)
    monkeypatch.setattr(finished_runs, "WHOLE_FOR", 0)
    assert store.find(SPEC.key) is None


def test_a_run_that_was_whole_a_moment_ago_is_not_looked_at_again(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finished_runs, "WHOLE_FOR", math.inf)
    known = store.find(SPEC.key)
    shutil.rmtree(folder)
    assert store.find(SPEC.key) is known
    assert not store.is_finished(SPEC.key)
    store.delete(SPEC.key)
    assert store.find(SPEC.key) is None


def test_a_file_damaged_after_the_run_was_found_is_not_read(store: Store, folder: Path) -> None:
    run = store.find(SPEC.key)
    assert run is not None
    (folder / "model.keras").write_bytes(b"WEIGHTS")
    with pytest.raises(StoreError, match="is damaged or gone: train it again"):
        run.read("model.keras")
    (folder / "model.keras").unlink()
    with pytest.raises(StoreError, match="is damaged or gone: train it again"):
        run.read("model.keras")


def of_before(cache: Path, name: str, **changes: Any) -> Path:
    """A stored run of another version of the lab."""
    folder = cache / "runs" / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"spec": {"what": "ever"}, **changes}))
    (folder / "model.keras").write_bytes(bytes(5000))
    return folder


@pytest.mark.parametrize("changes", [{}, {"schema": 1}, {"schema": 99}], ids=["none", "1", "99"])
def test_a_run_of_another_version_is_left_alone_and_said_to_be_there(
    changes: dict[str, Any], store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_before(cache, "mnist-of-before", **changes)
    before = everything(cache)
    assert store.runs() == []
    assert store.find("mnist-of-before") is None
    assert store.other_versions() == ["mnist-of-before"]
    assert store.size() == 0
    assert everything(cache) == before
    monkeypatch.setenv("LAB_STORE_GB", "0.000001")  # which the other one alone would exceed
    os.utime(cache / "runs" / "mnist-of-before", (0, 0))
    store.save(SPEC, record(), {"model.keras": b"small"})
    store.save(seed(1), record(), {"model.keras": bytes(900)})
    assert [run.spec for run in store.runs()] == [seed(1)]
    assert store.other_versions() == ["mnist-of-before"]
    assert set(before) <= set(everything(cache))


@pytest.mark.parametrize(
    "changes",
    [
        {"network": [{"layer": "UpSampling2D"}]},
        {"train": {"epochs": 3, "batch_size": 30, "validation_split": 0.1, "patience": 2}},
        {"optimizer": {"name": "sophia", "learning_rate": 0.1}},
    ],
    ids=["layer", "field", "optimizer"],
)
def test_a_whole_spec_that_cannot_be_read_is_of_another_version(
    changes: dict[str, Any], store: Store, cache: Path
) -> None:
    spec = {**SPEC.to_dict(), **changes}
    key = key_of(spec)
    of_before(cache, key, schema=SCHEMA, spec=spec)
    assert store.find(key) is None
    assert store.runs() == []
    assert store.other_versions() == [key]
    assert not (cache / "damaged").exists()
    of_before(cache, "mnist-0", schema=SCHEMA, spec=spec)  # a damaged one: it has another key
    assert store.find("mnist-0") is None
    assert store.other_versions() == [key]
    assert len(list((cache / "damaged").iterdir())) == 1


def test_a_run_in_whose_place_is_another_version_is_not_begun(store: Store, cache: Path) -> None:
    of_before(cache, SPEC.key)
    with pytest.raises(StoreError, match=f"{SPEC.key} is in the way, of another version"):
        store.claim(SPEC, "owner")
    assert store.claims() == []


def test_a_run_is_not_stored_over_one_of_another_version(store: Store, cache: Path) -> None:
    of_before(cache, SPEC.key)
    with pytest.raises(StoreError, match=f"{SPEC.key} is in the way, of another version"):
        store.save(SPEC, record(), FILES)
    assert store.other_versions() == [SPEC.key]
    assert list((cache / "runs").glob(".*")) == []


def test_of_two_who_set_a_damaged_run_aside_the_second_keeps_the_new_one(
    store: Store, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "model.keras").write_bytes(b"WEIGHTS")
    other = Store(cache)
    usual = store._set_aside

    def late(folder: Path) -> None:
        other.save(SPEC, record(), FILES)  # sets it aside and stores it anew
        usual(folder)

    monkeypatch.setattr(store, "_set_aside", late)
    assert store.find(SPEC.key) is None
    assert store.find(SPEC.key) == other.find(SPEC.key)
    assert len(list((cache / "damaged").iterdir())) == 1


@pytest.mark.parametrize("key", ["", ".", "..", "../runs", "nothing", "a/b", "/"])
def test_a_strange_key_finds_moves_and_deletes_nothing(
    key: str, store: Store, folder: Path, cache: Path
) -> None:
    if key == "/":  # a whole path, but not one that a fault would empty
        key = str(cache / "damaged")
        (cache / "damaged").mkdir()
    before = everything(cache)
    assert store.find(key) is None
    store.delete(key)
    assert not store.is_finished(key)
    assert everything(cache) == before


# A store that cannot be written


def fails_to_write(store: Store) -> None:
    for write in (
        lambda: store.save(SPEC, record(), {"model.keras": b"0" * 10**6}),
        lambda: store.claim(SPEC, "me"),
        lambda: store.update(Claim(SPEC.key, SPEC, "me")),
    ):
        with pytest.raises(StoreError, match=r"cannot be written \(.+\): make room or set"):
            write()


def test_a_file_in_place_of_the_store_ends_in_a_sentence(cache: Path) -> None:
    cache.write_text("a file")
    store = Store()
    fails_to_write(store)
    assert store.find(SPEC.key) is None
    assert store.runs() == []
    assert store.claims() == []
    store.end_beat("me")
    assert cache.read_text() == "a file"


@pytest.fixture
def full_disk(small_disk: Path) -> Path:
    """A folder on a disk of its own that has no room left."""
    fill(small_disk)
    return small_disk


@pytest.fixture
def written_disk(small_disk: Path) -> Iterator[Path]:
    """A disk with a stored run that can be read, and not written any more."""
    store = Store(small_disk / "cache")
    store.save(SPEC, record(), FILES)
    store.claim(seed(9), "you")
    store.close()
    make_read_only(small_disk)
    yield small_disk
    make_read_only(small_disk, False)


def test_a_full_disk_ends_in_a_sentence_and_leaves_nothing_half_written(full_disk: Path) -> None:
    store = Store(full_disk / "cache")
    fails_to_write(store)
    left = [p for p in full_disk.rglob("*") if p.is_file() and p.stat().st_size]
    assert left == [full_disk / "filler"]
    (full_disk / "filler").unlink()
    assert store.claim(SPEC, "me")
    assert store.save(SPEC, record(), FILES).spec == SPEC
    store.close()  # else the disk is in use


def test_a_read_only_disk_is_read_and_ends_in_a_sentence(written_disk: Path) -> None:
    store = Store(written_disk / "cache")
    run = store.find(SPEC.key)
    assert run
    assert run.read("model.keras") == FILES["model.keras"]
    assert [claim.key for claim in store.claims()] == [seed(9).key]
    for write in (
        lambda: store.claim(seed(1), "me"),
        lambda: store.save(seed(1), record(), FILES),
        lambda: store.beat("me"),
        lambda: store.ask_to_stop(SPEC.key),
        lambda: store.delete(SPEC.key),
    ):
        with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\): make"):
            write()
    assert store.runs() == [run]


def test_a_save_that_fails_leaves_nothing_behind(store: Store, cache: Path) -> None:
    bad: Any = {"model.keras": b"weights", "missing/predictions.npy": b""}
    with pytest.raises(StoreError):
        store.save(SPEC, record(), bad)
    assert everything(cache / "runs") == []
    assert store.find(SPEC.key) is None


# Room


def used(store: Store, spec: RunSpec, days_ago: float) -> Path:
    """A stored run of 1,000 bytes and some more that was last used that long ago."""
    folder = store.save(spec, record(), {"model.keras": bytes(1000)}).folder
    then = time.time() - 86400 * days_ago
    os.utime(folder, (then, then))
    return folder


@pytest.fixture
def limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> float:
    """Room for three runs and a half."""
    size = finished_runs._size(used(store, seed(99), 100))
    store.delete(seed(99).key)
    monkeypatch.setenv("LAB_STORE_GB", f"{3.5 * size / 1e9:.9f}")
    return 3.5 * size


def test_the_runs_that_were_not_used_for_longest_make_room(store: Store, limit: float) -> None:
    for number, days in ((1, 1), (2, 9), (3, 5)):
        used(store, seed(number), days)
    assert len(store.runs()) == 3
    assert store.find(seed(2).key), "finding a run is using it"
    used(store, seed(4), 0)
    assert {run.spec.train.seed for run in store.runs()} == {1, 2, 4}
    assert store.size() <= limit
    assert store.find(seed(3).key) is None
    assert store.claim(seed(3), "it can be trained again")


@pytest.mark.usefixtures("limit")
def test_variants_of_the_table_go_last() -> None:
    store = open_store()
    variant = LAB.experiment("3").spec(LAB.on(SPEC.data))
    used(store, variant, 300)
    for number in (1, 2, 3, 4):
        used(store, seed(number), 10 - number)
    assert {run.spec.train.seed for run in store.runs()} == {0, 3, 4}
    for number in range(5):  # nothing else is left to go
        other = LAB.experiment(str(number + 4)).spec(LAB.on(SPEC.data))
        used(store, other, number)
    assert store.find(variant.key) is None
    assert len(store.runs()) == 3


def test_a_run_larger_than_the_limit_is_kept_until_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_STORE_GB", "0.000000001")
    assert store.save(SPEC, record(), FILES)
    assert store.find(SPEC.key)
    store.save(seed(1), record(), FILES)
    assert [run.spec for run in store.runs()] == [seed(1)]


def test_what_a_killed_writer_left_is_removed_later(store: Store, cache: Path) -> None:
    store.save(SPEC, record(), FILES)
    old, new = cache / "runs" / ".old", cache / "runs" / ".new"
    for left in (old, new):
        left.mkdir()
        (left / "model.keras").write_bytes(b"half")
    os.utime(old, (0, 0))
    store.save(seed(1), record(), FILES)
    assert not old.exists()
    assert new.exists(), "somebody may write it at this moment"


def test_a_deleted_run_is_gone_and_another_stays(store: Store, cache: Path, folder: Path) -> None:
    other = store.save(seed(1), record(), FILES)
    store.delete(SPEC.key)
    assert not folder.exists()
    assert store.runs() == [other]
    assert Store(cache).find(SPEC.key) is None
    assert [path for path in everything(cache / "runs") if path.startswith(".")] == []
    store.delete(SPEC.key)  # by two teachers at once
