"""The lab in a real browser, on a real server with real trainings."""

import csv
import io
import re
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from core.labs import LABS
from core.labs.steps import CLASS, OVERVIEW
from core.store import Store
from tests import browser as lab
from tests import hands
from tests.browser import Server
from tests.conftest import FULL_DATA

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        lab.chromium() is None,
        reason="needs Chromium: install it, or name its program in CHROMIUM",
    ),
]

LAB1 = LABS["digits"].steps

Tab = Callable[..., Page]

QUICK: dict[str, Any] = {
    "variant": "own",
    "layers": 1,
    "layer1": 32,
    "epochs": 1,
    "batch_size": 128,
}
"""Own settings that train in a second."""
LONG: dict[str, Any] = {
    "variant": "own",
    "layers": 1,
    "layer1": 64,
    "epochs": 40 if FULL_DATA else 100,
    "batch_size": 512 if FULL_DATA else 8,
}
"""Own settings that leave some seconds to act."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser, before whose camera is a hand."""
    expect.set_options(timeout=lab.SOON * 1000)
    film = tmp_path_factory.mktemp("camera") / "hand.mjpeg"
    film.write_bytes(hands.jpeg(hands.photograph()) * 2)
    options = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=lab.chromium(), args=options)
        yield started
        started.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the full data, if there is any. It leaves no process behind."""
    started = lab.start_server(tmp_path_factory.mktemp("server") / "cache", FULL_DATA)
    yield started
    started.end()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Tab]:
    """Opens a tab of its own browser profile. Fails if one of them has met an error."""
    contexts, errors = [], []

    def new(
        width: int = 1280, scheme: Literal["light", "dark"] = "light", touch: bool = False
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale="en-GB",
            has_touch=touch,
            is_mobile=touch,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(lab.SOON * 1000)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield new
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture(scope="session")
def trained(server: Server, chromium: Browser) -> dict[str, Any]:
    """A choice that is trained on the server, as a part of a URL."""
    page = chromium.new_page()
    lab.open_page(page, server, "train", **QUICK)
    lab.start_training(page)
    lab.wait_for_run(page)
    page.close()
    return QUICK


OWN = re.compile(r"Own settings: 64 \+ 32\b.*, 2 epochs")
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 25, 30)"}


NAMELESS = """() => [...document.querySelectorAll(
    'input:not([type=hidden]), button, a[href], select, textarea')]
    .filter(e => e.checkVisibility() && !e.closest('[aria-hidden=true]'))
    .filter(e => !(e.ariaLabel || e.title || e.textContent.trim() || e.labels?.length
                   || e.getAttribute('aria-labelledby')))
    .map(e => e.outerHTML.slice(0, 200))"""
"""What can be used, and has no name for a screen reader."""
WITHOUT_TEXT = """() => [...document.querySelectorAll('[data-testid=stMain] img')]
    .filter(e => !e.alt).map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("state", ["untrained", "trained"])
def test_every_page_is_drawn_light_and_dark(
    tab: Tab, server: Server, width: int, state: str, request: pytest.FixtureRequest
) -> None:
    choice = request.getfixturevalue("trained") if state == "trained" else {"variant": 9}
    page = tab(width, "light" if width == 1280 else "dark")
    for step in (*LAB1, CLASS):
        lab.open_page(page, server, "" if step is OVERVIEW else step.name, **choice)
        expect(lab.title(page)).to_have_text(step.title)
        waits = page.get_by_text("not trained yet", exact=False).filter(has_text="Train it first")
        asks = state == "untrained" and step.name in ("check", "mistakes", "results")
        expect(waits).to_have_count(1 if asks else 0)
        for scheme in ("dark", "light") if width == 1280 else ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            expect(page.get_by_test_id("stApp")).to_have_css("background-color", BACKGROUND[scheme])
            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert page.evaluate(
                "[document.documentElement, document.body,"
                " document.querySelector('[data-testid=stMain]')]"
                ".every(box => box.scrollWidth <= box.clientWidth)"
            ), f"{step.name} scrolls sideways"
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(WITHOUT_TEXT) == []
        if width == 390:
            expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()


CUT = """() => [...document.querySelectorAll('[data-testid=stMain] *')]
    .filter(e => e.checkVisibility() && e.textContent.trim())
    .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
    .filter(e => {
        for (let box = e.parentElement; box.dataset.testid !== 'stMain'; box = box.parentElement)
            if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false;
        return true;
    })
    .map(e => e.outerHTML.slice(0, 200))"""
"""What ends beyond the right edge, and is not in a box of its own that scrolls."""


@pytest.mark.slow
def test_on_a_telephone_nothing_is_cut(tab: Tab, server: Server) -> None:
    page = tab(390)
    for lab_name, one in LABS.items():
        for step in (*one.steps, CLASS):
            path = "" if step is OVERVIEW else step.name
            lab.open_page(page, server, path, lab=lab_name)
            assert page.evaluate(CUT) == [], step.name


