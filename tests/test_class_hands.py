"""The hands of a class: how long they are kept, and what a head that is trained on them knows."""

import csv
import gc
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from core.data.contract import Images
from core.errors import UsageError
from core.hands import collection
from core.hands.collection import ALL, MOST, Album, Hands, Room, archive, train_head
from core.networks import structure
from core.networks.forward import TrainedNetwork
from core.specs import dense_network

SHAPE = (4, 4)


def image(shade: int) -> Images:
    return np.full(SHAPE, shade, np.uint8)


def test_hands_are_gone_with_the_session_that_holds_them() -> None:
    room = Room()
    albums = {name: room.enter(name) for name in ("mia", "ben")}
    for shade, album in enumerate(albums.values()):
        room.give(album, image(shade), 1)
    assert room.hands().images[:, 0, 0].tolist() == [1, 0], "sorted by student"
    del albums["mia"], album
    gc.collect()
    assert room.hands().images[:, 0, 0].tolist() == [1]
    albums.clear()
    gc.collect()
    assert len(room.hands().images) == 0


def test_two_tabs_of_a_student_are_one_student() -> None:
    room = Room()
    albums = [room.enter(name) for name in ("mia", "ben", "mia")]
    for shade, album in enumerate(albums):
        room.give(album, image(shade), shade)
    assert room.hands().students.tolist() == [0, 1, 1]


def test_after_a_reload_a_student_goes_on_and_takes_all_back() -> None:
    room = Room()
    before = room.enter("mia")
    others = room.enter("ben")
    for shade, album in enumerate((before, before, others)):
        room.give(album, image(shade), shade)
    now = room.enter("mia")
    assert (len(before.given), len(now.given)) == (0, 2)
    assert len(room.hands().images) == 3
    room.take_back("mia")
    assert room.hands().labels.tolist() == [2]


def test_a_picture_is_taken_once_and_there_is_room_for_so_many() -> None:
    room = Room()
    album = room.enter("mia")
    for shade in range(MOST):
        room.give(album, image(shade), 0)
    for shade, sentence in ((3, "already"), (200, f"{MOST} of one student")):
        with pytest.raises(UsageError, match=sentence):
            room.give(album, image(shade), 0)
    full = [Album(f"{n}", ((image(0), 0),) * (MOST - 1)) for n in range(ALL // MOST + 1)]
    for one in full:
        room._albums.add(one)
    with pytest.raises(UsageError, match=f"{ALL} of the class"):
        room.give(full[0], image(1), 0)


def test_many_students_give_at_once() -> None:
    room = Room()

    def session(student: int) -> Album:
        album = room.enter(f"{student}")
        for shade in range(20):
            room.give(album, image(shade), shade % 2)
            assert len(room.hands().images)
        return album

    with ThreadPoolExecutor(8) as threads:
        albums = [*threads.map(session, range(8))]
    assert len(albums) == 8
    assert np.bincount(room.hands().students).tolist() == [20] * 8


@pytest.fixture(scope="module")
def network() -> TrainedNetwork:
    """A network of one hidden layer, whose weights are drawn at random."""
    random = np.random.default_rng(0)
    rows = structure.rows(dense_network((16,)), SHAPE, 3)
    weights = [
        (random.normal(0, 0.5, (16, n)).astype(np.float32), np.zeros(n, np.float32))
        for n in (16, 3)
    ]
    return TrainedNetwork(tuple(rows), ((), *weights))


def class_of(students: int, of_each: int = 4) -> Hands:
    """Hands whose upper half is the letter, and whose lower half is the student."""
    random = np.random.default_rng(1)
    rows = [(s, y) for s in range(students) for y in range(2) for _ in range(of_each)]
    images = random.integers(0, 40, (len(rows), *SHAPE), np.uint8)
    for one, (student, label) in zip(images, rows, strict=True):
        one[:2, 2 * label : 2 * label + 2] += 150
        one[2:, student % 4] += 100
    whose, labels = np.array(rows).T
    return Hands(images, labels, whose)


def test_a_network_that_is_too_wide_for_a_head_is_refused(
    network: TrainedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "WIDEST", 15)
    with pytest.raises(UsageError, match=r"has 16 numbers, too many for a head: .* at most 15"):
        train_head(network, class_of(2))


def test_a_head_that_saw_no_hand_of_a_student_reads_them(network: TrainedNetwork) -> None:
    head = train_head(network, class_of(students=4))
    assert (head.hands, head.students) == (32, 4)
    assert head.others > 28
    assert head.mixed > 28
    said = head.classifier.predict_proba(collection.features(network, class_of(students=1).images))
    assert said.argmax(axis=1).tolist() == [0] * 4 + [1] * 4


def test_what_each_student_signs_in_an_own_way_is_known_of_nobody_else(
    network: TrainedNetwork,
) -> None:
    hands = class_of(students=2, of_each=8)
    exchanged = np.where(hands.students == 1, 1 - hands.labels, hands.labels)
    head = train_head(network, hands._replace(labels=exchanged))
    assert head.others < 4, "what the one calls A is B for the other"
    assert head.mixed > 24, "a head that saw both hands tells them apart"


@pytest.mark.parametrize("part", [slice(0, 8), slice(0, None, 8)], ids=["student", "letter"])
def test_one_student_or_one_letter_is_not_enough(network: TrainedNetwork, part: slice) -> None:
    hands = class_of(students=2)
    few = Hands(hands.images[part], hands.labels[part], hands.students[part])
    with pytest.raises(UsageError, match="two students and of two letters"):
        train_head(network, few)


def test_a_student_who_alone_gives_a_letter_is_left_out_all_the_same(
    network: TrainedNetwork,
) -> None:
    hands = class_of(students=2)
    head = train_head(network, hands._replace(labels=hands.students))
    assert head.others == 0, "the head of the others knows one letter only"


def test_a_network_that_diverged_gets_no_head(network: TrainedNetwork) -> None:
    nowhere = tuple(tuple(one * np.nan for one in layer) for layer in network.weights)
    with pytest.raises(UsageError, match="diverged"):
        train_head(TrainedNetwork(network.rows, nowhere), class_of(students=2))


def test_the_teacher_s_file_says_which_letter_and_whose_but_no_name() -> None:
    hands = class_of(students=2, of_each=1)
    with zipfile.ZipFile(io.BytesIO(archive(hands, ("A", "B", "C")))) as file:
        rows = [*csv.DictReader(io.StringIO(file.read("labels.csv").decode()))]
        pictures = [np.asarray(Image.open(io.BytesIO(file.read(row["file"])))) for row in rows]
    assert [(row["label"], row["student"]) for row in rows] == [
        ("A", "1"),
        ("B", "1"),
        ("A", "2"),
        ("B", "2"),
    ]
    assert (np.stack(pictures) == hands.images).all()
