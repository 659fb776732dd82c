"""A place where the teacher puts a file of a data set, and what becomes of an uploaded file."""

from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core import data as datasets
from core.data import Definition
from core.errors import LabError
from pages.ui import background, identity, layout
from pages.ui.text import _


def forget(file: UploadedFile) -> None:
    """Let the server forget an uploaded file, which lies in its memory."""
    context = get_script_run_ctx()
    assert context, "Streamlit calls this"
    files = context.uploaded_file_mgr
    assert isinstance(files, MemoryUploadedFileManager)
    files.remove_file(context.session_id, file.file_id)


def how_to_get(wanted: Definition, instead: bool = True) -> None:
    """Where files belong that have no address from which the lab could get them.

    `instead` tells that none of them is here; otherwise the first way is the one to more images.
    """
    ways = wanted.ways if instead else wanted.ways[:1]
    text = _("There is no download for {title}: put {files} into `{folder}`.")
    if wanted.home:
        text = _("Get {title} from [its page]({home}) and put {files} into `{folder}`.")
    st.markdown(
        text.format(
            title=wanted.title,
            home=wanted.home,
            files=" / ".join(", ".join(f"`{name}`" for name in way) for way in ways),
            folder=datasets.first_folder(wanted),
        )
    )


def offer(wanted: Definition) -> None:
    """For the teacher, where files of that data set can be put; for others who may do it."""
    if not identity.is_teacher():
        st.caption(
            _(
                "The teacher can upload it here: at the computer that serves the lab, or after "
                "giving the password on the Class page."
            )
        )
        return
    identity.allow_large_uploads()
    state = st.session_state
    files = st.file_uploader(
        _("Upload {files}").format(files=datasets.named(wanted)),
        type=sorted({PurePath(name).suffix for way in wanted.ways for name in way}),
        accept_multiple_files=True,
        key=f"set-{state.setdefault('sets', 0)}",
        max_upload_size=wanted.upload,
    )
    if files:
        _take(wanted, files)
    if error := state.get("set_refused"):
        layout.show_error(error)


def _take(wanted: Definition, files: Sequence[UploadedFile]) -> None:
    """Put the files among the data sets, if they are one, and offer an empty place again."""
    state, name = st.session_state, tuple(file.file_id for file in files)
    contents = {file.name: file for file in files}
    try:
        background.finish(
            name,
            lambda work: datasets.add(wanted, contents, work),
            _("Reading {file}").format(file=", ".join(contents)),
        )
        state.pop("set_refused", None)
    except LabError as error:
        state.set_refused = error
    background.forget(name)
    for file in files:
        forget(file)
    state.sets += 1
    st.rerun()
