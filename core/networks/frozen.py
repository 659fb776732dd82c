"""What a network begins with that was learned elsewhere, and that its own training leaves as it is.

What such a base makes of an image never changes: it is computed once, as the features of the image,
and the layers behind it learn from them. See core.training.features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import UsageError
from core.fields import Limit, check_choice, check_number
from core.i18n import N_
from core.networks import bases, blocks
from core.networks.layers import (
    Call,
    Dense,
    Floats,
    Layer,
    Shape,
    layer_dict,
    layer_from,
)

if TYPE_CHECKING:
    from core.networks.structure import NetworkSpec

SIDE = Limit(32, 224)
SCALINGS = {
    "own": N_("as the network learned"),
    "255": N_("divided by 255"),
    "225": N_("divided by 225"),
}
"""What is done to the values 0..255 before they go into a pre-trained network, and in words."""


@dataclass(frozen=True)
class Pretrained(Layer):
    """A network that learned from photographs, without the layer that names their classes.

    A grey image is given to it as three equal channels, enlarged.
    """

    kind = "Functional"
    meaning = N_(
        "The pre-trained network learned from a million photographs, and stays as it is: for each "
        "image it gives the same numbers, from which the layers behind it learn."
    )
    name: str
    """In core.networks.bases."""
    side: int
    """Height and width that images are enlarged to."""
    scaling: str = "own"
    """A key of SCALINGS."""
    digest: str = ""
    """Of a file of other weights than those that were published: see bases.digest."""

    def __post_init__(self) -> None:
        bases.base(self.name)
        side = check_number(N_("size of the images"), self.side, SIDE, whole=True)
        object.__setattr__(self, "side", side)
        check_choice(N_("scaling"), self.scaling, tuple(SCALINGS))

    @property
    def text(self) -> str:
        scaling = "" if self.scaling == "own" else f", / {self.scaling}"
        return f"{self._base.title} ({self.side} px{scaling})"

    @property
    def _base(self) -> bases.Definition:
        return bases.base(self.name)

    def shape(self, inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise UsageError(N_("A pre-trained network can only be the first layer."))
        return (blocks.features(self._base.architecture),)

    def weights(self, inputs: Shape) -> int:
        return blocks.weights(self._base.architecture)

    def untrained(self, inputs: Shape) -> int:
        return self.weights(inputs)

    def products(self, inputs: Shape) -> int:
        return blocks.products(self._base.architecture, self.side)

    def call(self, inputs: Shape) -> Call:
        size = (self.side, self.side, blocks.CHANNELS)
        return (), {"include_top": False, "pooling": "avg", "input_shape": size}

    def code(self, inputs: Shape) -> str:
        zero, unit = self._scale
        offset = ", ".join(f"{-one / unit:g}" for one in zero)
        application = super().code(inputs).replace("layers.Functional", self._base.keras)
        lines = [
            f"keras.layers.Reshape({(*inputs, 1)})",
            f"keras.layers.Resizing({self.side}, {self.side})",
            f"keras.layers.Lambda(lambda x: keras.ops.repeat(x, {blocks.CHANNELS}, axis=-1))",
            f"keras.layers.Rescaling(255 / {unit:g}, [{offset}])",
            application if self._base.keras else self.name,
        ]
        return ",\n    ".join(lines)

    def forward(self, values: Floats, weights: Sequence[Floats]) -> Floats:
        return blocks.run(self._base.architecture, weights, self.prepared(values), blocks.Numpy())

    def prepared(self, values: Floats) -> Floats:
        """What goes into the network of grey images 0..1: (n, side, side, 3)."""
        zero, unit = self._scale
        down, across = (_enlarging(side, self.side) for side in values.shape[1:])
        large = down @ (values * np.float32(255)) @ across.T
        return (large[..., np.newaxis] - np.array(zero, np.float32)) / np.float32(unit)

    @property
    def _scale(self) -> tuple[tuple[float, float, float], float]:
        """What of 0..255 is 0 for the network, and what is 1 above it."""
        if self.scaling == "own":
            return self._base.zero, self._base.unit
        return (0, 0, 0), float(self.scaling)


@dataclass(frozen=True)
class Frozen:
    """The first layers of a run, with the weights that it learned: not a layer, but some."""

    run: str
    """The key of the run that they come from."""
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        layers = (one if isinstance(one, Layer) else layer_from(one) for one in self.layers)
        object.__setattr__(self, "layers", tuple(layers))

    @property
    def text(self) -> str:
        """What a line about a network calls it."""
        return self.run


Base = Pretrained | Frozen
"""What a network can begin with that was learned elsewhere."""
Part = Layer | Frozen
"""What a network is made of."""


def base_of_run(network: "NetworkSpec", run: str) -> Base:
    """What a network can begin with that continues the run of that key: all before its first Dense.

    It is that run's own base if that run has one. Raises UsageError for a network without
    convolutions.
    """
    if network.base:
        return network.base
    before = tuple(takewhile(lambda layer: not isinstance(layer, Dense), network.behind))
    if not any(layer.trained for layer in before):
        raise UsageError(
            N_("The run {run} has no convolutions that another one could begin with."), run=run
        )
    return Frozen(run, before)


def part_dict(part: Part) -> dict[str, Any]:
    """A part of a network as JSON can hold it."""
    if isinstance(part, Frozen):
        return {"layer": "Frozen", "run": part.run, "layers": [*map(layer_dict, part.layers)]}
    return layer_dict(part)


def part_from(values: Mapping[str, Any]) -> Part:
    """The part that `part_dict` was made from. Raises KeyError, TypeError or UsageError."""
    if values["layer"] == "Frozen":
        return Frozen(values["run"], values["layers"])
    return layer_from(values)


def _enlarging(side: int, wanted: int) -> Floats:
    """The matrix (wanted, side) that enlarges a row of pixels, linearly between their middles."""
    places = np.clip((np.arange(wanted) + 0.5) * side / wanted - 0.5, 0, side - 1)
    return np.maximum(0, 1 - abs(places[:, np.newaxis] - np.arange(side))).astype(np.float32)
