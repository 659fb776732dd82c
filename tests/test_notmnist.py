"""notMNIST: its archives, good and bad, and the letters that are drawn where there is none."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import data as datasets
from core.data import Dataset, Source, drawn_letters, notmnist
from core.data.contract import Arrays, Duplicates
from core.data.drawn_letters import LETTERS
from core.data.notmnist import DATASET as NOTMNIST
from core.errors import DataError
from core.i18n import untranslated
from core.report import words
from core.specs import DataSpec
from core.training import images

SMALL = "notMNIST_small.tar.gz"


def png(shade: int, size: tuple[int, int] = (28, 28), mode: str = "L") -> bytes:
    content = io.BytesIO()
    Image.new(mode, size, shade).save(content, "PNG")
    return content.getvalue()


def letters(of_each: int = 5) -> dict[str, bytes]:
    """Files of an archive: images of one shade each, no two of which are equal."""
    return {
        f"notMNIST_small/{letter}/{number}.png": png(number * len(LETTERS) + index)
        for index, letter in enumerate(LETTERS)
        for number in range(of_each)
    }


def member(name: str, content: bytes = b"", **changes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


def write(
    folder: Path,
    files: dict[str, bytes],
    others: Iterable[tuple[tarfile.TarInfo, bytes]] = (),
    name: str = SMALL,
) -> Path:
    """An archive of these files, and perhaps of others that no honest one has."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / name, "w:gz") as tar:
        for info, content in [*(member(name, files[name]) for name in files), *others]:
            tar.addfile(info, io.BytesIO(content))
    return folder / name


def load(folder: Path, progress: Any = None) -> Dataset:
    return datasets.load(Source(NOTMNIST, "LAB_DATA", folder, 0.0), progress)


def kept_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


# Good archives


def test_an_archive_becomes_images_whatever_the_order_of_its_files(
    tmp_path: Path, cache: Path
) -> None:
    files = letters()
    one = write(tmp_path / "one", files)
    data = load(one.parent)
    assert [len(array) for array in data.arrays] == [46, 46, 4, 4]
    shades = np.concatenate([data.x_train, data.x_test])[:, 0, 0]
    assert sorted(shades) == list(range(50))
    assert np.array_equal(shades % 10, np.concatenate([data.y_train, data.y_test]))
    assert kept_in(cache) == ["notMNIST_small.lock", "notMNIST_small.npz"]
    other = write(tmp_path / "other", dict(reversed(files.items())))
    assert load(other.parent).digest == data.digest
    assert not data.complete, "which only the large archive is"


def test_an_archive_is_decoded_once_and_again_when_it_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []
    files = notmnist._files

    def counted(archive: Path, progress: Any) -> Any:
        decoded.append(archive)
        return files(archive, progress)

    monkeypatch.setattr(notmnist, "_files", counted)
    archive = write(tmp_path, letters())
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(load, [tmp_path] * 8)]
    assert len({data.digest for data in found}) == 1
    assert decoded == [archive]
    write(tmp_path, letters(6))
    assert len(load(tmp_path).x_train) == 55
    assert decoded == [archive] * 2


def test_what_was_interrupted_leaves_nothing_and_is_begun_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(archive: Path, progress: Any) -> Any:
        yield "A/0.png", bytes(784)
        raise KeyboardInterrupt

    write(tmp_path, letters())
    with monkeypatch.context() as patch:
        patch.setattr(notmnist, "_files", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load(tmp_path)
    assert kept_in(cache) == ["notMNIST_small.lock"]
    assert len(load(tmp_path).x_train) == 46


def test_the_large_archive_is_taken_before_the_small_one(tmp_path: Path, cache: Path) -> None:
    folder = cache / "datasets"
    assert datasets.locate(NOTMNIST).origin == "sample"
    small = write(folder, letters())
    source = datasets.locate(NOTMNIST)
    assert (source.origin, source.files) == ("cache", [small])
    large = write(folder, letters(6), name="notMNIST_large.tar.gz")
    assert datasets.locate(NOTMNIST).files == [large]
    assert len(datasets.load(datasets.locate(NOTMNIST)).x_train) == 55


def test_of_enough_images_the_sizes_are_those_of_the_lab_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notmnist, "TRAIN", 21)
    monkeypatch.setattr(notmnist, "TEST", 2)
    monkeypatch.setattr(notmnist, "AT_ONCE", 7)
    write(tmp_path, letters())
    data = load(tmp_path)
    assert [len(array) for array in data.arrays] == [21, 21, 2, 2]
    assert np.array_equal(data.x_train[:, 0, 0] % 10, data.y_train)


