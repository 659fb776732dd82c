"""The learning-rate finder: one sweep of increasing learning rates, and the loss at each.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3: train for a few
hundred steps while the learning rate grows from step to step, and look where the loss falls.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.specs import RunSpec

STEPS = 200
LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.9
"""Part of the running mean that each step keeps."""
TOO_HIGH = 4.0
"""The sweep ends where the smoothed loss is that many times its lowest."""


@dataclass(frozen=True)
class Sweep:
    """The learning rate of each step, and the loss of its batch before the step; both (steps,)."""

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]

    @property
    def smooth(self) -> npt.NDArray[np.float64]:
        """The running mean of the losses, corrected for its start; ends where they do."""
        return smoothed(self.losses)

    @property
    def lowest(self) -> int:
        """The step with the lowest smoothed loss."""
        return int(np.nanargmin(self.smooth))

    @property
    def steepest(self) -> int:
        """The step before the lowest loss at which the smoothed loss falls fastest."""
        until = max(self.lowest, 2)
        slope = np.gradient(self.smooth[: until + 1], np.log10(self.rates[: until + 1]))
        return int(np.argmin(slope))

    @property
    def diverged(self) -> bool:
        """True if the sweep ended before the highest learning rate."""
        return len(self.rates) < STEPS


def smoothed(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running mean of losses, corrected for its start."""
    return pd.Series(losses).ewm(alpha=1 - SMOOTHING).mean().to_numpy()


def sweep(spec: RunSpec) -> Sweep:
    """Train the network of a run anew with rising learning rates; needs TensorFlow.

    The optimizer, batch size and seed are those of the run; its learning rate is not used. Raises
    DataError if this machine has other images than the spec names.
    """
    from core import models, training, worker

    arrays = worker.load(spec.data).arrays
    model = models.build(spec.model, spec.train.seed)
    optimizer = models.optimizer(spec.optimizer)
    x, y, batch = arrays.x_train, arrays.y_train, spec.train.batch_size
    compiled = training.CompiledSteps(model, optimizer, x, y, batch)
    shuffle = np.random.default_rng(spec.train.seed)
    whole = max(len(x) // batch, 1)
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    order = np.empty(0, np.int32)
    for step, rate in enumerate(rates):
        if step % whole == 0:
            order = shuffle.permutation(len(x)).astype(np.int32)
        optimizer.learning_rate = rate
        losses.append(compiled.step(order, step % whole))
        if not math.isfinite(losses[-1]):
            break
        smooth = smoothed(np.array(losses))
        if smooth[-1] > TOO_HIGH * smooth.min():
            break
    kept = [loss for loss in losses if math.isfinite(loss)]
    return Sweep(rates[: len(kept)], np.array(kept))
