"""What a trained network says, computed with numpy: no TensorFlow, no wait, below a millisecond.

A page that draws predicts after every stroke, for a whole class on two cores. Importing TensorFlow
for that takes 5 seconds and 600 MB in each process. Each layer has few lines of numpy for it; tests
compare them with Keras.
"""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import h5py
import numpy as np

from core.data.contract import Images
from core.networks import bases
from core.networks.frozen import Pretrained
from core.networks.layers import Floats
from core.networks.structure import LayerRow

BATCH = 64
"""Images at once: bounds the memory that convolutions take."""


@dataclass(frozen=True)
class TrainedNetwork:
    """The layers of a network, from the input to the probabilities, with their weights."""

    rows: tuple[LayerRow, ...]
    weights: tuple[tuple[Floats, ...], ...]
    """Of each row; empty for a layer without weights."""

    def probabilities(self, images: Images) -> Floats:
        """Of uint8 (n, *shape): float32 (n, classes), rows that add up to 1.

        They are NaN for a network whose training diverged.
        """
        batches = [
            list(self._outputs(images[first : first + BATCH]))[-1]
            for first in range(0, len(images), BATCH)
        ]
        return np.concatenate(batches)

    def activations(self, images: Images) -> dict[str, Floats]:
        """What each layer passes on for uint8 (n, *shape): float32 (n, *its shape), by its name."""
        names = (row.name for row in self.rows)
        return dict(zip(names, self._outputs(images), strict=True))

    def _outputs(self, images: Images) -> Iterator[Floats]:
        values = np.asarray(images / np.float32(255), np.float32)
        with np.errstate(all="ignore"):
            for row, weights in zip(self.rows, self.weights, strict=True):
                values = np.asarray(row.layer.forward(values, weights), np.float32)
                yield values


def load(rows: Sequence[LayerRow], model_file: bytes) -> TrainedNetwork:
    """The network of these layers with the weights in a file that Keras saved.

    Raises KeyError or ValueError if the file has other layers, and MissingData or DataError if the
    weights of a pre-trained network are not on this machine.
    """
    with (
        zipfile.ZipFile(io.BytesIO(model_file)) as archive,
        h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file,
    ):
        return TrainedNetwork(tuple(rows), tuple(_weights(file["layers"], row) for row in rows))


def _weights(layers: h5py.Group, row: LayerRow) -> tuple[Floats, ...]:
    """Those of one layer in Keras's order. The file names layers as a new session does."""
    if not row.weights:
        return ()
    if isinstance(row.layer, Pretrained):  # too large to be in the file of each run
        return bases.weights(row.layer.name, row.layer.digest)
    stored = layers[row.name]["vars"]
    return tuple(stored[str(number)][()] for number in range(len(stored)))