def test_progress_is_reported_in_bytes_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bar:
        total, done, closed = 0, 0, False

        def update(self, n: int) -> None:
            self.done += n

        def reset(self) -> None: ...

        def close(self) -> None:
            self.closed = True

    bar = Bar()
    monkeypatch.setattr(notmnist, "AT_ONCE", 1)
    archive = write(tmp_path, letters())
    load(tmp_path, bar)
    assert bar.total == bar.done == archive.stat().st_size
    assert bar.closed


def test_what_is_no_image_is_counted_and_named(tmp_path: Path) -> None:
    bad = {
        "x/A/empty.png": b"",
        "x/B/text.png": b"no image",
        "x/C/half.png": png(1)[:45],
        "x/D/wide.png": png(1, (280, 28)),
        "x/E/huge.png": png(1).replace(b"\0\0\0\x1c" * 2, b"\0\1\0\0" * 2),
        "x/F/colour.png": png(1, mode="RGB"),
        "x/K/no letter.png": png(1),
        "AB/no letter.png": png(1),
        "readme\n.txt": b"\0",
    }
    write(tmp_path, bad | letters())
    data = load(tmp_path)
    assert len(data.x_train) + len(data.x_test) == 50
    assert data.unreadable == (
        "/readme\\n.txt", "A/empty.png", "AB/no letter.png", "B/text.png", "C/half.png",
        "D/wide.png", "E/huge.png", "F/colour.png", "K/no letter.png",
    )  # fmt: skip
    assert data.unreadable == load(tmp_path).unreadable


# Bad archives


def truncated(folder: Path) -> None:
    path = write(folder, letters())
    path.write_bytes(path.read_bytes()[:-30])


def cut_before_it_was_packed(folder: Path) -> None:
    path = write(folder, letters())
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[: 1024 * 40]))


def one_bit_changed(folder: Path) -> None:
    path = write(folder, letters())
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)


def with_member(*args: Any, **changes: Any) -> Callable[[Path], object]:
    return lambda folder: write(folder, letters(), [member(*args, **changes)])


def many_names_and_no_image(folder: Path) -> None:
    write(folder, {f"{LETTERS[n % 10]}/{n}.png": b"" for n in range(10_000)})


