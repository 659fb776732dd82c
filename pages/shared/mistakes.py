"""The whole test set: how many images are misclassified, which, and as what."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.fields import OneOf
from core.i18n import N_
from pages.ui import choice, fields, layout
from pages.ui.text import _, plural

current = layout.begin(
    _("Which test images does the network get wrong, and what does it take them for?")
)
run, names = layout.finished_run(current), current.class_names
x_test, y_test = current.data.arrays.x_test, current.data.arrays.y_test
predicted = run.predictions.argmax(axis=1)
wrong = np.flatnonzero(predicted != y_test)
wide = max(map(len, names)) > 2


def show(indices: np.ndarray) -> None:
    """The test images with these indices, with both classes below each."""
    caption = (
        _("true\n{true}\npredicted\n{predicted}")
        if wide
        else _("true {true}\npredicted {predicted}")
    )
    marks = [caption.format(true=names[y_test[i]], predicted=names[predicted[i]]) for i in indices]
    st.image(
        pictures.grid(x_test[indices], 5, 112, marks, negative=current.data.definition.negative),
        alt="; ".join(mark.replace("\n", " ") for mark in marks),
    )
    st.caption(_("Test images {indices}").format(indices=", ".join(map(str, indices))))


layout.tiles(
    {
        _("Test images"): f"{len(y_test):,}",
        _("Misclassified"): f"{len(wrong):,}",
        _("Error rate"): f"{len(wrong) / len(y_test):.2%}",
    }
)

first = wrong[: current.variant.mistakes]
if not len(wrong):
    st.success(_("No mistakes: every test image is recognised."), icon=":material/check_circle:")
else:
    st.subheader(
        plural(
            "The first misclassified image", "The first {n} misclassified images", len(first)
        ).format(n=len(first))
    )
    show(first)
    st.write(
        _(
            "Each caption belongs to its own image. The listing in the lab sheet takes the true "
            "class from another image, so its captions are wrong."
        )
    )

st.subheader(_("Confusion matrix"))
st.plotly_chart(
    charts.confusion_heatmap(run.confusion, names, _=_),
    key="confusion",
    width=700,
    config=layout.STILL,
    alt=_("Confusion matrix: {right:,} of {n:,} test images lie on the diagonal").format(
        right=len(y_test) - len(wrong), n=len(y_test)
    ),
)
st.caption(
    _("Blue: recognised. Orange: mistakes, darker where there are more. An empty cell means 0.")
)

confusion = np.array(run.confusion)
np.fill_diagonal(confusion, 0)
pairs = sorted(map(tuple, np.argwhere(confusion).tolist()), key=lambda pair: -confusion[pair])
if pairs:
    cells = {
        f"{true}-{taken_for}": _("{true} taken for {predicted}: {n}").format(
            true=names[true], predicted=names[taken_for], n=confusion[true, taken_for]
        )
        for true, taken_for in pairs
    }
    picked = fields.select(
        OneOf("cell", N_("cell"), next(iter(cells)), cells),
        label=_("Look into one cell, the largest first"),
        format_func=cells.__getitem__,
    )
    true, taken_for = map(int, picked.split("-"))
    cell = np.flatnonzero((y_test == true) & (predicted == taken_for))
    if len(cell) > 20:
        st.write(_("The first 20 of {n}:").format(n=len(cell)))
    show(cell[:20])

st.subheader(_("Each class"))
figures = {
    _("precision"): [row["precision"] for row in run.per_class],
    _("recall"): [row["recall"] for row in run.per_class],
    _("F1"): [row["f1"] for row in run.per_class],
}
support = [int(row["support"]) for row in run.per_class]
st.dataframe(
    pd.DataFrame({_("class"): names, **figures, _("support"): support}),
    column_config={name: st.column_config.NumberColumn(format="%.4f") for name in figures},
    hide_index=True,
    height="content",
    alt=_("Precision, recall, F1 and support of each class"),
)
st.caption(
    _(
        "Precision: of the images said to be of a class, how many are. Recall: of the images of a "
        "class, how many were found. F1: their harmonic mean. Support: test images of the class."
    )
)

choice.mark_done("mistakes")
layout.next_step()
