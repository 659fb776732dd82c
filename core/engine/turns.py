"""The order in which runs are trained that students wait for: fair among the students.

Each student's runs form a line of their own, and the lines take turns: in every round each student
has one run. Whoever asks for ten runs waits for them in ten rounds; who comes later with a single
one has it in the next.
"""

from itertools import count

Turn = tuple[int, int]
"""The round in which a run has its turn, and its place in it."""


class Turns:
    """Keys of runs that wait, with the students that want them. Not safe among threads."""

    def __init__(self) -> None:
        self._turns: dict[str, dict[str, Turn]] = {}
        self._taken: dict[str, int] = {}
        self._round = 0
        self._places = count()

    def add(self, key: str, student: str) -> None:
        """Let a student wait for a run too; it has the best of the turns of those who do."""
        turns = self._turns.setdefault(key, {})
        if student not in turns:
            own = [mine[student][0] for mine in self._turns.values() if student in mine]
            last = max([self._taken.get(student, -1), *own])
            turns[student] = (max(self._round, last + 1), next(self._places))

    def add_first(self, key: str, students: set[str]) -> None:
        """Put a run that had its turn in front again."""
        self._turns[key] = dict.fromkeys(students, (-1, next(self._places)))

    def leave(self, key: str, student: str) -> None:
        """A student does not wait for the run any more. It keeps its place for the others."""
        turns = self._turns.get(key, {})
        turns.pop(student, None)
        if not turns:
            self.remove(key)

    def remove(self, key: str) -> None:
        """Nobody waits for the run any more."""
        self._turns.pop(key, None)

    def order(self) -> list[str]:
        """All keys, the next one first."""
        return sorted(self._turns, key=lambda key: min(self._turns[key].values()))

    def pop(self) -> str | None:
        """Take the next key, or None where nobody waits."""
        if not self._turns:
            return None
        key = self.order()[0]
        turns = self._turns.pop(key)
        self._round = max(self._round, min(turns.values())[0])
        self._taken |= dict.fromkeys(turns, self._round)
        return key
