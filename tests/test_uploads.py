"""Pictures that are uploaded on the page Draw: each file is read once, and then forgotten."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from core.drawing.preparation import LARGEST
from pages.ui import answers
from tests import apptest
from tests.apptest import TRAINED, turn_to, visit

engine, outcome, run = apptest.engine, apptest.outcome, apptest.run
pytestmark = pytest.mark.usefixtures("run")


def photo(kind: str = "JPEG") -> bytes:
    """A stroke on white paper, in three megapixels."""
    image = Image.new("RGB", (2048, 1536), "white")
    image.paste("black", (900, 300, 1000, 1200))
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()


def upload(at: AppTest, **files: bytes) -> AppTest:
    """Put these files, by their names without the ending, where the page takes them."""
    found: Any = at.main.get("file_uploader")[0]
    found.set_value([(f"{name}.jpg", content, "image/jpeg") for name, content in files.items()])
    return at.run()


def errors(at: AppTest) -> list[str]:
    return [str(error.value) for error in at.main.error]


def test_of_an_uploaded_file_only_its_reduced_picture_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    managers: set[MemoryUploadedFileManager] = set()
    add = MemoryUploadedFileManager.add_file

    def noted(self: MemoryUploadedFileManager, *args: Any) -> None:
        managers.add(self)
        add(self, *args)

    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", noted)
    at = visit("draw", variant=TRAINED, source="files")
    upload(at, one=photo(), bad=b"7", two=photo(), worse=b"")
    assert list(at.session_state.uploads) == ["one.jpg", "two.jpg"]
    assert {one.picture.shape for one in at.session_state.uploads.values()} == {
        (LARGEST * 3 // 4, LARGEST, 3)
    }
    assert errors(at) == [
        "bad.jpg, worse.jpg cannot be read as a picture: give a whole PNG or JPEG file."
    ]
    assert managers
    assert not any(files for one in managers for files in one.file_storage.values())
    turn_to(at, "data").run()
    turn_to(at, "draw").run()
    assert at.main.selectbox(key="look_at").options == ["one.jpg", "two.jpg"], "nothing is lost"
    upload(at, one=photo())
    assert list(at.session_state.uploads) == ["one.jpg", "two.jpg", "one.jpg (2)"]
    assert not errors(at)


def test_each_picture_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[int] = []
    prepare = answers.prepare

    def counted(current: Any, picture: np.ndarray, *steps: Any) -> Any:
        prepared.append(id(picture))
        return prepare(current, picture, *steps)

    at = visit("draw", variant=TRAINED, source="files")
    upload(at, **{f"file{i}": photo() for i in range(3)})
    monkeypatch.setattr(answers, "prepare", counted)
    at.main.selectbox(key="look_at").select_index(2).run()
    assert len(prepared) == 1, "the picture to look at"
    at.main.checkbox(key="step-slant").uncheck().run()
    assert len(prepared) == 1 + 3 + 1, "after other steps a picture is another one"


def test_pictures_are_bounded_and_can_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    at = visit("draw", variant=TRAINED, source="files")
    monkeypatch.setattr("pages.ui.drawing_input.MOST", 2)
    upload(at, one=photo(), two=photo(), three=photo(), four=photo())
    assert errors(at) == ["Not more than 2 pictures at once. Left out: three.jpg, four.jpg."]
    assert at.selectbox(key="look_at").value == "one.jpg"
    apptest.button(at, "Remove this picture").click().run()
    assert list(at.session_state.uploads) == ["two.jpg"]
    upload(at, three=photo())
    assert list(at.session_state.uploads) == ["two.jpg", "three.jpg"]
    assert at.selectbox(key="look_at").value == "three.jpg", "what is new is looked at"
    apptest.button(at, "Remove all").click().run()
    assert not at.session_state.uploads
    assert "No picture yet." in apptest.texts_of(at)


def test_many_files_of_one_kind_are_one_sentence() -> None:
    at = visit("draw", variant=TRAINED, source="files")
    upload(at, **{f"{i}": b"no picture" for i in range(20)})
    [sentence] = errors(at)
    assert sentence.startswith("0.jpg, 1.jpg, ")
    assert "7.jpg and 12 other files cannot be read as a picture" in sentence
