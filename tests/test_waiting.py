"""Whose turn it is."""

from core.engine.turns import Turns


def queue(*wishes: str) -> Turns:
    """Runs that were asked for in this order: "a1" is the run 1 of the student a."""
    waiting = Turns()
    for wish in wishes:
        waiting.add(wish, wish[0])
    return waiting


def taken(waiting: Turns) -> list[str]:
    return list(iter(waiting.pop, None))


def test_runs_of_one_student_keep_their_order() -> None:
    assert taken(queue("a1", "a2", "a3")) == ["a1", "a2", "a3"]


def test_students_take_turns() -> None:
    waiting = queue("a1", "a2", "a3", "b1", "b2", "c1")
    assert waiting.order() == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert taken(waiting) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_whoever_comes_later_is_in_the_round_that_runs() -> None:
    waiting = queue(*(f"a{n}" for n in range(10)))
    assert [waiting.pop() for _ in range(4)] == ["a0", "a1", "a2", "a3"]
    waiting.add("b1", "b")
    assert waiting.order()[0] == "b1"


def test_a_student_with_several_runs_who_comes_late_does_not_overtake_all() -> None:
    waiting = queue(*(f"a{n}" for n in range(4)), *(f"b{n}" for n in range(4)))
    assert [waiting.pop() for _ in range(4)] == ["a0", "b0", "a1", "b1"]
    for wish in ("c1", "c2", "c3"):
        waiting.add(wish, "c")
    assert taken(waiting) == ["c1", "a2", "b2", "c2", "a3", "b3", "c3"]


def test_who_was_just_served_comes_after_those_who_wait() -> None:
    waiting = queue("a1", "b1")
    assert waiting.pop() == "a1"
    waiting.add("a2", "a")
    assert taken(waiting) == ["b1", "a2"]


def test_a_run_that_several_want_has_the_best_of_their_turns() -> None:
    waiting = queue("a1", "a2", "a3")
    waiting.add("a3", "b")
    assert waiting.order() == ["a1", "a3", "a2"]
    waiting.leave("a3", "b")
    assert waiting.order() == ["a1", "a2", "a3"]
    waiting.leave("a3", "a")
    assert waiting.order() == ["a1", "a2"], "nobody wants it any more"


def test_asking_again_changes_nothing() -> None:
    waiting = queue("a1", "a2")
    waiting.add("a2", "a")
    waiting.add("a2", "a")
    waiting.add("a3", "a")
    waiting.add("b1", "b")
    assert taken(waiting) == ["a1", "b1", "a2", "a3"]


def test_a_run_that_had_its_turn_comes_first_again() -> None:
    waiting = queue("a1", "b1", "b2")
    assert waiting.pop() == "a1"
    waiting.add_first("a1", {"a"})
    assert taken(waiting) == ["a1", "b1", "b2"]


def test_what_was_removed_or_never_waited() -> None:
    waiting = queue("a1", "b1")
    waiting.remove("a1")
    waiting.remove("unknown")
    waiting.leave("unknown", "a")
    assert taken(waiting) == ["b1"]
    assert waiting.pop() is None


def test_who_gave_up_a_study_is_not_sent_to_the_end() -> None:
    waiting = queue(*(f"a{n}" for n in range(5)), *(f"b{n}" for n in range(5)))
    for number in range(5):
        waiting.leave(f"a{number}", "a")
    waiting.add("a9", "a")
    assert waiting.order()[:3] == ["b0", "a9", "b1"]
