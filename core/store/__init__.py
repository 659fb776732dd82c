"""The store: finished runs, and what is under way.

    <cache>/runs/<key>/   one folder for each finished run: see core.store.runs
    <cache>/damaged/      what was found there and is not what was stored
    <cache>/lab.db        what is small, shared and changes: see core.store.database, claims and
                          students

Finished runs need no database: they are found, saved and read where it is damaged or locked.
"""

from collections.abc import Callable
from pathlib import Path

from core import settings
from core.specs.run import RunSpec
from core.store.claims import Claims
from core.store.database import Database
from core.store.records import Claim, Run, State, dump_json
from core.store.runs import Runs
from core.store.students import Students

__all__ = ["Claim", "Run", "State", "Store", "dump_json"]


class Store(Runs, Claims):
    """Finished runs and claims in one folder, which several threads and processes may share.

    Runs for which `keep` is true are deleted last when room is made.
    """

    def __init__(
        self, cache: Path | None = None, keep: Callable[[RunSpec], bool] = lambda spec: False
    ) -> None:
        self.cache = cache or settings.cache_folder()
        Runs.__init__(self, self.cache, keep)
        database = Database(self.cache)
        Claims.__init__(self, database, self.is_finished)
        self.students = Students(database)
