"""The way of a class to this lesson: its address, as text and for the camera of a telephone."""

import io
import socket
from contextlib import suppress
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from pages.ui import fields, identity
from pages.ui.present import PRESENT
from pages.ui.text import _

ANYWHERE = (None, "", "0.0.0.0", "::")
"""What a server is told that is to be reached by every address of its computer."""


def show() -> None:
    """The address that students can reach, with the choice of whoever looks at it."""
    if found := base():
        choice = st.session_state.address.query(fields.CHOICE)
        choice.pop(PRESENT.name, None)  # how the teacher looks at it
        query = urlencode(choice)
        address = f"{found}/?{query}" if query else f"{found}/"
        st.image(_code(address), width="stretch", alt=_("The address of this lesson as a QR code"))
        with st.container(key="address"):  # which look.css keeps from breaking in a number
            st.code(address, language=None, wrap_lines=True)
        st.caption(_("For the class: this lab, with what is chosen in the sidebar."))
        return
    st.info(
        _(
            "This lab can only be opened on this computer. For the class start it with "
            "`streamlit run app.py --server.address 0.0.0.0`: then its address stands here."
        ),
        icon=":material/qr_code_2:",
    )


def base() -> str | None:
    """Where students reach this server; None if they cannot."""
    here = urlsplit(st.context.url or "")
    host = here.netloc
    if here.hostname in (None, *identity.HERE):
        listens = st.get_option("server.address")
        name = _address_in_network() if listens in ANYWHERE else listens
        if name in (None, *identity.HERE):
            return None
        host = f"{name}:{here.port or st.get_option('server.port')}"
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"{here.scheme or 'http'}://{host}/{path}".rstrip("/")


def _address_in_network() -> str | None:
    """The address by which others in the network reach this computer; None without a network."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect(("192.0.2.1", 9))  # nothing is sent: it tells by which address it would be
        return str(way.getsockname()[0])
    return None


@st.cache_data(max_entries=16, show_spinner=False)
def _code(address: str) -> bytes:
    """A QR code as a PNG file, large enough for a projector."""
    file = io.BytesIO()
    segno.make_qr(address, error="m").save(file, kind="png", scale=20, border=4)
    return file.getvalue()
