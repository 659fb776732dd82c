"""The figures of the run, and files with the recognition results."""

from datetime import datetime

import streamlit as st

from core.data import DATASETS, Dataset
from core.report import archive as report
from core.store import Run
from pages.ui import choice, layout
from pages.ui.choice import Choice
from pages.ui.text import _, catalogue


# Not made on demand: Streamlit may forget such a file before the browser fetches it, while others
# use the server.
@st.cache_data(max_entries=24, show_spinner=False)
def files(key: str, finished: str, language: str, _run: Run, _data: Dataset) -> tuple[bytes, str]:
    """The zip and the recognition results of a run, made once for each language."""
    return (
        report.results_zip(_run, _data, catalogue().gettext),
        report.results_csv(_run, _data.y_test),
    )


def origin(run: Run, data: Dataset) -> None:
    """Which images, seed and versions the figures come from."""
    st.subheader(_("Where the figures come from"))
    if not data.complete:
        st.info(
            _(
                "Trained and tested on a sample of {n:,} images, not on the full set: do not "
                "compare these figures with published ones."
            ).format(n=len(data.x_train) + len(data.x_test)),
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
            extent=_("the full set") if data.complete else _("a sample"),
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


def downloads(run: Run, data: Dataset) -> None:
    """The files to hand in."""
    st.subheader(_("Save the results"))
    everything, table = files(run.key, run.finished, str(st.context.locale), run, data)
    st.download_button(
        _("Everything (zip)"),
        everything,
        file_name=f"{run.key}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        type="primary",
        on_click=choice.mark_done,
    )
    st.caption(
        _(
            "The recognition results, the table of epochs (epochs.csv), all figures and settings "
            "(metrics.json), the trained network (model.keras) and a README."
        )
    )
    st.download_button(
        _("Recognition results (CSV)"),
        table,
        file_name=f"{run.key}.csv",
        mime="text/csv",
        icon=":material/table:",
        on_click=choice.mark_done,
    )
    classes = len(data.class_names)
    st.caption(
        _(
            "One row for each of the {n:,} test images: index, true and predicted class, "
            "confidence, and the outputs for the {classes} classes, p0 to p{last}."
        ).format(n=run.dataset["test"], classes=classes, last=classes - 1)
    )


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
origin(run, current.data)
downloads(run, current.data)
next_task(current)
layout.next_step()
