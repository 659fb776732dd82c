import gzip
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from core import data as datasets
from core.data import Definition, Source, files
from core.data.contract import Arrays
from core.data.fashion_mnist import DATASET as FASHION_MNIST
from core.data.mnist import DATASET as MNIST
from core.errors import DataError, UsageError
from tests import toy

# A machine may have the system's package; these tests decide for themselves what is there.
FASHION = replace(FASHION_MNIST, system_folders=())


def from_folder(wanted: Definition, folder: Path) -> Source:
    return Source(wanted, "LAB_DATA", folder, 0.0)


def arrays(train: int = 20, test: int = 10) -> Arrays:
    random = np.random.default_rng(0)

    def part(images: int) -> tuple[np.ndarray, np.ndarray]:
        x = random.integers(0, 256, (images, 28, 28), dtype=np.uint8)
        return x, random.integers(0, 10, images, dtype=np.uint8)

    return Arrays(*part(train), *part(test))


def write_npz(folder: Path, content: Arrays | None = None, **changes: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mnist.npz"
    np.savez_compressed(path, **{**(content or arrays())._asdict(), **changes})
    return path


def idx(array: np.ndarray) -> bytes:
    sizes = np.array(array.shape, ">u4").tobytes()
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


def write_idx(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FASHION.files, arrays(), strict=True):
        (folder / name).write_bytes(idx(array))


# Where a data set is looked for


def test_places_are_looked_at_in_their_order(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, keras_home = tmp_path / "system", tmp_path / "keras-home"
    wanted = replace(MNIST, system_folders=(system,))
    monkeypatch.setenv("KERAS_HOME", str(keras_home))
    assert datasets.locate(wanted).origin == "sample"
    write_npz(system)
    assert datasets.locate(wanted).origin == "system"
    write_npz(keras_home / "datasets")
    assert datasets.locate(wanted).origin == "keras"
    write_npz(cache / "datasets")
    assert datasets.locate(wanted).origin == "cache"
    monkeypatch.setenv("LAB_DATA", str(write_npz(tmp_path / "data").parent))
    source = datasets.locate(wanted)
    assert (source.origin, source.folder) == ("LAB_DATA", tmp_path / "data")
    assert source.files == [tmp_path / "data" / "mnist.npz"]


def test_a_place_with_only_some_of_the_files_is_passed_over(cache: Path) -> None:
    write_idx(cache / "datasets" / "fashion-mnist")
    assert datasets.locate(FASHION).origin == "cache"
    (cache / "datasets" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError):
        datasets.locate(FASHION)


def test_a_source_changes_its_version_with_its_file(cache: Path) -> None:
    path = write_npz(cache / "datasets")
    before = datasets.locate(MNIST)
    changed = path.stat().st_mtime_ns + 10**9

    os.utime(path, ns=(changed, changed))
    assert datasets.locate(MNIST).version > before.version


def test_without_fashion_mnist_and_network_the_message_says_how_to_get_it() -> None:
    with pytest.raises(DataError) as caught:
        datasets.obtain(FASHION)
    folder = datasets.download_folder(FASHION)
    assert str(caught.value) == (
        "Fashion-MNIST is not on this machine: put train-images-idx3-ubyte.gz, "
        "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz into "
        f"{folder}, or get it with `python -m core data fetch fashion-mnist`."
    )


# Sets of another kind


def arrays_of(folder: Path) -> Arrays:
    with np.load(folder / "toy.npz") as file:
        return Arrays(*(file[name] for name in Arrays._fields))


FILED = replace(toy.DATASET, title="Toy", files=("toy.npz",), read=arrays_of)


def write_toy(folder: Path, **changes: np.ndarray) -> None:
    folder.mkdir(parents=True)
    np.savez(folder / "toy.npz", **{**toy.read(folder)._asdict(), **changes})


@pytest.mark.parametrize("origin", ["built-in", "sample"])
def test_images_that_cannot_be_made_are_one_sentence(origin: str) -> None:
    def fails(folder: Path = Path()) -> Arrays:
        raise ModuleNotFoundError("No module named 'fonts'")

    wanted = replace(toy.DATASET, read=fails, sample=fails)
    with pytest.raises(DataError) as caught:
        datasets.load(Source(wanted, origin, Path(), 0.0))
    assert str(caught.value) == (
        "Toy shapes cannot be made on this machine (No module named 'fonts'): install the packages "
        "of requirements.txt again."
    )


def test_a_set_may_bring_its_arrays_and_needs_no_file(cache: Path) -> None:
    assert datasets.present(toy.DATASET)
    data = datasets.obtain(toy.DATASET)
    assert (data.origin, data.complete) == ("built-in", True)
    assert data.arrays.x_train.shape == (300, 20, 24)
    assert data.arrays.x_test.shape == (90, 20, 24)
    assert np.bincount(data.arrays.y_test).tolist() == [30, 30, 30]
    assert datasets.checksums(datasets.locate(toy.DATASET)) == []
    datasets.fetch(toy.DATASET)
    assert not cache.exists()


@pytest.mark.usefixtures("_online")
def test_a_set_without_download_says_which_file_belongs_where(cache: Path) -> None:
    sentence = (
        "Toy is not on this machine, and has no download: "
        f"put toy.npz into {datasets.download_folder(FILED)}."
    )
    for ask in (datasets.locate, datasets.obtain, datasets.fetch):
        with pytest.raises(DataError) as caught:
            ask(FILED)
        assert str(caught.value) == sentence
    assert not cache.exists(), "nothing was tried that failed"
    write_toy(cache / "datasets")
    data = datasets.obtain(FILED)
    assert (data.origin, data.complete) == ("cache", True)


def test_a_sample_of_a_set_without_a_known_digest_is_not_the_full_set(cache: Path) -> None:
    sampled = replace(FILED, sample=lambda: toy.read(cache))
    assert not datasets.obtain(sampled).complete


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x_test": np.zeros((90, 24, 20), np.uint8)}, "not uint8 (n, 20, 24)"),
        ({"x_test": np.zeros((90, 28, 28), np.uint8)}, "not uint8 (n, 20, 24)"),
        ({"y_test": np.full(90, 3, np.uint8)}, "labels other than 0 to 2"),
    ],
)
def test_images_and_labels_are_checked_by_the_definition(
    changes: dict[str, np.ndarray], reason: str, cache: Path
) -> None:
    write_toy(cache / "datasets", **changes)
    with pytest.raises(DataError) as caught:
        datasets.obtain(FILED)
    assert reason in str(caught.value)
    assert str(caught.value).endswith("): replace the files.")


