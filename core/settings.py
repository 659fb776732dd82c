"""What the environment decides, read when it is needed and never at import.

| variable      | what it sets                                                         |
|---------------|----------------------------------------------------------------------|
| `LAB_CACHE`   | folder of runs and downloads (default: `cache/` beside `core/`)       |
| `LAB_DATA`    | a folder of data sets, looked at before all others                    |
| `LAB_OFFLINE` | set to 1: download nothing without being asked                        |
| `LAB_WORKERS` | how many trainings run at once (default: one per core, at most 4)                |
"""

import os
from pathlib import Path

from core.errors import UsageError
from core.i18n import N_


def cache_folder() -> Path:
    """The folder of runs and downloads. It need not exist yet."""
    return Path(os.environ.get("LAB_CACHE") or Path(__file__).parents[1] / "cache")


def data_folder() -> Path | None:
    """The folder named by `LAB_DATA`, or None. Raises UsageError if it is not a folder."""
    named = os.environ.get("LAB_DATA")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_dir():
        raise UsageError(
            N_(
                "LAB_DATA names {folder}, which is not a folder: name a folder of data, or "
                "unset it."
            ),
            folder=folder,
        )
    return folder


def offline() -> bool:
    """True if downloads are switched off."""
    return os.environ.get("LAB_OFFLINE", "0") not in ("", "0")


def workers() -> int:
    """How many trainings run at once. Raises UsageError for anything but a number from 1 to 64."""
    named = os.environ.get("LAB_WORKERS")
    if not named:
        return min(os.cpu_count() or 1, 4)
    if not named.isdecimal() or not 1 <= int(named) <= 64:
        raise UsageError(N_("LAB_WORKERS is {value}: give a number from 1 to 64."), value=named)
    return int(named)
