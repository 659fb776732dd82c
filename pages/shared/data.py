"""The images, their classes, and what becomes of them before training."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from core.charts import classes as charts
from core.charts import pictures
from core.data import DATASETS, Dataset
from core.data.contract import Images
from core.fields import Limit, OneOf, WholeNumber
from core.i18n import N_
from core.networks import bases, blocks
from core.networks.frozen import Pretrained
from core.specs import training_images
from core.training.images import available
from pages.ui import choice, division, download, fields, layout, upload
from pages.ui.choice import Choice
from pages.ui.text import _, plural

PIXELS = OneOf(
    "pixels",
    N_("pixel values"),
    "stored",
    {"stored": N_("as stored, 0 to 255"), "scaled": N_("scaled, 0 to 1")},
)

HEAD = 5  # rows of a table

NAMED = 100  # of the files that are no images


def note(current: Choice) -> None:
    """What is not on this computer of the images that the lab is about, and how to get it."""
    if wanted := choice.missing():
        text = _("The {many} are not on this computer. Until then the lab is done with {others}.")
        others = (DATASETS[name].many for name in current.lab.datasets if name != wanted.name)
        text = text.format(many=_(wanted.many), others=_(" or ").join(map(_, others)))
        st.info(text, icon=":material/database:")
        upload.how_to_get(wanted)
        upload.offer(wanted)
    sample_note(current.data.whole)


def sample_note(data: Dataset) -> None:
    """What these images are where they are not the full set, and how to get that."""
    if data.complete:
        return
    what = data.definition.instead(data.origin)
    text = _(
        "These are {n:,} images of {title}, not all. What a network learns from them is less than "
        "what it learns from the full set."
    )
    if what:
        text = _(
            "These are {n:,} {what}. What a network learns from them says little about {title}."
        )
    st.info(
        text.format(
            n=len(data.x_train) + len(data.x_test),
            title=data.definition.title,
            what=what and what(_),
        ),
        icon=":material/database:",
    )
    if data.definition.url:
        download.offer(data.definition, "page")
        return
    upload.how_to_get(data.definition, instead=bool(what))
    if data.origin != "LAB_DATA":  # which would go on to be looked at first
        upload.offer(data.definition)


def first_images(current: Choice) -> None:
    """As many training images as the lab sheet wants to see, with their classes."""
    data, names = current.data, current.class_names
    shown = min(current.shown.samples, len(data.x_train))
    labels = [names[label] for label in data.y_train[:shown]]
    st.subheader(
        plural("The first training image", "The first {n} training images", shown).format(n=shown)
    )
    wide = max(map(len, names)) > 2
    columns = 5 if shown <= 25 else 6 if wide else 10
    picture = pictures.grid(
        data.x_train[:shown],
        columns,
        112 if wide else 84,
        labels,
        negative=data.definition.negative,
    )
    st.image(
        picture,
        alt=_("{n} training images with their classes: {classes}").format(
            n=shown, classes=", ".join(labels)
        ),
    )


def head_of_table(current: Choice) -> None:
    """The first rows of what the files are, where that is a table."""
    data = current.data.whole
    if not data.definition.table:
        return
    st.subheader(_("The first rows of the table"))
    pixels = data.x_train[:HEAD].reshape(HEAD, -1)
    names = [f"pixel{n}" for n in range(1, pixels.shape[1] + 1)]
    content = pd.DataFrame(pixels, columns=names)
    content.insert(0, "label", [*map(data.definition.label, data.y_train[:HEAD])])
    st.dataframe(
        content,
        hide_index=True,
        column_config={"label": st.column_config.Column(pinned=True)},
        alt=_("The first {n} rows: a label and {pixels} pixels in each").format(
            n=HEAD, pixels=len(names)
        ),
    )


def facts(current: Choice) -> None:
    """What a student has to know of the arrays, and where they are from."""
    data = current.data
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
            "- **Duplicates:** {duplicates}\n"
            "- **Found in:** {place}, sha256 `{digest}…`\n"
            "- **Licence:** {licence}"
        ).format(
            train=len(data.x_train),
            train_shape=data.x_train.shape,
            test=len(data.x_test),
            test_shape=data.x_test.shape,
            values=values[data.definition.ink],
            dtype=data.x_train.dtype,
            classes=", ".join(current.class_names),
            duplicates=duplicates(data),
            place=layout.place(data),
            digest=data.digest[:12],
            licence=data.definition.licence,
        )
    )
    if n := len(data.unreadable):
        text = plural(
            "{n} file is no image and is left out.", "{n} files are no images and are left out.", n
        )
        with st.expander(text.format(n=n)):
            st.code("\n".join(data.unreadable[:NAMED]), language=None)


def duplicates(data: Dataset) -> str:
    """How many images equal another one, pixel by pixel."""
    found = data.duplicates
    if not found.train + found.both + found.test:
        return _("none: no two images are equal")
    return _(
        "{train:,} training images equal an earlier one, {both:,} equal a test image, whose answer "
        "the network so gets to see; {test:,} test images equal an earlier one"
    ).format(train=found.train, both=found.both, test=found.test)


def class_balance(current: Choice) -> None:
    """How often each class occurs."""
    data, names = current.data, current.class_names
    train, test = (np.bincount(y, minlength=len(names)) for y in (data.y_train, data.y_test))
    st.subheader(_("How many images each class has"))
    st.plotly_chart(
        charts.class_balance(train, test, names, _=_),
        key="balance",
        width=700,
        config=layout.STILL,
        alt=_("Bars: training and test images of each class. Training: {counts}").format(
            counts=", ".join(f"{name} {n:,}" for name, n in zip(names, train, strict=True))
        ),
    )


def one_image(current: Choice) -> None:
    """A training image, its label, and its pixels as numbers."""
    data, names = current.data, current.class_names
    st.subheader(_("One image as numbers"))
    last = len(data.x_train) - 1
    index = fields.number(
        WholeNumber("image", N_("training image"), 0, Limit(0, last)),
        label=_("Training image, from 0 to {last}").format(last=last),
    )
    scaled = fields.radio(PIXELS) == "scaled"
    label = int(data.y_train[index])
    one, said = st.columns([1, 3], vertical_alignment="center")
    one.image(
        pictures.grid(
            data.x_train[index : index + 1],
            1,
            140,
            [names[label]],
            negative=data.definition.negative,
        ),
        alt=_("Training image {i}: {name}").format(i=index, name=names[label]),
    )
    said.markdown(
        _(
            "Label before: **{label}**  \nLabel after one-hot encoding: `{vector}`  \n"
            "Scaling divides each of the {pixels:,} pixels by 255."
        ).format(
            pixels=data.x_train[index].size,
            label=data.definition.label(label),
            vector=np.eye(len(names), dtype=int)[label],
        )
    )
    numbers(data.x_train[index], index, scaled=scaled, negative=data.definition.negative)


def numbers(image: Images, index: int, *, scaled: bool, negative: bool) -> None:
    """The pixels of an image as a table, shaded as they are."""
    height, width = image.shape
    title = _("The {rows} rows and {columns} columns of pixel values of training image {i}").format(
        rows=height, columns=width, i=index
    )
    st.html(pictures.numbers(image, title, scaled=scaled, negative=negative))


def validation(current: Choice) -> None:
    """Which of the training images are kept for validation."""
    st.subheader(_("Training and validation"))
    images = layout.images_used(current.spec, current.data)
    total, given = available(current.data, current.spec.data), len(current.data.x_train)
    if total < given:
        text = _("This run leaves out {n:,} training images that equal another image.")
        st.markdown(text.format(n=given - total))
    if images < total:
        text = _("This run takes the first {n:,} of the {total:,} training images, and no others.")
        st.markdown(text.format(n=images, total=total))
    split = current.spec.train.validation_split
    if not split:
        text = _("Without a validation split all {n:,} images train the network.")
        st.markdown(text.format(n=images))
        return
    training = training_images(images, split)
    st.markdown(
        _(
            "With a validation split of {split} Keras sets the **last {validation:,}** of the "
            "{n:,} training images aside, once and before any shuffling: images {first:,} to "
            "{last:,}. It trains on the first **{training:,}** in every epoch. (Validation images "
            "are not drawn at random in each epoch, as one sometimes reads.)"
        ).format(
            split=layout.percent(split),
            validation=images - training,
            n=images,
            first=training,
            last=images - 1,
            training=training,
        )
    )


def begins_with_photographs(current: Choice) -> bool:
    """True if the choice, or anything that the lab asks for, begins with a pre-trained network."""
    lab = current.lab
    rows = (*lab.experiments, *(row for study in lab.studies for row in study.rows))
    networks = (current.spec.network, *(row.changes.get("network") for row in rows))
    return any(isinstance(getattr(one, "base", None), Pretrained) for one in networks)


def pretrained() -> None:
    """Which networks that learned from photographs are on this computer; how to get the others."""
    st.subheader(_("Networks that learned from photographs"))
    known = bases.BASES.values()
    files = [next(filter(Path.is_file, bases.places(one)), None) for one in known]
    st.dataframe(
        pd.DataFrame(
            {
                _("network"): [one.title for one in known],
                _("weights"): [blocks.weights(one.architecture) for one in known],
                _("on this computer"): [
                    _("{size:.0f} MB").format(size=file.stat().st_size / 1e6) if file else _("no")
                    for file in files
                ],
                _("licence"): [one.licence for one in known],
                _("from"): [one.home for one in known],
                _("file"): [str(file or one.file) for one, file in zip(known, files, strict=True)],
            }
        ),
        column_config={
            _("weights"): st.column_config.NumberColumn(format="localized"),
            _("from"): st.column_config.LinkColumn(display_text=r"https://(?:www\.)?([^/]*)"),
        },
        hide_index=True,
        height="content",
        alt=_("Each of them: its weights, whether they are here, and where they are from"),
    )
    for name in bases.BASES:
        download.missing_weights(name)


current = layout.begin(_("What do the images look like, and what does the network get to see?"))
note(current)
first_images(current)
head_of_table(current)
facts(current)
class_balance(current)
if current.lab.base.data.split is not None:
    division.show(current)
one_image(current)
validation(current)
if begins_with_photographs(current):
    pretrained()
choice.mark_done()
layout.next_step()
