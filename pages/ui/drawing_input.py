"""Where a picture to be read comes from: the canvas, or files."""

from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit_drawable_canvas import st_canvas

from core.data.contract import Images
from core.drawing import preparation as drawing
from core.errors import DataError
from core.fields import Limit, WholeNumber
from core.i18n import N_
from pages.ui import fields
from pages.ui.text import _

CANVAS = 280
"""Width and height of the canvas in pixels, which a telephone has room for."""
BRUSH = WholeNumber("brush", N_("brush width"), 16, Limit(4, 40))


def canvas() -> Images | None:
    """The canvas with its own buttons; the picture on it, or None if it is empty.

    What was drawn stays when the page is left and opened again.
    """
    state = st.session_state
    if "canvas" not in state:  # the page was opened, for the first time or again
        state.setdefault("drawn_image", None)
        _show(state.get("drawn", {}).get("objects", []))
    result = st_canvas(
        stroke_width=fields.value(BRUSH),
        stroke_color="#000000",
        background_color="#FFFFFF",
        width=CANVAS,
        height=CANVAS,
        initial_drawing=state.shown,
        return_image_data=True,
        key="canvas",
    )
    state.drawn = result.json_data or {"objects": []}
    strokes = state.drawn["objects"]
    with st.container(horizontal=True):
        st.button(
            _("Undo"),
            icon=":material/undo:",
            on_click=_show,
            args=[strokes[:-1]],
            disabled=not strokes,
        )
        st.button(_("Clear"), icon=":material/delete:", on_click=clear, disabled=not strokes)
    fields.slider(BRUSH, step=2, width=CANVAS)
    if not strokes:
        state.drawn_image = None
    elif result.image_data is not None:  # it is missing when the page is opened again
        state.drawn_image = result.image_data[:, :, :3]
    picture: Images | None = state.drawn_image
    return picture


def _show(strokes: list[dict[str, Any]]) -> None:
    """Make the canvas show these strokes; it takes them if they differ from what it was given."""
    state = st.session_state
    state.shows = state.get("shows", 0) + 1
    state.shown = {"objects": strokes, "background": "#FFFFFF", "shows": state.shows}


def clear() -> None:
    """Empty the canvas."""
    _show([])


def files() -> tuple[dict[str, Images], list[DataError]]:
    """A place to put PNG and JPEG files: the pictures by file name, and what could not be read.

    Nothing is read twice in a session.
    """
    uploaded = st.file_uploader(
        _("PNG or JPEG files: drawings, or photographs of them"),
        accept_multiple_files=True,
        key="files",
    )
    known = st.session_state.get("read_files", {})
    found = {
        file.file_id: known[file.file_id] if file.file_id in known else _read(file)
        for file in uploaded
    }
    st.session_state.read_files = found
    pictures: dict[str, Images] = {}
    errors = []
    for file in uploaded:
        read = found[file.file_id]
        if isinstance(read, DataError):
            errors.append(read)
        else:
            pictures[_new_name(file.name, pictures)] = read
    return pictures, errors


def _read(file: UploadedFile) -> Images | DataError:
    try:
        return drawing.read(file.getvalue(), file.name)
    except DataError as error:
        return error


def _new_name(name: str, taken: dict[str, Images]) -> str:
    """The name, numbered if another file has it already."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