@pytest.mark.slow
def test_the_keyboard_skips_to_the_content_and_the_open_page_is_marked(
    tab: Tab, server: Server
) -> None:
    page = tab()
    lab.open_page(page, server, "train", variant=9)
    sidebar, main = page.get_by_test_id("stSidebar"), page.get_by_test_id("stMain")
    here = sidebar.locator("[aria-current=page]")
    expect(here).to_have_text(re.compile("Train"))
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(main).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start training")).to_be_focused()

    other = sidebar.get_by_role("link", name=re.compile("Network"))
    other.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(other).to_have_css("outline-style", "solid")
    expect(here).to_have_css("outline-style", "none")
    colour = "(e) => getComputedStyle(e).backgroundColor"
    assert other.evaluate(colour) != here.evaluate(colour)
    page.keyboard.press("Enter")
    expect(lab.title(page)).to_have_text("Network")
    expect(here).to_have_text(re.compile("Network"))
    expect(here).to_be_focused()


@pytest.mark.slow
def test_who_follows_next_by_the_keyboard_goes_on_in_the_new_page(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "data")
    marked = page.get_by_test_id("stSidebar").locator("[aria-current=page]")
    for title in ("Network", "Train"):  # the first has such a link too, the second has none yet
        expect(marked).to_have_count(1)  # the keys are there
        page.get_by_role("link", name=f"Next: {title}").press("Enter")
        expect(lab.title(page)).to_have_text(title)
        expect(page.get_by_test_id("stMain")).to_be_focused()


@pytest.mark.slow
def test_arrow_keys_present_the_pages(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "data", variant=4)
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("Present", exact=True).click()
    leave = page.get_by_role("button", name="Leave (Esc)")
    expect(leave).to_be_visible()
    expect(sidebar).to_be_hidden()
    pages = [("ArrowRight", "Network"), ("PageDown", "Train"), ("ArrowLeft", "Network")]
    for key, title in [*pages, ("PageUp", "Data")]:
        page.keyboard.press(key)
        expect(lab.title(page)).to_have_text(title)
        lab.settled(page)
        expect(page).to_have_url(re.compile(rf"/{title.lower()}\?variant=4&present=true$"))
    page.get_by_label(re.compile("^Training image, from")).press("ArrowRight")
    expect(lab.title(page)).to_have_text("Data")
    page.reload()
    expect(leave).to_be_visible()
    page.get_by_test_id("stMain").focus()
    page.keyboard.press("Escape")
    expect(sidebar).to_be_visible()
    expect(page).to_have_url(f"{server.url}/data?variant=4")
    page.keyboard.press("ArrowRight")
    expect(lab.title(page)).to_have_text("Data")


@pytest.mark.slow
def test_on_paper_stands_the_page_alone_in_light_colours(tab: Tab, server: Server) -> None:
    page = tab(scheme="dark")
    lab.open_page(page, server, "data")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in ("stSidebar", "stHeader", "stMainMenu"):
        expect(page.get_by_test_id(hidden)).to_be_hidden()
    expect(page.get_by_role("link", name=re.compile("^Next"))).to_be_hidden()
    expect(lab.title(page)).to_have_css("color", "rgb(17, 24, 33)")
    expect(page.get_by_test_id("stApp")).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    chart = page.locator(".js-plotly-plot").first.bounding_box()
    assert chart
    assert chart["x"] + chart["width"] < 720