def written(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / SMALL).write_bytes(content)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no bytes": (written(b""), "empty file"),
    "another file": (written(b"<html>"), "Not a gzipped file"),
    "truncated": (truncated, "Compressed file ended"),
    "truncated tar": (cut_before_it_was_packed, "it ends before its end"),
    "a bit": (one_bit_changed, "CRC check failed"),
    "no image": (many_names_and_no_image, "none of its 10,000 files is an image of a letter"),
    "letters": (
        lambda folder: write(
            folder, {k: v for k, v in letters().items() if "/C/" not in k and "/J/" not in k}
        ),
        "it has no images of C, J",
    ),
    "climbs out": (with_member("A/../../x.png", png(1)), "'A/../../x.png' leads out of it"),
    "absolute": (with_member("/etc/A/x.png", png(1)), "'/etc/A/x.png' leads out of it"),
    "link": (with_member("A/x", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "'A/x' is a link"),
    "hard link": (with_member("A/x", type=tarfile.LNKTYPE, linkname="A/0.png"), "is a link"),
    "device": (with_member("A/x", type=tarfile.CHRTYPE), "'A/x' is a link or a device"),
    "large file": (with_member("A/x", bytes(10**6 + 1)), "'A/x' is too large for an image"),
    "long name": (with_member("A/" + "x" * 250, png(1)), "is too large for an image"),
    "large name": (with_member("A/" + "x" * 3 * 10**6), "more than any set of images"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_archive_is_one_sentence_and_leaves_nothing(
    what: str, tmp_path: Path, cache: Path
) -> None:
    make, reason = BAD[what]
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    with pytest.raises(DataError) as caught:
        load(folder)
    sentence = str(caught.value)
    assert sentence.startswith(f"notMNIST in {folder} is damaged (")
    assert reason in sentence
    assert sentence.endswith("): replace the files.")
    assert len(sentence) < 400
    assert kept_in(cache) == ["notMNIST_small.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [("FILES", 30, "more than 30 files"), ("BYTES", 20_000, "more than any set of images")],
)
def test_an_archive_bomb_is_refused(
    limit: str, value: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notmnist, limit, value)
    write(tmp_path, letters())
    with pytest.raises(DataError, match=reason):
        load(tmp_path)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_CACHE", str(small_disk))
    write(tmp_path, dict.fromkeys((f"{n}/A/{n}.png" for n in range(11_000)), png(1)))
    with pytest.raises(DataError, match=r"notMNIST_small.npz could not be saved in .*No space"):
        load(tmp_path)
    assert kept_in(small_disk) == ["notMNIST_small.lock"]


# Duplicates


def shades(*values: int) -> np.ndarray:
    return np.array(values, np.uint8).reshape(-1, 1, 1) * np.ones((1, 28, 28), np.uint8)


def test_duplicates_are_counted_within_the_parts_and_between_them() -> None:
    x_train, x_test = shades(1, 2, 1, 3, 1, 4), shades(4, 5, 5, 1)
    labels = np.zeros(9, np.uint8)
    found = Duplicates.of(Arrays(x_train, labels[:6], x_test, labels[:4]))
    assert found[:3] == (2, 1, 4)
    assert found.kept.tolist() == [False, True, False, True, False, False]


def test_a_run_without_duplicates_has_another_key_and_the_same_test_images() -> None:
    x, y = shades(1, 2, 1, 3, 1, 4), np.arange(6, dtype=np.uint8)
    data = Dataset(NOTMNIST, "cache", Arrays(x, y, shades(4, 5, 5), y[:3]))
    spec = DataSpec.of(data)
    assert images.chosen(data, spec).y_train.tolist() == [0, 1, 2, 3, 4, 5]
    assert images.available(data, spec) == 6
    unique = replace(spec, unique=True)
    chosen = images.chosen(data, unique)
    assert chosen.y_train.tolist() == [0, 1, 3]
    assert images.available(data, unique) == 3
    assert len(chosen.x_test) == 3
    assert images.chosen(data, replace(unique, images=2)).y_train.tolist() == [0, 1]


# An uploaded archive


def test_an_archive_is_added_when_it_is_whole_and_not_read_twice(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write(tmp_path, letters())
    with archive.open("rb") as file:
        datasets.add(NOTMNIST, {SMALL: file})
    assert kept_in(cache) == ["notMNIST_small.lock", "notMNIST_small.npz", SMALL]
    monkeypatch.setattr(notmnist, "_files", None)
    data = datasets.obtain(NOTMNIST)
    assert (data.origin, len(data.x_train)) == ("cache", 46)


def test_a_damaged_archive_is_not_added(tmp_path: Path, cache: Path) -> None:
    good = write(cache / "datasets", letters()).read_bytes()
    with pytest.raises(DataError) as caught:
        datasets.add(NOTMNIST, {SMALL: io.BytesIO(good[:-30])})
    assert str(caught.value).startswith("This file is damaged (Compressed file ended")
    assert str(caught.value).endswith("): choose another one.")
    with pytest.raises(DataError) as caught:
        datasets.add(NOTMNIST, {"letters.tar.gz": io.BytesIO(good)})
    assert str(caught.value) == (
        "notMNIST cannot be read from letters.tar.gz: "
        "choose notMNIST_large.tar.gz / notMNIST_small.tar.gz."
    )
    assert (cache / "datasets" / SMALL).read_bytes() == good
    assert kept_in(cache) == ["notMNIST_small.lock", SMALL]


# The real archive


def test_the_real_archive_is_read_as_it_is(full_data: Path) -> None:
    data = load(full_data)
    assert [len(array) for array in data.arrays] == [9170, 9170, 830, 830]
    assert np.bincount(np.concatenate([data.y_train, data.y_test])).tolist() == [1000] * 10
    assert data.unreadable == ("A/YnJva2VuLnR0Zg==.png", "F/YnJva2VuLnR0Zg==.png")
    assert data.duplicates[:3] == (180, 4, 147)
    for tenth in np.array_split(data.y_train, 10):
        assert set(tenth) == set(range(10))


# Letters drawn here


def test_drawn_letters_are_always_the_same_and_called_what_they_are() -> None:
    data = datasets.obtain(NOTMNIST)
    assert (data.origin, data.complete) == ("sample", False)
    assert [len(array) for array in data.arrays] == [4000, 4000, 1000, 1000]
    assert np.bincount(data.y_train).tolist() == [400] * 10
    assert np.bincount(data.y_test).tolist() == [100] * 10
    for tenth in np.split(data.y_train, 10):
        assert set(tenth) == set(range(10))
    assert data.duplicates[:3] == (0, 0, 0)
    # By these versions of Pillow, matplotlib, Streamlit and NumPy: see requirements.txt.
    assert data.digest == "d4fc1ade9d946921fa2c0d96106e859d36285d68324fe3a81556abdc34c66c5a"
    said = words.sample(NOTMNIST, data.origin, untranslated)
    assert said == "letters drawn here from 46 fonts, not notMNIST"
    assert words.sample(NOTMNIST, "cache", untranslated) == "a sample"


def test_fonts_without_letters_are_left_out() -> None:
    names = {font.getname()[0] for font in drawn_letters.fonts()}
    assert {"DejaVu Sans", "STIXGeneral", "cmr10", "KaTeX_Main", "SourceSans3VF"} <= names
    assert not names & {"cmex10", "Last Resort High-Efficiency", "KaTeX_Size1", "STIXSizeOneSym"}
