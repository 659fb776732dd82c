"""The figures of the run, and files with the recognition results."""

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from core.data import DATASETS, Dataset
from core.networks.frozen import Pretrained
from core.store import Run
from pages.ui import choice, layout
from pages.ui.choice import Choice
from pages.ui.text import _

if TYPE_CHECKING:
    from core.report.pictures import Picture


class Files(NamedTuple):
    """What a student hands in of a run."""

    name: str
    """Of the files, without the ending."""
    everything: bytes
    table: bytes
    pictures: "Mapping[str, Picture]"


# Not made on demand: Streamlit may forget such a file before the browser fetches it, while others
# use the server. Sessions share one copy. Those of MNIST are 2.6 MB for each run, and take 0.6 s of
# a processor: as many are kept as the table of a lab has variants.
@st.cache_resource(max_entries=12, show_spinner=False)
def _files(key: str, finished: str, chosen: str, language: str, _run: Run, _of: Choice) -> Files:
    from core.report import archive, pictures  # with matplotlib, which takes a second

    drawn = pictures.pictures(_run, _of.data, _of, _)
    everything = archive.results_zip(_run, _of.data, _of, drawn, _)
    with zipfile.ZipFile(io.BytesIO(everything)) as made:
        table = made.read(archive.TABLE)
    return Files(archive.file_name(_run, _of), everything, table, drawn)


def files(run: Run, current: Choice) -> Files:
    """The files of a run, made once for each language."""
    experiment = current.experiment and current.experiment.name
    chosen = f"{current.lab.name} {experiment} {current.data.origin}"
    language = _("")  # the head of the catalogue
    with st.spinner(_("Drawing the pictures, once for this run")):
        return _files(run.key, run.finished, chosen, language, run, current)


def origin(run: Run, data: Dataset) -> None:
    """Which images, seed and versions the figures come from."""
    st.subheader(_("Where the figures come from"))
    if not data.complete:
        st.info(
            _(
                "Trained and tested on {n:,} images ({sample}), not on the full set: do not "
                "compare these figures with published ones."
            ).format(n=len(data.x_train) + len(data.x_test), sample=layout.extent(data)),
            icon=":material/database:",
        )
    st.markdown(
        _(
            "- **Data:** {title}, {extent}, from {place}: {training:,} images to train, "
            "{validation:,} to validate, {test:,} to test\n"
            "- **Seed:** {seed}\n"
            "- **Run:** `{key}`, finished {finished}\n"
            "- **Versions:** {versions}"
        ).format(
            title=data.definition.title,
            extent=layout.extent(data),
            place=layout.place(data),
            training=run.dataset["train"],
            validation=run.dataset["validation"],
            test=run.dataset["test"],
            seed=run.spec.train.seed,
            key=run.key,
            finished=f"{datetime.fromisoformat(run.finished):%Y-%m-%d %H:%M} UTC",
            versions=", ".join(f"{name} {version}" for name, version in run.versions.items()),
        )
    )


def hand_in(run: Run, current: Choice) -> None:
    """The files to hand in, and what is in them."""
    # Not of the page itself: Streamlit keeps the callbacks of every session, with all that their
    # page knows, and forty times these files are a hundred megabytes.
    found = files(run, current)
    downloads(found, run)
    pictures(found)


def downloads(found: Files, run: Run) -> None:
    """The buttons for the files."""
    classes = run.dataset["classes"]
    with st.container(horizontal=True):
        st.download_button(
            _("Everything (zip)"),
            found.everything,
            file_name=f"{found.name}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            type="primary",
            on_click=choice.mark_done,
        )
        st.download_button(
            _("Recognition results (CSV)"),
            found.table,
            file_name=f"{found.name}.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click=choice.mark_done,
        )
    st.caption(
        _(
            "The zip holds the four pictures below, the settings in words, the table of epochs, "
            "the trained network and, also on their own, the recognition results: true and "
            "predicted class of each of the {n:,} test images, confidence, and the outputs for the "
            "{classes} classes, p0 to p{last}."
        ).format(n=run.dataset["test"], classes=classes, last=classes - 1)
    )
    if isinstance(base := run.spec.network.base, Pretrained):
        text = _("Of the network the zip holds what was trained: the layers behind {base}.")
        st.caption(text.format(base=base.text))


def pictures(found: Files) -> None:
    """The pictures in the zip, with the names of their files."""
    places = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
    for place, (name, picture) in zip(places, found.pictures.items(), strict=True):
        place.image(picture.png, caption=f"`{name}`", alt=picture.text)


def next_task(current: Choice) -> None:
    """The lab once more on its next data set, as its next task."""
    names = current.lab.datasets
    task = names.index(current.data.name) + 2
    if task > len(names):
        return
    following = names[task - 1]
    st.divider()
    label = _("Task {n}: the same with {title}").format(n=task, title=DATASETS[following].title)
    st.button(label, icon=":material/repeat:", type="tertiary", on_click=take, args=(following,))


def take(dataset: str) -> None:
    """Choose a data set, and begin with its images."""
    st.session_state.dataset = dataset
    st.session_state.leave_for = "data"


current = layout.begin(_("How good is the network, and what do you hand in?"))
run = layout.finished_run(current)
layout.result_tiles(run)
hand_in(run, current)
origin(run, current.data)
next_task(current)
layout.next_step()
