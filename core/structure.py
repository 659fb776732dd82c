"""The structure of a network from its spec alone, without TensorFlow.

Counts follow from the formula for a Dense layer: inputs x neurons weights, and one bias a neuron.
"""

from itertools import pairwise
from typing import NamedTuple

from core.specs import ModelSpec

PIXELS = 28 * 28
CLASSES = 10

_COLUMNS = (33, 24, 15)
"""Widths between the lines of the table that Keras prints into 80 columns."""


class LayerRow(NamedTuple):
    """One layer as Keras names it."""

    name: str
    type: str
    output: int
    """How many numbers it passes on for one image."""
    weights: int
    """Weights and biases."""
    share: float
    """Its part of all the weights of the network, from 0 to 1."""


def sizes(model: ModelSpec) -> list[int]:
    """How many numbers go from layer to layer: 784 pixels, each hidden layer, 10 classes."""
    return [PIXELS, *model.hidden, CLASSES]


def layers(model: ModelSpec) -> list[LayerRow]:
    """Flatten and every Dense layer, from the input to the output."""
    flow = sizes(model)
    weights = [inputs * neurons + neurons for inputs, neurons in pairwise(flow)]
    total = sum(weights)
    dense = [
        LayerRow(f"dense_{i}" if i else "dense", "Dense", neurons, count, count / total)
        for i, (neurons, count) in enumerate(zip(flow[1:], weights, strict=True))
    ]
    return [LayerRow("flatten", "Flatten", PIXELS, 0, 0.0), *dense]


def keras_summary(model: ModelSpec) -> str:
    """What `model.summary()` prints for this network in a new session, 80 columns wide."""

    def line(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * width for width in _COLUMNS) + right

    def row(edge: str, name: str, output: str, weights: str) -> str:
        first, second, third = _COLUMNS
        cells = (f" {name:<{first - 1}}", f" {output:<{second - 1}}", f"{weights:>{third - 1}} ")
        return edge + edge.join(cells) + edge

    rows = layers(model)
    body = [row("│", f"{r.name} ({r.type})", f"(None, {r.output})", f"{r.weights:,}") for r in rows]
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
    hidden = [
        f'    keras.layers.Dense({neurons}, activation="{model.activation}"),'
        for neurons in model.hidden
    ]
    return "\n".join(
        [
            "import keras",
            "",
            "model = keras.Sequential([",
            "    keras.Input((28, 28)),",
            "    keras.layers.Flatten(),",
            *hidden,
            f'    keras.layers.Dense({CLASSES}, activation="softmax"),',
            "])",
            "model.summary()",
        ]
    )
