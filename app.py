"""Recognition Lab: `streamlit run app.py`. Routes to the pages; the sidebar holds the choice."""

import streamlit as st

from core.errors import LabError
from pages.ui import frame, people, sidebar
from pages.ui.addresses import ROUTES
from pages.ui.lab import STEPS
from pages.ui.text import _


def main() -> None:
    """Draw the sidebar, then the page that the URL names."""
    st.set_page_config(page_title="Recognition Lab", page_icon="✏️", layout="wide")
    pages = {
        step.name: st.Page(
            step.file,
            title=_(step.title),
            icon=step.icon,
            url_path=step.path,
            default=step is STEPS[0],
        )
        for step in STEPS
    }
    page = st.navigation(list(pages.values()), position="hidden")
    st.session_state.pages = pages
    st.session_state.step = next(step for step in STEPS if pages[step.name] == page)
    try:
        sidebar.choose()
        way = st.sidebar.empty()
        with way.container():
            drawn = sidebar.way()
        page.run()
        if sidebar.done() != drawn:  # the page has marked its step
            with way.container():
                sidebar.way()
    except LabError as error:
        frame.show_error(error)


# `streamlit run` imports this file once for `app`, and runs it as __main__ for every interaction.
# Worker processes import it too, under yet another name, and must not run main().
if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, routes=ROUTES, middleware=people.MIDDLEWARE)
