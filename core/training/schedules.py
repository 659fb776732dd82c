"""The optimizer of a run with its learning-rate schedule, as objects of Keras."""

import math
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from core.specs import OptimizerSpec, TrainSpec
from core.specs.schedules import Decay


class WarmUp(LearningRateSchedule):
    """Lets the learning rate grow from 0 to `rate` in so many steps, and begins `then` after."""

    def __init__(self, then: LearningRateSchedule | float, rate: float, steps: int) -> None:
        self._then = then
        self._rate = rate
        self._steps = steps

    def __call__(self, step: Any) -> Any:
        step = keras.ops.convert_to_tensor(step)
        after = keras.ops.maximum(step - self._steps, 0)
        then = self._then(after) if callable(self._then) else self._then
        part = keras.ops.cast(step, "float32") / self._steps
        return keras.ops.where(step < self._steps, part * self._rate, then)


def optimizer(spec: OptimizerSpec, train: TrainSpec, images: int) -> keras.optimizers.Optimizer:
    """The optimizer of a run that trains on so many images, with its schedule."""
    if not isinstance(train.schedule, Decay):
        return spec.keras()
    epoch = math.ceil(images / train.batch_size)
    warmup = train.schedule.warmup * epoch
    rate = train.schedule.keras(spec.learning_rate, epoch, train.epochs * epoch - warmup)
    return spec.keras(WarmUp(rate, spec.learning_rate, warmup) if warmup else rate)
