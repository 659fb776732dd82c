"""Recognition Lab: `streamlit run app.py`.

`streamlit run` imports this file once for `app`, and runs it as __main__ for every interaction.
Worker processes import it too, as __mp_main__: they need nothing of it, and start sooner without.
"""

if __name__ == "__main__":
    from pages.ui import interaction

    interaction.draw()
elif __name__ != "__mp_main__":
    from contextlib import suppress

    import streamlit as st
    from streamlit.runtime.pages_manager import PagesManager

    from core.errors import LabError
    from pages.ui import identity, server
    from pages.ui.routes import ROUTES

    # There is a folder `pages`, but not as Streamlit's first kind of app had it: before the first
    # st.navigation of a server, a student with a link would be told that there is no such page.
    PagesManager.uses_pages_directory = False
    server.give_memory_back()
    server.take_short_turns()
    with suppress(LabError):  # of which the pages tell
        server.engine()  # its workers take longer to start than a student to choose
    app = st.App(__file__, routes=ROUTES, middleware=identity.MIDDLEWARE)
