"""How long it takes from mouse-up to the new probabilities on screen.

    python -m tests.measure_drawing [--sessions 20] [--strokes 20]

Starts a server of its own with an empty store, opens as many pages as there are sessions in one
headless Chromium and draws in one after the other, or in all of them at once. The clock is the
browser's: it starts with the `mouseup` event, and stops when the chart of the ten probabilities
shows other numbers. About 250 ms of it are the canvas's own wait for a further stroke.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests import browser

WATCH = """
() => {
  window.waits = [];
  let up = null;
  let shown = null;
  const chart = () => document.querySelector('[data-testid="stPlotlyChart"]')?.textContent ?? null;
  addEventListener('mouseup', () => { up = performance.now(); shown = chart(); }, true);
  new MutationObserver(() => {
    if (up !== null && chart() !== null && chart() !== shown) {
      window.waits.push(performance.now() - up);
      up = null;
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def stroke(page: Page, number: int) -> None:
    """One line, elsewhere for each number, so that the probabilities change with it."""
    x = 40 + 37 * number % 200
    browser.draw(page, [(x, 50), (240 - x, 230)])


def one_by_one(page: Page, strokes: int) -> list[float]:
    """Milliseconds from mouse-up to the probabilities, one stroke at a time on an empty canvas."""
    page.evaluate(WATCH)
    for number in range(strokes):
        stroke(page, number)
        page.wait_for_function(f"window.waits.length > {number}")
        page.get_by_role("button", name="Clear").click()
        page.get_by_text("The canvas is empty").wait_for()
    waits: list[float] = page.evaluate("window.waits")
    return waits


def at_once(pages: list[Page], strokes: int) -> list[float]:
    """The same in many sessions, whose strokes overlap; each canvas keeps its strokes."""
    for page in pages:
        page.evaluate(WATCH)
    for number in range(strokes):
        for page in pages:
            stroke(page, number)
        for page in pages:
            page.wait_for_function(f"window.waits.length > {number}")
    return [wait for page in pages for wait in page.evaluate("window.waits")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--strokes", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = browser.start_server(Path(folder))
        chromium = playwright.chromium.launch(
            executable_path=browser.chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            pages = [chromium.new_context().new_page() for _ in range(options.sessions)]
            for page in pages:
                browser.open_page(page, server, "draw")
                page.locator("canvas.upper-canvas").wait_for()
            stroke(pages[0], 0)  # the first reads the network and what it is compared with
            pages[0].get_by_test_id("stPlotlyChart").wait_for()
            pages[0].get_by_role("button", name="Clear").click()
            pages[0].get_by_text("The canvas is empty").wait_for()
            waits = (
                one_by_one(pages[0], options.strokes)
                if options.sessions == 1
                else at_once(pages, options.strokes)
            )
        finally:
            chromium.close()
            server.end()
    ninth = statistics.quantiles(waits, n=10)[-1]
    print(
        f"{len(waits)} strokes in {options.sessions} sessions: median "
        f"{statistics.median(waits):.0f} ms, nine of ten below {ninth:.0f} ms, "
        f"{min(waits):.0f} to {max(waits):.0f} ms"
    )


if __name__ == "__main__":
    main()
