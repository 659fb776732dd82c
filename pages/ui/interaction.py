"""What happens for every interaction: the sidebar, which holds the choice, then the page."""

from collections.abc import Mapping

import streamlit as st

from core import labs
from core.errors import LabError
from core.labs.contract import Step
from core.labs.steps import CLASS, OVERVIEW
from pages.ui import fields, layout, present, record, sidebar
from pages.ui.text import _


def all_pages(steps: Mapping[str, Step]) -> dict[str, st.Page]:
    """The pages of a session. Made once for it: each looks six times at the disk."""
    state = st.session_state
    if state.get("pages", {}).keys() != steps.keys():
        state.pages = {
            step.name: st.Page(
                step.file,
                title=_(step.title),
                icon=step.icon,
                url_path="" if step is OVERVIEW else step.name,
                default=step is OVERVIEW,
            )
            for step in steps.values()
        }
    pages: dict[str, st.Page] = state.pages
    return pages


def draw() -> None:
    """Draw the sidebar, then the page that the URL names."""
    st.set_page_config(page_title="Recognition Lab", page_icon="✏️", layout="wide")
    st.html(present.LOOK)
    steps = labs.all_steps() | {CLASS.name: CLASS}
    pages = all_pages(steps)
    page = st.navigation(list(pages.values()), position="hidden")
    name = next(name for name in pages if pages[name] == page)
    st.session_state.step = steps[name]
    record.begin()
    fields.begin(name)
    sidebar.choose()
    if following := st.session_state.pop("leave_for", None):
        st.switch_page(pages[following], query_params=layout.query(following))
    try:
        st.session_state.step = layout.step(name)
        record.see()
        # The lab, which the sidebar knows, may have another name for the page than another lab.
        st.set_page_config(page_title=_(st.session_state.step.title))
        navigation = st.sidebar.empty()
        present.switch(page)
        with navigation.container():
            drawn = sidebar.navigation()
        fields.turn_to_page()
        page.run()
        fields.complete()
        if sidebar.done() != drawn:  # the page has marked its step
            with navigation.container():
                sidebar.navigation()
    except LabError as error:
        layout.show_error(error)
    except layout.PageEnds:
        pass
    finally:
        fields.write()
