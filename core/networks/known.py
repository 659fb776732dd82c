"""Networks that have a name."""

from core.i18n import N_
from core.networks.layers import (
    AveragePooling2D,
    Channel,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from core.networks.structure import NetworkSpec

SIGNS = NetworkSpec(
    (
        Channel(),
        Conv2D(64, 4, "relu", padding="same"),
        Dropout(0.4),
        MaxPooling2D(),
        Conv2D(64, 4, "relu", padding="same"),
        Dropout(0.4),
        MaxPooling2D(),
        Conv2D(64, 3, "relu"),
        Dropout(0.4),
        MaxPooling2D(),
        Flatten(),
        Dense(128, "relu"),
    )
)
"""That of the report on hand signs."""

CONVNET = NetworkSpec(
    (
        Channel(),
        Conv2D(32, 3, "relu"),
        MaxPooling2D(),
        Conv2D(64, 3, "relu"),
        MaxPooling2D(),
        Flatten(),
        Dropout(0.5),
    )
)
"""That of Keras's own example of a convolutional network, for MNIST."""

LENET_5 = NetworkSpec(
    (
        Channel(),
        Conv2D(6, 5, "tanh", padding="same"),
        AveragePooling2D(),
        Conv2D(16, 5, "tanh"),
        AveragePooling2D(),
        Flatten(),
        Dense(120, "tanh"),
        Dense(84, "tanh"),
    )
)
"""LeCun, Bottou, Bengio and Haffner (1998), as it is built today: with softmax outputs.

The paper gives images of 28 x 28 an edge of two zeros on each side: here the padding does.
"""

KNOWN = {
    "convnet": (N_("Keras's example"), CONVNET),
    "lenet-5": (N_("LeNet-5"), LENET_5),
    "signs": (N_("the report on hand signs"), SIGNS),
}
"""What a student may begin with."""
