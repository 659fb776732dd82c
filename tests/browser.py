"""A lab server of its own and what a student does with it: one helper for each action."""

import math
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[1]
SOON = 60.0
"""Seconds that a page may take on a busy machine."""
TRAINING = 400.0
"""Seconds that a training of these tests may take, with the import of TensorFlow before it."""


def chromium() -> str | None:
    """The browser: what $CHROMIUM names, or one on the PATH."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


# The server


@dataclass
class Server:
    """A running `streamlit run app.py`."""

    process: subprocess.Popen[bytes]
    url: str
    cache: Path

    def processes(self) -> list[psutil.Process]:
        """The processes that it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, how: Callable[[], None] | None = None) -> None:
        """End it, by SIGTERM or as `how` does, and see that no process remains."""
        children = self.processes()
        (how or self.process.terminate)()
        self.process.wait(timeout=SOON)
        remaining = psutil.wait_procs(children, timeout=SOON)[1]
        for process in remaining:
            process.kill()
        assert not remaining


def start_server(cache: Path, data: Path | None = None, workers: int = 1) -> Server:
    """Start a server on a free port, with these runs and data, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LAB_CACHE": str(cache),
        "LAB_OFFLINE": "1",
        "LAB_WORKERS": str(workers),
        "KERAS_HOME": str(cache / "keras"),
    }
    environment.pop("LAB_DATA", None)
    if data:
        environment["LAB_DATA"] = str(data)
    options = ["--server.port", str(port), "--server.headless", "true"]
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    server = Server(process, f"http://127.0.0.1:{port}", cache)
    try:
        eventually(lambda: answers(server.url), 60.0)
    except AssertionError:
        process.kill()
        raise
    return server


def answers(url: str) -> bool:
    """True if the server at `url` is ready."""
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with without_proxy.open(f"{url}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def eventually(condition: Callable[[], object], seconds: float = SOON) -> None:
    """Wait until a condition outside of the browser holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


# The pages


def open_page(page: Page, server: Server, path: str = "", **query: Any) -> None:
    """Load a page of the lab by its URL."""
    page.goto(f"{server.url}/{path}?{urlencode(query)}" if query else f"{server.url}/{path}")
    settled(page)


def settled(page: Page) -> None:
    """Wait until the page is drawn and nothing runs."""
    app = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(app).to_be_visible()
    expect(page.get_by_role("heading").first).to_be_visible()


def title(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def summary(page: Page) -> Locator:
    """The line below the title that names the choice."""
    return page.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").first


def choose(page: Page, field: str, option: str) -> None:
    """Take an option of a select box; a page that is being drawn would close its list again."""
    settled(page)
    box = page.get_by_role("combobox", name=field)
    box.focus()
    box.press("ArrowDown")
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def fill(page: Page, field: str, value: object) -> None:
    """Type a number into a field."""
    box = page.get_by_label(field, exact=True)
    box.fill(str(value))
    box.press("Enter")
    settled(page)


def follow(page: Page, step: str) -> None:
    """Go to a page of the lab through the sidebar."""
    link = page.get_by_test_id("stSidebar").get_by_role("link", name=re.compile(rf"\b{step}\b"))
    link.click()
    expect(title(page)).to_have_text(step)
    settled(page)


def metric(page: Page, name: str) -> str:
    """The value of a figure, by its name."""
    tile = page.get_by_test_id("stMetric").filter(has_text=name)
    return tile.get_by_test_id("stMetricValue").inner_text()


def share(text: str) -> float:
    """The number in 0.9712 or 97.12%."""
    return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)


# Drawing


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """One stroke with the mouse through these points of the canvas, in its pixels."""
    box = canvas_box(page)
    (x, y), *others = points
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
    page.mouse.up()


def touch(page: Page, points: list[tuple[float, float]]) -> None:
    """The same with a finger, as Chromium's own events of a touch screen."""
    box = canvas_box(page)
    screen = page.context.new_cdp_session(page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        fingers = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in places]
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    send("touchStart", points[0])
    for (x0, y0), (x1, y1) in pairwise(points):
        for part in (0.25, 0.5, 0.75, 1.0):
            send("touchMove", (x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
    send("touchEnd")


def ring(x: float, y: float, width: float, height: float) -> list[tuple[float, float]]:
    """Points of an ellipse about (x, y), as a stroke that ends where it began."""
    turns = [2 * math.pi * i / 24 for i in range(25)]
    return [(x + width * math.sin(t) / 2, y - height * math.cos(t) / 2) for t in turns]


DIGITS = {
    "0": [ring(140, 140, 120, 180)],
    "1": [[(140.0, 50.0), (140.0, 230.0)]],
    "4": [[(100.0, 50.0), (85.0, 150.0), (195.0, 150.0)], [(170.0, 90.0), (165.0, 240.0)]],
    "7": [[(70.0, 60.0), (200.0, 60.0), (120.0, 230.0)]],
    "8": [ring(140, 95, 80, 80), ring(140, 185, 105, 95)],
}
"""Strokes of some digits, in pixels of the canvas."""


def canvas_box(page: Page) -> Any:
    """Where the canvas is on screen, after scrolling it into view."""
    canvas = page.locator("canvas.upper-canvas")
    canvas.scroll_into_view_if_needed()
    return canvas.bounding_box()


# Training


def start_training(page: Page, label: str = "Start training") -> None:
    """Press the button on the Train page."""
    page.get_by_role("button", name=label).click()


def under_way(page: Page) -> None:
    """Wait until the page shows a training that goes on."""
    expect(page.get_by_text(re.compile(r"^Epoch \d+ of "))).to_be_visible(timeout=TRAINING * 1000)


def stop_button(page: Page) -> Locator:
    """The page's own: while it works, Streamlit has one at the top too."""
    return page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)


def stop_training(page: Page) -> None:
    stop_button(page).click()


def wait_for_run(page: Page) -> None:
    """Wait until the Train page shows a finished run."""
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=TRAINING * 1000)
    settled(page)
