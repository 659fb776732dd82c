"""The Data page of a lab on notMNIST: what its images are, and how the teacher brings others."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from streamlit.testing.v1 import AppTest

from core.errors import DataError
from pages.ui import background, identity
from tests import apptest, test_notmnist, test_pages
from tests.apptest import texts_of, visit
from tests.test_notmnist import SMALL, kept_in, letters, png

engine, teacher = apptest.engine, test_pages.teacher

DRAWN = "letters drawn here from 46 fonts, not notMNIST"


def archive(folder: Path, **files: bytes) -> bytes:
    """The bytes of a small archive: two letters twice, one of them in the test part too."""
    twice = {f"x/A/again{n}.png": png(n) for n in (0, 0, 10)}
    return test_notmnist.write(folder, letters() | twice | files).read_bytes()


def open_page(**query: Any) -> AppTest:
    return visit("data", lab="letters", **query)


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    [place] = at.main.get("file_uploader")
    found: Any = place
    found.set_value((name, content, "application/gzip"))
    return at.run()


def test_without_a_file_there_are_letters_that_are_called_what_they_are(cache: Path) -> None:
    at = open_page()
    said = texts_of(at)
    assert at.main.caption[0].value.startswith(f"**notMNIST**, {DRAWN}")
    assert f"These are 5,000 {DRAWN}. What a network learns" in said
    assert f"put `notMNIST_large.tar.gz` / `{SMALL}` into `{cache / 'datasets'}`" in said
    assert "**Duplicates:** none" in said
    assert "**Found in:** the lab itself" in said
    assert "sample" not in said
    assert "The teacher can upload it here" in said
    assert not at.main.get("file_uploader")


@pytest.mark.usefixtures("teacher")
def test_the_teacher_uploads_an_archive_which_is_there_at_once(tmp_path: Path, cache: Path) -> None:
    content = archive(tmp_path, **{"x/B/no image.png": b"?"})
    at = upload(open_page(), SMALL, content)
    assert not at.main.error
    assert (cache / "datasets" / SMALL).read_bytes() == content
    assert "sample: 48 of 210,000 training images" in at.main.caption[0].value
    said = texts_of(at)
    assert "put `notMNIST_large.tar.gz` into" in said
    assert "2 training images equal an earlier one" in said
    assert [one.label for one in at.main.expander] == ["1 file is no image and is left out."]
    assert at.main.code[0].value == "B/no image.png"
    unique = texts_of(open_page(variant="own", unique="true"))
    assert "This run leaves out 2 training images that equal another image." in unique
    assert "without duplicates" in unique


@pytest.mark.usefixtures("teacher")
def test_a_damaged_archive_is_refused_and_the_old_one_stays(tmp_path: Path, cache: Path) -> None:
    content = archive(tmp_path)
    at = open_page()
    upload(at, SMALL, content[:-30])
    [error] = at.main.error
    assert error.value.startswith("This file is damaged (Compressed file ended")
    upload(at, "other.gz", content)
    assert at.main.error[0].value.startswith("notMNIST cannot be read from other.gz")
    assert kept_in(cache / "datasets") == []
    upload(at, SMALL, content)
    assert not at.main.error


@pytest.mark.usefixtures("teacher")
def test_nothing_is_uploaded_beside_a_folder_that_is_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(tmp_path / "data")
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))
    at = open_page()
    assert f"put `notMNIST_large.tar.gz` into `{tmp_path / 'data'}`" in texts_of(at)
    assert not at.main.get("file_uploader")


def test_an_archive_that_is_damaged_is_one_sentence_on_the_page(cache: Path) -> None:
    (cache / "datasets").mkdir(parents=True)
    (cache / "datasets" / SMALL).write_bytes(b"?")
    at = open_page()
    assert at.main.error[0].value.startswith("notMNIST in ")
    assert "is damaged (Not a gzipped file" in at.main.error[0].value
    assert not at.exception


def test_many_sessions_wait_for_one_piece_of_work() -> None:
    begun: list[background.Work] = []
    go_on = threading.Event()

    def work(of: background.Work) -> None:
        begun.append(of)
        go_on.wait(5)
        raise DataError("It is damaged.")

    def wait(_number: int) -> str:
        with pytest.raises(DataError) as caught:
            background.finish("work", work, "Working")
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(wait, number) for number in range(8)]
        while not begun:
            time.sleep(0.01)
        go_on.set()
        assert {one.result() for one in waiting} == {"It is damaged."}
    assert len(begun) == 1
    background.forget("work")


# Large uploads


def answer(session: str, **headers: str) -> int:
    """The status of an upload, as Streamlit sends it for a session, with these headers."""

    async def passes(_request: Request) -> Response:
        return Response()

    path = f"/_stcore/upload_file/{session}/file"
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "method": "PUT", "path": path, "headers": raw})
    with ThreadPoolExecutor(1) as thread:  # this one may have the loop of a browser's tests
        return thread.submit(asyncio.run, identity._limit(request, passes)).result().status_code


def test_only_the_teacher_uploads_what_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_large_uploads", {"teacher"})
    small, large = str(20 * 2**20), str(200 * 2**20)
    assert answer("student", content_length=small) == 200
    assert answer("student", content_length=large) == 413
    assert answer("student") == 413, "of which the size is not said"
    assert answer("teacher", content_length=large) == 200
