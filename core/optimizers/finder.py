"""The learning-rate finder: one sweep of increasing learning rates, and the loss at each.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3: train for a few
hundred steps while the learning rate grows from step to step, and look where the loss falls.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.contract import Images
from core.networks import structure
from core.networks.layers import Floats
from core.specs import RunSpec, TrainSpec
from core.specs.optimizers import OPTIMIZERS

STEPS = 200
LOWEST, HIGHEST = 1e-6, 10.0
WINDOW = 21
"""Steps that a smoothed loss and its slope are taken over: 0.7 powers of ten."""
START = 40
"""Steps whose learning rates move nothing yet: their losses say where the curve begins."""
CLEAR_SHARE, CLEAR_SPREADS = 0.1, 1.75
"""A change of the smoothed loss is clear if it is above this part of the first level, and above so
many times the spread of the first losses. Flat noise of any size passes in 1 of 500 sweeps."""
KEPT = 0.9
"""Part of the running mean that each step keeps, which ends a sweep."""
TOO_HIGH = 4.0
"""The sweep ends where the running mean of the losses is that many times its lowest."""


@dataclass(frozen=True)
class Sweep:
    """The learning rate of each step, and the loss of its batch before the step; both (steps,).

    The optimizer decides how early the loss leaves the numbers: there may be no step at all.
    """

    rates: npt.NDArray[np.float64]
    losses: npt.NDArray[np.float64]

    @property
    def smooth(self) -> npt.NDArray[np.float64]:
        """The median of the losses around each step, which one wild batch does not move."""
        around = pd.Series(self.losses).rolling(WINDOW, center=True, min_periods=1)
        return around.median().to_numpy()

    @property
    def lowest(self) -> int | None:
        """The step with the lowest smoothed loss; None if there is no step."""
        return int(np.argmin(self.smooth)) if len(self.losses) else None

    @property
    def steepest(self) -> int | None:
        """The step before the lowest loss at which the smoothed loss falls fastest.

        It is looked for only where the loss has clearly left its first level, because noise falls
        fast too; None if it never does.
        """
        if self.lowest is None:
            return None
        level = float(np.median(self.losses[:START]))
        fallen = np.flatnonzero(self.smooth[: self.lowest + 1] < level - self._clear)
        return min(fallen.tolist(), key=self._slope, default=None)

    @property
    def rises(self) -> bool:
        """True if the loss has fallen, and is clearly higher again behind its lowest point."""
        if self.lowest is None or self.steepest is None:
            return False
        behind = self.smooth[self.lowest :]
        return bool(behind.max() - behind[0] > self._clear)

    @property
    def diverged(self) -> bool:
        """True if the sweep ended before the highest learning rate."""
        return len(self.rates) < STEPS

    @property
    def _clear(self) -> float:
        """How large a change of the smoothed loss must be so that noise does not explain it."""
        first = self.losses[:START]
        level = np.median(first)
        spread = 1.4826 * np.median(abs(first - level))  # the standard deviation of normal noise
        return float(max(CLEAR_SHARE * level, CLEAR_SPREADS * spread))

    def _slope(self, step: int) -> float:
        """Of the straight line through the smoothed losses around a step."""
        around = slice(max(step - WINDOW // 2, 0), step + WINDOW // 2 + 1)
        return float(np.polyfit(np.log10(self.rates[around]), self.smooth[around], 1)[0])


def for_sweep(spec: RunSpec) -> RunSpec:
    """The spec without what a sweep does not use: equal for all runs with the same sweep."""
    rate = OPTIMIZERS[spec.optimizer.name].learning_rate
    train = TrainSpec(1, spec.train.batch_size, 0.0, spec.train.seed)
    return replace(spec, optimizer=replace(spec.optimizer, learning_rate=rate), train=train)


def adafactor_limit() -> float:
    """The learning rate of a sweep from which on Adafactor takes its own, 1 / sqrt(step)."""
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    return float(rates[rates > 1 / np.sqrt(np.arange(1, STEPS + 1))][0])


def sweep(spec: RunSpec) -> Sweep:
    """Train the network of a run anew with rising learning rates; needs TensorFlow.

    The optimizer, batch size and seed are those of the run; nothing else of it is used, see
    `for_sweep`. Raises DataError if this machine has other images than the spec names, or not the
    base of its network.
    """
    from core.networks.build import build
    from core.training import features, images
    from core.training import fit as training

    data = images.load(spec.data)
    arrays = images.chosen(data, spec.data)
    rows = structure.rows(spec.network, data.definition.shape, len(data.class_names))
    head = [row for row in rows if not row.frozen]
    model, optimizer = build(head, spec.train.seed), spec.optimizer.keras()
    x: Images | Floats = arrays.x_train
    y, batch = arrays.y_train, spec.train.batch_size
    if spec.network.base:
        [x] = features.FrozenBase(spec.network.base, rows).features([arrays.x_train])
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
        mean = pd.Series(losses).ewm(alpha=1 - KEPT).mean()
        if mean.iloc[-1] > TOO_HIGH * mean.min():
            break
    kept = [loss for loss in losses if math.isfinite(loss)]
    return Sweep(rates[: len(kept)], np.array(kept))
