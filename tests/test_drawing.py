import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core import drawing
from core.errors import DataError

SIZE = 140


def seven() -> Image.Image:
    """A black 7 on white, in grey: neither mirrored nor turned does it look the same."""
    image = Image.new("L", (SIZE, SIZE), 255)
    ImageDraw.Draw(image).line([(40, 30), (100, 30), (60, 110)], fill=0, width=14, joint="curve")
    return image


def png(folder: Path, image: Image.Image, name: str = "picture.png", **options: Any) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


@pytest.fixture
def expected(tmp_path: Path) -> np.ndarray:
    return drawing.prepare(png(tmp_path, seven(), "expected.png"))


def assert_alike(found: np.ndarray, expected: np.ndarray, tolerance: int = 0) -> None:
    assert found.shape == (28, 28)
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= tolerance


def test_ink_is_light_on_black_and_where_it_was_drawn(expected: np.ndarray) -> None:
    assert expected.shape == (28, 28)
    assert expected.dtype == np.uint8
    border = np.concatenate([expected[0], expected[-1], expected[:, 0], expected[:, -1]])
    assert border.max() == 0
    assert expected.max() > 200
    assert 0.02 < (expected > 127).mean() < 0.3
    rows = np.flatnonzero(expected.max(axis=1) > 127)
    ink = expected > 127
    assert ink[rows[0] : rows[0] + 2].sum() > 2 * ink[rows[-1] - 1 : rows[-1] + 1].sum()


def test_white_on_black_gives_the_same_as_black_on_white(
    tmp_path: Path, expected: np.ndarray
) -> None:
    inverted = seven().point(lambda value: 255 - value)
    assert_alike(drawing.prepare(png(tmp_path, inverted)), expected)


def transparent() -> Image.Image:
    """Black ink whose background is transparent black, as a drawing program saves it."""
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    image.putalpha(seven().point(lambda value: 255 - value))
    return image


def palette() -> Image.Image:
    return seven().convert("P")


def transparent_palette() -> Image.Image:
    image = Image.new("P", (SIZE, SIZE), 0)
    image.putpalette([255, 0, 0, 0, 0, 0])
    image.paste(1, mask=seven().point(lambda value: 255 * (value < 128)))
    image.info["transparency"] = 0
    return image


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(seven()).astype(np.uint16) * 257)


