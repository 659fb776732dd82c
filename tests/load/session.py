"""A student's browser without the browser: Streamlit's own protocol, spoken over a web socket.

    Session  -> rerun_script (widget values, page, fragment)  -> the server
    the server -> new_session, deltas, script_finished        -> Session.page

What a browser keeps is kept here too: cookies, the values of widgets, the elements on the page,
large messages that the server refers to by their hash, and the fragments to ask for every second.
A session does what its server asks of a browser, and waits for the end of each run it asks for.
"""

import asyncio
import base64
import io
import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests
from PIL import Image, ImageDraw
from requests.adapters import HTTPAdapter
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.RootContainer_pb2 import RootContainer
from streamlit.proto.WidgetStates_pb2 import WidgetState
from urllib3 import Retry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PATIENCE = 60.0
"""Seconds after which a run counts as never answered."""
CANVAS, BRUSH = 280, 16
"""The canvas of the Draw page and its brush, in pixels."""

Stroke = Sequence[tuple[float, float]]


class NoAnswer(AssertionError):
    """The server did not do what a page promises."""


class Timing(NamedTuple):
    """How long a user waited for what."""

    kind: str
    seconds: float


# What is on the page


class Node(NamedTuple):
    """An element, and the run, the fragment and the script that put it on the page."""

    element: Element
    run: str
    fragment: str
    script: str

    @property
    def kind(self) -> str:
        return str(self.element.WhichOneof("type") or "")

    @property
    def content(self) -> Any:
        """The element's own message, such as a Selectbox."""
        return getattr(self.element, self.kind)


Path = tuple[int, ...]


class Page:
    """The elements of a page by their place, kept up to date from deltas."""

    def __init__(self) -> None:
        self.nodes: dict[Path, Node] = {}

    def apply(self, message: ForwardMsg, run: str) -> Node | None:
        """Take a delta in; the new element if it brings one."""
        path, delta = tuple(message.metadata.delta_path), message.delta
        match delta.WhichOneof("type"):
            case "new_element":
                self._drop(path)
                script = message.metadata.active_script_hash
                node = Node(delta.new_element, run, delta.fragment_id, script)
                self.nodes[path] = node
                return node
            case "add_block":  # keeps what is in it until the run ends
                self.nodes.pop(path, None)
        return None

    def _drop(self, path: Path) -> None:
        size = len(path)
        for inner in [place for place in self.nodes if place[:size] == path]:
            del self.nodes[inner]

    def finish(self, run: str, fragments: Sequence[str]) -> None:
        """Drop what a run that ended well did not draw again: of its fragments, or of all."""
        for path, node in list(self.nodes.items()):
            if node.run != run and (not fragments or node.fragment in fragments):
                del self.nodes[path]

    def keep(self, script: str) -> None:
        """Drop all but what one script drew: another page was asked for."""
        self.nodes = {path: node for path, node in self.nodes.items() if node.script == script}

    def of(self, kind: str) -> Iterator[Node]:
        """The elements of a kind, from top to bottom, those of the sidebar last."""
        return (node for _path, node in sorted(self.nodes.items()) if node.kind == kind)

    def find(self, label: str, sidebar: bool = False) -> Node | None:
        """The widget whose label is matched by a regular expression."""
        root = RootContainer.SIDEBAR if sidebar else RootContainer.MAIN
        for path, node in self.nodes.items():
            if path[0] == root and node.kind in FIELDS and re.fullmatch(label, node.content.label):
                return node
        return None

    def texts(self) -> list[str]:
        """What is said on the page: titles, paragraphs, alerts, figures and progress."""
        said = []
        for _path, node in sorted(self.nodes.items()):
            match node.kind:
                case "markdown" | "heading" | "alert":
                    said.append(node.content.body)
                case "metric":
                    said.append(f"{node.content.label}: {node.content.body}")
                case "progress":
                    said.append(node.content.text)
        return said

    def title(self) -> str:
        """The heading of the page."""
        return next((node.content.body for node in self.of("heading")), "")

    def metric(self, label: str) -> str | None:
        """A figure by its name."""
        return next((n.content.body for n in self.of("metric") if n.content.label == label), None)

    def ids(self) -> set[str]:
        """The ids of all widgets on the page."""
        return {getattr(node.content, "id", "") for node in self.nodes.values() if node.kind}


