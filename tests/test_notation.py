"""A network as a line of text, which a person types and an address holds."""

import pytest

from core.errors import UsageError
from core.networks.known import KNOWN, SIGNS
from core.networks.layers import (
    AveragePooling2D,
    BatchNormalization,
    Channel,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from core.networks.notation import network_from, network_lines
from core.specs import NetworkSpec


def test_layers_are_their_names_and_settings() -> None:
    text = """
        channel, Conv2D 64 4 relu padding=same
        Conv2D filters=8 kernel=3 initializer=he_normal l2=0.001, maxpooling2d 3
        AveragePooling2D, BatchNormalization, Dropout 0.4, Flatten, Dense 128
    """
    assert network_from(text).layers == (
        Channel(),
        Conv2D(64, 4, "relu", padding="same"),
        Conv2D(8, 3, initializer="he_normal", l2=0.001),
        MaxPooling2D(3),
        AveragePooling2D(),
        BatchNormalization(),
        Dropout(0.4),
        Flatten(),
        Dense(128),
    )


OTHERS = (
    NetworkSpec((Channel(), Conv2D(2, 3, l1=0.25, initializer="he_normal"), Flatten())),
    NetworkSpec((Flatten(), Dense(5, "tanh", 0.1, 1e-07), Dropout(0.123456789), Dense(7))),
)


@pytest.mark.parametrize("network", [*(one for _, one in KNOWN.values()), *OTHERS], ids=str)
def test_what_is_written_is_read_again(network: NetworkSpec) -> None:
    assert network_from(", ".join(network_lines(network))) == network


def test_a_line_names_only_what_it_must() -> None:
    assert network_lines(SIGNS)[:4] == [
        "Channel",
        "Conv2D 64 4 relu padding=same",
        "Dropout 0.4",
        "MaxPooling2D",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Number of layers is 0: give a whole number from 1 to 40."),
        ("Conv3D 8 3", "Layer is Conv3D: choose one of Flatten, Channel, Dense, Conv2D, "),
        ("Conv2D 8", "Conv2D needs kernel: write them behind its name."),
        ("Conv2D 8 3 stride=2", "Conv2D has these settings and not stride: filters, kernel, "),
        ("Dropout 0.5 0.5", r"Dropout has these settings and not 0.5: rate\."),
        ("Flatten 2", "Flatten has no settings: leave out 2."),
        ("Dense many", "Neurons is many: give a whole number from 1 to 1024."),
        ("Dense 5 activation=", "Activation is empty: give a value, or leave it out."),
        ("Conv2D 8 3 padding=full", "Padding is full: choose one of valid, same."),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        network_from(text)