def faint_sixteen_bits() -> Image.Image:
    """Ink that is not black: its 16 bits are all above 255."""
    return Image.fromarray((np.asarray(seven()).astype(np.uint16) // 2 + 64) * 257)


@pytest.mark.parametrize(
    "make",
    [
        seven,
        lambda: seven().convert("1", dither=Image.Dither.NONE),
        lambda: seven().convert("LA"),
        lambda: seven().convert("RGB"),
        lambda: seven().convert("RGBA"),
        transparent,
        palette,
        transparent_palette,
        sixteen_bits,
    ],
    ids=[
        "grey",
        "bilevel",
        "grey+alpha",
        "rgb",
        "rgba",
        "transparent",
        "palette",
        "palette+alpha",
        "16-bit",
    ],
)
def test_every_kind_of_png_gives_the_same(
    make: Callable[[], Image.Image], tmp_path: Path, expected: np.ndarray
) -> None:
    assert_alike(drawing.prepare(png(tmp_path, make())), expected, tolerance=2)


def test_a_faint_16_bit_picture_keeps_its_ink(tmp_path: Path) -> None:
    found = drawing.prepare(png(tmp_path, faint_sixteen_bits()))
    assert int(found.max()) - int(found.min()) > 50


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_gives_the_same(mode: str, tmp_path: Path, expected: np.ndarray) -> None:
    path = png(tmp_path, seven().convert(mode), "picture.jpg", quality=95)
    assert_alike(drawing.prepare(path), expected, tolerance=12)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int, tmp_path: Path, expected: np.ndarray) -> None:
    turns = Image.Transpose
    undo = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    image = seven()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = png(tmp_path, image, "photo.jpg", quality=95, exif=exif)
    assert_alike(drawing.prepare(path), expected, tolerance=12)


def test_the_content_decides_and_not_the_name(tmp_path: Path, expected: np.ndarray) -> None:
    path = png(tmp_path, seven(), "seven.txt", format="PNG")
    assert_alike(drawing.prepare(path), expected)


@pytest.mark.parametrize("value", [0, 255])
def test_one_pixel_is_an_empty_picture(value: int, tmp_path: Path) -> None:
    found = drawing.prepare(png(tmp_path, Image.new("L", (1, 1), value)))
    assert_alike(found, np.zeros((28, 28), int))


@pytest.mark.parametrize("size", [(2000, 1), (1, 2000), (3000, 2000)])
def test_unusual_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    found = drawing.prepare(png(tmp_path, Image.new("L", size, 255)))
    assert_alike(found, np.zeros((28, 28), int))


# What is refused


def encoded(kind: str) -> bytes:
    content = io.BytesIO()
    seven().save(content, kind)
    return content.getvalue()


def broken_checksum() -> bytes:
    content = bytearray(encoded("PNG"))
    content[content.index(b"IDAT") + 10] ^= 0xFF
    return bytes(content)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><text>7</text></svg>'
NO_PICTURE = {
    "empty.png": b"",
    "text.png": b"7\n",
    "signature.png": b"\x89PNG\r\n\x1a\n",
    "truncated.png": encoded("PNG")[:-60],
    "truncated.jpg": encoded("JPEG")[:-200],
    "header.jpg": encoded("JPEG")[:20],
    "damaged.png": broken_checksum(),
    "gif.png": encoded("GIF"),
    "bmp.png": encoded("BMP"),
    "tiff.jpg": encoded("TIFF"),
    "webp.png": encoded("WEBP"),
    "svg.png": SVG,
    "picture.svg": SVG,
    "pdf.png": encoded("PDF"),
    "zeros.png": bytes(1000),
}


@pytest.mark.parametrize("name", NO_PICTURE)
def test_what_is_no_whole_png_or_jpeg_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(NO_PICTURE[name])
    with pytest.raises(DataError) as caught:
        drawing.prepare(path)
    sentence = str(caught.value)
    assert sentence.startswith(name)
    assert "PNG or JPEG" in sentence
    assert str(tmp_path) not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None], ids=["folder", "missing"])
def test_what_cannot_be_opened_is_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "thing.png"
    make(path)
    with pytest.raises(DataError, match=r"cannot be read as a picture"):
        drawing.prepare(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def huge_png(path: Path, side: int) -> Path:
    """A white picture of side x side pixels: a bit each, and a file a thousand times smaller."""
    compressed = zlib.compressobj(1)
    row = b"\0" + b"\xff" * ((side + 7) // 8)
    rows = b"".join(compressed.compress(row) for _ in range(side)) + compressed.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    return path


def test_the_huge_picture_of_these_tests_is_a_picture(tmp_path: Path) -> None:
    assert_alike(drawing.prepare(huge_png(tmp_path / "p.png", 64)), np.zeros((28, 28), int))


@pytest.mark.parametrize("side", [6000, 9000, 13_000, 20_000])
def test_a_huge_picture_is_refused_before_it_is_decoded(side: int, tmp_path: Path) -> None:
    """Seen from a process of its own, whose memory has a peak: decoded it takes 36 MB or more."""
    path = huge_png(tmp_path / "huge.png", side)
    code = f"""
import resource
from pathlib import Path
from core import drawing
from core.errors import DataError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

try:
    drawing.prepare(Path("no such file"))
except DataError:
    pass
before = peak()
try:
    drawing.prepare(Path({str(path)!r}))
except DataError as error:
    print(error)
print(peak() - before)
"""
    root = Path(drawing.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    sentence, megabytes = done.stdout.splitlines()
    assert sentence == "huge.png is too large: give a picture of at most 30 million pixels."
    assert float(megabytes) < 20
