"""One run in this process, for a command or a script that waits for it.

Workers take longer to start than most runs take. The run is claimed in the store as every run is:
the pages of a server show it, whoever wants it there waits for it, and a teacher can stop it.
"""

import threading
import time
from collections.abc import Callable
from functools import partial

from core.engine import faults
from core.engine.fleet import POLL_SECONDS
from core.engine.queue import STOPPED_FOR_ALL, Job, Queue, keep_alive, new_owner
from core.engine.worker import news, reporter
from core.errors import Stopped
from core.specs import RunSpec
from core.store import Claim, Run, Store
from core.training import tensorflow
from core.training.run import run


def train(spec: RunSpec, store: Store, on_progress: Callable[[Claim], None]) -> Run:
    """Train a run here, or wait for the process that does, and return it from the store.

    Raises StoreError or TrainingError, which says why there is no result.
    """
    queue, closed = Queue(store, new_owner()), threading.Event()
    beating = [queue, partial(queue.stop, student=None), closed]
    threading.Thread(target=keep_alive, args=beating, daemon=True).start()
    try:
        queue.submit(spec, "")
        while (job := queue.take()) or queue.waits_elsewhere(spec.key):
            if job:
                _train(job, queue, on_progress)
            else:
                if claim := queue.claimed(spec.key):
                    on_progress(claim)
                time.sleep(POLL_SECONDS)
        if finished := store.find(spec.key):
            return finished
        claim = queue.claimed(spec.key)
        raise claim.error if claim else faults.no_result()
    finally:
        closed.set()
        queue.close()


def _train(job: Job, queue: Queue, on_progress: Callable[[Claim], None]) -> None:
    task = job.task

    def tell(told: dict[str, object]) -> None:
        queue.progress(job, task, told)
        on_progress(job.claim)

    def heed_stop() -> None:
        if not queue.is_current(job, task):
            raise Stopped(STOPPED_FOR_ALL)

    try:
        tell(news("importing"))
        tensorflow.prepare()
        tell(news("compiling"))
        outcome = run(job.spec, reporter(tell, heed_stop))
        queue.store.save(job.spec, outcome.record, outcome.files)
        queue.finish(job)
    except Exception as error:
        queue.end(job, faults.reason(error, job.key, hung=False))
