"""What runs in a worker process of dask: a run, its reports, and the wish to stop it."""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import MissingData, Stopped
from core.i18n import N_
from core.specs import RunSpec
from core.training import tensorflow
from core.training.epochs import Epoch
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
    MissingData if this machine has other data than the spec names.
    """
    from distributed import Event, get_worker

    worker, stop = get_worker(), Event(task)
    last = 0.0

    def tell(
        state: str,
        epochs: Sequence[Epoch] = (),
        steps_done: int = 0,
        steps: int = 0,
        seconds: float = 0.0,
    ) -> None:
        nonlocal last
        last = time.monotonic()
        news = {
            "task": task,
            "state": state,
            "machine": f"{socket.gethostname()}:{os.getpid()}",
            "epochs": [asdict(epoch) for epoch in epochs],
            "steps_done": steps_done,
            "steps": steps,
            "seconds": seconds,
        }
        worker.log_event(TOPIC, news)

    def heed_stop() -> None:
        if stop.is_set():
            raise Stopped(N_("The training was stopped."))

    def report(moment: "Moment") -> None:
        finished = len(moment.epochs) == spec.train.epochs
        if time.monotonic() - last < REPORT_SECONDS and not finished:
            return
        heed_stop()
        state = "saving" if finished else "running"
        tell(state, moment.epochs, moment.steps_done, moment.steps, moment.seconds)

    heed_stop()
    tell("preparing")
    prepare()
    try:
        return run(spec, report)
    except MissingData as missing:
        missing.values["worker"] = worker.address
        raise
