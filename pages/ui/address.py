"""Choices of one page that its address carries.

A page reads them when it is first opened in a session, and writes them in every run: then the
address of what is seen can be passed on. The choice of the sidebar is its own affair.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from core.errors import LabError
from pages.ui import frame


def read(page: str, keys: Iterable[str], take: Callable[[str, str], None]) -> None:
    """Call `take` with each key of a page that the address has and its text, once a session.

    The LabErrors that it raises are shown as sentences until `forget` is called.
    """
    state = st.session_state
    name = f"{page}_refused"
    if name not in state:
        state[name] = []
        for key in keys:
            if key in st.query_params:
                try:
                    take(key, st.query_params[key])
                except LabError as error:
                    state[name].append(error)
    for refusal in state[name]:
        frame.show_error(refusal)


def forget(page: str) -> None:
    """Show no longer what the address said wrongly: for the widgets of a page, when they change."""
    st.session_state[f"{page}_refused"] = []


def write(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Make the address say what was chosen; what it does not say has its default."""
    for key, value in values.items():
        if value == defaults[key]:
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = ",".join(value) if isinstance(value, list) else str(value)
