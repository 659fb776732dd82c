"""Fields as widgets, and the address of the page that says what they hold.

The address is read when somebody brings one: when a session begins (a link, a typed address, a
reload) and when the browser goes back or forward. Otherwise the widgets are right, and the address
is written from them, all of it at once: each writing is a step in the browser's history. That it
only differs from what was written last would not do as a sign to read it: a student who clicks
fast sends the address from before the last writing.

Every run of app.py calls `begin` first and `write` last, and `complete` when the page is drawn;
a fragment with fields calls `write` last. Fields drawn before `turn_to_page` belong to the
choice, which every link carries; those after it to the page.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import LabError, UsageError
from core.fields import Field, Number, OneOf, SeveralOf, Switch, Text, WholeNumber
from core.i18n import N_
from pages.ui import layout
from pages.ui.text import _

T = TypeVar("T")

CHOICE = ""
"""Whose fields the sidebar's are, where the name of a page would stand."""


@dataclass
class Address:
    """What a session knows of the addresses of its pages."""

    texts: dict[str, dict[str, str | None]] = field(default_factory=dict)
    """Of each page (or CHOICE) its fields by their names; None if the address leaves them out."""
    page: str = ""
    owner: str = CHOICE
    """Whose fields are drawn now."""
    drawn: set[str] = field(default_factory=set)
    """Which fields of the page and of the choice this run has drawn."""
    brought: dict[str, str] | None = None
    """The address that is being read, until a page is drawn from it."""
    settled: set[str] = field(default_factory=set)
    """Which fields have their values from it."""
    refused: list[tuple[str, LabError]] = field(default_factory=list)
    """What it said wrongly, and whose field it was."""
    shown_by: dict[str, str] = field(default_factory=dict)
    """Which page drew a widget last, by its key: two pages may have the same fields."""

    def fields(self, page: str) -> dict[str, str | None]:
        """The texts of the choice and of a page."""
        return {**self.texts.get(CHOICE, {}), **self.texts.get(page, {})}

    def query(self, page: str) -> dict[str, str]:
        """What the address of a page says: the choice, and what the page was last told."""
        return {name: text for name, text in self.fields(page).items() if text is not None}


def _address() -> Address:
    address: Address = st.session_state.address
    return address


