"""How images are divided into training and test images, and what that hides."""

import pandas as pd
import streamlit as st

from core import data as datasets
from core.data import Dataset, neighbours
from core.data.divided import SHARE
from core.fields import Limit, WholeNumber
from core.i18n import N_
from pages.ui import alike, fields, layout
from pages.ui.choice import Choice
from pages.ui.text import _

LOOKED_AT = 500  # test images, for how many of which a copy is found


@st.cache_data(max_entries=8, show_spinner=False)
def _copied(digest: str, split: int | None, _data: Dataset) -> float:
    return neighbours.copied(_data, LOOKED_AT)


def show(current: Choice) -> None:
    """Which images train the network and which test it; has it seen those before?"""
    st.subheader(_("Training and test images"))
    _parts(current)
    st.subheader(_("Were the test images seen before?"))
    _beside(current)
    _figures(current)


def _parts(current: Choice) -> None:
    """How the images of the choice are divided."""
    data, own = current.data, current.data.whole
    text = _(
        "This run trains on all **{train:,}** training images and is tested on the **{own:,}** "
        "test images that the data set brings."
    )
    if data.split is not None:
        text = _(
            "`train_test_split(…, test_size={share}, stratify=labels, random_state={seed})` draws "
            "{share:.0%} of the {all:,} training images, the same part of each class: **{test:,}** "
            "test the network, the other **{train:,}** train it. The {own:,} test images that the "
            "data set itself brings are in neither part; each run is tested on them too."
        )
    st.markdown(
        text.format(
            share=SHARE,
            seed=data.split,
            all=len(own.x_train),
            train=len(data.x_train),
            test=len(data.x_test),
            own=len(own.x_test),
        )
    )


def _beside(current: Choice) -> None:
    """A test image beside the training images that are most like it."""
    data, names = current.data, current.class_names
    if data.definition.about:
        st.write(_(data.definition.about))
    last = len(data.x_test) - 1
    index = fields.number(
        WholeNumber("copy", N_("test image"), 0, Limit(0, last)),
        label=_("Test image, from 0 to {last}").format(last=last),
        width=240,
    )
    image, true = data.x_test[index], names[data.y_test[index]]
    alike.row(
        current,
        image,
        alike.nearest(data, image),
        f"{_('test')}: {true}",
        _("Test image {i}, {name},").format(i=index, name=true),
    )
    st.caption(
        _(
            "At the left the test image, then the training images that are most like it, with "
            "their class and the correlation of their pixels: 1 is the same picture, or a brighter "
            "one."
        )
    )


def _figures(current: Choice) -> None:
    """How often a copy is enough, beside how often the network is right."""
    data, run = current.data, current.run
    split = current.lab.base.data.split if data.split is None else data.split
    parts = [datasets.divided(data, one) for one in (split, None)]
    copied = [_copied(one.digest, one.split, one) for one in parts]
    accuracy: list[float | None] = [None, None]
    if run:
        both = [run.test_accuracy, run.own_test_accuracy]
        accuracy = [None, run.test_accuracy] if data.split is None else both
    content = pd.DataFrame(
        {
            _("Answer"): [_("Of the most similar image"), _("Of {name}").format(name=current.name)],
            _("random split"): [layout.figure(copied[0]), layout.figure(accuracy[0])],
            _("own test images"): [layout.figure(copied[1]), layout.figure(accuracy[1])],
        }
    )
    st.dataframe(
        content,
        hide_index=True,
        column_config=layout.numbers_right(content),
        alt=_("How often the most similar training image and the network are right"),
    )
    if not data.definition.about:
        return
    st.write(
        _(
            "Whoever learns nothing, and only takes the class of the most similar training image, "
            "is right for **{share:.1%}** of {n:,} test images of the random split. Where that is "
            "nearly all, the test says how well pictures are remembered, not how well {many} of "
            "other people are read."
        ).format(
            share=copied[0],
            n=min(LOOKED_AT, len(parts[0].x_test)),
            many=_(data.definition.many),
        )
    )