def test_a_whole_lab(tab: Tab, server: Server) -> None:
    """Variant 3 from the choice to the file that is handed in."""
    page = tab()
    lab.open_page(page, server)
    lab.choose(page, "Variant", "3")
    expect(lab.summary(page)).to_contain_text(
        re.compile(r"Variant 3: 32 \+ 32\b.*, 7 epochs, batch 42")
    )

    lab.follow(page, "Data")
    expect(page.get_by_role("heading", name="The first 40 training images")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^40 training images"))).to_be_visible()

    lab.follow(page, "Train")
    lab.start_training(page)
    expect(page.get_by_role("progressbar").first).to_be_visible()
    lab.wait_for_run(page)
    accuracy = lab.share(lab.metric(page, "Test accuracy"))
    assert accuracy > 0.8
    wrong = int(lab.metric(page, "Misclassified").replace(",", ""))

    lab.follow(page, "Check images")
    checked = {}
    for index in (14, 20, 39):
        expect(page.get_by_role("heading", name=f"Test image {index}", exact=True)).to_be_visible()
    verdicts = page.get_by_test_id("stMarkdown").filter(has_text=re.compile("(right|wrong)$"))
    expect(verdicts).to_have_count(4)
    said = page.get_by_test_id("stMarkdown").filter(has_text="Largest output (argmax)")
    for i, index in enumerate((14, 20, 39)):
        predicted, true = re.findall(r": (\d)", said.nth(i).inner_text())
        checked[index] = (predicted, true)
        verdict = "right" if predicted == true else "wrong"
        expect(verdicts.nth(i)).to_contain_text(verdict)

    lab.follow(page, "Mistakes")
    shown = min(15, wrong)
    expect(page.get_by_role("heading", name=f"The first {shown} misclassified")).to_be_visible()
    captions = re.findall(r"(\d) → (\d)", page.locator(".gallery").first.inner_text())
    assert len(captions) == shown
    line = page.get_by_text(re.compile("^Test images [0-9]")).first.inner_text()
    first = [int(number) for number in re.findall(r"\d+", line)]

    lab.follow(page, "Results")
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything (zip)").click()
    assert re.fullmatch(r"lab7-mnist-variant3-[0-9a-f]{8}\.zip", download.value.suggested_filename)
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        table = io.TextIOWrapper(archive.open("results.csv"), encoding="utf-8")
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == [
        "index",
        "true",
        "predicted",
        "confidence",
        *(f"p{i}" for i in range(10)),
    ]
    assert len(rows) == (10_000 if FULL_DATA else 1_000)
    mistakes = [row for row in rows if row["true"] != row["predicted"]]
    assert len(mistakes) == wrong
    assert accuracy == pytest.approx(1 - wrong / len(rows), abs=6e-5)
    assert lab.share(lab.metric(page, "Test accuracy")) == pytest.approx(accuracy, abs=6e-5)
    assert [int(row["index"]) for row in mistakes[:shown]] == first
    assert [(row["true"], row["predicted"]) for row in mistakes[:shown]] == captions
    for index, (predicted, true) in checked.items():
        assert (rows[index]["predicted"], rows[index]["true"]) == (predicted, true)
    lab.follow(page, "Overview")
    for step in ("Data", "Train", "Check images", "Mistakes", "Results"):
        expect(page.get_by_role("link", name=re.compile(rf"{step} ✓"))).to_be_visible()


@pytest.mark.slow
def test_tapping_a_row_anywhere_chooses_the_variant(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server)
    table = page.get_by_test_id("stDataFrame").first
    marked = table.locator("[role=row][aria-selected=true] [role=gridcell]").first

    def tap(variant: int, x: int) -> bool:
        """The table is drawn on a canvas: a header, then one row for each variant from 0 on.

        A tap on a table that is just being replaced is lost, so there may have to be another.
        """
        lab.settled(page)
        expect(marked).to_be_attached()
        table.click(position={"x": x, "y": 35 * (variant + 1.5)})
        with suppress(AssertionError):
            expect(lab.summary(page)).to_contain_text(f"Variant {variant}", timeout=3000)
        return f"Variant {variant}" in lab.summary(page).inner_text()

    box, cell = 20, 400
    for variant, x in ((4, cell), (2, box), (2, box), (3, cell)):
        lab.eventually(partial(tap, variant, x))
        expect(page).to_have_url(re.compile(f"variant={variant}"))
        expect(marked).to_have_text(str(variant))


def at(page: Page, server: Server, address: str, heading: str, experiment: str) -> None:
    """Address, page and widgets agree."""
    expect(page).to_have_url(f"{server.url}/{address}")
    expect(lab.title(page)).to_have_text(heading)
    lab.settled(page)
    box = page.get_by_role("combobox", name="Experiment")
    expect(box).to_have_value(experiment)
    assert page.url == f"{server.url}/{address}"


@pytest.mark.slow
def test_back_and_forward_move_through_pages_and_choices(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "rules", lab="optimizers", rule="sgd")
    lab.choose(page, "Experiment", "Adam")
    expect(page).to_have_url(re.compile("variant=adam"))
    lab.choose(page, "Optimizer", "RMSprop")
    expect(page).to_have_url(re.compile("rule=rmsprop"))
    page.get_by_text("centered", exact=True).first.click()
    expect(page).to_have_url(re.compile("form=centered"))
    lab.follow(page, "Network")
    lab.choose(page, "Experiment", "Nadam")
    steps = [
        ("rules?lab=optimizers&rule=sgd", "Update rules", "RMSprop"),
        ("rules?lab=optimizers&variant=adam&rule=sgd", "Update rules", "Adam"),
        ("rules?lab=optimizers&variant=adam&rule=rmsprop", "Update rules", "Adam"),
        ("rules?lab=optimizers&variant=adam&rule=rmsprop&form=centered", "Update rules", "Adam"),
        ("network?lab=optimizers&variant=adam", "Network", "Adam"),
        ("network?lab=optimizers&variant=nadam", "Network", "Nadam"),
    ]
    at(page, server, *steps[-1])
    for step in reversed(steps[:-1]):
        page.go_back()
        at(page, server, *step)
    expect(page.get_by_role("combobox", name="Optimizer")).to_have_value("SGD")
    for step in steps[1:]:
        page.go_forward()
        at(page, server, *step)
        if "form" in step[0]:
            expect(page.get_by_role("radio", name="centered", exact=True)).to_be_checked()
    page.reload()
    lab.settled(page)
    at(page, server, *steps[-1])


@pytest.mark.slow
def test_back_goes_to_the_lab_from_before(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "network", variant=4)
    lab.choose(page, "Lab", "Lab 4: optimizers")
    at(page, server, "network?lab=optimizers", "Network", "RMSprop")
    page.go_back()
    expect(page).to_have_url(f"{server.url}/network?variant=4")
    expect(page.get_by_role("combobox", name="Variant")).to_have_value("4")
    page.go_forward()
    at(page, server, "network?lab=optimizers", "Network", "RMSprop")


@pytest.mark.slow
def test_an_address_with_choices_of_a_page_opens_the_same_for_somebody_else(
    tab: Tab, server: Server
) -> None:
    page = tab()
    lab.open_page(page, server, "rules")  # as it was before there were labs in addresses
    lab.choose(page, "Experiment", "Adam")
    lab.choose(page, "Optimizer", "RMSprop")
    expect(page).to_have_url(re.compile("rule=rmsprop"))
    lab.follow(page, "Network")
    link = page.get_by_test_id("stSidebar").get_by_role("link", name="Update rules")
    wanted = "rules?lab=optimizers&variant=adam&rule=rmsprop"
    expect(link).to_have_attribute("href", re.compile(re.escape(wanted)))
    other = tab()
    other.goto(f"{server.url}/{wanted}")
    lab.settled(other)
    expect(other.get_by_role("combobox", name="Optimizer")).to_have_value("RMSprop")
    expect(other.get_by_role("combobox", name="Experiment")).to_have_value("Adam")


@pytest.mark.slow
def test_a_choice_within_a_fragment_is_in_the_address_and_back_undoes_it(
    tab: Tab, server: Server
) -> None:
    page = tab()
    lab.open_page(page, server, "draw")
    switch = page.get_by_role("switch", name=re.compile("Without any step"))
    expect(switch).not_to_be_checked()
    page.get_by_text(re.compile("Without any step")).first.click()
    expect(page).to_have_url(f"{server.url}/draw?sheet=true")
    page.go_back()
    expect(page).to_have_url(f"{server.url}/draw")
    expect(switch).not_to_be_checked()


@pytest.mark.slow
def test_a_link_opens_the_same_choice_for_somebody_else(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server)
    lab.choose(page, "Variant", "Own settings")
    lab.fill(page, "Hidden layers", 2)
    lab.fill(page, "Neurons in layer 1", 64)
    lab.fill(page, "Neurons in layer 2", 32)
    lab.fill(page, "Epochs", 2)
    lab.choose(page, "Optimizer", "sgd")
    expect(page).to_have_url(re.compile("optimizer=sgd"))
    expect(lab.summary(page)).to_contain_text(OWN)
    lab.follow(page, "Network")
    expect(lab.summary(page)).to_contain_text(OWN)
    expect(page).to_have_url(re.compile("network.*optimizer=sgd"))
    other = tab()
    other.goto(page.url)
    lab.settled(other)
    expect(lab.title(other)).to_have_text("Network")
    expect(lab.summary(other)).to_have_text(lab.summary(page).inner_text())
    expect(other.get_by_label("Learning rate")).to_have_value("0.01")
    expect(other.get_by_role("combobox", name="Optimizer")).to_have_value("sgd")


@pytest.mark.slow
def test_the_choice_of_a_link_stays_on_every_page(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(
        page, server, variant="own", layers=2, layer1=64, layer2=32, epochs=2, learning_rate=0.01
    )
    for step in LAB1[1:]:
        lab.follow(page, step.title)
        expect(lab.summary(page)).to_contain_text(OWN)
    expect(page.get_by_label("Learning rate")).to_have_value("0.01")
    page.go_back()
    expect(lab.title(page)).to_have_text(LAB1[-2].title)
    expect(lab.summary(page)).to_contain_text(OWN)


@pytest.mark.slow
def test_two_students_who_start_the_same_run_get_one_training(tab: Tab, server: Server) -> None:
    store = Store(server.cache)
    before = {run.key for run in store.runs()}
    pages = [tab(), tab()]
    for page in pages:
        lab.open_page(page, server, "train", **LONG, seed=1)
    for page in pages:
        lab.start_training(page)
    for page in pages:
        lab.under_way(page)
    (claim,) = [claim for claim in store.claims() if claim.alive]
    steps = claim.steps_done
    pages[0].reload()
    lab.under_way(pages[0])
    (later,) = [claim for claim in store.claims() if claim.alive]
    assert later.key == claim.key
    assert later.steps_done > steps, "the training began anew"
    for page in pages:
        lab.wait_for_run(page)
        expect(page.get_by_text(claim.key)).to_be_visible()
    assert {run.key for run in store.runs()} - before == {claim.key}
    assert not [claim for claim in store.claims() if claim.alive]
    log = (server.cache / "server.log").read_text()
    assert "Traceback" not in log


@pytest.mark.slow
def test_a_stop_is_one_s_own_and_the_teacher_s_is_for_all(tab: Tab, server: Server) -> None:
    choice = {**LONG, "seed": 77}
    ada, grace, teacher = tab(), tab(), tab()
    lab.open_page(ada, server, "train", **choice)
    lab.start_training(ada)
    lab.open_page(grace, server, "train", **choice)
    grace.get_by_role("button", name="Wait for it too").click()
    expect(grace.get_by_text("1 other student waits for it too")).to_be_visible()
    lab.under_way(ada)
    lab.stop_training(ada)
    expect(ada.get_by_role("button", name="Wait for it too")).to_be_visible()
    lab.under_way(grace)
    grace.reload()
    # Still the same student.
    expect(lab.stop_button(grace)).to_be_visible()

    lab.open_page(teacher, server, "class")
    lab.stop_training(teacher)
    for student in (ada, grace):
        expect(student.get_by_text("The training was stopped by the teacher.")).to_be_visible()
        expect(student.get_by_role("button", name="Start again")).to_be_visible()


@pytest.mark.slow
def test_a_training_is_stopped_and_started_again(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "train", **LONG, seed=2)
    lab.start_training(page)
    lab.under_way(page)
    lab.stop_training(page)
    expect(page.get_by_text("The training was stopped.")).to_be_visible()
    assert not [claim for claim in Store(server.cache).claims() if claim.alive]
    lab.start_training(page, "Start again")
    lab.under_way(page)
    lab.wait_for_run(page)


@pytest.mark.slow
def test_a_killed_server_leaves_nothing_running_and_offers_the_run_again(
    tab: Tab, tmp_path: Path
) -> None:
    choice: dict[str, Any] = {
        "variant": "own",
        "layer1": 64,
        "epochs": 100,
        "batch_size": 8,
        "layers": 1,
    }
    first = lab.start_server(tmp_path / "cache")
    page = tab()
    # The first page that a server is asked for need not be the front page.
    lab.open_page(page, first, "train", **choice)
    lab.start_training(page)
    lab.under_way(page)
    page.goto("about:blank")
    assert any(process.num_threads() > 1 for process in first.processes()), "no worker"
    first.end(first.process.kill)
    assert first.process.returncode == -signal.SIGKILL

    second = lab.start_server(first.cache)
    try:
        lab.open_page(page, second, "train", **choice)
        offer = page.get_by_role("button", name="Start again")
        goes_on = page.get_by_role("button", name="Wait for it too")

        def offered() -> bool:
            lab.open_page(page, second, "train", **choice)
            expect(offer.or_(goes_on)).to_be_visible()
            return offer.is_visible()

        lab.eventually(offered)  # The claim grows stale after ten seconds without a beat.
        expect(page.get_by_text("The training was interrupted")).to_be_visible()
        lab.start_training(page, "Start again")
        lab.under_way(page)
        lab.wait_for_run(page)
        page.context.close()
    finally:
        second.end()


@pytest.mark.slow
def test_a_reload_and_a_restart_lose_nothing_that_a_student_did(tab: Tab, tmp_path: Path) -> None:
    def did_it() -> None:
        """See on the pages what the student did before."""
        done = page.get_by_test_id("stSidebar").get_by_role("link", name=re.compile(r"Data ✓"))
        expect(done).to_be_visible()
        page.get_by_role("button", name="Your name in the class").click()
        expect(page.get_by_label("Nickname")).to_have_value("Ada")
        page.keyboard.press("Escape")

    def has_kept(server: Server) -> None:
        open_canvas(page, server)
        expect(page.get_by_role("img", name="1 kept drawing")).to_be_visible()

    first = lab.start_server(tmp_path / "cache")
    page = tab()
    lab.open_page(page, first)
    page.get_by_role("button", name="Your name in the class").click()
    page.get_by_label("Nickname").fill(" Ada ")
    page.get_by_label("Nickname").press("Enter")
    lab.open_page(page, first, "data")
    open_canvas(page, first)
    lab.draw(page, *lab.DIGITS["7"])
    answered(page, "7")
    keep(page, "7")
    page.reload()
    has_kept(first)
    lab.open_page(page, first)
    did_it()
    page.goto("about:blank")
    first.end(first.process.kill)

    second = lab.start_server(first.cache)
    try:
        lab.open_page(page, second)
        did_it()
        has_kept(second)
        teacher = tab()
        lab.open_page(teacher, second, "class")
        expect(teacher.get_by_text("1 student was here in the last hour.")).to_be_visible()
        for tab_ in (page, teacher):  # a server waits for the connections that a browser holds
            tab_.context.close()
    finally:
        second.end()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"variant": "99"}, "Variant is 99: choose one of"),
        ({"variant": "own", "epochs": "500"}, "Epochs is 500: give a whole number from 1 to 100."),
    ],
)
def test_a_bad_value_in_the_url_is_one_sentence(
    tab: Tab, server: Server, query: dict[str, Any], sentence: str
) -> None:
    page = tab()
    lab.open_page(page, server, "network", **query)
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_test_id("stAlert")).to_contain_text(sentence)
    expect(lab.summary(page)).to_contain_text(re.compile(r": 128\b.*, 10 epochs, batch 32"))
    lab.choose(page, "Variant", "2")
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    expect(lab.summary(page)).to_contain_text("Variant 2")


