"""The structure of a network from its spec alone, without TensorFlow.

Counts follow from the formula for a Dense layer: inputs x neurons weights, and one bias a neuron.
A Conv2D layer has height x width x channels weights, and one bias, for each of its filters.
"""

import math
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from core.specs.run import ModelSpec

PIXELS = 28 * 28
CLASSES = 10

_COLUMNS = (33, 24, 15)
"""Widths between the lines of the table that Keras prints into 80 columns."""


class LayerRow(NamedTuple):
    """One layer as Keras names it."""

    name: str
    type: str
    shape: tuple[int, ...]
    """Of what it passes on for one image."""
    weights: int
    """Weights and biases."""
    share: float
    """Its part of all the weights of the network, from 0 to 1."""
    code: str
    """The call of `keras.layers` that makes it."""

    @property
    def output(self) -> int:
        """How many numbers it passes on for one image."""
        return math.prod(self.shape)


class _Layer(NamedTuple):
    type: str
    shape: tuple[int, ...]
    weights: int
    arguments: str = ""


_OUTPUT = f'{CLASSES}, activation="softmax"'

_DRAWING = (
    _Layer("Reshape", (28, 28, 1), 0, "(28, 28, 1)"),
    _Layer("Conv2D", (26, 26, 32), 3 * 3 * 1 * 32 + 32, '32, 3, activation="relu"'),
    _Layer("Conv2D", (24, 24, 32), 3 * 3 * 32 * 32 + 32, '32, 3, activation="relu"'),
    _Layer("MaxPooling2D", (12, 12, 32), 0),
    _Layer("Conv2D", (10, 10, 64), 3 * 3 * 32 * 64 + 64, '64, 3, activation="relu"'),
    _Layer("Conv2D", (8, 8, 64), 3 * 3 * 64 * 64 + 64, '64, 3, activation="relu"'),
    _Layer("MaxPooling2D", (4, 4, 64), 0),
    _Layer("Flatten", (1024,), 0),
    _Layer("Dense", (128,), 1024 * 128 + 128, '128, activation="relu"'),
    _Layer("Dropout", (128,), 0, "0.5"),
    _Layer("Dense", (CLASSES,), 128 * CLASSES + CLASSES, _OUTPUT),
)
"""The network for drawings, as `models.build` builds it; a test compares the two."""


def sizes(model: ModelSpec) -> list[int]:
    """How many numbers go from layer to layer of a dense network: pixels, hidden, classes."""
    return [PIXELS, *model.hidden, CLASSES]


def _dense(model: ModelSpec) -> list[_Layer]:
    arguments = [f'{neurons}, activation="{model.activation}"' for neurons in model.hidden]
    layers = [
        _Layer("Dense", (neurons,), inputs * neurons + neurons, text)
        for (inputs, neurons), text in zip(
            pairwise(sizes(model)), [*arguments, _OUTPUT], strict=True
        )
    ]
    return [_Layer("Flatten", (PIXELS,), 0), *layers]


def layers(model: ModelSpec) -> list[LayerRow]:
    """Every layer of the network, from the input to the output."""
    parts = _DRAWING if model.kind == "drawing" else _dense(model)
    total = sum(part.weights for part in parts)
    seen: Counter[str] = Counter()
    rows = []
    for part in parts:
        name = "max_pooling2d" if part.type == "MaxPooling2D" else part.type.lower()
        rows.append(
            LayerRow(
                f"{name}_{seen[name]}" if seen[name] else name,
                part.type,
                part.shape,
                part.weights,
                part.weights / total,
                f"keras.layers.{part.type}({part.arguments})",
            )
        )
        seen[name] += 1
    return rows


@cache
def weights(model: ModelSpec) -> int:
    """How many weights the network has."""
    return sum(row.weights for row in layers(model))


def keras_summary(model: ModelSpec) -> str:
    """What `model.summary()` prints for this network in a new session, 80 columns wide."""

    def line(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * width for width in _COLUMNS) + right

    def row(edge: str, name: str, output: str, weights: str) -> str:
        first, second, third = _COLUMNS
        cells = (f" {name:<{first - 1}}", f" {output:<{second - 1}}", f"{weights:>{third - 1}} ")
        return edge + edge.join(cells) + edge

    rows = layers(model)
    body = [row("│", f"{r.name} ({r.type})", f"{(None, *r.shape)}", f"{r.weights:,}") for r in rows]
    between = line("├", "─", "┼", "┤")
    total = sum(r.weights for r in rows)
    counted = f"{total:,} ({_memory(total)})"
    return "\n".join(
        [
            'Model: "sequential"',
            line("┏", "━", "┳", "┓"),
            row("┃", "Layer (type)", "Output Shape", "Param #"),
            line("┡", "━", "╇", "┩"),
            f"\n{between}\n".join(body),
            line("└", "─", "┴", "┘"),
            f" Total params: {counted}",
            f" Trainable params: {counted}",
            " Non-trainable params: 0 (0.00 B)",
        ]
    )


def _memory(weights: int) -> str:
    size, unit = weights * 4.0, "B"  # float32
    for larger in ("KB", "MB"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{size:.2f} {unit}"


def keras_code(model: ModelSpec) -> str:
    """The Python lines that build this network with Keras and print its structure."""
    return "\n".join(
        [
            "import keras",
            "",
            "model = keras.Sequential([",
            "    keras.Input((28, 28)),",
            *(f"    {row.code}," for row in layers(model)),
            "])",
            "model.summary()",
        ]
    )
