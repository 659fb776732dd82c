"""The whole test set: how many images are misclassified, which, and as what."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.data import Dataset
from core.data.contract import Images
from core.fields import OneOf
from core.i18n import N_
from core.store import Run
from pages.ui import choice, fields, layout
from pages.ui.text import _, plural

Indices = npt.NDArray[np.intp]

AT_ONCE = 20  # images of a cell


@dataclass(frozen=True)
class Test:
    """What a run says to the test images."""

    data: Dataset
    names: list[str]
    """Of the classes, translated."""
    predicted: npt.NDArray[np.intp]
    """The class of each test image."""

    @property
    def true(self) -> Images:
        """The right class of each test image."""
        return self.data.y_test

    @property
    def wrong(self) -> Indices:
        """The test images that are misclassified."""
        return np.flatnonzero(self.predicted != self.true)


def figures(test: Test) -> None:
    """How many, and what part of all."""
    images, wrong = len(test.true), len(test.wrong)
    layout.tiles(
        {
            _("Test images"): f"{images:,}",
            _("Misclassified"): f"{wrong:,}",
            _("Error rate"): f"{wrong / images:.2%}",
        }
    )


def first_mistakes(test: Test, wanted: int) -> None:
    """As many misclassified images as the lab sheet wants to see."""
    first = test.wrong[:wanted]
    if not len(test.wrong):
        st.success(
            _("No mistakes: every test image is recognised."), icon=":material/check_circle:"
        )
        return
    st.subheader(
        plural(
            "The first misclassified image", "The first {n} misclassified images", len(first)
        ).format(n=len(first))
    )
    st.write(_("Below each image: the true class → the class that the network predicts."))
    show(test, first)


def show(test: Test, indices: Indices) -> None:
    """The test images with these indices, with both classes below each."""
    names = test.names
    captions = [f"{names[test.true[i]]} → {names[test.predicted[i]]}" for i in indices]
    negative = test.data.definition.negative
    st.html(pictures.gallery(test.data.x_test[indices], captions, negative=negative))
    st.caption(_("Test images {indices}").format(indices=", ".join(map(str, indices))))


def confusion_matrix(test: Test, run: Run) -> None:
    """Which classes are taken for which."""
    st.subheader(_("Confusion matrix"))
    images = len(test.true)
    st.plotly_chart(
        charts.confusion_heatmap(run.confusion, test.names, _=_),
        key="confusion",
        width=700,
        config=layout.STILL,
        alt=_("Confusion matrix: {right:,} of {n:,} test images lie on the diagonal").format(
            right=images - len(test.wrong), n=images
        ),
    )
    st.caption(
        _("Blue: recognised. Orange: mistakes, darker where there are more. An empty cell means 0.")
    )


def one_cell(test: Test, run: Run) -> None:
    """The images of one cell beside the diagonal, the largest first."""
    cells = mistaken(test, run)
    if not cells:
        fields.pass_over("cell")
        return
    picked = fields.select(
        OneOf("cell", N_("cell"), next(iter(cells)), cells),
        label=_("Look at the images of one cell, the largest first"),
        format_func=cells.__getitem__,
        width=420,
    )
    true, taken_for = map(int, picked.split("-"))
    images = np.flatnonzero((test.true == true) & (test.predicted == taken_for))
    if len(images) > AT_ONCE:
        st.write(_("The first {shown} of {n}:").format(shown=AT_ONCE, n=len(images)))
    show(test, images[:AT_ONCE])


def mistaken(test: Test, run: Run) -> dict[str, str]:
    """The cells with mistakes in words, by their two classes."""
    confusion = np.array(run.confusion)
    np.fill_diagonal(confusion, 0)
    pairs = sorted(map(tuple, np.argwhere(confusion).tolist()), key=lambda pair: -confusion[pair])
    return {
        f"{true}-{taken_for}": _("{true} taken for {predicted}: {n}").format(
            true=test.names[true], predicted=test.names[taken_for], n=confusion[true, taken_for]
        )
        for true, taken_for in pairs
    }


def each_class(names: list[str], run: Run) -> None:
    """Precision, recall and F1 of each class."""
    st.subheader(_("Each class"))
    shares = {
        _("precision"): [row["precision"] for row in run.per_class],
        _("recall"): [row["recall"] for row in run.per_class],
        _("F1"): [row["f1"] for row in run.per_class],
    }
    support = [int(row["support"]) for row in run.per_class]
    st.dataframe(
        pd.DataFrame({_("class"): names, **shares, _("support"): support}),
        column_config={name: st.column_config.NumberColumn(format="%.4f") for name in shares},
        hide_index=True,
        height="content",
        alt=_("Precision, recall, F1 and support of each class"),
    )
    st.write(_("F1 weighted by support: **{f1:.4f}**").format(f1=run.weighted_f1))
    st.caption(
        _(
            "Precision: of the images said to be of a class, how many are. Recall: of the images "
            "of a class, how many were found. F1: their harmonic mean. Support: test images of the "
            "class."
        )
    )


current = layout.begin(
    _("Which test images does the network get wrong, and what does it take them for?")
)
run = layout.finished_run(current)
test = Test(current.data, current.class_names, run.predictions.argmax(axis=1))
figures(test)
first_mistakes(test, current.shown.mistakes)
confusion_matrix(test, run)
one_cell(test, run)
each_class(test.names, run)
choice.mark_done()
layout.next_step()
