"""The workers: processes of this program, or an existing dask cluster on other machines."""

import io
import logging
import signal
import zipfile
from multiprocessing import resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import core

if TYPE_CHECKING:
    from distributed import Client, Scheduler

CONNECT_SECONDS = 5
ANSWER_SECONDS = 10
LOGGED = 100
"""How many messages dask remembers, for whoever looks for a fault."""


def start() -> "Client":
    """Start a cluster of one process, which ends with this one, however it ends; see `grow`."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set(
        {
            # No retries of dask's own: it counts a death against all runs given to the worker.
            "distributed.scheduler.allowed-failures": 0,
            # Logs of a thousand messages, each with the curves of a run, are many megabytes.
            "distributed.admin.low-level-log-length": LOGGED,
            "distributed.admin.log-length": LOGGED,
            # Nobody looks at what dask measures of itself: for an hour, and stacks each 10 ms.
            "distributed.admin.system-monitor.log-length": LOGGED,
            "distributed.worker.profile.enabled": False,
            # Pages on a port of their own that tell any account of this computer what runs here.
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
        }
    )
    # A terminal sends Ctrl-C to all processes. Workers leave it to the one that started them: they
    # inherit the mask of the threads that start here. (resource_tracker would undo it later.)
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=True,  # or any account of this computer could have the scheduler run its code
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return Client(cluster)


def grow(client: "Client", workers: int) -> None:
    """Have that many processes in a cluster of our own."""
    assert client.cluster is not None, "it is our own"
    client.cluster.scale(workers)


def connect(address: str) -> "Client":
    """Connect to the scheduler at `address` and give its workers, now and later, this code.

    So the other machines need the same packages, and nothing of the lab. Raises OSError or
    TimeoutError if nobody answers there.
    """
    from distributed import Client

    client = Client(address, timeout=CONNECT_SECONDS)
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "core.zip"
            path.write_bytes(_code())
            client.upload_file(str(path))
        client.run_on_scheduler(_no_retries)
    except BaseException:
        client.close()
        raise
    return client


def _no_retries(dask_scheduler: "Scheduler") -> None:
    dask_scheduler.allowed_failures = 0


def _code() -> bytes:
    """The package core as a zip that Python imports from; always the same bytes for one version."""
    folder = Path(core.__file__).parent
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for path in sorted(folder.rglob("*.py")):
            file.writestr(zipfile.ZipInfo(str(path.relative_to(folder.parent))), path.read_bytes())
    return content.getvalue()


def look(client: "Client") -> tuple[str, list[str]]:
    """The scheduler's id, which a restart changes, and the addresses of its workers.

    Raises OSError or TimeoutError if the scheduler does not answer.
    """
    if client.status != "running" or client.scheduler is None:
        raise OSError(f"the connection is {client.status}")
    ask = client.scheduler.identity  # client.scheduler_info() says nothing of a failure
    identity = client.sync(ask, n_workers=-1, callback_timeout=ANSWER_SECONDS)
    return identity["id"], list(identity["workers"])


def close(client: "Client") -> None:
    """Leave a cluster, and end it if it is our own."""
    cluster = client.cluster
    try:
        client.close()
    finally:
        if cluster is not None:
            cluster.close()
