"""The networks that others trained on photographs, as blocks of convolutions.

    Architecture = blocks, each a row of steps, each a convolution with what follows it

An architecture and its weights are run by numpy here, for a drawing in the server, and by
TensorFlow in core.training.features, for thousands of images.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.networks.layers import EPSILON, Floats, Shape

CHANNELS = 3
"""Of a photograph: red, green and blue."""


class Step(NamedTuple):
    """A convolution with padding "same", and what follows it."""

    filters: int
    kernel: int = 1
    stride: int = 1
    activation: Literal["linear", "relu", "relu6"] = "relu6"
    depthwise: bool = False
    """Each filter sees one channel only."""
    normalised: bool = True
    """Batch normalisation stands in the place of a bias."""


class Block(NamedTuple):
    """Convolutions one after another."""

    steps: tuple[Step, ...]
    added: bool = False
    """What came in is added to what goes out."""
    pooled: bool = False
    """Of 2 x 2 numbers the largest goes out."""


Architecture = tuple[Block, ...]
"""The mean of each channel of the last block is what comes out."""


class Operations(Protocol):
    """What runs an architecture; values are (n, height, width, channels)."""

    def convolve(self, values: Any, kernel: Any, bias: Any, step: Step) -> Any: ...
    def pool(self, values: Any) -> Any: ...
    def mean(self, values: Any) -> Any: ...


def inverted_residuals(stages: Iterable[tuple[int, int, int, int, int]]) -> Architecture:
    """MobileNetV2 and what came of it; a stage: kernel, repeats, stride, expansion, filters."""
    channels = 32
    blocks = [Block((Step(channels, 3, 2),))]
    for kernel, repeats, first_stride, expansion, filters in stages:
        for repeat in range(repeats):
            stride = 1 if repeat else first_stride
            wide = channels * expansion
            steps = [Step(wide)] if expansion > 1 else []
            steps += [
                Step(wide, kernel, stride, depthwise=True),
                Step(filters, activation="linear"),
            ]
            blocks.append(Block(tuple(steps), added=stride == 1 and channels == filters))
            channels = filters
    return (*blocks, Block((Step(1280),)))


LITE0 = inverted_residuals(
    [
        (3, 1, 1, 1, 16),
        (3, 2, 2, 6, 24),
        (5, 2, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (5, 3, 1, 6, 112),
        (5, 4, 2, 6, 192),
        (3, 1, 1, 6, 320),
    ]
)
MOBILENET_V2 = inverted_residuals(
    [
        (3, 1, 1, 1, 16),
        (3, 2, 2, 6, 24),
        (3, 3, 2, 6, 32),
        (3, 4, 2, 6, 64),
        (3, 3, 1, 6, 96),
        (3, 3, 2, 6, 160),
        (3, 1, 1, 6, 320),
    ]
)
VGG16 = tuple(
    Block((Step(filters, 3, activation="relu", normalised=False),) * repeats, pooled=True)
    for filters, repeats in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
)


def features(architecture: Architecture) -> int:
    """How many numbers come out for one image."""
    return architecture[-1].steps[-1].filters


def shapes(architecture: Architecture) -> Iterator[Shape]:
    """Of the weights as Keras has them: a kernel, then a bias or the four of a normalisation."""
    for step, channels in _with_channels(architecture):
        side = (step.kernel, step.kernel, channels)
        yield (*side, 1 if step.depthwise else step.filters)
        yield from [(step.filters,)] * (4 if step.normalised else 1)


def weights(architecture: Architecture) -> int:
    """How many weights and biases there are."""
    return sum(map(math.prod, shapes(architecture)))


def products(architecture: Architecture, side: int) -> int:
    """How many multiplications an image of side x side pixels takes."""
    total, channels = 0, CHANNELS
    for block in architecture:
        for step in block.steps:
            side = math.ceil(side / step.stride)
            inputs = 1 if step.depthwise else channels
            total += side**2 * step.kernel**2 * inputs * step.filters
            channels = step.filters
        side = side // 2 if block.pooled else side
    return total


def folded(architecture: Architecture, arrays: Iterable[Floats]) -> tuple[Floats, ...]:
    """Kernel and bias of each step, with the normalisation in them, from arrays of `shapes`."""
    given, found = iter(arrays), []
    for step, _channels in _with_channels(architecture):
        kernel = next(given)
        if not step.normalised:
            found += [kernel, next(given)]
            continue
        scale, shift, mean, variance = (next(given) for _ in range(4))
        scale = scale / np.sqrt(variance + EPSILON)
        found += [
            kernel * (scale[:, np.newaxis] if step.depthwise else scale),
            shift - mean * scale,
        ]
    return tuple(found)


def run(
    architecture: Architecture, folded: Sequence[Any], values: Any, operations: Operations
) -> Any:
    """What comes out for (n, height, width, 3): (n, features)."""
    numbers = iter(folded)
    for block in architecture:
        inside = values
        for step in block.steps:
            inside = operations.convolve(inside, next(numbers), next(numbers), step)
        values = values + inside if block.added else inside
        values = operations.pool(values) if block.pooled else values
    return operations.mean(values)


class Numpy:
    """Operations on arrays."""

    def convolve(self, values: Floats, kernel: Floats, bias: Floats, step: Step) -> Floats:
        if step.kernel == 1:
            values = values @ kernel[0, 0]
        else:
            windows = sliding_window_view(_padded(values, step), kernel.shape[:2], axis=(1, 2))
            windows = windows[:, :: step.stride, :: step.stride]
            if step.depthwise:
                values = np.zeros(windows.shape[:4], np.float32)
                for y, x in np.ndindex(kernel.shape[:2]):
                    values += windows[..., y, x] * kernel[y, x, :, 0]
            else:
                values = np.tensordot(windows, kernel.transpose(2, 0, 1, 3), 3)
        values = values + bias
        if step.activation == "linear":
            return values
        return np.clip(values, 0, 6 if step.activation == "relu6" else None)

    def pool(self, values: Floats) -> Floats:
        n, height, width, channels = values.shape
        even = values[:, : height // 2 * 2, : width // 2 * 2]
        return even.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))

    def mean(self, values: Floats) -> Floats:
        return values.mean(axis=(1, 2))


def _padded(values: Floats, step: Step) -> Floats:
    """With as many zeros around as "same" asks for, of which the odd one comes last."""
    sides = [(0, 0)]
    for side in values.shape[1:3]:
        zeros = max((math.ceil(side / step.stride) - 1) * step.stride + step.kernel - side, 0)
        sides.append((zeros // 2, zeros - zeros // 2))
    return np.pad(values, [*sides, (0, 0)])


def _with_channels(architecture: Architecture) -> Iterator[tuple[Step, int]]:
    """Each step with the number of channels that come into it."""
    channels = CHANNELS
    for step in (step for block in architecture for step in block.steps):
        yield step, channels
        channels = step.filters