@pytest.mark.parametrize("classes", [0, 1, 256])
def test_labels_of_a_byte_have_two_to_255_classes(classes: int) -> None:
    with pytest.raises(ValueError, match="not 2 to 255"):
        replace(toy.DATASET, class_names=("x",) * classes)


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_a_file_in_core_data_is_all_that_a_new_set_needs(zipped: bool, tmp_path: Path) -> None:
    """Also in the zip that workers on other computers import."""
    package = Path(datasets.__file__).parents[1]
    ignore = shutil.ignore_patterns("__pycache__", "shipped")
    shutil.copytree(package, tmp_path / "code" / "core", ignore=ignore)
    shutil.copy(toy.__file__, tmp_path / "code" / "core" / "data" / "toy.py")
    place = tmp_path / "code"
    if zipped:
        place = Path(shutil.make_archive(str(tmp_path / "core"), "zip", place))
    code = (
        "from core import data; from core.data import DATASETS, load, locate;"
        "print(data.__file__, *DATASETS, len(load(locate(DATASETS['toy'])).arrays.x_test))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        str(place / "core/data/__init__.py"),
        "mnist",
        "notmnist",
        "fashion-mnist",
        "signs",
        "toy",
        "90",
    ]


def test_a_wrong_folder_in_lab_data_is_reported_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"LAB_DATA names .*nowhere, which is not a folder"):
        datasets.locate(MNIST)


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="no data set letters: choose one of mnist, notmnist, fash"
    ):
        datasets.definition("letters")


# What is in it


def test_the_sample_is_balanced_shuffled_and_always_the_same() -> None:
    data = datasets.obtain(MNIST)
    assert (data.origin, data.complete) == ("sample", False)
    x_train, y_train, x_test, y_test = data.arrays
    assert x_train.shape == (4000, 28, 28)
    assert x_test.shape == (1000, 28, 28)
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    # Validation takes the last part: every digit must be in any tenth of it.
    for tenth in np.split(y_train, 10):
        assert set(tenth) == set(range(10))
    assert data.digest == datasets.obtain(MNIST).digest
    both = np.concatenate([x_train, x_test]).reshape(5000, -1)
    assert len(np.unique(both, axis=0)) == 5000, "no test image is a training image"


def test_images_cannot_be_changed_by_a_page(small_mnist: Path) -> None:
    for source in (datasets.locate(MNIST), from_folder(MNIST, small_mnist)):
        for array in datasets.load(source).arrays:
            assert array.dtype == np.uint8
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_the_digest_tells_contents_and_shapes_apart(tmp_path: Path) -> None:
    content = arrays()
    one_pixel = content.x_test.copy()
    one_pixel[-1, 27, 27] ^= 1
    first = datasets.load(from_folder(MNIST, write_npz(tmp_path / "a").parent))
    again = datasets.load(from_folder(MNIST, write_npz(tmp_path / "b").parent))
    other = datasets.load(from_folder(MNIST, write_npz(tmp_path / "c", x_test=one_pixel).parent))
    assert first.digest == again.digest != other.digest
    assert not first.complete


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_full_sets_are_recognised_as_complete(
    name: str, full_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(full_data))
    data = datasets.obtain(datasets.definition(name))
    assert data.origin == "LAB_DATA"
    assert data.complete
    assert [len(array) for array in data.arrays] == [60_000, 60_000, 10_000, 10_000]


