"""What affects others is refused where it is done, and not only by a button that is greyed out.

A button is sent while its page belongs to the teacher, and pressed when it does not any more: the
check beside the action is then the only one.
"""

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.store import Claim, Run
from tests import apptest, test_pages
from tests.apptest import Queue, spec_of, visit
from tests.test_pages import needs_no_fashion

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run
teacher = test_pages.teacher


def sit_down_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the browser is on another machine, and no password was given."""
    away = SimpleNamespace(headers={"host": "lab.example:8501"}, ip_address="192.168.1.20")
    for name, value in vars(away).items():
        monkeypatch.setattr(type(st.context), name, value)


def choose_for_deletion(at: AppTest, key: str) -> None:
    at.main.toggle(key="show_runs").set_value(True).run()
    at.main.multiselect(key="runs_to_delete").set_value([key]).run()
    at.main.checkbox[0].check().run()


@needs_no_fashion
@pytest.mark.usefixtures("teacher")
@pytest.mark.parametrize("action", ["train_all", "again", "stop", "stop_all", "delete_runs"])
def test_nobody_but_the_teacher_affects_others(
    action: str,
    run: Run,
    engine: Queue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in (1, 2):
        engine.submit(spec_of(number), "another")
    lost = spec_of(4)
    engine.store.update(Claim(lost.key, lost, "this server", "interrupted"))
    key = f"stop-{spec_of(1).key}" if action == "stop" else action
    before = {claim.key: claim.state for claim in engine.store.claims()}

    at = visit("class")
    if action == "delete_runs":
        choose_for_deletion(at, run.key)
    assert not at.main.button(key=key).disabled
    sit_down_elsewhere(monkeypatch)
    at.main.button(key=key).click().run()

    assert not at.exception
    assert {claim.key: claim.state for claim in engine.store.claims()} == before
    assert [kept.key for kept in engine.store.runs()] == [run.key]
    assert engine.places().keys() == {spec_of(1).key, spec_of(2).key}
