"""Sign Language MNIST: its tables and archives, good and bad, and how it is divided."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

import core
from core import data as datasets
from core.data import Dataset, Source, neighbours
from core.data.contract import Arrays
from core.data.divided import divided
from core.data.signs import COLUMNS, FILES, LABELS, LETTERS
from core.data.signs import DATASET as SIGNS
from core.errors import DataError, UsageError
from core.specs import DataSpec
from core.training import images

ZIP = "sign-language-mnist.zip"
HEADER = ",".join(COLUMNS)


def row(label: int, shade: int) -> str:
    return ",".join([f"{label}", *[f"{shade}"] * 783, "255"])


def tables(of_each: int = 5) -> dict[str, str]:
    """Both files, with so many images of each letter to train and one to test, of a shade each."""
    letters = [*enumerate(LABELS)]
    train = [row(label, n * 25 + i) for n in range(of_each) for i, label in letters]
    test = [row(label, 240) for _i, label in letters]
    return {
        name: "\n".join([HEADER, *rows]) + "\n"
        for name, rows in zip(FILES, (train, test), strict=True)
    }


def write(folder: Path, **changes: Callable[[str], str]) -> Path:
    """The folder with both files, perhaps with changes in `train` or `test`."""
    folder.mkdir(exist_ok=True)
    for name, text in tables().items():
        change = changes.get(name.split("_")[-1].removesuffix(".csv"), str)
        (folder / name).write_text(change(text))
    return folder


def packed(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def load(folder: Path, progress: Any = None) -> Dataset:
    return datasets.load(Source(SIGNS, "LAB_DATA", folder, 0.0), progress)


# Good files


def test_tables_become_24_classes_named_by_their_letters(tmp_path: Path, cache: Path) -> None:
    data = load(write(tmp_path / "data"))
    assert [len(array) for array in data.arrays] == [120, 120, 24, 24]
    assert "".join(data.class_names) == "ABCDEFGHIKLMNOPQRSTUVWXY"
    assert data.y_train[:24].tolist() == [*range(24)]
    assert [SIGNS.label(n) for n in (0, 8, 9, 23)] == [0, 8, 10, 24]
    assert data.x_train[1].ravel()[[0, 1, 782, 783]].tolist() == [1, 1, 1, 255]
    kept = sorted(path.name for path in cache.rglob("*") if path.is_file())
    assert kept == ["sign_mnist_train.lock", "sign_mnist_train.npz"]


def test_the_archive_is_as_good_as_its_tables_whatever_else_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    folder.mkdir()
    others = {f"x/{name}": "other\n" for name in FILES} | {"amer_sign2.png": "?", "x/": ""}
    (folder / ZIP).write_bytes(packed(others | tables()))
    (folder / FILES[0]).write_text("not looked at")
    assert load(folder).digest == load(write(tmp_path / "data")).digest


def test_what_other_programs_write_is_read_too(tmp_path: Path) -> None:
    def by_windows(text: str) -> str:
        return "\ufeff" + text.replace("\n", "\r\n") + "\r\n"

    changed = write(tmp_path / "changed", train=by_windows, test=lambda text: text.rstrip("\n"))
    assert load(changed).digest == load(write(tmp_path / "data")).digest


def test_progress_is_reported_and_tables_are_read_once(tmp_path: Path) -> None:
    class Bar:
        total, done, closed = 0, 0, False

        def update(self, n: int) -> None:
            self.done += n

        def reset(self) -> None: ...

        def close(self) -> None:
            self.closed = True

    first, again = Bar(), Bar()
    folder = write(tmp_path / "data")
    load(folder, first)
    load(folder, again)
    header = len(HEADER) + 1
    assert first.total == sum((folder / name).stat().st_size for name in FILES)
    assert (first.done, first.closed) == (first.total - 2 * header, True)
    assert (again.done, again.closed) == (0, False)


# Bad files


def swapped(folder: Path) -> None:
    first, second = (folder / name for name in FILES)
    text = first.read_text()
    first.write_text(second.read_text())
    second.write_text(text)


def line(number: int, change: Callable[[list[str]], list[str]]) -> Callable[[Path], object]:
    """Change the values of a line of the training table, counted from 1."""

    def damage(folder: Path) -> None:
        path = folder / FILES[0]
        lines = path.read_text().split("\n")
        lines[number - 1] = ",".join(change(lines[number - 1].split(",")))
        path.write_text("\n".join(lines))

    return damage


def archive(content: bytes | Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / ZIP).write_bytes(
        content if isinstance(content, bytes) else content()
    )


def one_bit_changed() -> bytes:
    content = bytearray(packed(tables()))
    content[len(content) // 4] ^= 1
    return bytes(content)


TRAIN, TEST = FILES
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pixel too few": (
        line(5, lambda cells: cells[:-1]),
        f"line 5 of {TRAIN} has 784 values, not 785",
    ),
    "a pixel too many": (line(5, lambda cells: [*cells, "0"]), "has 786 values, not 785"),
    "letters": (
        line(7, lambda cells: [*cells[:3], "1O", *cells[4:]]),
        f"line 7 of {TRAIN} has '1O' for pixel3, which is no whole number",
    ),
    "an empty cell": (line(7, lambda cells: [*cells[:3], "", *cells[4:]]), "has '' for pixel3"),
    "bytes": (line(7, lambda cells: [*cells[:3], "\x00é", *cells[4:]]), "line 7 of"),
    "decimals": (line(2, lambda cells: [*cells[:-1], "7.0"]), "has '7.0' for pixel784"),
    "too large": (
        line(3, lambda cells: [cells[0], "256", *cells[2:]]),
        "has 256 for pixel1, not 0",
    ),
    "negative": (line(3, lambda cells: [cells[0], "-1", *cells[2:]]), "has -1 for pixel1, not 0"),
    "label 9": (
        line(9, lambda cells: ["9", *cells[1:]]),
        f"line 9 of {TRAIN} has the label 9, but no letter has that",
    ),
    "label 25": (line(9, lambda cells: ["25", *cells[1:]]), "has the label 25, but no letter"),
    "a huge line": (
        line(4, lambda cells: cells * 100),
        f"line 4 of {TRAIN} has",
    ),
    "a missing column": (
        line(1, lambda cells: [*cells[:8], *cells[9:]]),
        f"{TRAIN} has no column pixel8",
    ),
    "another header": (
        line(1, lambda cells: ["letter", *cells[1:]]),
        f"line 1 of {TRAIN} is not label, pixel1, pixel2 to pixel784",
    ),
    "no rows": (lambda folder: (folder / TEST).write_text(HEADER), f"{TEST} has no rows"),
    "no bytes": (lambda folder: (folder / TEST).write_bytes(b""), f"line 1 of {TEST} is not label"),
    "exchanged": (swapped, f"{TRAIN} has fewer rows than {TEST}: they may be exchanged"),
    "missing letters": (
        lambda folder: write(folder, train=lambda text: text.replace("\n10,", "\n8,")),
        f"{TRAIN} has no images of K",
    ),
    "no archive": (archive(b"<html>"), "File is not a zip file"),
    "half an archive": (archive(lambda: packed(tables())[:-200]), "is not a zip file"),
    "a changed bit": (archive(one_bit_changed), ""),
    "one file": (archive(lambda: packed({TRAIN: HEADER})), f"{TEST} is not in it"),
    "climbs out": (
        archive(lambda: packed(tables() | {"../../x.png": ""})),
        "'../../x.png' leads out of it",
    ),
    "absolute": (archive(lambda: packed(tables() | {"/etc/x": ""})), "'/etc/x' leads out of it"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_one_sentence_and_leaves_nothing(
    what: str, tmp_path: Path, cache: Path
) -> None:
    damage, reason = BAD[what]
    folder = write(tmp_path / "data")
    damage(folder)
    with pytest.raises(DataError) as caught:
        load(folder)
    sentence = str(caught.value)
    assert sentence.startswith(f"Sign Language MNIST in {folder} is damaged (")
    assert reason in sentence
    assert sentence.endswith("): replace the files.")
    assert len(sentence) < 400
    assert not [*cache.rglob("*.npz"), *cache.rglob("*.part")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "data"]


@pytest.mark.parametrize("content", [b"0" * 50_000_000, b"0,\n" * 10_000_000], ids=["line", "rows"])
def test_a_bomb_is_refused_at_its_first_line(content: bytes, tmp_path: Path) -> None:
    bomb = packed({TRAIN: HEADER + "\n" + content.decode(), TEST: HEADER})
    assert len(bomb) < 300_000
    (tmp_path / ZIP).write_bytes(bomb)
    with pytest.raises(DataError, match=r"line 2 of sign_mnist_train.csv has "):
        load(tmp_path)


def test_more_rows_than_any_such_table_has_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.data.signs.ROWS", 100)
    with pytest.raises(DataError, match=r"sign_mnist_train.csv has more than 100 rows"):
        load(write(tmp_path / "data"))


# Where it is, and how it comes here


def test_without_its_files_one_sentence_says_where_to_get_them_and_where_to_put_them() -> None:
    with pytest.raises(DataError) as caught:
        datasets.obtain(SIGNS)
    assert str(caught.value) == (
        "Sign Language MNIST is not on this machine: get it from "
        "https://www.kaggle.com/datasets/datamunge/sign-language-mnist and put "
        "sign-language-mnist.zip / archive.zip / sign_mnist_train.csv, sign_mnist_test.csv into "
        f"{datasets.download_folder(SIGNS)}."
    )


def test_both_tables_are_added_together_or_the_archive_alone(cache: Path) -> None:
    both = {name: io.BytesIO(text.encode()) for name, text in tables().items()}
    for some in ({TRAIN: both[TRAIN]}, {"hands.zip": io.BytesIO(packed(tables()))}):
        with pytest.raises(DataError, match=r"MNIST cannot be read from .*: choose "):
            datasets.add(SIGNS, some)
    datasets.add(SIGNS, both)
    assert sorted(path.name for path in (cache / "datasets").iterdir()) == sorted(FILES)
    assert datasets.obtain(SIGNS).origin == "cache"
    datasets.add(SIGNS, {ZIP: io.BytesIO(packed(tables(6)))})
    assert len(datasets.obtain(SIGNS).x_train) == 144


# The division


def test_the_division_is_that_of_scikit_learn_and_each_class_has_its_part(tmp_path: Path) -> None:
    whole = load(write(tmp_path / "data"))
    data = divided(whole, 43)
    _, x, _, y = train_test_split(
        whole.x_train, whole.y_train, test_size=0.3, stratify=whole.y_train, random_state=43
    )
    assert [len(array) for array in data.arrays] == [84, 84, 36, 36]
    assert np.array_equal(data.x_test, x)
    assert np.array_equal(data.y_test, y)
    assert set(np.bincount(data.y_train)) == {3, 4}
    assert not data.x_test.flags.writeable
    assert (data.digest, data.whole, data.split) == (whole.digest, whole, 43)
    assert divided(data, 43) is data
    assert divided(data, None) is whole


def test_the_parts_of_the_full_set_are_as_large_as_in_the_report() -> None:
    labels = (np.arange(SIGNS.images) % 24).astype(np.uint8)
    pictures = np.zeros((SIGNS.images, 28, 28), np.uint8)
    data = divided(Dataset(SIGNS, "cache", Arrays(pictures, labels, pictures, labels)), 43)
    assert (len(data.x_train), len(data.x_test)) == (19_218, 8_237)
    assert data.complete


def test_a_run_takes_its_images_from_the_part_that_it_names(tmp_path: Path) -> None:
    whole = load(write(tmp_path / "data"))
    spec = DataSpec(whole.name, whole.digest, images=10, split=43)
    data = divided(whole, 43)
    for given in (whole, data):
        chosen = images.chosen(given, spec)
        assert np.array_equal(chosen.x_train, data.x_train[:10])
        assert np.array_equal(chosen.x_test, data.x_test)
        assert images.available(given, spec) == 84
    images.receive(data)
    assert images.load(spec).split == 43
    assert images.load(DataSpec(whole.name, whole.digest)) is whole
    assert DataSpec.of(data) == DataSpec(whole.name, whole.digest, split=43)


def test_few_images_are_drawn_and_the_classes_take_turns(tmp_path: Path) -> None:
    whole = load(write(tmp_path / "data"))

    def drawn(draw: int | None, images_of: int = 50, **others: Any) -> Arrays:
        spec = DataSpec(whole.name, whole.digest, images=images_of, draw=draw, **others)
        found = images.chosen(whole, spec)
        numbers = images.used(whole, spec)
        assert np.array_equal(found.x_train, whole.x_train[numbers])
        return found

    first, second = drawn(0), drawn(1)
    assert np.array_equal(first.x_train, drawn(0).x_train)
    assert not np.array_equal(first.x_train, second.x_train)
    assert not np.array_equal(first.x_train, drawn(None).x_train)
    for found in (first, second):
        counts = np.bincount(found.y_train, minlength=24)
        assert sorted(counts) == [2] * 22 + [3] * 2
        assert np.array_equal(found.x_test, whole.x_test)
    everything = drawn(0, 1000)
    assert sorted(everything.y_train) == sorted(whole.y_train)
    assert len(drawn(0, unique=True).x_train) == 50
    with pytest.raises(UsageError, match="Seed is -1: give a whole number from 0"):
        DataSpec("signs", draw=-1)


def test_a_notebook_gets_the_images_that_a_run_was_tested_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DATA", str(write(tmp_path / "data")))
    assert len(core.load("signs").x_test) == 24
    assert len(core.load("signs", split=43).x_test) == 36


def test_a_split_is_a_seed_and_too_few_images_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Seed is -1: give a whole number from 0"):
        DataSpec("signs", split=-1)
    whole = load(write(tmp_path / "data"))
    few = Dataset(SIGNS, "cache", Arrays(*(array[:30] for array in whole.arrays)))
    with pytest.raises(DataError, match="has too few images of a class here to be divided"):
        divided(few, 43)


def test_the_nearest_images_are_those_of_most_correlated_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "AT_ONCE", 7)
    random = np.random.default_rng(0)
    among = random.integers(0, 120, (50, 5, 4), dtype=np.uint8)
    wanted = 2 * among[[3, 40, 11]] + 9  # brighter, and of more contrast
    found = neighbours.nearest(wanted, among, 3)
    pairs = np.corrcoef(wanted.reshape(3, -1), among.reshape(50, -1))[:3, 3:]
    assert found.numbers[:, 0].tolist() == [3, 40, 11]
    assert np.array_equal(found.numbers, np.argsort(-pairs, axis=1)[:, :3])
    assert np.allclose(found.similarity, -np.sort(-pairs, axis=1)[:, :3], atol=1e-5)
    assert neighbours.nearest(wanted, among[:2], 5).numbers.shape == (3, 2)


# The real archive


def test_the_real_archive_is_read_as_it_is(full_data: Path) -> None:
    whole = load(full_data)
    assert [len(array) for array in whole.arrays] == [5020, 5020, 2152, 2152]
    assert len(set(whole.y_train)) == len(LETTERS)
    assert whole.y_train[:10].tolist() == [6, 5, 9, 0, 3, 3, 7, 8, 8, 20]
    assert whole.x_train[0, 0, :4].tolist() == [195, 195, 198, 198]
    assert not whole.complete
    data = divided(whole, 43)
    assert [len(array) for array in data.arrays] == [3514, 3514, 1506, 1506]
    assert neighbours.copied(data, 100) == 1.0, "there are near-copies of each"
