"""Pages of the lab without a browser, through Streamlit's AppTest: what their tests share.

A test file imports the fixtures that it uses: `engine`, which is for every test, `outcome`, `run`.
"""

import functools
import gettext
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import data as datasets
from core import labs
from core.data import Definition
from core.data.mnist import DATASET as MNIST
from core.engine import Engine
from core.labs.steps import OVERVIEW
from core.specs import DataSpec, RunSpec
from core.store import Run
from core.training.doubts import Doubts
from core.training.gradients import Gradients
from core.training.run import Outcome
from core.training.run import run as train
from pages.ui import server

ROOT = Path(__file__).parents[1]
TRAINED = 3
"""The variant that the fixture `run` trains."""

components = functools.cache(manifest_scanner.scan_component_manifests)
"""Every run of an AppTest reads the metadata of all installed packages, for 0.2 s: once will do."""


answers: dict[bytes, Any] = {}
"""What was asked before. Pages keep answers themselves, but for one test only."""


class Queue(Engine):
    """An engine that starts no worker: it takes runs and leaves them waiting."""

    def start(self) -> None:
        pass

    def ask(self, function: Any, *args: Any) -> Any:
        question = pickle.dumps((function, args))
        if question not in answers:
            answers[question] = function(*args)
        return answers[question]


@pytest.fixture(autouse=True)
def engine(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The engine of the pages, on the cache of this test.

    AppTest takes app.py for an app of Streamlit's first kind, because there is a folder `pages`.
    A server is told better where app.py makes its app.
    """
    # Streamlit clears Keras's session after every run of a script, for a quarter of a second. In a
    # server Keras is not there.
    monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None)
    known = PagesManager.__init__

    def with_navigation(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        known(self, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", with_navigation)
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", components)
    queue = Queue(labs.open_store())
    monkeypatch.setattr(server, "engine", lambda: queue)
    yield queue
    queue.close()


def images_of(definition: Definition = MNIST) -> DataSpec:
    """The images of a data set that this test finds."""
    data = datasets.load(datasets.locate(definition))
    return DataSpec.of(data)


def spec_of(variant: int) -> RunSpec:
    """The spec of a variant on the MNIST images that this test finds."""
    return labs.choose("digits", str(variant), images_of(), {}).spec


@functools.cache
def _trained(folder: Path) -> tuple[RunSpec, Outcome]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_DATA", str(folder))
        spec = spec_of(TRAINED)
        return spec, train(spec, lambda moment: None)


@pytest.fixture(scope="session")
def outcome(small_mnist: Path) -> tuple[RunSpec, Outcome]:
    """Variant 3 on 1,000 + 200 images, really trained: once for all files that import this."""
    return _trained(small_mnist)


@pytest.fixture
def run(
    outcome: tuple[RunSpec, Outcome],
    engine: Queue,
    small_mnist: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """That run, in the store of this test."""
    monkeypatch.setenv("LAB_DATA", str(small_mnist))
    spec, trained = outcome
    return engine.store.save(spec, trained.record, trained.files)


@pytest.fixture
def looked_at(engine: Queue, monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """The networks whose gradients the page asks for; nothing is trained for them."""
    asked: list[RunSpec] = []

    def made_up(_function: Any, spec: RunSpec) -> Gradients:
        asked.append(spec)
        layers = len(spec.network.hidden)
        norms = np.full((3, layers + 1), 0.5)
        norms[:, 0] = 0.005 if spec.network.activation == "sigmoid" else 0.25
        return Gradients(norms, np.full((3, layers), 0.125), np.array([0.1, 0.5, 0.9]))

    monkeypatch.setattr(engine, "ask", made_up)
    return asked


@pytest.fixture
def doubted(engine: Queue, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The training images whose label networks doubt, which a test may change; nothing is trained.

    They take each for the class with the number 8.
    """
    numbers = [7, 3, *range(100, 128)]

    def made_up(_function: Any, _spec: RunSpec) -> Doubts:
        n = len(numbers)
        probabilities = np.tile(np.array([0.9, 0.01], np.float32), (n, 1))
        return Doubts(np.array(numbers, int), np.full(n, 8), probabilities, 1000, 0.9)

    monkeypatch.setattr(engine, "ask", made_up)
    return numbers


def visit(page: str, catalogue: gettext.NullTranslations | None = None, **query: Any) -> AppTest:
    """Open a page of the lab with these values in its URL, and perhaps in another language."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for key, value in query.items():
        at.query_params[key] = str(value)
    if page != OVERVIEW.name:
        turn_to(at, page)
    at.run()
    if catalogue:
        # Not before the first run: outside of one, AppTest asks for the labels of options again.
        at.session_state["catalogue"] = catalogue
        at.run()
    assert not at.exception
    assert query or not at.error
    return at


def turn_to(at: AppTest, page: str) -> AppTest:
    """Let the next run be of another page. One file may be several, so by its address."""
    at._page_hash = calc_hash(page)
    return at


def texts_of(at: AppTest) -> str:
    """Everything that is said on a page, in one string."""
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return " ".join(str(part.value) for part in parts)


def button(at: AppTest, label: str) -> Any:
    """The one button with that label."""
    [found] = [one for one in at.button if one.label == label]
    return found
