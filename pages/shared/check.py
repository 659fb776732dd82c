"""Recognise single test images: the outputs, the class they say, and the true class."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.fields import Limit, WholeNumber
from core.i18n import N_
from core.networks.layers import Floats
from pages.ui import choice, fields, layout
from pages.ui.choice import Choice
from pages.ui.text import _


def of_the_sheet(current: Choice, predictions: Floats) -> None:
    """The test images that the lab sheet wants to see."""
    names, images = current.class_names, len(predictions)
    text = _("The {n} outputs of the last layer are shares that add up to 1, one for each class.")
    st.write(text.format(n=len(names)))
    for i in current.shown.test_indices:
        if i < images:
            show(current, predictions, i, f"variant-{i}")
        else:
            st.info(
                _(
                    "Test image {i} is not among these: the {n:,} test images go from 0 to {last}."
                ).format(i=i, n=images, last=images - 1)
            )


def another(current: Choice, predictions: Floats) -> None:
    """Any test image."""
    st.divider()
    last = len(predictions) - 1
    index = fields.number(
        WholeNumber("index", N_("test image"), 0, Limit(0, last)),
        label=_("Any other test image, from 0 to {last}").format(last=last),
    )
    show(current, predictions, index, "other")


def show(current: Choice, predictions: Floats, index: int, key: str) -> None:
    """One test image with its outputs; `key` tells equal charts on a page apart."""
    data, names = current.data, current.class_names
    outputs, true = predictions[index], int(data.y_test[index])
    predicted = int(outputs.argmax())
    right = predicted == true
    st.subheader(_("Test image {i}").format(i=index))
    image, bars = st.columns([1, 2], gap="medium")
    image.image(
        pictures.grid(data.x_test[index : index + 1], 1, 168, negative=data.definition.negative),
        alt=_("Test image {i}, a picture of {name}").format(i=index, name=names[true]),
    )
    image.markdown(
        _("Largest output (argmax): **{predicted}**  \nTrue class: **{true}**").format(
            predicted=names[predicted], true=names[true]
        )
    )
    if not np.isfinite(outputs).all():
        image.markdown(_(":red[:material/cancel: **diverged: the outputs are not numbers**]"))
    elif right:
        image.markdown(_(":green[:material/check_circle: **right**]"))
    else:
        image.markdown(_(":red[:material/cancel: **wrong**]"))
    values = ", ".join(f"{name} {value:.4f}" for name, value in zip(names, outputs, strict=True))
    bars.plotly_chart(
        charts.probability_bars(outputs, names, predicted, true, _=_),
        key=f"bars-{key}",
        config=layout.STILL,
        alt=_("Bars of the outputs: {values}").format(values=values),
    )
    with st.expander(_("The outputs as numbers")):
        st.dataframe(
            pd.DataFrame({_("class"): names, _("output"): outputs}),
            column_config={_("output"): st.column_config.NumberColumn(format="%.6f")},
            hide_index=True,
            row_height=28,
            width=320,
            alt=_("The outputs as numbers: {values}").format(values=values),
        )


current = layout.begin(_("Does the trained network recognise single images, and how sure is it?"))
predictions = layout.finished_run(current).predictions
of_the_sheet(current, predictions)
another(current, predictions)
choice.mark_done()
layout.next_step()