def test_the_keyboard_goes_through_the_choice_in_its_order(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, **QUICK)
    labels = [
        *("Data set", "Variant", "Hidden layers", "Neurons in layer 1", "Activation"),
        *("Optimizer", "Learning rate", "Epochs", "Batch size", "Validation split", "Seed"),
    ]
    for label in labels:
        expect(page.get_by_label(label, exact=True).first).to_be_visible()
    page.get_by_role("combobox", name="Data set").focus()
    met = []
    for _press in range(40):
        name = page.evaluate("document.activeElement.ariaLabel || ''")
        met += [label for label in labels if label in name and label not in met]
        page.keyboard.press("Tab")
    assert met == labels


@pytest.mark.slow
def test_the_focus_is_never_lost_while_a_network_is_trained(tab: Tab, server: Server) -> None:
    page = tab()
    main = page.get_by_test_id("stMain")

    def press_enter(name: str, then: str) -> None:
        """Use a button, and wait until the one that follows has the focus."""
        main.get_by_role("button", name=name, exact=True).focus()
        page.keyboard.press("Enter")
        following = main.get_by_role("button", name=then, exact=True)
        expect(following).to_be_focused(timeout=lab.TRAINING * 1000)

    lab.open_page(page, server, "train", **LONG, seed=3)
    press_enter("Start training", "Stop")
    press_enter("Stop", "Start again")
    lab.open_page(page, server, **QUICK, seed=3)
    page.get_by_role("button", name="Start your own settings").focus()
    page.keyboard.press("Enter")
    expect(main.get_by_role("button", name="Watch again")).to_be_focused(
        timeout=lab.TRAINING * 1000
    )
    page.keyboard.press("Enter")
    playing = "curves => curves.map(curve => curve.getAnimations().length)"
    curves = page.locator(".st-key-loss .scatterlayer, .st-key-accuracy .scatterlayer")
    lab.eventually(lambda: curves.evaluate_all(playing) == [1, 1])