def complaint(node: Node) -> str | None:
    """What an element says if it is an exception or an error."""
    if node.kind == "exception":
        return f"{node.content.type}: {node.content.message}"
    if node.kind == "alert" and node.content.format == Alert.ERROR:
        return f"error: {node.content.body}"
    return None


# Values of widgets

FIELDS = {
    "selectbox": "string_value",
    "radio": "string_value",
    "text_input": "string_value",
    "number_input": "double_value",
    "checkbox": "bool_value",
    "slider": "double_array_value",
    "multiselect": "string_array_value",
    "button_group": "string_array_value",
    "button": "trigger_value",
    "download_button": "trigger_value",
}
"""Where a WidgetState holds the value of each kind of widget that has a label."""


def state_of(node: Node, value: Any) -> WidgetState:
    """A value as the browser sends it."""
    content, name = node.content, FIELDS[node.kind]
    if node.kind == "number_input" and content.data_type == NumberInput.INT:
        name, value = "int_value", int(value)
    state = WidgetState(id=content.id)
    if name.endswith("_array_value"):
        getattr(state, name).data.extend(value)
        getattr(state, name).SetInParent()
    else:
        setattr(state, name, value)
    return state


def first_state(node: Node) -> WidgetState | None:
    """The value that a widget shows when it appears; None for what has none, such as a button."""
    content = node.content
    match node.kind:
        case "selectbox" | "radio":
            value: Any = content.raw_value if content.set_value else None
            if value is None and content.options:
                value = content.options[content.default]
            return None if value is None else state_of(node, value)
        case "number_input" | "checkbox" | "slider" | "text_input":
            return state_of(node, content.value if content.set_value else content.default)
        case "multiselect":
            chosen = [content.options[place] for place in content.default]
            return state_of(node, content.raw_values if content.set_value else chosen)
        case "button_group":
            chosen = [content.options[place].content for place in content.default]
            return state_of(node, content.raw_values if content.set_value else chosen)
        case "dataframe" if content.selection_mode:
            return WidgetState(id=content.id, string_value=content.selection_default)
    return None


def drawing(strokes: Sequence[Stroke]) -> str:
    """What the canvas sends: its strokes as Fabric.js keeps them, and a PNG of them."""
    picture = Image.new("RGBA", (CANVAS, CANVAS), "white")
    pen = ImageDraw.Draw(picture)
    for stroke in strokes:
        pen.line([*stroke], "black", BRUSH, joint="curve")
        for x, y in (stroke[0], stroke[-1]):
            pen.ellipse([x - BRUSH / 2, y - BRUSH / 2, x + BRUSH / 2, y + BRUSH / 2], "black")
    png = io.BytesIO()
    picture.save(png, "PNG")
    look = {"fill": None, "stroke": "#000000", "strokeWidth": BRUSH, "strokeLineCap": "round"}
    paths = [[["M", *stroke[0]], *(["L", *point] for point in stroke[1:])] for stroke in strokes]
    objects = [{"type": "Path", "version": "7.4.0", **look, "path": path} for path in paths]
    raw = {"version": "7.4.0", "objects": objects, "background": "#FFFFFF"}
    data = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    return json.dumps({"drawing": {"raw": raw, "data": data}})


# Messages that the server sends once


class Messages:
    """Large messages by their hash: the server refers to those that it is told are here."""

    def __init__(self) -> None:
        self._kept: dict[str, ForwardMsg] = {}
        self._seen: dict[str, int] = {}
        self._runs = 0

    def hashes(self) -> list[str]:
        """What the server may refer to."""
        return list(self._kept)

    def resolve(self, message: ForwardMsg) -> ForwardMsg:
        """The message itself, or the one that it refers to, in the place that it names."""
        if message.metadata.cacheable:
            self._kept[message.hash] = message
            self._seen[message.hash] = self._runs
        if message.WhichOneof("type") != "ref_hash":
            return message
        self._seen[message.ref_hash] = self._runs
        full = ForwardMsg()
        full.CopyFrom(self._kept[message.ref_hash])
        full.metadata.CopyFrom(message.metadata)
        return full

    def finish(self, age: int, fragments: Sequence[str]) -> None:
        """A run has ended: forget what was not used for more than `age` runs."""
        self._runs += 1
        for name, message in list(self._kept.items()):
            concerned = not fragments or message.delta.fragment_id in fragments
            if concerned and self._runs - self._seen[name] > age:
                del self._kept[name], self._seen[name]


