"""To present: a page alone in large type, and keys that turn to the next one."""

from pathlib import Path

import streamlit as st

from core.fields import Switch
from core.i18n import N_
from pages.ui import fields
from pages.ui.text import _

PRESENT = Switch("present", N_("present"), False)
LOOK = Path(__file__).with_name("look.css")
KEYS = st.components.v2.component("keys", js=Path(__file__).with_name("keys.js").read_text())
"""The same for everybody: nothing that a person wrote gets into it."""


def switch(page: st.Page) -> None:
    """The switch and the keys, and while it is on a button to leave, which look.css places."""
    with st.sidebar:
        on = fields.toggle(PRESENT, help=_("Large type, no sidebar; arrow keys turn the pages."))
        KEYS(key="keys", data={"page": page.url_path})
    if on:
        st.button(_("Leave (Esc)"), key="leave", on_click=_leave)


def _leave() -> None:
    st.session_state[PRESENT.name] = False
