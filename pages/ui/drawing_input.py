"""Where a picture to be read comes from: the canvas, or files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit_drawable_canvas import st_canvas

from core.data.contract import Images
from core.drawing import preparation as drawing
from core.drawing.recognition import Answer
from core.errors import DataError
from core.fields import Limit, WholeNumber
from core.i18n import N_
from pages.ui import fields, identity, layout, upload
from pages.ui.text import _, plural

CANVAS = 280
"""Width and height of the canvas in pixels, which a telephone has room for."""
BRUSH = WholeNumber("brush", N_("brush width"), 16, Limit(4, 40))
MOST = 50
"""Uploaded pictures of a session: they take 10 MB of the server's memory at the most."""


@dataclass
class Upload:
    """A picture from a file, reduced; the file itself is not kept."""

    picture: Images
    said: dict[tuple[str, ...], Answer] = field(default_factory=dict)
    """What a network says to it after some steps, by the key of the run and the steps."""


def canvas(line: DeltaGenerator) -> Images | None:
    """The canvas, with its buttons in `line`; the picture on it, or None if it is empty.

    What was drawn stays when the page is left and opened again.
    """
    state = st.session_state
    if "canvas" not in state:  # the page was opened, for the first time or again
        state.setdefault("drawn_file", None)
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
    with line:
        st.button(_("Undo"), on_click=_show, args=[strokes[:-1]], disabled=not strokes)
        st.button(_("Clear"), on_click=clear, disabled=not strokes)
        with st.popover(_("Brush")):
            fields.slider(BRUSH, step=2, width=200)
    if not strokes:
        state.drawn_file = None
    elif result.image_bytes:  # it is missing when the page is opened again
        state.drawn_file = result.image_bytes  # a hundredth of its pixels
    if state.drawn_file is None:
        return None
    return np.asarray(Image.open(BytesIO(state.drawn_file)).convert("RGB"))


def _show(strokes: list[dict[str, Any]]) -> None:
    """Make the canvas show these strokes; it takes them if they differ from what it was given."""
    state = st.session_state
    state.shows = state.get("shows", 0) + 1
    state.shown = {"objects": strokes, "background": "#FFFFFF", "shows": state.shows}


def clear() -> None:
    """Empty the canvas."""
    _show([])


def files(label: str) -> dict[str, Upload]:
    """A place to put PNG and JPEG files, and the pictures from all files so far, by their names.

    `label` stands above it. Each file is read once, and then forgotten: an empty place takes the
    next ones. The pictures stay when the page is left and opened again.
    """
    state = st.session_state
    uploads: dict[str, Upload] = state.setdefault("uploads", {})
    key = f"files-{state.setdefault('uploaders', 0)}"
    st.file_uploader(
        label,
        accept_multiple_files=True,
        max_upload_size=identity.UPLOAD,
        key=key,
        on_change=_take,
        args=[key],
    )
    if errors := state.get("not_taken"):
        st.error("  \n".join(_grouped(errors)), icon=":material/warning:")
    return uploads


def look_at(uploads: dict[str, Upload]) -> str:
    """The name of the picture to look at, with buttons that remove it or all of them."""
    chosen = next(iter(uploads))
    if len(uploads) > 1:
        chosen = st.selectbox(_("Look at"), list(uploads), key="look_at")
    with st.container(horizontal=True):
        st.button(_("Remove this picture"), on_click=_remove, args=[[chosen]])
        if len(uploads) > 1:
            st.button(_("Remove all"), on_click=_remove, args=[list(uploads)])
    return chosen


def _remove(names: Sequence[str]) -> None:
    for name in names:
        st.session_state.uploads.pop(name, None)  # a second click may be of the page before


def _take(key: str) -> None:
    """Read the files that were just uploaded, and let the server forget them."""
    state = st.session_state
    state.not_taken = []
    state.uploaders += 1
    before = len(state.uploads)
    for file in state[key]:
        try:
            name = _new_name(file.name, state.uploads)
            state.uploads[name] = Upload(_read(file, len(state.uploads)))
        except DataError as error:
            state.not_taken.append(error)
        upload.forget(file)
    if new := list(state.uploads)[before:]:
        state.look_at = new[0]  # what is new is what somebody wants to see


def _read(file: UploadedFile, taken: int) -> Images:
    if taken >= MOST:
        raise DataError(
            N_("Not more than {most} pictures at once. Left out: {file}."),
            most=MOST,
            file=file.name,
        )
    return drawing.read(file.getvalue(), file.name)


def _grouped(errors: Sequence[DataError]) -> list[str]:
    """A sentence for each kind of error, with the files that have it."""
    kinds: dict[str, list[DataError]] = {}
    for error in errors:
        kinds.setdefault(error.message, []).append(error)
    return [
        layout.sentence(DataError(alike[0].message, **{**alike[0].values, "file": _names(alike)}))
        for alike in kinds.values()
    ]


def _names(errors: Sequence[DataError]) -> str:
    """The files that errors are about: the first ones by name."""
    names = [str(error.values["file"]) for error in errors]
    text, others = ", ".join(names[:8]), len(names[8:])
    if not others:
        return text
    return plural("{files} and {n} other file", "{files} and {n} other files", others).format(
        files=text, n=others
    )


def _new_name(name: str, taken: dict[str, Upload]) -> str:
    """The name, numbered if another file has it already."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"
