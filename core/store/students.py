"""Students: who is here, and what each of them did.

A student is known by the cookie of a browser. Whoever was not seen for KEPT_DAYS is forgotten with
all that was kept.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from sqlite3 import Connection
from typing import Any

from core.errors import LabError, UsageError
from core.i18n import N_
from core.specs import RunSpec
from core.store.database import Database
from core.store.records import dump_json

KEPT_DAYS = 365
DAY = 24 * 3600.0
NAME_LENGTH = 20
"""Characters of a nickname."""
LESSON = 12 * 3600.0
"""Seconds without a student after which numbers begin with 1 again."""

ASKED = "asked"
"""Stands among the steps of a student for the wish to have a run trained."""

MOST_DRAWINGS = 50
"""How many drawings a student can keep; each takes about 3 kB, and 200 kB at the most."""
MOST_DONE = 1000
"""How many steps a student has done, for all runs; the oldest go first."""


@dataclass(frozen=True)
class Drawing:
    """A drawing that a student keeps."""

    dataset: str
    picture: bytes
    """A PNG file."""
    truth: int
    """What it is really: the number of a class of the data set."""


@dataclass(frozen=True)
class Record:
    """What a student did before."""

    nickname: str = ""
    done: tuple[tuple[str, str], ...] = ()
    """Keys of runs, and the names of steps that are done for them."""
    drawings: tuple[Drawing, ...] = ()
    wrong_labels: frozenset[tuple[str, int]] = frozenset()
    """Of data sets, by their digests, the numbers of training images that have one."""


@dataclass(frozen=True)
class Opinions:
    """Which labels of a data set the students of this lesson take for wrong."""

    students: int
    """Who take any for wrong."""
    wrong: dict[int, int]
    """How many of them say it of an image, by its number among the training images."""

    @property
    def most(self) -> list[int]:
        """The images of which more than half of them say it."""
        return [image for image, said in self.wrong.items() if 2 * said > self.students]


@dataclass(frozen=True)
class Present:
    """A student who is here."""

    number: int
    """By the order in which they came."""
    nickname: str
    """Empty if none was chosen."""
    seen: float
    """Seconds since 1970."""
    lab: str
    step: str
    spec: RunSpec | None
    """The run that the student has chosen; None if another version of the lab wrote it."""
    asked: frozenset[str]
    """Keys of the runs whose training the student has asked for."""


class Students:
    """The students of a cache folder. Every method raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, student: str) -> Record:
        """What a student did, in the order of doing; nothing for a new one."""
        rows = self._database.rows
        names = rows("SELECT nickname FROM students WHERE student = ?", student)
        if not names:
            return Record()
        return Record(
            names[0][0],
            tuple(rows("SELECT key, step FROM done WHERE student = ? ORDER BY rowid", student)),
            tuple(
                Drawing(*row)
                for row in rows(
                    "SELECT dataset, picture, truth FROM drawings WHERE student = ? ORDER BY rowid",
                    student,
                )
            ),
            frozenset(rows("SELECT digest, image FROM wrong_labels WHERE student = ?", student)),
        )

    def see(self, student: str, lab: str, step: str, spec: RunSpec) -> int:
        """Note what a student looks at now; the student's number."""
        place = dump_json({"lab": lab, "step": step, "spec": spec.to_dict()})
        with self._database.transaction() as connection:
            number = _arrive(connection, student)
            connection.execute("UPDATE students SET place = ? WHERE student = ?", [place, student])
        return number

    def rename(self, student: str, nickname: str) -> None:
        """Call a student by a nickname that `tidy` has returned; by the number if it is empty."""
        with self._database.transaction() as connection:
            _arrive(connection, student)
            connection.execute(
                "UPDATE students SET nickname = ? WHERE student = ?", [tidy(nickname), student]
            )

    def mark_done(self, student: str, key: str, step: str) -> None:
        """Note that a step is done for a run."""
        with self._database.transaction() as connection:
            _arrive(connection, student)
            connection.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", [student, key, step])
            connection.execute(
                "DELETE FROM done WHERE rowid IN (SELECT rowid FROM done WHERE student = ? "
                "ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
                [student, MOST_DONE],
            )

    def keep(self, student: str, drawing: Drawing) -> None:
        """Keep a drawing. Raises UsageError for more than MOST_DRAWINGS."""
        with self._database.transaction() as connection:
            _arrive(connection, student)
            query = "SELECT count(*) FROM drawings WHERE student = ?"
            check_room(connection.execute(query, [student]).fetchone()[0])
            connection.execute(
                "INSERT INTO drawings VALUES (?, ?, ?, ?)",
                [student, drawing.dataset, drawing.picture, drawing.truth],
            )

    def forget(self, student: str, dataset: str) -> None:
        """Forget the drawings that a student keeps for a data set."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM drawings WHERE student = ? AND dataset = ?", [student, dataset]
            )

    def forget_last(self, student: str, dataset: str) -> None:
        """Forget the drawing that a student kept last for a data set."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM drawings WHERE rowid = "
                "(SELECT max(rowid) FROM drawings WHERE student = ? AND dataset = ?)",
                [student, dataset],
            )

    def judge(self, student: str, digest: str, image: int, wrong: bool) -> None:
        """Note whether a student takes the label of a training image for wrong."""
        query = (
            "INSERT OR IGNORE INTO wrong_labels VALUES (?, ?, ?)"
            if wrong
            else "DELETE FROM wrong_labels WHERE student = ? AND digest = ? AND image = ?"
        )
        with self._database.transaction() as connection:
            _arrive(connection, student)
            connection.execute(query, [student, digest, image])

    def opinions(self, digest: str) -> Opinions:
        """What the students of this lesson say of the labels of a data set."""
        pairs: list[tuple[str, int]] = self._database.rows(
            "SELECT student, image FROM wrong_labels JOIN students USING (student) "
            "WHERE digest = ? AND seen >= ?",
            digest,
            time.time() - LESSON,
        )
        wrong = Counter(image for _student, image in pairs)
        return Opinions(len({student for student, _image in pairs}), dict(wrong))

    def leave(self, student: str) -> None:
        """Forget a student and all that was kept."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM students WHERE student = ?", [student])

    def clear_names(self) -> None:
        """Call all students by their numbers again."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE students SET nickname = ''")

    def present(self, seconds: float) -> list[Present]:
        """The students who were seen within so many seconds, by their numbers."""
        since = time.time() - seconds
        asked: dict[str, set[str]] = {}
        for student, key in self._database.rows(
            "SELECT student, key FROM done JOIN students USING (student) "
            "WHERE seen >= ? AND step = ?",
            since,
            ASKED,
        ):
            asked.setdefault(student, set()).add(key)
        rows = self._database.rows(
            "SELECT student, number, nickname, seen, place FROM students "
            "WHERE seen >= ? AND place <> '' ORDER BY number, student",
            since,
        )
        return [
            Present(number, nickname, seen, *_place(place), frozenset(asked.get(student, ())))
            for student, number, nickname, seen, place in rows
        ]


