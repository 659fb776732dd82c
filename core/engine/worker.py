"""What runs in a worker process: a run, its reports, and the wish to stop it."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import MissingData, Stopped
from core.i18n import N_
from core.specs import RunSpec
from core.store import State
from core.training import tensorflow
from core.training.run import Outcome, run

if TYPE_CHECKING:
    from core.training.fit import Moment

TOPIC = "recognition-lab"
"""The dask topic on which workers report progress."""

REPORT_SECONDS = 0.2


def prepare() -> None:
    """Give way to the server in the race for the cores, and import TensorFlow, once per process."""
    _give_way()
    tensorflow.prepare()


@cache
def _give_way() -> None:
    os.nice(19)
    # Where memory is short, Linux is to end a worker, which is started again, and not the server.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def train(spec: RunSpec, task: str) -> Outcome:
    """Train a run. Runs inside a dask task.

    Reports on TOPIC and raises Stopped soon after `distributed.Event(task)` is set. Raises
    MissingData if this machine has other data than the spec names, or not the base of its network.
    """
    from distributed import Event, get_worker

    worker, stop = get_worker(), Event(task)

    def tell(news: dict[str, Any]) -> None:
        worker.log_event(TOPIC, {"task": task, **news})

    def heed_stop() -> None:
        if stop.is_set():
            raise Stopped(N_("The training was stopped."))

    heed_stop()
    tell(news("importing"))
    prepare()
    tell(news("compiling"))
    try:
        return run(spec, reporter(tell, heed_stop))
    except MissingData as missing:
        missing.values["worker"] = worker.address
        raise


def news(state: State, moment: "Moment | None" = None) -> dict[str, Any]:
    """What there is to say of a run: those fields of a Claim that change while it is trained."""
    return {
        "state": state,
        "machine": f"{socket.gethostname()}:{os.getpid()}",
        "epochs": [epoch.row for epoch in moment.epochs] if moment else [],
        "steps_done": moment.steps_done if moment else 0,
        "steps": moment.steps if moment else 0,
        "seconds": moment.seconds if moment else 0.0,
    }


def reporter(
    tell: Callable[[dict[str, Any]], None], heed_stop: Callable[[], None]
) -> "Callable[[Moment], None]":
    """What a fit calls: it tells news at times, after a look for a stop."""
    last = time.monotonic()

    def report(moment: "Moment") -> None:
        nonlocal last
        if time.monotonic() - last < REPORT_SECONDS and not moment.finished:
            return
        last = time.monotonic()
        heed_stop()
        going_on: State = "preparing" if moment.preparing else "running"
        tell(news("saving" if moment.finished else going_on, moment))

    return report
