"""What every test stands on: a cache of its own, no network, and data where it asks for it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from core.data.mnist import DATASET as MNIST

FULL_DATA = Path(os.environ["LAB_DATA"]).absolute() if os.environ.get("LAB_DATA") else None
"""The LAB_DATA of whoever started pytest; tests see none unless they ask for it."""

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is imported

LONG = {
    *("test_browser", "test_cli", "test_engine", "test_optimizer_pages", "test_pages"),
    *("test_train_page", "test_training", "test_worker"),
}
"""Files of tests that take longer than others."""

NOWHERE = "http://127.0.0.1:9"
"""A proxy that refuses every connection: the network, for tests and the processes they start."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("load", "a class at once (-m load)")
    group.addoption("--load-minutes", type=float, default=5.0, help="how long it lasts (5)")
    group.addoption("--load-students", type=int, default=40, help="how many they are (40)")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        # Trainings give way to all else (19). Beside another process of tests, which never rests,
        # whoever waits for one would wait long.
        os.nice(18)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: the two processes then end at about the same time."""
    items.sort(key=lambda item: item.path.stem not in LONG)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of this test, which does not exist yet."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAB_CACHE", str(folder))
    monkeypatch.setenv("LAB_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("LAB_DATA", "LAB_WORKERS", "LAB_SCHEDULER", "LAB_PASSWORD", "LAB_STORE_GB"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    return folder


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for LAB_DATA: 1,000 + 200 digits of the bundled sample, laid out as Keras's file."""
    sample = MNIST.sample
    assert sample is not None
    arrays = sample()
    folder = tmp_path_factory.mktemp("data")
    sizes = (1000, 1000, 200, 200)
    parts = [array[:size] for array, size in zip(arrays, sizes, strict=True)]
    names = dict(zip(arrays._fields, parts, strict=True))
    np.savez_compressed(folder / "mnist.npz", allow_pickle=False, **names)
    return folder


@pytest.fixture(scope="session")
def full_data() -> Path:
    """The folder with the full data sets, or skip."""
    if FULL_DATA is None:
        pytest.skip("needs the full data sets: set LAB_DATA to their folder")
    return FULL_DATA


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own with room for eight megabytes, or skip."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(folder)]
    if not mount or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a database may be open


def fill(disk: Path) -> None:
    """Leave no room on a small disk, by a file called filler."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def make_read_only(
    disk: Path, read_only: bool = True, before: Callable[[], None] = lambda: None
) -> None:
    """Forbid or allow writing to a small disk; `before` closes what has files open there."""
    mode = "ro" if read_only else "rw"
    command = ["mount", "-o", f"remount,{mode}", str(disk)]
    for _ in range(100):  # it is refused while a file is open for writing
        before()
        if not subprocess.run(command, capture_output=True, check=False).returncode:
            return
    raise AssertionError("the disk stays in use")
