"""Students: what they did outlives a reload and a restart, and the class sees who is here."""

import functools
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import StoreError, UsageError
from core.labs.steps import TRAIN
from core.store import Run, Store, students
from core.store.students import Drawing, Record, tidy
from pages.ui import identity, invitation, snapshot
from tests import apptest, test_pages
from tests.apptest import TRAINED, Queue, button, spec_of, texts_of, visit
from tests.conftest import make_read_only
from tests.test_pages import alternatives
from tests.test_runs import SPEC, record, seed

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run
teacher = test_pages.teacher
FILES = {"model.keras": b"weights", "predictions.npy": b"probabilities"}
SEVEN = Drawing("mnist", b"a picture", 7)


@pytest.fixture
def store(cache: Path) -> Store:
    return Store(cache)


def seen(store: Store, student: str, step: str = "data") -> int:
    return store.students.see(student, "digits", step, SPEC)


# In the store


def test_what_a_student_did_is_there_after_a_restart(store: Store, cache: Path) -> None:
    assert store.students.record("ada") == Record()
    store.students.rename("ada", "Ada")
    for step in ("data", "network", "data"):
        store.students.mark_done("ada", "a-run", step)
    store.students.keep("ada", SEVEN)
    store.students.keep("ada", Drawing("toy", b"another", 0))
    store.close()
    again = Store(cache).students
    done = (("a-run", "data"), ("a-run", "network"))
    assert again.record("ada") == Record("Ada", done, (SEVEN, Drawing("toy", b"another", 0)))
    assert again.record("grace") == Record()
    again.keep("grace", SEVEN)
    again.keep("ada", SEVEN)
    again.keep("ada", replace(SEVEN, truth=1))
    again.forget_last("ada", "mnist")
    assert [one.truth for one in store.students.record("ada").drawings] == [7, 0, 7]
    again.forget("ada", "mnist")
    assert store.students.record("grace").drawings == (SEVEN,)
    assert store.students.record("ada").drawings == (Drawing("toy", b"another", 0),)


def work(cache: Path, name: str) -> None:
    """What a process does for its own student and for one that all of them have."""
    found = Store(cache).students
    for number in range(20):
        found.mark_done(name, f"{number}", "data")
        found.mark_done("all", f"{name}-{number}", "data")
        found.keep(name, SEVEN)


@pytest.mark.slow
def test_several_processes_lose_nothing_of_it(store: Store, cache: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(work, [cache] * 2, ["ada", "grace"]))
    for name in ("ada", "grace"):
        found = store.students.record(name)
        assert (len(found.done), len(found.drawings)) == (20, 20)
    assert len(store.students.record("all").done) == 40


