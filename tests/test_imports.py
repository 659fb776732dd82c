"""What importing a module brings with it, seen from a fresh interpreter."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import core

WITH_TENSORFLOW = {
    "core.training.benchmark",
    "core.training.augmentation",
    "core.training.evaluation",
    "core.networks.build",
    "core.training.fit",
}
"""These may import TensorFlow, which takes 5 seconds. No other module of core may."""

MODULES = {"core"} | {
    module.name
    for module in pkgutil.walk_packages(core.__path__, "core.")
    if not module.name.endswith("__main__")
}
CHEAP = sorted(MODULES - WITH_TENSORFLOW)
HEAVY = sorted(MODULES & WITH_TENSORFLOW)


def imported_by(*modules: str) -> set[str]:
    """The names of all top-level packages that importing these modules imports."""
    code = (
        f"import sys, json, {', '.join(modules)}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(core.__path__[0]).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", CHEAP)
def test_a_cheap_module_imports_neither_streamlit_nor_tensorflow(module: str) -> None:
    assert not imported_by(module) & {"streamlit", "tensorflow", "keras"}


def test_no_module_of_core_imports_streamlit() -> None:
    # Together, because each of them alone takes the 5 seconds of TensorFlow.
    assert HEAVY
    assert "streamlit" not in imported_by(*HEAVY)


def test_core_has_no_word_of_streamlit_in_an_import() -> None:
    for path in Path(core.__path__[0]).rglob("*.py"):
        for line in path.read_text().splitlines():
            assert not line.strip().startswith(("import streamlit", "from streamlit")), path