def tidy(nickname: str) -> str:
    """A nickname of at most NAME_LENGTH characters, without what cannot be seen."""
    seen = "".join(letter for letter in nickname if letter.isprintable())
    return " ".join(seen.split())[:NAME_LENGTH].strip()


def check_room(kept: int) -> None:
    """Raise UsageError if a student who keeps so many drawings can keep no other."""
    if kept >= MOST_DRAWINGS:
        raise UsageError(
            N_(
                "You keep {n} drawings, and there is room for no more: forget those of this or "
                "another data set first."
            ),
            n=kept,
        )


def _arrive(connection: Connection, student: str) -> int:
    """See that a student is known, and note the time; the student's number.

    Whoever was away for longer than a lesson gets a new number, after those who are here.
    """
    now = time.time()
    rows: Sequence[tuple[int, float]] = connection.execute(
        "SELECT number, seen FROM students WHERE student = ?", [student]
    ).fetchall()
    if rows and rows[0][1] >= now - LESSON:
        connection.execute("UPDATE students SET seen = ? WHERE student = ?", [now, student])
        return rows[0][0]
    connection.execute("DELETE FROM students WHERE seen < ?", [now - KEPT_DAYS * DAY])
    query = "SELECT coalesce(max(number), 0) + 1 FROM students WHERE seen >= ?"
    number: int = connection.execute(query, [now - LESSON]).fetchone()[0]
    connection.execute(
        "INSERT INTO students (student, number, seen) VALUES (?, ?, ?) "
        "ON CONFLICT (student) DO UPDATE SET number = excluded.number, seen = excluded.seen",
        [student, number, now],
    )
    return number


@lru_cache(maxsize=256)
def _place(text: str) -> tuple[str, str, RunSpec | None]:
    """The lab, the step and the run that a student looks at."""
    lab, step = "", ""
    try:
        values: dict[str, Any] = json.loads(text)
        lab, step = str(values["lab"]), str(values["step"])
        return lab, step, RunSpec.from_dict(values["spec"])
    except (ValueError, KeyError, TypeError, LabError):
        return lab, step, None