# The session


@dataclass
class Wanted:
    """A run that was asked for: of a page, of a fragment, or of the page that is there."""

    page: str = ""
    fragment: str = ""
    run: str = ""
    early: bool = False
    """It ended before its end: another run follows."""
    done: bool = False

    def begins(self, message: ForwardMsg) -> None:
        """Is it this one that begins? If it is the next one already, this one has ended.

        The server keeps quiet about the end of a run if a fragment is asked for just then.
        """
        fragments = message.metadata.run.fragment_ids
        self.done = self.done or bool(self.run)
        scope = self.fragment in fragments if self.fragment else not fragments
        page = not self.page or message.new_session.page_script_hash == self.page
        if (scope and page) or (self.early and not fragments):
            self.run = self.run or message.metadata.run.script_run_id
        elif self.early:
            self.done = True  # what follows is another fragment: nothing more comes of this one

    def ends(self, message: ForwardMsg) -> None:
        """Is it this one that ends? After an early end the page or the fragment starts over."""
        if self.run != message.metadata.run.script_run_id:
            return
        if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.run, self.early = "", True
        else:
            self.done = True


@dataclass
class Session:
    """One student's browser with one tab open. `timings` has what was waited for, and how long."""

    url: str
    page: Page = field(default_factory=Page)
    timings: list[Timing] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    """Seconds that each run of a fragment took that the server had told the browser to ask for."""
    problems: list[str] = field(default_factory=list)
    """Exceptions and errors that were on a page, with its title."""
    closed: bool = False

    def __post_init__(self) -> None:
        self._http = requests.Session()
        # As browsers do where a server has just closed a connection that was idle.
        self._http.mount("http://", HTTPAdapter(max_retries=Retry(total=1)))
        self._http.trust_env = False
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._wanted = Wanted(done=True)
        self._states: dict[str, WidgetState] = {}
        self._messages = Messages()
        self._media: dict[str, bool] = {}
        self._files: dict[str, str] = {}
        self._asked: dict[str, float] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._id = self._main = self._script = self._run = self._query = ""
        self._age = 2

    # What a student does

    async def open(self) -> None:
        """Load the lab and wait for its first page."""
        begun = time.monotonic()
        for path in ("", "_stcore/health", "_stcore/host-config"):
            await self._get(f"/{path}")
        cookies = self._http.cookies.get_dict()
        token = cookies.get("_streamlit_xsrf", "PLACEHOLDER_AUTH_TOKEN")
        self._socket = await connect(
            f"ws{self.url.removeprefix('http')}/_stcore/stream",
            origin=Origin(self.url),
            subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
            additional_headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())},
            proxy=None,
            max_size=None,
            max_queue=None,
            ping_interval=None,
            open_timeout=PATIENCE,
        )
        self._reader = asyncio.create_task(self._read(self._socket))
        await self._ask(Wanted())
        await self._arrived("open", begun)

    async def close(self) -> None:
        """Close the tab."""
        self._stop_timers()
        if self._socket:
            await self._socket.close()
        if self._reader:
            await self._reader
        self._http.close()

    async def go(self, title: str) -> None:
        """Follow the link to a page in the sidebar, and see that it is the one."""
        begun, label = time.monotonic(), re.compile(rf"(\d+\. )?{title}( ✓)?")
        links = [n.content for n in self.page.of("page_link") if label.fullmatch(n.content.label)]
        if not links:
            raise NoAnswer(f"no link to {title} on {self.page.title()}")
        self._stop_timers()
        self.page.keep(self._main)
        self._forget_states()
        self._script, self._query = links[-1].page_script_hash, links[-1].query_string
        await self._ask(Wanted(page=self._script))
        await self._arrived(f"page {title}", begun)
        if self.page.title() != title:
            raise NoAnswer(f"{title} is called {self.page.title()!r}: {self.page.texts()}")

    async def set(self, label: str, value: Any, sidebar: bool = False) -> None:
        """Give a widget a value: an option, a number, true or false, or a list of options."""
        node = self._found(label, sidebar)
        if node.kind == "selectbox" and value not in node.content.options:
            raise NoAnswer(f"{label} does not offer {value}: {list(node.content.options)}")
        await self._change("setting" if sidebar else "widget", node, state_of(node, value))

    async def press(self, label: str, kind: str = "button") -> None:
        """Press a button of the page, which must not be disabled."""
        node = self._found(label)
        if node.content.disabled:
            raise NoAnswer(f"{label} is disabled")
        await self._change(kind, node, WidgetState(id=node.content.id, trigger_value=True))

    async def draw(self, strokes: Sequence[Stroke]) -> None:
        """Draw on the canvas of the page, stroke by stroke, after what was there is cleared."""
        clear = self.page.find("Clear")
        if clear and not clear.content.disabled:
            await self.press("Clear", "draw")
            await self._on_canvas([])
        for count in range(1, len(strokes) + 1):
            await self._on_canvas(strokes[:count])

    async def download(self, label: str) -> bytes:
        """Press a download button; the file, or nothing if there is a problem with it."""
        begun, content = time.monotonic(), b""
        node = self._found(label)
        url = node.content.url or await self._file(node.content.deferred_file_id)
        try:
            content = await self._get(url)
        except requests.HTTPError as error:
            self.problems.append(f"{label}: {error}")
        self.timings.append(Timing("file", time.monotonic() - begun))
        state = WidgetState(id=node.content.id, trigger_value=True)
        await self._change("download", node, state)
        return content

    async def look(self, seconds: float, until: Callable[[], object] = lambda: False) -> bool:
        """Look at the page for some seconds, or until something is on it; True if it is."""
        with suppress(NoAnswer):
            await self.until(until, seconds)
        return bool(until())

    async def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds, which is asked with every message. Raises NoAnswer."""
        end = time.monotonic() + seconds
        while not condition():
            if self.closed:
                raise ConnectionError("the server closed the connection")
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), end - time.monotonic())
            except TimeoutError:
                place, wanted = self.page.title(), self._wanted
                raise NoAnswer(f"waited {seconds:.0f} s on {place}: {wanted}") from None

    # What a browser does for them

    def _found(self, label: str, sidebar: bool = False) -> Node:
        node = self.page.find(label, sidebar)
        if node is None:
            raise NoAnswer(f"no {label} on {self.page.title()}: {self.page.texts()}")
        return node

    async def _file(self, deferred: str) -> str:
        """Have a file made that is made when it is asked for; where it is."""
        message, request = BackMsg(), str(uuid.uuid4())
        message.backend_operation_request.request_id = request
        message.backend_operation_request.session_id = self._id
        message.backend_operation_request.deferred_file.file_id = deferred
        await self._send(message)
        await self.until(lambda: request in self._files)
        return self._files.pop(request)

    async def _on_canvas(self, strokes: Sequence[Stroke]) -> None:
        node = next(self.page.of("bidi_component"))
        await self._change(
            "draw", node, WidgetState(id=node.content.id, json_value=drawing(strokes))
        )

    async def _change(self, kind: str, node: Node, state: WidgetState) -> None:
        """Send the new value of a widget and wait until the page shows what becomes of it."""
        begun = time.monotonic()
        if node.fragment:  # its answer could not be told from that of a tick under way
            await self.until(lambda: node.fragment not in self._asked)
        triggers = [state] if state.WhichOneof("value") == "trigger_value" else []
        if not triggers:
            self._states[state.id] = state
        await self._ask(Wanted(fragment=node.fragment), triggers)
        await self._arrived(kind, begun, node.fragment)

    async def _ask(self, wanted: Wanted, triggers: Iterable[WidgetState] = ()) -> None:
        self._wanted = wanted
        await self._send(self._rerun(wanted.fragment, triggers))

    async def _arrived(self, kind: str, begun: float, fragment: str = "") -> None:
        def gone() -> bool:  # a training ended, and the page was drawn anew without its button
            return bool(fragment) and fragment not in {n.fragment for n in self.page.nodes.values()}

        await self.until(lambda: self._wanted.done or gone())
        self.timings.append(Timing(kind, time.monotonic() - begun))
        for url in [url for url, here in self._media.items() if not here]:
            self._media[url] = True
            await self._get(url)

    def _rerun(self, fragment: str = "", triggers: Iterable[WidgetState] = ()) -> BackMsg:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._script
        state.fragment_id = fragment
        state.widget_states.widgets.extend([*self._states.values(), *triggers])
        state.widget_states.SetInParent()
        state.cached_message_hashes.extend(self._messages.hashes())
        state.context_info.timezone = "UTC"
        state.context_info.locale = "en-US"
        state.context_info.url = self.url
        state.context_info.color_scheme = "light"
        return message

    async def _send(self, message: BackMsg) -> None:
        assert self._socket is not None, "open it first"
        await self._socket.send(message.SerializeToString())

    async def _get(self, path: str) -> bytes:
        """Ask for something over HTTP, with the cookies of this browser."""
        answer = await asyncio.to_thread(self._http.get, f"{self.url}{path}", timeout=PATIENCE)
        answer.raise_for_status()
        return answer.content

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for payload in socket:
                message = ForwardMsg()
                message.ParseFromString(payload)
                self._receive(self._messages.resolve(message))
                self._news.set()
        except ConnectionClosed as error:
            self.problems.append(f"connection: {error}")
        finally:
            self.closed = True
            self._news.set()

    def _receive(self, message: ForwardMsg) -> None:
        match message.WhichOneof("type"):
            case "new_session":
                self._begin(message)
            case "delta":
                self._show(message)
            case "script_finished":
                self._finish(message)
            case "navigation":
                self._script = message.navigation.page_script_hash
            case "page_info_changed":
                self._query = message.page_info_changed.query_string
            case "auto_rerun":
                self._tick(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            case "stop_auto_rerun":
                self._stop_timers(message.stop_auto_rerun.fragment_ids)
            case "backend_operation_response":
                answer = message.backend_operation_response
                if answer.error_msg:
                    self.problems.append(f"file: {answer.error_msg}")
                self._files[answer.request_id] = answer.deferred_file.url
            case "page_not_found":
                self.problems.append(f"no such page: {message.page_not_found.page_name}")
            case "session_event":
                fault = message.session_event.script_compilation_exception.message
                if fault:
                    self.problems.append(fault)

    def _begin(self, message: ForwardMsg) -> None:
        new, run = message.new_session, message.metadata.run
        self._id, self._main = new.initialize.session_id, new.main_script_hash
        self._age, self._run = new.config.max_cached_message_age, run.script_run_id
        if not run.fragment_ids:
            self._stop_timers()
            if new.page_script_hash != self._script:
                self.page.keep(self._main)
                self._script = new.page_script_hash
        self._wanted.begins(message)

    def _show(self, message: ForwardMsg) -> None:
        node = self.page.apply(message, self._run)
        if node is None or not node.kind:
            return
        if said := complaint(node):
            self.problems.append(f"{self.page.title()}: {said}")
        if node.kind == "imgs":
            for image in node.content.imgs:
                self._media.setdefault(image.url, not image.url.startswith("/media/"))
        known = getattr(node.content, "id", "") in self._states
        told = getattr(node.content, "set_value", False)
        if (told or not known) and (state := first_state(node)):
            self._states[state.id] = state

    def _finish(self, message: ForwardMsg) -> None:
        run = message.metadata.run
        early = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
        for fragment in run.fragment_ids:
            if asked := self._asked.pop(fragment, None):
                self.ticks.append(time.monotonic() - asked)
        if not early:
            self.page.finish(run.script_run_id, run.fragment_ids)
            self._forget_states()
            self._messages.finish(self._age, run.fragment_ids)
        self._wanted.ends(message)
        if not early and not run.fragment_ids and not self._wanted.run:
            # The server passes over a fragment that is not on the page any more.
            here = {node.fragment for node in self.page.nodes.values()}
            self._wanted.done = self._wanted.done or self._wanted.fragment not in {"", *here}

    def _forget_states(self) -> None:
        here = self.page.ids()
        self._states = {name: state for name, state in self._states.items() if name in here}

    # Fragments that run every second

    def _tick(self, fragment: str, interval: float) -> None:
        if fragment not in self._timers:
            self._timers[fragment] = asyncio.create_task(self._keep_asking(fragment, interval))

    async def _keep_asking(self, fragment: str, interval: float) -> None:
        """Ask for a fragment again and again, whether it answers or not, as a browser's timer."""
        due = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                due += interval
                await asyncio.sleep(due - time.monotonic())
                self._asked.setdefault(fragment, time.monotonic())
                message = self._rerun(fragment)
                message.rerun_script.is_auto_rerun = True
                await self._send(message)

    def _stop_timers(self, fragments: Iterable[str] | None = None) -> None:
        for fragment in list(self._timers if fragments is None else fragments):
            if timer := self._timers.pop(fragment, None):
                timer.cancel()
            self._asked.pop(fragment, None)
