"""What importing a module brings with it, and that imports go down the list of rooms only."""

import ast
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import core

ROOMS = (
    "cli",
    "report",
    "charts",
    "labs",
    "studies",
    "hands",
    "drawing",
    "optimizers",
    "engine",
    "store",
    "training",
    "specs",
    "networks",
    "data",
    "fields",
    "settings",
    "errors",
    "i18n",
)
"""Of core, as README lists them: a room imports itself and what stands below it."""

ROOT = Path(core.__path__[0]).parent

WITH_TENSORFLOW = {
    "core.networks.build",
    "core.training.augmentation",
    "core.training.benchmark",
    "core.training.dropout",
    "core.training.evaluation",
    "core.training.features",
    "core.training.fit",
    "core.training.logistic",
    "core.training.schedules",
}
"""These may import TensorFlow, which takes 5 seconds. No other module of core may."""

MODULES = {"core"} | {
    module.name
    for module in pkgutil.walk_packages(core.__path__, "core.")
    if not module.name.endswith("__main__")
}
CHEAP = sorted(MODULES - WITH_TENSORFLOW)
HEAVY = sorted(MODULES & WITH_TENSORFLOW)


def imports(path: Path) -> Iterator[str]:
    """Every module of core that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "core":
                names = [f"core.{alias.name}" for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == "core")


def test_every_room_is_in_the_list() -> None:
    entries = {path.stem for path in (ROOT / "core").iterdir() if not path.name.startswith("__")}
    assert entries - {"shipped", "locale"} == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_down_the_list_of_rooms_only(room: str) -> None:
    place = ROOT / "core" / room
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert paths
    for path in paths:
        for name in imports(path):
            other = name.split(".")[1] if "." in name else "__init__"
            # The zip that goes to other machines has all of core: it asks for its folder.
            if (path.stem, other) != ("cluster", "__init__"):
                assert ROOMS.index(other) >= ROOMS.index(room), f"{path} imports {name}"


def test_pages_are_imported_by_nothing_of_core() -> None:
    for path in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            tops = {name.split(".")[0] for name in names}
            assert not tops & {"streamlit", "pages", "app", "tests"}, path


def imported_by(*modules: str) -> set[str]:
    """The names of all top-level packages that importing these modules imports."""
    code = (
        f"import sys, json, {', '.join(modules)}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_cheap_modules_import_neither_streamlit_nor_tensorflow() -> None:
    # Together: one that imports it is found by importing half of them.
    assert not imported_by(*CHEAP) & {"streamlit", "tensorflow", "keras"}


def test_importing_core_imports_nothing_but_the_standard_library() -> None:
    third = imported_by("core") - set(sys.stdlib_module_names)
    assert {name for name in third if not name.startswith("_")} <= {"core"}


@pytest.mark.slow
def test_no_module_of_core_imports_streamlit() -> None:
    # Together, because each of them alone takes the 5 seconds of TensorFlow.
    assert HEAVY
    assert "streamlit" not in imported_by(*HEAVY)


@pytest.mark.parametrize("program", ["app.py", "core/__main__.py"])
def test_a_worker_imports_nothing_of_the_program_that_starts_it(program: str) -> None:
    """multiprocessing runs the main file in each new process, under this name."""
    code = (
        f"import runpy, sys; runpy.run_path({program!r}, run_name='__mp_main__'); "
        "print([name for name in ('streamlit', 'click', 'core', 'pages') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
