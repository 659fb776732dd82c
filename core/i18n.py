"""Translations by gettext: English in the source, one translation object per session.

Strings are marked with `_("...")` where they are shown and with `N_("...")` where they are only
kept (in tables and in error messages). Catalogues live in `core/locale/<language>/LC_MESSAGES/`.
"""

import gettext
from pathlib import Path

DOMAIN = "lab"
LOCALE_FOLDER = Path(__file__).parent / "locale"


def translation(language: str | None) -> gettext.NullTranslations:
    """The catalogue for a language tag such as `de` or `de-AT`; English where there is none."""
    languages = [language.replace("-", "_")] if language else ["en"]
    return gettext.translation(DOMAIN, LOCALE_FOLDER, languages, fallback=True)


def untranslated(message: str) -> str:
    """Return the message as it is: the identity translation, and the marker `N_`."""
    return message


N_ = untranslated
