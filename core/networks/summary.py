"""A network as Keras prints it, and as the Python lines that build it, without TensorFlow."""

from collections.abc import Sequence

from core.networks.structure import LayerRow

_COLUMNS = (33, 24, 15)
"""Widths between the lines of the table that Keras prints into 80 columns."""


def keras_summary(rows: Sequence[LayerRow]) -> str:
    """What `model.summary()` prints for this network in a new session, 80 columns wide."""

    def line(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * width for width in _COLUMNS) + right

    def row(edge: str, name: str, output: str, weights: str) -> str:
        first, second, third = _COLUMNS
        cells = (f" {name:<{first - 1}}", f" {output:<{second - 1}}", f"{weights:>{third - 1}} ")
        return edge + edge.join(cells) + edge

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


def keras_code(rows: Sequence[LayerRow]) -> str:
    """The Python lines that build this network with Keras and print its structure."""
    return "\n".join(
        [
            "import keras",
            "",
            "model = keras.Sequential([",
            f"    keras.Input({rows[0].inputs}),",
            *(f"    {row.code}," for row in rows),
            "])",
            "model.summary()",
        ]
    )
