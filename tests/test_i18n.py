import ast
import string
import struct
from pathlib import Path

import pytest

from core import errors, i18n

CORE = Path(i18n.__file__).parent
SOURCES = sorted(CORE.rglob("*.py"))
MARKERS = ("_", "N_", "gettext", "ngettext")
ERRORS = [name for name in vars(errors) if name.endswith("Error") or name == "Stopped"]


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def literals(path: Path) -> list[str]:
    """The messages that an extractor finds in a file."""
    arguments = [call.args[0] for call in calls(path) if name(call) in MARKERS and call.args]
    return [str(a.value) for a in arguments if isinstance(a, ast.Constant)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_every_marked_message_is_a_literal_that_can_be_extracted(path: Path) -> None:
    for call in calls(path):
        if name(call) == "N_":
            assert isinstance(call.args[0], ast.Constant), f"line {call.lineno}"
            assert isinstance(call.args[0].value, str), f"line {call.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_every_error_has_a_marked_message(path: Path) -> None:
    for call in calls(path):
        if name(call) in ERRORS and call.args:
            bare = isinstance(call.args[0], ast.Constant | ast.JoinedStr | ast.BinOp)
            assert not bare, f"line {call.lineno}: wrap the message in N_"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_placeholders_are_named_so_that_a_translation_can_reorder_them(path: Path) -> None:
    for message in literals(path):
        fields = [
            field for _, field, _, _ in string.Formatter().parse(message) if field is not None
        ]
        assert all(field.isidentifier() for field in fields), message


def test_the_marker_returns_the_message_itself() -> None:
    assert i18n.N_("epochs") == i18n.untranslated("epochs") == "epochs"


@pytest.mark.parametrize("language", [None, "", "en", "xx", "xx-YY", "../..", "de\0"])
def test_without_a_catalogue_messages_are_english(language: str | None) -> None:
    assert i18n.translation(language).gettext("a message nobody translated") == (
        "a message nobody translated"
    )


def write_catalogue(folder: Path, messages: dict[str, str]) -> None:
    """A compiled gettext catalogue: header, table of originals, table of translations, texts."""
    messages = {"": "Content-Type: text/plain; charset=UTF-8\n", **messages}
    texts = [
        part.encode() for part in (*sorted(messages), *(messages[m] for m in sorted(messages)))
    ]
    at = 28 + 8 * len(texts)
    table, content = b"", b""
    for text in texts:
        table += struct.pack("<2I", len(text), at + len(content))
        content += text + b"\0"
    header = struct.pack("<7I", 0x950412DE, 0, len(messages), 28, 28 + 4 * len(texts), 0, 0)
    folder.mkdir(parents=True)
    (folder / "lab.mo").write_bytes(header + table + content)


@pytest.mark.parametrize("language", ["de", "de-AT", "de_AT"])
def test_a_catalogue_serves_its_language_and_the_regions_of_it(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_catalogue(tmp_path / "de" / "LC_MESSAGES", {"epochs": "Epochen"})
    monkeypatch.setattr(i18n, "LOCALE_FOLDER", tmp_path)
    german = i18n.translation(language)
    assert german.gettext("epochs") == "Epochen"
    assert german.gettext("neurons") == "neurons"
    error = errors.UsageError(i18n.N_("{name} is {value}."), name="epochs", value=0)
    assert error.sentence(german.gettext) == "Epochen is 0."
