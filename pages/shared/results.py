"""Step 4 of the lab: the figures of the run, and files with the recognition results."""

from datetime import datetime

import streamlit as st

from core.data import Dataset
from core.report import archive as report
from core.store import Run
from pages.ui import choice, layout
from pages.ui.text import _, catalogue


# Not made on demand: Streamlit may forget such a file before the browser fetches it, while others
# use the server.
@st.cache_data(max_entries=24, show_spinner=False)
def files(key: str, finished: str, language: str, _run: Run, _data: Dataset) -> tuple[bytes, str]:
    """The zip and the recognition results of a run, made once for each language."""
    return (
        report.results_zip(_run, _data, catalogue().gettext),
        report.results_csv(_run, _data.arrays.y_test),
    )


current = layout.begin(_("How good is the network, and what do you hand in?"))
run = layout.finished_run(current)
data, train = current.data, run.spec.train

layout.result_tiles(run)

st.subheader(_("Where the figures come from"))
if not data.complete:
    st.info(
        _(
            "Trained and tested on a sample of {n:,} images, not on the full set: do not compare "
            "these figures with published ones."
        ).format(n=len(data.arrays.x_train) + len(data.arrays.x_test)),
        icon=":material/database:",
    )
st.markdown(
    _(
        "- **Data:** {title}, {extent}, from {place}: {training:,} images to train, {validation:,} "
        "to validate, {test:,} to test\n"
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
        seed=train.seed,
        key=run.key,
        finished=f"{datetime.fromisoformat(run.finished):%Y-%m-%d %H:%M} UTC",
        versions=", ".join(f"{name} {version}" for name, version in run.versions.items()),
    )
)

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
    args=("results",),
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
    args=("results",),
)
st.caption(
    _(
        "One row for each of the {n:,} test images: index, true and predicted class, confidence, "
        "and the outputs for the {classes} classes, p0 to p{last}."
    ).format(n=run.dataset["test"], classes=len(data.class_names), last=len(data.class_names) - 1)
)


def take_fashion() -> None:
    """Task 2 of the sheet repeats the lab on the other data set."""
    st.session_state.dataset = "fashion-mnist"


if data.name == "mnist":
    st.divider()
    label = _("Task 2: the same with Fashion-MNIST")
    if st.button(label, icon=":material/apparel:", type="tertiary", on_click=take_fashion):
        st.switch_page("pages/data.py", query_params=layout.query("data"))
