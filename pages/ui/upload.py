"""A place where the teacher puts a file of a data set, and what becomes of an uploaded file."""

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


def offer(wanted: Definition) -> None:
    """For the teacher, where a file of that data set can be put; for others who may do it."""
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
    file = st.file_uploader(
        _("Upload {files}").format(files=" / ".join(wanted.files)),
        type=sorted({PurePath(name).suffix for name in wanted.files}),
        key=f"set-{state.setdefault('sets', 0)}",
        max_upload_size=identity.LARGE_UPLOAD,
    )
    if file:
        _take(wanted, file)
    if error := state.get("set_refused"):
        layout.show_error(error)


def _take(wanted: Definition, file: UploadedFile) -> None:
    """Put the file among the data sets, if it is one, and offer an empty place again."""
    state = st.session_state
    try:
        background.finish(
            file.file_id,
            lambda work: datasets.add(wanted, file.name, file, work),
            _("Reading {file}").format(file=file.name),
        )
        state.pop("set_refused", None)
    except LabError as error:
        state.set_refused = error
    background.forget(file.file_id)
    forget(file)
    state.sets += 1
    st.rerun()
