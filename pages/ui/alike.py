"""The training images that are most like another image, beside it."""

import numpy as np
import streamlit as st

from core.charts import pictures
from core.data import Dataset, neighbours
from core.data.contract import Images
from core.data.neighbours import Neighbours
from pages.ui.choice import Choice
from pages.ui.text import _

BESIDE = 5  # training images


@st.cache_data(max_entries=100, show_spinner=False)
def _nearest(digest: str, split: int | None, image: Images, _data: Dataset) -> Neighbours:
    return neighbours.nearest(image[np.newaxis], _data.x_train, BESIDE)


def nearest(data: Dataset, image: Images) -> Neighbours:
    """The training images that are most like one image, uint8 (height, width)."""
    return _nearest(data.digest, data.split, image, data)


def row(current: Choice, image: Images, found: Neighbours, mark: str, what: str) -> None:
    """An image, then those found, with their class and how much they are alike.

    `mark` stands below the image, and `what` names it for those who do not see it.
    """
    data = current.data
    [numbers], [similarity] = found
    labels = [current.class_names[data.y_train[number]] for number in numbers]
    marks = [f"{label}\n{share:.4f}" for label, share in zip(labels, similarity, strict=True)]
    picture = pictures.grid(
        np.concatenate([image[np.newaxis], data.x_train[numbers]]),
        1 + len(numbers),
        112,
        [f"{mark}\n ", *marks],
        negative=data.definition.negative,
    )
    text = _("{what} and the most similar training images: {labels}")
    st.image(picture, alt=text.format(what=what, labels=", ".join(labels)))