def test_idx_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_idx(tmp_path)
    data = datasets.load(from_folder(FASHION, tmp_path))
    for read, written in zip(data.arrays, arrays(), strict=True):
        np.testing.assert_array_equal(read, written)


# Damaged files


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rewrite(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def as_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def changed(**changes: np.ndarray) -> Callable[[Path], object]:
    return lambda path: write_npz(path.parent, None, **changes)


def without_labels(path: Path) -> None:
    np.savez(path, x_train=arrays().x_train)


def encrypted(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1  # a flag bit that says: encrypted
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": cut,
    "empty": rewrite(b""),
    "a web page": rewrite(b"<html>Sign in to the campus network</html>"),
    "another NumPy file": as_npy,
    "a zip of something else": lambda path: zipfile.ZipFile(path, "w").close(),
    "an array is missing": without_labels,
    "marked as encrypted": encrypted,
    "flat images": changed(x_train=np.zeros((20, 784), np.uint8)),
    "another size": changed(x_train=np.zeros((20, 32, 32), np.uint8)),
    "floats": changed(x_test=np.zeros((10, 28, 28), np.float32)),
    "no images": changed(x_test=np.zeros((0, 28, 28), np.uint8), y_test=np.zeros(0, np.uint8)),
    "too few labels": changed(y_train=np.zeros(19, np.uint8)),
    "one-hot labels": changed(y_train=np.zeros((20, 10), np.uint8)),
    "a single label": changed(y_train=np.array(3, np.uint8)),
    "a label above 9": changed(y_train=np.full(20, 10, np.uint8)),
    "a negative label": changed(y_test=np.full(10, -1)),
    "labels as floats": changed(y_test=np.zeros(10)),
    "pickled objects": changed(y_test=np.array([{}] * 10, dtype=object)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_ends_in_a_sentence_that_says_what_to_do(
    damage: str, tmp_path: Path
) -> None:
    DAMAGES[damage](write_npz(tmp_path))
    with pytest.raises(DataError) as caught:
        datasets.load(from_folder(MNIST, tmp_path))
    sentence = str(caught.value)
    assert sentence.startswith(f"MNIST in {tmp_path} is damaged (")
    assert "damaged ()" not in sentence
    assert sentence.endswith("delete them and run `python -m core data fetch mnist`.")


def test_any_changed_byte_ends_in_a_sentence_or_in_checked_images(tmp_path: Path) -> None:
    path = write_npz(tmp_path)
    good = path.read_bytes()
    random = np.random.default_rng(0)
    ends = [*range(150), *range(len(good) - 300, len(good)), *random.integers(len(good), size=150)]
    for position in ends:
        bad = bytearray(good)
        bad[position] ^= int(random.integers(1, 256))
        path.write_bytes(bad)
        try:
            data = datasets.load(from_folder(MNIST, tmp_path))
        except DataError:
            continue
        assert data.arrays.x_train.shape[1:] == (28, 28)
        assert data.arrays.y_train.max() < 10


@pytest.mark.parametrize(
    "content",
    [
        idx(arrays().x_train)[:-3000],
        b"",
        b"not gzip",
        gzip.compress(b""),
        gzip.compress(b"\0\0\x08"),
        gzip.compress(b"\0\0\x0d\x03" + bytes(12)),
        gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12),
        gzip.compress(b"\0\0\x08\x00\x05"),
        idx(arrays().x_train[:, :14]),
    ],
    ids=[
        "truncated",
        "empty",
        "no gzip",
        "no header",
        "half a header",
        "floats",
        "too large",
        "no dimensions",
        "half images",
    ],
)
def test_a_damaged_idx_file_ends_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"Fashion-MNIST in .* is damaged"):
        datasets.load(from_folder(FASHION, tmp_path))


def test_files_that_vanish_between_finding_and_loading_end_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="damaged"):
        datasets.load(from_folder(MNIST, tmp_path))


# Downloads, from a real server on this machine


class Bar:
    """Collects what a progress bar is told."""

    total = 0

    def __init__(self) -> None:
        self.done = 0
        self.closed = False

    def update(self, n: int) -> None:
        self.done += n

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.closed = True


