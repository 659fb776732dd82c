"""Translation for pages: one gettext catalogue per session, chosen by the browser's language."""

import gettext

import streamlit as st

from core import i18n


def catalogue() -> gettext.NullTranslations:
    """The session's catalogue."""
    found: gettext.NullTranslations | None = st.session_state.get("catalogue")
    if found is None:
        found = st.session_state.catalogue = i18n.translation(st.context.locale)
    return found


def _(message: str) -> str:
    """`message` in the language of the session. Translate first, then format."""
    return catalogue().gettext(message)


def plural(one: str, many: str, number: int) -> str:
    """The form of a message that suits `number`, in the language of the session."""
    return catalogue().ngettext(one, many, number)


def duration(seconds: float) -> str:
    """A time to come, in words."""
    if seconds < 90:
        return _("about {n:.0f} s").format(n=max(seconds, 1))
    if seconds < 5400:
        return _("about {n:.0f} minutes").format(n=seconds / 60)
    return _("about {n:.1f} hours").format(n=seconds / 3600)
