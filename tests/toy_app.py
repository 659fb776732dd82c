"""A copy of the lab with a data set and a lab more: one file for each, and nothing else."""

import shutil
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent


def copy_with_toy(folder: Path, *, pages: bool = False) -> Path:
    """Copy core into `folder`, and put the toy data set and the toy lab where such files belong.

    With `pages` also the app and its pages.
    """
    leave_out = shutil.ignore_patterns("__pycache__")
    for name in ("core", "pages", ".streamlit") if pages else ("core",):
        shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
    if pages:
        shutil.copy(ROOT / "app.py", folder)
    shutil.copy(TESTS / "toy.py", folder / "core" / "data")
    shutil.copy(TESTS / "toy_lab.py", folder / "core" / "labs")
    return folder