def test_numbers_follow_the_order_of_arrival_and_begin_again_after_a_lesson(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [seen(store, name) for name in ("ada", "grace", "ada", "mary")] == [1, 2, 1, 3]
    later = time.time() + students.LESSON + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert [seen(store, name) for name in ("mary", "ada", "mary")] == [1, 2, 1]


def test_the_class_has_those_who_were_seen_lately(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.students.mark_done("nowhere", "a-run", "data")  # has not looked at anything
    seen(store, "ada")
    seen(store, "grace", "train")
    store.students.rename("grace", "Grace")
    store.students.mark_done("grace", SPEC.key, students.ASKED)
    store.students.mark_done("grace", "only-looked-at", TRAIN.name)
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    seen(store, "ada", "network")
    found = store.students.present(3600)
    assert [(one.nickname, one.step) for one in found] == [("", "network"), ("Grace", "train")]
    assert [one.asked for one in found] == [frozenset(), {SPEC.key}]
    assert found[0].spec == SPEC
    assert [one.nickname for one in store.students.present(50)] == [""]


def test_the_class_says_which_labels_are_wrong(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student, image in (("ada", 7), ("ada", 3), ("grace", 7), ("mary", 7), ("mary", 5)):
        store.students.judge(student, "digest", image, True)
    store.students.judge("ada", "digest", 3, False)
    store.students.judge("ada", "digest", 7, True)
    store.students.judge("ada", "another", 9, True)
    assert store.students.record("ada").wrong_labels == {("digest", 7), ("another", 9)}
    found = store.students.opinions("digest")
    assert (found.students, found.wrong) == (3, {7: 3, 5: 1})
    assert found.most == [7]
    store.students.leave("mary")
    assert store.students.opinions("digest") == students.Opinions(2, {7: 2})
    later = time.time() + students.LESSON + 1
    monkeypatch.setattr(time, "time", lambda: later)
    seen(store, "ada")
    assert store.students.opinions("digest") == students.Opinions(1, {7: 1}), "of this lesson"


def test_half_of_the_class_are_not_most() -> None:
    assert students.Opinions(2, {7: 1, 8: 2}).most == [8]
    assert students.Opinions(3, {7: 1, 8: 2}).most == [8]


def test_what_is_kept_has_limits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(students, "MOST_DRAWINGS", 2)
    monkeypatch.setattr(students, "MOST_DONE", 3)
    for _ in range(2):
        store.students.keep("ada", SEVEN)
    with pytest.raises(UsageError, match=r"You keep 2 drawings.*forget those of this or"):
        store.students.keep("ada", SEVEN)
    for number in range(5):
        store.students.mark_done("ada", f"{number}", "data")
    assert [key for key, _step in store.students.record("ada").done] == ["2", "3", "4"]


def test_who_was_away_for_a_year_is_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.students.keep("ada", SEVEN)
    store.students.mark_done("ada", "a-run", "data")
    later = time.time() + 366 * students.DAY
    monkeypatch.setattr(time, "time", lambda: later)
    seen(store, "grace")
    rows = store.students._database.rows
    assert rows("SELECT student FROM students") == [("grace",)]
    assert rows("SELECT * FROM done") == rows("SELECT * FROM drawings") == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ada \n Lovelace ", "Ada Lovelace"),
        ("a" * 30, "a" * students.NAME_LENGTH),
        ("\u202eevil\u200b\0", "evil"),
        ("   ", ""),
        ("<b>*Ö*</b>", "<b>*Ö*</b>"),
    ],
)
def test_a_nickname_is_short_and_one_line(typed: str, kept: str, store: Store) -> None:
    assert tidy(typed) == kept
    store.students.rename("ada", typed)
    assert store.students.record("ada").nickname == kept


def test_a_database_of_before_gets_the_new_tables(store: Store, cache: Path) -> None:
    store.claim(SPEC, "me")
    store.close()
    with closing(sqlite3.connect(cache / "lab.db")) as connection:
        for table in ("wrong_labels", "drawings", "done", "students"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("PRAGMA user_version = 1")
    again = Store(cache)
    again.students.rename("ada", "Ada")
    assert again.students.record("ada").nickname == "Ada"
    assert again.claimed(SPEC.key)


def test_on_a_read_only_disk_it_is_read(small_disk: Path) -> None:
    store = Store(small_disk)
    store.students.rename("ada", "Ada")
    store.close()
    make_read_only(small_disk, before=store.close)
    assert store.students.record("ada").nickname == "Ada"
    with pytest.raises(StoreError, match="cannot be written"):
        store.students.rename("ada", "Grace")
    make_read_only(small_disk, False)


# On the pages


@pytest.fixture
def sit_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on pages are opened in the browser with that cookie."""

    def sit(student: str) -> None:
        monkeypatch.setattr(type(st.context), "cookies", {identity.COOKIE: student})

    sit("ada")
    return sit


Sit = Callable[[str], None]


def ticked(at: AppTest) -> list[str]:
    labels = [link.proto.label for link in at.sidebar.get("page_link")]
    return [label for label in labels if "✓" in label]


def test_a_new_session_of_the_same_browser_finds_steps_drawings_and_nickname(
    run: Run, sit_down: Sit
) -> None:
    at = visit("overview", variant=TRAINED)
    at.main.text_input(key="new_nickname").set_value(" Ada ").run()
    picture = np.full((280, 280, 3), 255, np.uint8)
    picture[50:200, 130:150] = 0
    kept = AppTest.from_function(keep_one, kwargs={"picture": picture})
    kept.run()
    assert not kept.exception

    again = visit("draw", variant=TRAINED)
    assert [(name, truth) for name, _p, truth in again.session_state["kept"]] == [("mnist", 1)]
    assert "After all steps" in {metric.label for metric in again.metric}
    assert "kept until you forget them" in texts_of(again)
    assert "Overview ✓" in ticked(again)
    assert visit("overview").main.text_input(key="new_nickname").value == "Ada"
    button(again, "Forget the last one").click().run()
    assert not visit("draw", variant=TRAINED).session_state["kept"]
    sit_down("grace")
    assert "Overview ✓" not in ticked(visit("data", variant=TRAINED))


def keep_one(picture):  # AppTest takes it alone, without the imports of this file
    """A session that keeps a drawing, without a canvas."""
    from pages.ui import record

    record.begin()
    record.keep("mnist", picture, 1)


@pytest.mark.usefixtures("sit_down")
def test_a_database_that_cannot_be_written_breaks_no_page(run: Run, cache: Path) -> None:
    (cache / "lab.db").write_bytes(b"This is not a database." * 1000)
    at = visit("data", variant=TRAINED)
    at.switch_page("pages/shared/network.py").run()
    assert not at.exception
    assert "1. Data ✓" in ticked(at), "for as long as the session"
    kept = AppTest.from_function(keep_one, kwargs={"picture": np.zeros((9, 9, 3), np.uint8)})
    kept.run()
    assert not kept.exception
    assert len(kept.session_state["kept"]) == 1


@pytest.mark.usefixtures("sit_down")
def test_a_page_writes_only_what_has_changed(engine: Queue) -> None:
    at = visit("data")
    before = engine.store.claims_state()
    at.run()
    at.run()
    assert engine.store.claims_state() == before
    at.selectbox(key="variant").set_value("5").run()
    assert engine.store.claims_state() != before


def test_the_class_sees_who_is_where_and_with_what_accuracy(
    run: Run, engine: Queue, sit_down: Sit
) -> None:
    visit("train", variant=TRAINED)
    at = visit("overview", variant=TRAINED)
    at.main.text_input(key="new_nickname").set_value("Ada *L*").run()
    engine.store.students.mark_done("ada", run.key, students.ASKED)
    sit_down("grace")
    at = visit("train", variant=1)
    button(at, "Start training").click().run()
    sit_down("teacher")
    at = visit("class")
    [table] = [one.value for one in at.main.dataframe if "Student" in one.value]
    accuracy = f"{run.test_accuracy:.4f} †"
    assert table.to_dict("records") == [
        {
            "Student": "Ada *L*",
            "Step": "Overview",
            "Accuracy": accuracy,
            "Best": accuracy,
            "Experiment": "Variant 3 · MNIST",
            "Seen": "now",
        },
        {
            "Student": "Student 2",
            "Step": "3. Train",
            "Accuracy": "waiting, place 1",
            "Best": "–",
            "Experiment": "Variant 1 · MNIST",
            "Seen": "now",
        },
    ]
    text = "† trained and tested on a part of the full set, or on other images. 2 students were"
    assert text in texts_of(at)


@pytest.mark.usefixtures("teacher")
def test_a_student_can_be_forgotten_and_names_cleared(
    run: Run, engine: Queue, sit_down: Sit
) -> None:
    at = visit("overview", variant=TRAINED)
    at.main.text_input(key="new_nickname").set_value("Ada").run()
    sit_down("teacher")
    button(visit("class"), "Clear all names").click().run()
    assert [one.nickname for one in engine.store.students.present(60)] == [""]
    sit_down("grace")
    at = visit("overview", variant=TRAINED)
    at.main.text_input(key="new_nickname").set_value("Grace").run()
    button(at, "Forget me on this computer").click().run()
    assert engine.store.students.record("grace").nickname == ""
    assert at.main.text_input(key="new_nickname").value == ""


# The way to the lesson


@pytest.mark.parametrize(
    ("url", "listens", "expected"),
    [
        ("http://lab.school.example:8501/class?variant=3", "127.0.0.1", "lab.school.example:8501"),
        ("http://localhost:8501/class", "127.0.0.1", None),
        ("http://localhost:8501/class", "localhost", None),
        ("http://localhost:8501/class", "0.0.0.0", "192.0.2.7:8501"),
        ("http://127.0.0.1:8600/class", None, "192.0.2.7:8600"),
        ("http://[::1]:8501/class", "::", "192.0.2.7:8501"),
    ],
)
def test_the_address_is_one_that_students_reach(
    url: str, listens: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"server.address": listens, "server.port": 8501, "server.baseUrlPath": ""}
    monkeypatch.setattr(st, "context", SimpleNamespace(url=url))
    monkeypatch.setattr(st, "get_option", options.__getitem__)
    monkeypatch.setattr(invitation, "_address_in_network", lambda: "192.0.2.7")
    assert invitation.base() == (expected and f"http://{expected}")


def test_the_address_has_the_choice_and_nothing_else(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_PASSWORD", "secret")
    monkeypatch.setattr(invitation, "base", lambda: "http://lab.example:8501")
    at = visit("class", lab="digits", variant=TRAINED, cost="seconds", present="true")
    assert [code.value for code in at.main.code] == ["http://lab.example:8501/?variant=3"]
    assert "The address of this lesson as a QR code" in alternatives(at)


# What many viewers cost


@pytest.mark.usefixtures("sit_down")
def test_the_store_is_asked_once_per_change_for_all_viewers(
    run: Run, engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "RUNS_SECONDS", 1e9)
    monkeypatch.setattr(snapshot, "CLAIMS_SECONDS", 1e9)
    engine.submit(spec_of(2), "another")
    engine.places()  # looks once at how fast runs were here
    asked = []

    def counted(name: str, known: Callable[[], object]) -> object:
        asked.append(name)
        return known()

    for name in ("runs", "claims"):
        counting = functools.partial(counted, name, getattr(engine.store, name))
        monkeypatch.setattr(engine.store, name, counting)
    for _ in range(3):
        visit("class")
    assert sorted(asked) == ["claims", "runs"]
    os.utime(run.folder.parent, (time.time() + 9, time.time() + 9))
    engine.submit(spec_of(1), "another")
    visit("class")
    assert sorted(asked) == ["claims", "claims", "runs", "runs"]


def test_the_list_changes_when_one_run_replaces_another(
    engine: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the size limit their number stays the same."""
    engine.store.save(seed(0), record(), FILES)
    before = snapshot.stored().runs.keys()
    size = engine.store.size()
    monkeypatch.setenv("LAB_STORE_GB", f"{1.5 * size / 1e9:.9f}")
    engine.store.save(seed(1), record(), FILES)
    assert before == {seed(0).key}
    assert snapshot.stored().runs.keys() == {seed(1).key}
