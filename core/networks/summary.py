"""A network as Keras prints it, and as the Python lines that build it, without TensorFlow."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from core.networks.layers import Shape
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

    body = [
        "\n".join(row("│", *cells) for cells in _lines(r.name, r.type, r.shape, r.weights))
        for r in rows
    ]
    between = line("├", "─", "┼", "┤")
    total = sum(r.weights for r in rows)
    still = sum(r.untrained for r in rows)
    return "\n".join(
        [
            'Model: "sequential"',
            line("┏", "━", "┳", "┓"),
            row("┃", "Layer (type)", "Output Shape", "Param #"),
            line("┡", "━", "╇", "┩"),
            f"\n{between}\n".join(body),
            line("└", "─", "┴", "┘"),
            f" Total params: {_counted(total)}",
            f" Trainable params: {_counted(total - still)}",
            f" Non-trainable params: {_counted(still)}",
        ]
    )


def _lines(name: str, kind: str, shape: Shape, weights: int) -> Iterator[tuple[str, str, str]]:
    """The cells of a layer: a name that is too long for its column goes on in another line."""
    first, *others = wrap(f"{name} ({kind})", _COLUMNS[0] - 2)
    yield first, f"{(None, *shape)}", f"{weights:,}"
    for text in others:
        yield text, "", ""


def _counted(weights: int) -> str:
    size, unit = weights * 4.0, "B"  # float32
    for larger in ("KB", "MB"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{weights:,} ({size:.2f} {unit})"


def keras_code(rows: Sequence[LayerRow]) -> str:
    """The Python lines that build this network with Keras and print its structure."""
    behind = sum(not row.frozen for row in rows)
    freeze = [f"for layer in model.layers[:-{behind}]:", "    layer.trainable = False"]
    return "\n".join(
        [
            "import keras",
            "",
            "model = keras.Sequential([",
            f"    keras.Input({rows[0].inputs}),",
            *(f"    {row.code}," for row in rows),
            "])",
            *(freeze if rows[0].frozen else []),
            "model.summary()",
        ]
    )
