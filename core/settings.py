"""What the environment decides, read when it is needed and never at import.

| variable        | what it sets                                                        |
|-----------------|---------------------------------------------------------------------|
| `LAB_CACHE`     | folder of runs and downloads (default: `cache/` beside `core/`)      |
| `LAB_DATA`      | a folder of data sets, looked at before all others                   |
| `LAB_OFFLINE`   | set to 1: download nothing without being asked                       |
| `LAB_WORKERS`   | how many trainings run at once (default: one per core, at most 4)    |
| `LAB_SCHEDULER` | a dask cluster to train on, such as tcp://192.168.1.10:8786          |
| `LAB_PASSWORD`  | a teacher's password for what affects others                         |
| `LAB_STORE_GB`  | how many gigabytes of runs are kept (default: 2)                     |
"""

import os
import re
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


def scheduler() -> str | None:
    """The address of the dask scheduler that `LAB_SCHEDULER` names; None for workers of our own.

    Raises UsageError for what is not an address.
    """
    named = os.environ.get("LAB_SCHEDULER")
    if not named:
        return None
    if not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d{1,5}", named):
        raise UsageError(
            N_("LAB_SCHEDULER is {value}: give an address such as tcp://192.168.1.10:8786."),
            value=named,
        )
    return named


def password() -> str | None:
    """The teacher's password, or None."""
    return os.environ.get("LAB_PASSWORD") or None


def store_bytes() -> float:
    """How large the finished runs may become. Raises UsageError for anything but a number > 0."""
    named = os.environ.get("LAB_STORE_GB") or "2"
    size = float(named) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", named) else 0.0
    if size == 0:
        raise UsageError(
            N_("LAB_STORE_GB is {value}: give a number of gigabytes such as 2 or 0.5."),
            value=named,
        )
    return size * 1e9