@pytest.mark.slow
def test_a_run_is_compared_with_the_next_and_back_undoes_it(
    tab: Tab, server: Server, trained: dict[str, Any]
) -> None:
    page = tab()
    lab.open_page(page, server, "train", **trained)
    before = page.url
    page.get_by_role("button", name="Half the neurons: 16").click()
    this_run = page.get_by_test_id("stPlotlyChart").get_by_text("this run, validation")
    expect(this_run).to_be_visible(timeout=lab.TRAINING * 1000)
    expect(page).to_have_url(re.compile("layer1=16.*with=mnist-"))
    page.go_back()
    expect(page).to_have_url(before, timeout=lab.SOON * 1000)
    expect(this_run).to_have_count(0)
    expect(lab.summary(page)).to_contain_text("Own settings: 32 relu")
    page.go_forward()
    expect(this_run).to_be_visible(timeout=lab.SOON * 1000)
    page.reload()
    expect(this_run).to_be_visible(timeout=lab.SOON * 1000)


# Draw


def open_canvas(page: Page, server: Server, **query: Any) -> None:
    lab.open_page(page, server, "draw", **query)
    page.locator("canvas.upper-canvas").wait_for()


def answered(page: Page, answer: str) -> None:
    """Wait until the first network says this."""
    tile = page.get_by_test_id("stMetric").filter(has_text="Answer").first
    expect(tile.get_by_test_id("stMetricValue")).to_have_text(answer)