def _gone_back() -> bool:
    """True if this run is because the browser went back or forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def begin(page: str) -> None:
    """See whether an address is to be read, and show what was refused of it."""
    new = "address" not in st.session_state
    if new:
        st.session_state.address = Address()
    address = _address()
    if new or _gone_back():
        address.brought = {name: st.query_params[name] for name in st.query_params}
        address.settled, address.refused = set(), []
        address.texts.update({CHOICE: {}, page: {}})
    elif page != address.page:
        address.brought = None
    address.page, address.owner, address.drawn = page, CHOICE, set()
    st.session_state.refusals = st.container()
    for owner, error in address.refused:
        if owner in (CHOICE, page):
            with st.session_state.refusals:
                layout.show_error(error)


def brought() -> dict[str, str] | None:
    """What an address that is being read says; None if none is."""
    return _address().brought


def turn_to_page() -> None:
    """From here on fields belong to the page."""
    address = _address()
    address.owner = address.page


def complete() -> None:
    """All fields are drawn: the address has been read, and says nothing of those not drawn."""
    address = _address()
    unknown = (address.brought or {}).keys() - address.settled - address.drawn
    if unknown:
        error = UsageError(
            N_("The address also says {names}, which means nothing on this page."),
            names=", ".join(sorted(unknown)),
        )
        _refuse(address.page, error)
    address.brought = None
    for owner in (CHOICE, address.page):
        texts = address.texts.setdefault(owner, {})
        texts.update(dict.fromkeys(texts.keys() - address.drawn))


def write() -> None:
    """Make the address say what was chosen; what it does not say has its default."""
    address = _address()
    texts = address.fields(address.page)
    others = {name: st.query_params[name] for name in st.query_params if name not in texts}
    wanted = address.query(address.page) | others
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)


def forget() -> None:
    """Show no longer what an address said wrongly: when somebody chooses."""
    _address().refused = []


def read(one: Field[Any], key: str = "") -> bool:
    """Give the widget of a field what the address says of it; True if it says anything now."""
    address = _address()
    brought = address.brought or {}
    if one.name in address.settled or one.name not in brought:
        return False
    address.settled.add(one.name)
    address.texts.setdefault(address.owner, {}).setdefault(one.name, None)
    try:
        st.session_state[key or one.name] = one.parse(brought[one.name])
    except LabError as error:
        st.session_state[key or one.name] = one.default
        _refuse(address.owner, error)
    return True


def _refuse(owner: str, error: LabError) -> None:
    """Say what an address said wrongly, above the page and until somebody chooses."""
    _address().refused.append((owner, error))
    with st.session_state.refusals:
        layout.show_error(error)


def pass_over(*names: str) -> None:
    """The page has no place for these fields now: what an address says of them is not wrong."""
    _address().settled.update(names)


def value(one: Field[T], key: str = "") -> T:
    """What a field holds, also before its widget is drawn."""
    address, key = _address(), key or one.name
    read(one, key)
    if address.brought is None:
        if address.shown_by.get(key, address.owner) != address.owner:
            st.session_state[key] = _held(one)
    elif one.name not in address.settled:
        address.settled.add(one.name)
        st.session_state[key] = one.default
    address.shown_by[key] = address.owner
    found: T = st.session_state.setdefault(key, one.default)
    try:
        one.check(found)
    except UsageError:  # what was chosen from is not the same any more
        found = st.session_state[key] = one.default
    return found


def _held(one: Field[T]) -> T:
    """What a field held when its page was left."""
    text = _address().texts.get(_address().owner, {}).get(one.name)
    with suppress(UsageError):
        return one.default if text is None else one.parse(text)
    return one.default


def _draw(
    widget: Callable[..., Any],
    one: Field[Any],
    *,
    key: str = "",
    label: str | None = None,
    on_change: Callable[[], None] | None = None,
    **options: Any,
) -> Any:
    """Draw a field as its widget and note what it holds."""
    value(one, key)
    found = widget(
        one.label(_) if label is None else label,
        key=key or one.name,
        on_change=_changed,
        args=[on_change],
        persist_state="session",
        **options,
    )
    address = _address()
    address.drawn.add(one.name)
    text = None if found == one.default else one.text(found)
    address.texts.setdefault(address.owner, {})[one.name] = text
    return found


def _changed(then: Callable[[], None] | None) -> None:
    forget()
    if then:
        then()


def number(one: WholeNumber | Number, **options: Any) -> Any:
    """A number to type. `options` are those of `_draw` and of the widget, here and below."""
    return _draw(st.number_input, one, **(_limits(one) | options))


def slider(one: WholeNumber | Number, **options: Any) -> Any:
    """A number on a scale."""
    return _draw(st.slider, one, **_limits(one), **options)


def select(one: OneOf, **options: Any) -> str:
    """A list to choose one from."""
    return _draw(st.selectbox, one, options=list(one.choices), **_named(one, options))


def radio(one: OneOf, **options: Any) -> str:
    """A few values side by side to choose one from."""
    return _draw(
        st.radio,
        one,
        options=list(one.choices),
        horizontal=True,
        **_named(one, options),
    )


def several(one: SeveralOf, **options: Any) -> list[str]:
    """A list to choose some from."""
    return _draw(
        st.multiselect,
        one,
        options=list(one.choices),
        max_selections=one.most,
        **_named(one, options),
    )


def text(one: Text, **options: Any) -> str:
    """A line to type."""
    return _draw(st.text_input, one, **options)


def area(one: Text, **options: Any) -> str:
    """Lines to type."""
    return _draw(st.text_area, one, height="content", **options)


def toggle(one: Switch, **options: Any) -> bool:
    """A switch."""
    return _draw(st.toggle, one, **options)


def checkbox(one: Switch, **options: Any) -> bool:
    """A box to tick."""
    return _draw(st.checkbox, one, **options)


def _limits(one: WholeNumber | Number) -> dict[str, Any]:
    kind = int if isinstance(one, WholeNumber) else float  # Streamlit takes no mixture
    return {"min_value": kind(one.limit.low), "max_value": kind(one.limit.high)}


def _named(one: OneOf | SeveralOf, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a widget, which without another wish shows the names of the choices."""
    return {"format_func": lambda chosen: _(one.choices[chosen]), **options}
