"""Claims: which runs are under way, who trains them, and whether those still live.

A process that trains writes a beat every second, for all of its claims; one without a beat younger
than STALE_AFTER has ended, and its claims were interrupted. The age of a beat is told by the
monotonic clock, which all processes of a computer share and no change of the time moves. It begins
anew when the computer starts, so a beat of another start is none.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache, lru_cache
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from core.errors import LabError
from core.specs import RunSpec
from core.store.database import Database
from core.store.records import ALIVE, Claim, dump_json
from core.training.epochs import epochs_from

STALE_AFTER = 10.0
"""Seconds without a beat after which a process counts as ended, and its claims as interrupted."""

ENDED_KEPT = 300
"""How many claims are kept that ended without a result, to say why: the last ones."""

FIND = """
    SELECT content, boot, beat FROM claims LEFT JOIN owners USING (owner)
"""


class Claims:
    """The claims of a cache folder. `finished` says of which runs there is a result already."""

    def __init__(self, database: Database, finished: Callable[[str], bool]) -> None:
        self._database = database
        self._finished = finished

    def claim(self, spec: RunSpec, owner: str) -> bool:
        """Claim a run for `owner`; False if it is finished or a live claim exists.

        Raises StoreError if the store cannot be written.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(f"{FIND} WHERE key = ?", [spec.key]).fetchall()
            current = _claim(*rows[0]) if rows else None
            if (current and current.alive) or self._finished(spec.key):
                return False
            connection.execute("DELETE FROM claims WHERE key = ?", [spec.key])
            _write(connection, Claim(spec.key, spec, owner))
            _clean(connection)
        return True

    def update(self, claim: Claim) -> None:
        """Replace a claim of the same owner, with a new beat. Raises StoreError.

        Where another process has taken the run over meanwhile, its claim stays.
        """
        with self._database.transaction() as connection:
            _write(connection, claim)

    def beat(self, owner: str) -> None:
        """Note that the process `owner` is alive, and so are its claims. Raises StoreError."""
        with self._database.transaction() as connection:
            _beat(connection, owner)

    def end_beat(self, owner: str) -> None:
        """Note that `owner` ends."""
        if self._database.path.exists():
            with suppress(LabError), self._database.transaction() as connection:
                connection.execute("DELETE FROM owners WHERE owner = ?", [owner])

    def ask_to_stop(self, key: str) -> None:
        """Ask the process that trains a run to stop it. Raises StoreError."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE claims SET stop = 1 WHERE key = ?", [key])

    def asked_to_stop(self, owner: str) -> set[str]:
        """The runs that somebody asked `owner` to stop and that are still under way."""
        query = "SELECT key, state FROM claims WHERE owner = ? AND stop = 1"
        return {key for key, state in self._database.rows(query, owner) if state in ALIVE}

    def claimed(self, key: str) -> Claim | None:
        """The claim of that key, or None. One without a recent beat has the state interrupted.

        Raises StoreError if the database cannot be read.
        """
        rows = self._database.rows(f"{FIND} WHERE key = ?", key)
        return _claim(*rows[0]) if rows else None

    def claims(self) -> list[Claim]:
        """All claims by their keys, also of runs that ended without a result. Raises StoreError."""
        found = (_claim(*row) for row in self._database.rows(f"{FIND} ORDER BY key"))
        return [claim for claim in found if claim]

    def claims_state(self) -> object:
        """Equal as long as nobody has written to the database, as far as its files tell."""
        return self._database.state()

    def release(self, key: str, owner: str) -> None:
        """Remove a claim of `owner`. Raises StoreError."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", [key, owner])

    def close(self) -> None:
        """Let go of the database; it is opened again when it is needed."""
        self._database.close()


def _claim(content: str, boot: str | None, beat: float | None) -> Claim | None:
    """A claim as it is now; None for one that another version wrote."""
    claim = _written(content)
    if claim is None or not claim.alive or _lives(boot, beat):
        return claim
    return replace(claim, state="interrupted")


@lru_cache(maxsize=2 * ENDED_KEPT)
def _written(content: str) -> Claim | None:
    """A claim as it was written: most have ended, and are asked for again and again."""
    try:
        values: dict[str, Any] = json.loads(content)
        values["spec"] = RunSpec.from_dict(values["spec"])
        values["epochs"] = epochs_from(values["epochs"])
        return Claim(**values)
    except (ValueError, KeyError, TypeError, LabError):
        return None


def _lives(boot: str | None, beat: float | None) -> bool:
    return boot == _boot() and beat is not None and 0 <= _now() - beat <= STALE_AFTER


def _write(connection: Connection, claim: Claim) -> None:
    content = {**asdict(claim), "spec": claim.spec.to_dict()}
    connection.execute(
        "INSERT INTO claims (key, owner, state, content) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (key) DO UPDATE SET state = excluded.state, content = excluded.content "
        "WHERE owner = excluded.owner",
        [claim.key, claim.owner, claim.state, dump_json(content)],
    )
    _beat(connection, claim.owner)


def _beat(connection: Connection, owner: str) -> None:
    connection.execute("REPLACE INTO owners VALUES (?, ?, ?)", [owner, _boot(), _now()])


def _clean(connection: Connection) -> None:
    """Remove what nobody needs: the beats of processes that ended, and the oldest ended claims."""
    connection.execute(
        "DELETE FROM owners WHERE boot <> ? OR beat NOT BETWEEN ? AND ?",
        [_boot(), _now() - STALE_AFTER, _now()],
    )
    alive = ", ".join(f"'{state}'" for state in ALIVE)
    connection.execute(
        "DELETE FROM claims WHERE rowid IN (SELECT rowid FROM claims "
        f"WHERE state NOT IN ({alive}) OR owner NOT IN (SELECT owner FROM owners) "
        f"ORDER BY rowid DESC LIMIT -1 OFFSET {ENDED_KEPT})"
    )


def _now() -> float:
    return time.monotonic()


@cache
def _boot() -> str:
    """What this start of the computer is called, where it has a name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