def empty(page: Page) -> None:
    expect(page.get_by_text("The canvas is empty: draw a digit.")).to_be_visible()
    expect(page.get_by_test_id("stMetric").filter(has_text="Answer")).to_have_count(0)


def keep(page: Page, answer: str) -> None:
    """Keep the drawing with its right answer: then the canvas is empty."""
    page.get_by_role("radio", name=answer, exact=True).or_(
        page.get_by_role("button", name=answer, exact=True)
    ).click()
    press(page, "Keep this drawing")
    empty(page)


def press(page: Page, name: str) -> None:
    """One of the page's own buttons; the canvas has an Undo of its own, which shows on hover."""
    page.get_by_test_id("stButton").get_by_role("button", name=name).click()


@pytest.mark.slow
def test_a_digit_drawn_with_the_mouse_is_read_stroke_by_stroke(tab: Tab, server: Server) -> None:
    page = tab()
    open_canvas(page, server)
    empty(page)
    first, second = lab.DIGITS["4"]
    lab.draw(page, first)
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    lab.draw(page, second)
    answered(page, "4")
    expect(page.get_by_alt_text("the picture after this step")).to_have_count(7)
    press(page, "Undo")
    expect(page.get_by_test_id("stMetricValue").first).not_to_have_text("4")
    press(page, "Undo")
    empty(page)
    lab.draw(page, *lab.DIGITS["7"])
    answered(page, "7")
    lab.follow(page, "Data")
    lab.follow(page, "Draw")
    answered(page, "7")  # nothing is lost
    press(page, "Clear")
    empty(page)