class Server(ThreadingHTTPServer):
    """Serves `content` for every path; with `promised` it announces more bytes than it sends."""

    def __init__(self, content: bytes | None, promised: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.promised = promised
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content) + self.server.promised))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(content: bytes | None, promised: int = 0) -> Iterator[Server]:
    with Server(content, promised) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def published(tmp_path: Path) -> bytes:
    """The bytes of a small mnist.npz."""
    return write_npz(tmp_path / "published").read_bytes()


@pytest.fixture
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_OFFLINE", "0")


def at(url: str, content: bytes) -> Definition:
    return replace(MNIST, url=url, sha256=(sha256(content).hexdigest(),))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_download_is_verified_reported_and_found(published: bytes, cache: Path) -> None:
    bar = Bar()
    with serving(published) as server:
        wanted = at(server.url, published)
        datasets.fetch(wanted, bar)
        datasets.fetch(wanted)
    assert server.requests == ["/mnist.npz"], "what is there is not downloaded again"
    assert (cache / "datasets" / "mnist.npz").read_bytes() == published
    assert files_in(cache) == ["mnist.npz"]
    assert bar.total == bar.done == len(published)
    assert bar.closed
    assert datasets.locate(wanted).origin == "cache"


def test_a_download_that_is_not_the_published_file_is_thrown_away(
    published: bytes, cache: Path
) -> None:
    with serving(b"something else") as server, pytest.raises(DataError) as caught:
        datasets.fetch(at(server.url, published))
    assert str(caught.value) == (
        "The download of mnist.npz is not the published file: try again later."
    )
    assert files_in(cache) == []


def test_a_missing_page_ends_in_a_sentence(published: bytes, cache: Path) -> None:
    with serving(None) as server, pytest.raises(DataError, match="could not be downloaded: check"):
        datasets.fetch(at(server.url, published))
    assert files_in(cache) == []


def test_a_refused_connection_ends_in_a_sentence(published: bytes, cache: Path) -> None:
    with serving(published) as server:
        url = server.url
    with pytest.raises(DataError, match="could not be downloaded: check the network"):
        datasets.fetch(at(url, published))
    assert files_in(cache) == []


def test_a_body_that_breaks_off_ends_in_a_sentence(published: bytes, cache: Path) -> None:
    half = published[: len(published) // 2]
    with (
        serving(half, promised=len(published) - len(half)) as server,
        pytest.raises(DataError, match="could not be downloaded"),
    ):
        datasets.fetch(at(server.url, published))
    assert files_in(cache) == []


def test_a_failed_download_leaves_the_old_file_alone(published: bytes, cache: Path) -> None:
    path = write_npz(cache / "datasets", arrays(30))
    old = path.read_bytes()
    with serving(b"something else") as server, pytest.raises(DataError):
        datasets.fetch(at(server.url, published))
    assert path.read_bytes() == old


def test_a_cache_that_cannot_be_written_ends_in_a_sentence(published: bytes, cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    with serving(published) as server, pytest.raises(DataError) as caught:
        datasets.fetch(at(server.url, published))
    assert str(caught.value).startswith("mnist.npz could not be saved in")
    assert "None" not in str(caught.value)


@pytest.mark.usefixtures("_online")
def test_obtain_downloads_what_is_not_there_once(published: bytes) -> None:
    with serving(published) as server:
        wanted = at(server.url, published)
        assert datasets.obtain(wanted).origin == "cache"
        assert datasets.obtain(wanted).origin == "cache"
    assert len(server.requests) == 1


@pytest.mark.usefixtures("_online")
def test_obtain_falls_back_to_the_sample_and_does_not_try_again_at_once(
    published: bytes, cache: Path
) -> None:
    with serving(None) as server:
        wanted = at(server.url, published)
        for _ in range(3):
            assert datasets.obtain(wanted).origin == "sample"
        assert len(server.requests) == 1
        earlier = time.time() - files.RETRY_AFTER - 1

        os.utime(cache / "datasets" / "mnist.failed", (earlier, earlier))
        assert datasets.obtain(wanted).origin == "sample"
        assert len(server.requests) == 2


@pytest.mark.usefixtures("_online")
def test_obtain_without_network_and_sample_says_how_to_get_the_data(published: bytes) -> None:
    with serving(None) as server:
        wanted = replace(at(server.url, published), sample=None)
        for _ in range(2):
            with pytest.raises(DataError, match=r"is not on this machine: put .*, or get it with"):
                datasets.obtain(wanted)
    assert len(server.requests) == 1


def test_offline_means_that_no_server_is_asked(published: bytes) -> None:
    with serving(published) as server:
        assert datasets.obtain(at(server.url, published)).origin == "sample"
    assert server.requests == []


@pytest.mark.usefixtures("_online")
def test_data_that_is_there_needs_no_server(published: bytes, cache: Path) -> None:
    write_npz(cache / "datasets")
    with serving(published) as server:
        assert datasets.obtain(at(server.url, published)).origin == "cache"
    assert server.requests == []
