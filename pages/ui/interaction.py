"""What happens for every interaction: the sidebar, which holds the choice, then the page."""

import streamlit as st

from core import labs
from core.errors import LabError
from core.labs.steps import CLASS, OVERVIEW
from pages.ui import fields, layout, present, record, sidebar
from pages.ui.text import _


def draw() -> None:
    """Draw the sidebar, then the page that the URL names."""
    st.set_page_config(page_title="Recognition Lab", page_icon="✏️", layout="wide")
    st.html(present.LOOK)
    steps = labs.all_steps() | {CLASS.name: CLASS}
    pages = {
        step.name: st.Page(
            step.file,
            title=_(step.title),
            icon=step.icon,
            url_path="" if step is OVERVIEW else step.name,
            default=step is OVERVIEW,
        )
        for step in steps.values()
    }
    page = st.navigation(list(pages.values()), position="hidden")
    st.session_state.pages = pages
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