@pytest.mark.slow
def test_a_digit_is_drawn_with_a_finger(tab: Tab, server: Server) -> None:
    page = tab(390, "dark", touch=True)
    open_canvas(page, server)
    lab.touch(page, *lab.DIGITS["7"])
    answered(page, "7")
    press(page, "Undo")
    empty(page)
    lab.touch(page, *lab.DIGITS["1"])
    answered(page, "1")
    press(page, "Clear")
    empty(page)


@pytest.mark.slow
def test_a_letter_is_called_unsure(tab: Tab, server: Server) -> None:
    page = tab()
    open_canvas(page, server)
    lab.draw(page, [(40, 50), (90, 230), (140, 100), (190, 230), (240, 50)])
    answered(page, "unsure")
    expect(page.get_by_text("This may be none of the 10 classes: ")).to_be_visible()


@pytest.mark.slow
def test_each_student_gets_the_answer_to_their_own_drawing(tab: Tab, server: Server) -> None:
    pages = {answer: tab() for answer in ("0", "1", "7")}
    for page in pages.values():
        open_canvas(page, server)
    for answer, page in pages.items():
        lab.draw(page, *lab.DIGITS[answer])
    for answer, page in pages.items():
        answered(page, answer)


@pytest.mark.slow
def test_steps_are_switched_and_drawings_are_kept(tab: Tab, server: Server) -> None:
    page = tab()
    open_canvas(page, server)
    lab.draw(page, *lab.DIGITS["7"])
    answered(page, "7")
    chart = page.get_by_test_id("stPlotlyChart").first
    before = chart.inner_text()
    page.get_by_text("Without any step: only").click()
    expect(chart).not_to_have_text(before)
    page.get_by_text("Without any step: only").click()
    answered(page, "7")
    keep(page, "7")
    tile = page.get_by_test_id("stMetric").filter(has_text="After all steps")
    expect(tile.get_by_test_id("stMetricValue")).to_have_text("1 / 1")


def picture(digit: str, kind: str = "PNG") -> bytes:
    """The strokes of a digit as a file, or an empty page."""
    image = Image.new("RGB", (280, 280), "white")
    for points in lab.DIGITS.get(digit, []):
        ImageDraw.Draw(image).line(points, fill="black", width=16, joint="curve")
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()


def upload(page: Page, files: dict[str, bytes]) -> None:
    page.get_by_test_id("stRadio").get_by_text("Upload").click()
    page.locator('input[type="file"]').set_input_files(
        [
            FilePayload(name=name, mimeType="image/png", buffer=content)
            for name, content in files.items()
        ]
    )


@pytest.mark.slow
def test_uploaded_files_get_an_answer_or_a_sentence(tab: Tab, server: Server) -> None:
    page = tab()
    open_canvas(page, server)
    files = {
        "seven.png": picture("7"),
        "eight.jpg": picture("8", "JPEG"),
        "white.png": picture(""),
        "empty.png": b"",
        "text.png": b"7",
        "cut.png": picture("1")[:-200],
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    upload(page, files)
    names = "empty.png, text.png, cut.png, drawing.svg"
    sentence = f"{names} cannot be read as a picture: give a whole PNG or JPEG file."
    expect(page.get_by_text(sentence)).to_be_visible()
    answered(page, "7")
    row = page.get_by_test_id("stDataFrame").locator("[role=row]").filter(has_text="white.png")
    expect(row).to_have_text("white.pngnothing drawn–")
    lab.choose(page, "Look at", "eight.jpg")
    answered(page, "8")
    lab.follow(page, "Data")
    lab.follow(page, "Draw")
    lab.choose(page, "Look at", "eight.jpg")
    answered(page, "8")  # nothing is lost


@pytest.mark.slow
def test_fifty_files_at_once(tab: Tab, server: Server) -> None:
    page = tab()
    open_canvas(page, server)
    upload(page, {f"{i}.png": picture("7" if i % 2 else "1") for i in range(50)})
    answered(page, "1")
    lab.settled(page)
    expect(page.get_by_role("combobox", name="Look at")).to_be_visible()


@pytest.mark.slow
def test_a_network_is_trained_from_the_page_and_used_beside_another(
    tab: Tab, server: Server
) -> None:
    page = tab()
    open_canvas(page, server, **QUICK, seed=77)
    lab.draw(page, *lab.DIGITS["1"])
    answered(page, "1")
    page.get_by_role("button", name="Train Own settings and use it here").click()
    # For a moment there are two: the one from before and the new one.
    network = page.get_by_role("combobox", name="Network").last
    expect(network).to_have_value(re.compile("seed 77"), timeout=lab.TRAINING * 1000)
    beside = page.get_by_role("combobox", name="Compare with")
    expect(beside).to_have_value(re.compile("^Drawing model"))
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2)


