"""Step 1 of the lab: the images, their classes, and what becomes of them before training."""

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.fields import Limit, OneOf, WholeNumber
from core.i18n import N_
from core.specs import run as specs
from pages.ui import choice, fields, layout
from pages.ui.text import _, plural

PIXELS = OneOf(
    "pixels",
    N_("pixel values"),
    "stored",
    {"stored": N_("as stored, 0 to 255"), "scaled": N_("scaled, 0 to 1")},
)

current = layout.begin(_("What do the images look like, and what does the network get to see?"))
data, names = current.data, current.class_names
height, width = data.definition.shape
negative = data.definition.negative
x_train, y_train, x_test, y_test = data.arrays
if not data.complete:
    st.info(
        _(
            "This is a sample of {n:,} images, not the full set. Get the full set with "
            "`python -m core data fetch {name}`."
        ).format(n=len(x_train) + len(x_test), name=data.name),
        icon=":material/database:",
    )

shown = min(current.variant.samples, len(x_train))
st.subheader(
    plural("The first training image", "The first {n} training images", shown).format(n=shown)
)
wide = max(map(len, names)) > 2
columns = 5 if shown <= 25 else 6 if wide else 10
picture = pictures.grid(
    x_train[:shown],
    columns,
    112 if wide else 84,
    [names[label] for label in y_train[:shown]],
    negative=negative,
)
st.image(
    picture,
    alt=_("{n} training images with their classes: {classes}").format(
        n=shown, classes=", ".join(names[label] for label in y_train[:shown])
    ),
)

values = {
    "light": _("0 (background) to 255 (ink)"),
    "dark": _("0 (ink) to 255 (background)"),
    None: _("0 (black) to 255 (white)"),
}
st.subheader(_("Facts"))
st.markdown(
    _(
        "- **Training:** {train:,} images, an array of shape {train_shape}\n"
        "- **Test:** {test:,} images, an array of shape {test_shape}\n"
        "- **Values:** whole numbers {values}, stored as `{dtype}`\n"
        "- **Classes:** {classes}\n"
        "- **Found in:** {place}, sha256 `{digest}…`\n"
        "- **Licence:** {licence}"
    ).format(
        train=len(x_train),
        train_shape=x_train.shape,
        test=len(x_test),
        test_shape=x_test.shape,
        values=values[data.definition.ink],
        dtype=x_train.dtype,
        classes=", ".join(names),
        place=layout.place(data),
        digest=data.digest[:12],
        licence=data.definition.licence,
    )
)

st.subheader(_("How many images each class has"))
counts = np.bincount(y_train, minlength=len(names))
st.plotly_chart(
    charts.class_balance(counts, np.bincount(y_test, minlength=len(names)), names, _=_),
    key="balance",
    width=700,
    config=layout.STILL,
    alt=_("Bars: training and test images of each class. Training: {counts}").format(
        counts=", ".join(f"{name} {n:,}" for name, n in zip(names, counts, strict=True))
    ),
)

st.subheader(_("One image as numbers"))
last = len(x_train) - 1
index = fields.number(
    WholeNumber("image", N_("training image"), 0, Limit(0, last)),
    label=_("Training image, from 0 to {last}").format(last=last),
)
pixels = x_train[index]
if fields.radio(PIXELS) == "scaled":
    pixels = pixels / 255
one, label = st.columns([1, 3], vertical_alignment="center")
what = _("Training image {i}: {name}").format(i=index, name=names[y_train[index]])
one.image(
    pictures.grid(x_train[index : index + 1], 1, 140, [names[y_train[index]]], negative=negative),
    alt=what,
)
label.markdown(
    _(
        "Label before: **{label}**  \nLabel after one-hot encoding: `{vector}`  \n"
        "Scaling divides each of the {pixels:,} pixels by 255."
    ).format(
        pixels=height * width,
        label=y_train[index],
        vector=np.eye(len(names), dtype=int)[y_train[index]],
    )
)
decimals = "%d" if pixels.dtype == np.uint8 else "%.2f"
st.dataframe(
    pd.DataFrame(pixels, columns=[str(i) for i in range(width)]),
    column_config={
        str(i): st.column_config.NumberColumn(width=40, format=decimals) for i in range(width)
    },
    row_height=24,
    height="content",
    alt=_("The {rows} rows and {columns} columns of pixel values of training image {i}").format(
        rows=height, columns=width, i=index
    ),
)

st.subheader(_("Training and validation"))
split = current.spec.train.validation_split
training = specs.training_images(len(x_train), split)
st.markdown(
    _(
        "With a validation split of {split} Keras sets the **last {validation:,}** of the "
        "{n:,} training images aside, once and before any shuffling: images {first:,} to "
        "{last:,}. It trains on the first **{training:,}** in every epoch. (The lab sheet says "
        "that validation images are drawn at random in each epoch. They are not.)"
    ).format(
        split=layout.percent(split),
        validation=len(x_train) - training,
        n=len(x_train),
        first=training,
        last=len(x_train) - 1,
        training=training,
    )
    if split
    else _("Without a validation split all {n:,} images train the network.").format(n=len(x_train))
)

choice.mark_done("data")
layout.next_step()
