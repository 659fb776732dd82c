"""What a network says to a hand, and whether it is to be believed.

A network names one of its letters for every picture. So two signs are looked at: how large its
largest probability is, and how much the picture is like any of the training images, as
core.data.neighbours measures it.

ALIKE is from distances between test and training images, by `python -m tests.measure_hands`. The
most similar training image of a test image is of the same photograph (0.99 to 1 alike): no figure
for a hand that was never seen. So what is more than COPY alike is left out, and what remains is of
other photographs: of 500 test images half are 0.73 alike at least, and 14% less than 0.60. Less
than that are all clothes and digits as they are, and with dark and light exchanged 70% and 89%.
"""

from collections.abc import Sequence

from core.data.contract import Images
from core.drawing.recognition import SURE, Answer
from core.networks.forward import TrainedNetwork

ALIKE = 0.6
"""The similarity of a sure answer is at least this."""
COPY = 0.95
"""Images that are more alike are of one photograph."""


def recognise(
    network: TrainedNetwork, images: Images, similarities: Sequence[float]
) -> list[Answer]:
    """What `network` says to hands, uint8 (n, height, width), unsure by SURE and ALIKE.

    `similarities` are those to the most similar training image of each.
    """
    return [
        # The first is False for the NaN of a network that diverged.
        Answer(row, int(row.argmax()), alike, 0.0, not (row.max() >= SURE and alike >= ALIKE))
        for row, alike in zip(network.probabilities(images), similarities, strict=True)
    ]
