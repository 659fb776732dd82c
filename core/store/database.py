"""The one small SQLite database of a cache folder, for what is small, shared and changes.

Threads borrow connections from a pool: opening one takes longer than what is asked of it, and a
thread of Streamlit lives for one rerun of a page. A connection goes back only after it did well,
and is not used after a fork, nor when somebody has put another file in its place.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from core.errors import StoreError
from core.i18n import N_
from core.store.records import unreadable, unwritable, writing

VERSION = 3
"""Counts up when tables are added to TABLES; a database of a greater version is not touched."""

TABLES = """
CREATE TABLE IF NOT EXISTS claims (     -- runs that are under way, or ended without a result
    key     TEXT PRIMARY KEY,
    owner   TEXT NOT NULL,              -- the process that trains it
    state   TEXT NOT NULL,
    stop    INTEGER NOT NULL DEFAULT 0, -- somebody asks the owner to stop it
    content TEXT NOT NULL               -- the claim as JSON
);
CREATE TABLE IF NOT EXISTS owners (     -- signs of life
    owner   TEXT PRIMARY KEY,
    boot    TEXT NOT NULL,              -- of the computer: a beat says nothing after a restart
    beat    REAL NOT NULL               -- time.monotonic()
);
CREATE TABLE IF NOT EXISTS students (
    student  TEXT PRIMARY KEY,          -- the cookie of a browser
    number   INTEGER NOT NULL,          -- by the order in which they came to this lesson
    nickname TEXT NOT NULL DEFAULT '',
    seen     REAL NOT NULL,             -- time.time(): a year is longer than a computer runs
    place    TEXT NOT NULL DEFAULT ''   -- what the student looks at, as JSON
);
CREATE TABLE IF NOT EXISTS done (       -- steps that are done for a run
    student TEXT NOT NULL REFERENCES students ON DELETE CASCADE,
    key     TEXT NOT NULL,
    step    TEXT NOT NULL,
    PRIMARY KEY (student, key, step)
);
CREATE TABLE IF NOT EXISTS drawings (   -- that students keep
    student TEXT NOT NULL REFERENCES students ON DELETE CASCADE,
    dataset TEXT NOT NULL,
    picture BLOB NOT NULL,              -- a PNG file
    truth   INTEGER NOT NULL            -- the number of its class
);
CREATE INDEX IF NOT EXISTS drawings_of ON drawings (student);
CREATE TABLE IF NOT EXISTS wrong_labels (  -- what students take for one
    student TEXT NOT NULL REFERENCES students ON DELETE CASCADE,
    digest  TEXT NOT NULL,              -- of the data set
    image   INTEGER NOT NULL,           -- its number among the training images
    PRIMARY KEY (student, digest, image)
);
"""

BUSY_SECONDS = 3.0
"""How long one waits for another who writes; what is written here takes less than a millisecond."""

Opened = tuple[int, int, int]
"""A process and the file that it has opened."""

_not_ours: list[sqlite3.Connection] = []
"""Connections of the process that this one was forked from: SQLite forbids even to close them."""


class Database:
    """`<folder>/lab.db`, made with the first transaction. Safe among threads and processes.

    What goes wrong is a StoreError with a sentence for it: the file is damaged, locked, of a newer
    version, or cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lab.db"
        self._idle: list[tuple[Opened, sqlite3.Connection]] = []
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """To look and then to write in one step: no other process writes between."""
        with writing(self.path.parent), self._explained():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        with suppress(sqlite3.Error):  # SQLite itself did so after a worse fault
                            connection.execute("ROLLBACK")

    def rows(self, query: str, *values: object) -> list[Any]:
        """What a SELECT gives; nothing where there is no database yet."""
        try:
            if not self.path.is_file():
                return []
        except OSError as error:
            raise unreadable(self.path, error) from error
        with self._explained():
            try:
                with self._connection() as connection:
                    return connection.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if _kind(error) not in ("CANTOPEN", "READONLY"):
                    raise
                # On a read-only disk no process writes, and SQLite must not make files beside it.
                with closing(
                    sqlite3.connect(f"{self.path.as_uri()}?immutable=1", uri=True)
                ) as still:
                    return still.execute(query, values).fetchall()

    def state(self) -> object:
        """Equal as long as nobody has written, as far as the times of the files tell."""
        found = []
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            with suppress(OSError):
                status = path.stat()
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)

    def close(self) -> None:
        """Close what is not in use. The next question opens it again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for opened, connection in idle:
            _leave(opened, connection)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            opened, connection = self._idle.pop() if self._idle else (None, None)
        if connection and opened and opened != self._opened():
            _leave(opened, connection)
            connection = None
        if connection is None:
            connection = self._open()
            opened = self._opened()
        assert opened
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append((opened, connection))

    def _opened(self) -> Opened:
        try:
            status = self.path.stat()
        except OSError:
            return os.getpid(), 0, 0
        return os.getpid(), status.st_dev, status.st_ino

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost a moment
            connection.execute("PRAGMA foreign_keys = ON")
            if (version := _version(connection)) < VERSION:
                _prepare(connection)
            elif version > VERSION:
                raise StoreError(
                    N_(
                        "{file} is of a newer version of the lab: update this one, or set "
                        "LAB_CACHE to another folder."
                    ),
                    file=self.path,
                )
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn an error of SQLite into a sentence."""
        try:
            yield
        except sqlite3.Error as error:
            match _kind(error):
                case "NOTADB" | "CORRUPT":
                    raise StoreError(
                        N_(
                            "{file} is damaged: stop the lab and move it elsewhere. Finished runs "
                            "are not in it."
                        ),
                        file=self.path,
                    ) from error
                case "BUSY" | "LOCKED":
                    raise StoreError(
                        N_("{file} is locked by another program: end that one, or try again."),
                        file=self.path,
                    ) from error
                case _:
                    raise unwritable(self.path.parent, self._reason(error)) from error

    def _reason(self, error: sqlite3.Error) -> object:
        """Why the folder cannot be written: the system says it better than SQLite."""
        try:
            with TemporaryFile(dir=self.path.parent, buffering=0) as file:
                file.write(bytes(4096))
        except OSError as cause:
            return cause.strerror or cause
        return error


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables. Several processes may do so at once."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            # Readers and one writer do not wait for each other. The file remembers it.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(
                f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
            )
            return
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself where two would change the journal of a new file.
            if _kind(error) != "BUSY" or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _leave(opened: Opened, connection: sqlite3.Connection) -> None:
    if opened[0] == os.getpid():
        connection.close()
    else:
        _not_ours.append(connection)


def _kind(error: sqlite3.Error) -> str:
    """What kind of error it is, such as FULL or BUSY."""
    return str(getattr(error, "sqlite_errorname", "SQLITE_ERROR")).split("_")[1]