# Lab 4

STUDY: dict[str, Any] = {
    **QUICK,
    "study": "own",
    "optimizers": "sgd,adam",
    "values": "0.01,0.001",
    "network_from": "sidebar",
    "study_epochs": 2,
    "seeds": 2,
}
"""An own study of eight runs, which train in a second each."""


@pytest.mark.slow
def test_a_study_is_trained_live_and_compared(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "optimizers", **STUDY)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    names = page.locator(".js-plotly-plot .annotation-text")
    expect(names).to_have_count(4, timeout=lab.TRAINING * 1000)
    done = page.get_by_text("8 of 8 runs are done")
    expect(done).to_be_visible(timeout=lab.TRAINING * 1000)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_text("With 2 seeds").first).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    page.get_by_text("Loss, training", exact=True).click()
    expect(page.locator(".js-plotly-plot .ytitle").first).to_have_text("loss, training")
    assert f"study_epochs={STUDY['study_epochs']}" in page.url


@pytest.mark.slow
def test_a_stopped_study_keeps_what_is_done(tab: Tab, server: Server) -> None:
    page = tab()
    lab.open_page(page, server, "optimizers", **{**STUDY, **LONG, "study_epochs": 45, "seeds": 3})
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name=re.compile("Start|Go on"))).to_be_visible(
        timeout=lab.TRAINING * 1000
    )
    expect(page.get_by_test_id("stAlert")).to_have_count(0)


@pytest.mark.slow
def test_paths_are_played(tab: Tab, server: Server) -> None:
    page = tab(scheme="dark")
    lab.open_page(page, server, "motion")
    chart = page.locator(".js-plotly-plot").first
    shown = "chart => chart._fullData.map(trace => trace.x.length)"
    expect(chart).to_be_visible(timeout=lab.TRAINING * 1000)
    lab.eventually(lambda: chart.evaluate(shown)[2:] == [101] * 4)
    chart.get_by_text("Play").click()
    lab.eventually(lambda: chart.evaluate(shown)[2:] < [101] * 4)
    lab.eventually(lambda: chart.evaluate(shown)[2:] == [101] * 4)
    expect(chart.locator(".contourlayer path").first).to_be_attached()


# Lab 6


@pytest.mark.slow
def test_a_hand_is_read_from_the_camera_and_from_a_file(tab: Tab, tmp_path: Path) -> None:
    server = lab.start_server(tmp_path / "cache", hands.write_tables(tmp_path / "data"))
    try:
        page = tab()
        lab.open_page(page, server, "hand", lab="signs", **QUICK)
        page.get_by_role("button", name="Train Own settings and use it here").click()
        page.get_by_text("No photograph yet.").wait_for(timeout=lab.TRAINING * 1000)
        for tab_of_size in (page, tab(390, "dark")):
            read_hands(tab_of_size, server)
            tab_of_size.close()
    finally:
        server.end()


def read_hands(page: Page, server: Server) -> None:
    """Photograph a hand, then bring a file of one and one of none."""
    lab.open_page(page, server, "hand", lab="signs", **QUICK)
    expect(page.get_by_text("No photograph yet.")).to_be_visible()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_role("button", name="Take Photo").click()
    hand_is_read(page)
    page.get_by_role("button", name="Clear photo").click()
    expect(page.get_by_text("No photograph yet.")).to_be_visible()
    upload(page, {"hand.jpg": hands.jpeg(hands.photograph()), "wall.png": picture("")})
    hand_is_read(page)
    lab.choose(page, "Look at", "wall.png")
    expect(page.get_by_text("There is no hand in this picture")).to_be_visible()
    for found in (CUT, NAMELESS, WITHOUT_TEXT):
        assert page.evaluate(found) == []


def hand_is_read(page: Page) -> None:
    """Wait until the page has found a hand and says something to it."""
    expect(page.get_by_test_id("stMetric").filter(has_text="Answer")).to_be_visible()
    expect(page.get_by_alt_text("the picture after this step")).to_have_count(6)
    expect(page.get_by_alt_text("Your hand and the most similar training images")).to_be_visible()


@pytest.mark.load
def test_twenty_students_draw_at_once(tab: Tab, server: Server) -> None:
    pages = [(answer, tab()) for answer in [*lab.DIGITS] * 4]
    for _answer, page in pages:
        open_canvas(page, server)
    for answer, page in pages:
        for stroke in lab.DIGITS[answer]:
            lab.draw(page, stroke)
    for answer, page in pages:
        answered(page, answer)
        press(page, "Clear")
    for _answer, page in pages:
        empty(page)
