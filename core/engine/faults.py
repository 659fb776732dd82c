"""Why a run failed, how much that counts, and what its student is told."""

import logging

from core.errors import LabError, TrainingError
from core.i18n import N_

logger = logging.getLogger(__name__)

MAX_FAULTS = 2.0
"""After how many lost workers a run is given up: it is tried once more."""

NOT_BEGUN = 0.25
"""How much the death of a worker counts for a run that was given to it and had not begun."""

OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError")


def weight(error: Exception | None, *, begun: bool) -> float:
    """How many faults an ended task counts: 0 if only the cluster was lost, MAX_FAULTS if another
    attempt would end in the same way."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    match error:
        case CancelledError():
            return 0  # a stopped run has no task any more: the scheduler is gone
        case KilledWorker():
            return 1 if begun else NOT_BEGUN
        case OSError():
            return 1  # the result was lost on its way
        case _ if type(error).__name__ in OUT_OF_MEMORY:
            return 1
        case _:
            return MAX_FAULTS


def reason(error: Exception | None, key: str, *, hung: bool) -> LabError:
    """Why a run failed, in a sentence for its student; `hung` if its worker had to be restarted."""
    from distributed.scheduler import KilledWorker

    match error:
        case LabError():
            return error
        case KilledWorker() if hung:
            return TrainingError(N_("The training process did not answer any more: try again."))
        case KilledWorker():
            return TrainingError(
                N_("The training process was killed, perhaps for want of memory: try again.")
            )
        case _ if type(error).__name__ in OUT_OF_MEMORY:
            return TrainingError(
                N_("There was not enough memory: choose fewer neurons or a smaller batch.")
            )
        case _:
            logger.error("Run %s failed", key, exc_info=error)
            return TrainingError(
                N_("The training failed ({kind}): try again, or tell your teacher."),
                kind=type(error).__name__,
            )


def not_started(error: Exception) -> TrainingError:
    """Worker processes of our own cannot be had."""
    return TrainingError(
        N_("The training processes could not be started ({reason}): try again."), reason=error
    )


def not_reached(address: str) -> TrainingError:
    """The scheduler that LAB_SCHEDULER names is away."""
    return TrainingError(
        N_("The cluster at {address} cannot be reached: runs wait until it is there."),
        address=address,
    )


def no_workers(address: str) -> TrainingError:
    """The scheduler that LAB_SCHEDULER names has nobody to train."""
    return TrainingError(
        N_("The cluster at {address} has no workers: runs wait until one is there."),
        address=address,
    )


def no_answer(error: Exception) -> TrainingError:
    """The workers were there, and are not any more."""
    return TrainingError(
        N_("The training processes do not answer ({reason}): they are started again."),
        reason=error,
    )


def no_result() -> TrainingError:
    """A run ended, and nobody knows how."""
    return TrainingError(N_("The training left no result: try again."))
