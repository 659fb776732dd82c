"""Who sits at the browser: a student, by a cookie, and the teacher, by a password.

What affects others (stopping their runs, training everything, deleting) is the teacher's: whoever
gave the password of LAB_PASSWORD or, where none is set, sits at the machine that serves the lab.
"""

import hmac
import threading
import time
from urllib.parse import urlsplit
from uuid import uuid4

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import settings
from pages.ui.text import _

COOKIE = "lab-student"
YEAR = 365 * 24 * 3600
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
"""Headers of a proxy: what comes through one does not sit at this machine, whatever it says."""

HERE = ("localhost", "127.0.0.1", "::1")

UPLOADS = "/_stcore/upload_file/"
"""Where Streamlit takes files: the session and the file follow."""

UPLOAD = 20
"""Megabytes of a file from anybody: a photograph of 50 megapixels is smaller."""

_large_uploads: set[str] = set()
"""Sessions that may send such files."""

GUESS_SECONDS = 1.0
_guessing = threading.Lock()


async def _name(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Give every browser a cookie, so that a reload or a second tab is still the same student."""
    response = await call_next(request)
    page = response.headers.get("content-type", "").startswith("text/html")
    if page and COOKIE not in request.cookies:
        response.set_cookie(COOKIE, uuid4().hex, max_age=YEAR, httponly=True, samesite="lax")
    return response


async def _limit(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Refuse large uploads, which lie in memory, but from whom `allow_large_uploads` named.

    Streamlit's own limit is the same for all.
    """
    session = request.url.path.partition(UPLOADS)[2].partition("/")[0]
    size = request.headers.get("content-length", "")
    small = size.isdecimal() and int(size) <= UPLOAD * 2**20
    if request.method == "PUT" and session and not small and session not in _large_uploads:
        return Response(status_code=413)
    return await call_next(request)


MIDDLEWARE = [Middleware(BaseHTTPMiddleware, dispatch=one) for one in (_name, _limit)]


def student() -> str:
    """Who asks for runs: this browser, or this session where cookies are refused."""
    context = get_script_run_ctx()
    return st.context.cookies.get(COOKIE) or (context.session_id if context else "")


def is_teacher() -> bool:
    """True if this session may do what affects others."""
    if settings.password():
        return bool(st.session_state.get("teacher"))
    headers = st.context.headers
    # Not by another name that leads here either: that may be a page of somebody else's.
    here = urlsplit(f"//{headers.get('host', '')}").hostname in HERE
    return here and st.context.ip_address is None and not any(name in headers for name in FORWARDED)


def allow_large_uploads() -> None:
    """Let this session send files that are larger than UPLOAD, for which it is the teacher."""
    context = get_script_run_ctx()
    if context and is_teacher():
        _large_uploads.add(context.session_id)


def ask_password() -> None:
    """Say who may do what affects others, and take the password; nothing for the teacher."""
    if is_teacher():
        return
    if not settings.password():
        st.caption(
            _(
                "Only the teacher can train everything, stop others' runs and delete runs: at the "
                "computer that serves the lab, or with the password set there (LAB_PASSWORD)."
            )
        )
        return
    with st.form("teacher_form", border=False):
        left, right = st.columns([3, 1], vertical_alignment="bottom", width=420)
        guess = left.text_input(_("Teacher's password"), type="password")
        if right.form_submit_button(_("Unlock")):
            _check(guess)


def _check(guess: str) -> None:
    """Compare a guess with the password: one wrong guess a second, however many try.

    The right one need not wait for those who guess.
    """
    if hmac.compare_digest(guess.encode(), (settings.password() or "").encode()):
        st.session_state.teacher = True
        st.rerun()
    with _guessing:
        time.sleep(GUESS_SECONDS)
    st.error(_("That is not the password: try again."))
