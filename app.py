"""Recognition Lab: `streamlit run app.py`. Routes to the pages; the sidebar holds the choice."""

import streamlit as st

from core.errors import LabError
from pages.ui import fields, frame, people, sidebar
from pages.ui.lab import STEPS
from pages.ui.routes import ROUTES
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
    step = next(step for step in STEPS if pages[step.name] == page)
    st.session_state.step = step
    fields.begin(step.name)
    try:
        sidebar.choose()
        navigation = st.sidebar.empty()
        with navigation.container():
            drawn = sidebar.navigation()
        fields.turn_to_page()
        page.run()
        fields.complete()
        if sidebar.done() != drawn:  # the page has marked its step
            with navigation.container():
                sidebar.navigation()
    except LabError as error:
        frame.show_error(error)
    finally:
        fields.write()


# `streamlit run` imports this file once for `app`, and runs it as __main__ for every interaction.
# Worker processes import it too, under yet another name, and must not run main().
if __name__ == "__main__":
    main()
else:
    app = st.App(__file__, routes=ROUTES, middleware=people.MIDDLEWARE)
