import contextlib
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from core.data.mnist import DATASET as MNIST
from core.drawing import preparation as drawing
from core.errors import DataError
from tests import toy

SIZE = 140
FORM = drawing.input_form(MNIST)


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
    return digit(png(tmp_path, seven(), "expected.png"))


def digit(path: Path) -> np.ndarray:
    """What a network gets to see of a file."""
    return drawing.prepare(drawing.read(path.read_bytes(), path.name), FORM).image


def assert_alike(
    found: np.ndarray, expected: np.ndarray, tolerance: int = 0, mean: float | None = None
) -> None:
    """Equal up to `tolerance` at every pixel, or up to `mean` on average."""
    assert found.shape == (28, 28)
    assert found.dtype == np.uint8
    difference = np.abs(found.astype(int) - expected)
    if mean is None:
        assert difference.max() <= tolerance
    else:
        assert difference.mean() <= mean


def test_ink_is_light_on_black_and_where_it_was_drawn(expected: np.ndarray) -> None:
    assert expected.shape == (28, 28)
    assert expected.dtype == np.uint8
    assert not expected[:3].any()  # its centre of mass is high, so it stands low
    assert not expected[:, [0, -1]].any()
    assert expected.max() > 200
    assert 0.02 < (expected > 127).mean() < 0.3
    rows = np.flatnonzero(expected.max(axis=1) > 127)
    ink = expected > 127
    assert ink[rows[0] : rows[0] + 2].sum() > 2 * ink[rows[-1] - 1 : rows[-1] + 1].sum()


def test_white_on_black_gives_the_same_as_black_on_white(
    tmp_path: Path, expected: np.ndarray
) -> None:
    inverted = seven().point(lambda value: 255 - value)
    assert_alike(digit(png(tmp_path, inverted)), expected)


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
    assert_alike(digit(png(tmp_path, make())), expected, tolerance=2)


def test_a_faint_16_bit_picture_is_read_as_the_black_one(
    tmp_path: Path, expected: np.ndarray
) -> None:
    assert_alike(digit(png(tmp_path, faint_sixteen_bits())), expected, tolerance=2)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_gives_the_same(mode: str, tmp_path: Path, expected: np.ndarray) -> None:
    path = png(tmp_path, seven().convert(mode), "picture.jpg", quality=95)
    assert_alike(digit(path), expected, mean=6)


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
    assert_alike(digit(path), expected, mean=6)


def test_the_content_decides_and_not_the_name(tmp_path: Path, expected: np.ndarray) -> None:
    path = png(tmp_path, seven(), "seven.txt", format="PNG")
    assert_alike(digit(path), expected)


@pytest.mark.parametrize("value", [0, 255])
def test_one_pixel_is_an_empty_picture(value: int, tmp_path: Path) -> None:
    found = digit(png(tmp_path, Image.new("L", (1, 1), value)))
    assert_alike(found, np.zeros((28, 28), int))


@pytest.mark.parametrize("size", [(2000, 1), (1, 2000), (3000, 2000)])
def test_unusual_sizes(size: tuple[int, int], tmp_path: Path) -> None:
    found = digit(png(tmp_path, Image.new("L", size, 255)))
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
        drawing.read(path.read_bytes(), name)
    sentence = str(caught.value)
    assert sentence.startswith(name)
    assert "PNG or JPEG" in sentence
    assert str(tmp_path) not in sentence
    assert "\n" not in sentence


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
    assert_alike(digit(huge_png(tmp_path / "p.png", 64)), np.zeros((28, 28), int))


def read_alone(path: Path) -> tuple[str, float]:
    """What reading a file says, and how many MB it takes at most.

    In a process of its own, whose memory has a peak.
    """
    code = f"""
import re
from pathlib import Path
from core.data.mnist import DATASET as MNIST
from core.drawing import preparation as drawing
from core.errors import DataError

def peak():
    # Not ru_maxrss: a process inherits the peak of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024

content = Path({str(path)!r}).read_bytes()
before = peak()
try:
    print(drawing.read(content, {path.name!r}).shape)
except DataError as error:
    print(error)
print(peak() - before)
"""
    root = Path(drawing.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    sentence, megabytes = done.stdout.splitlines()
    return sentence, float(megabytes)


@pytest.mark.parametrize("side", [6000, 9000, 13_000, 20_000])
def test_a_huge_picture_is_refused_before_it_is_decoded(side: int, tmp_path: Path) -> None:
    """Decoded it takes 36 MB or more."""
    sentence, megabytes = read_alone(huge_png(tmp_path / "huge.png", side))
    assert sentence == "huge.png is too large: give a picture of at most 30 million pixels."
    assert megabytes < 20


def photograph(width: int, height: int, **options: Any) -> bytes:
    """A JPEG of a thick black stroke on white."""
    image = Image.new("L", (width, height), 255)
    image.paste(0, (width // 2 - width // 40, height // 4, width // 2 + width // 40, height // 2))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_a_photograph_of_a_telephone_with_50_megapixels_is_read_reduced(tmp_path: Path) -> None:
    """Whole it would take 150 MB in three colours."""
    large = tmp_path / "large.jpg"
    large.write_bytes(photograph(8160, 6144))
    found = drawing.read(large.read_bytes(), large.name)
    assert found.shape == (193, 256, 3)
    assert np.abs(found.astype(int) - drawing.read(photograph(816, 614), "small.jpg")).mean() < 4
    assert read_alone(large)[1] < 100


def test_a_photograph_of_more_is_refused_in_one_sentence() -> None:
    with pytest.raises(DataError) as caught:
        drawing.read(photograph(8160, 6800), "large.jpg")
    sentence = "large.jpg is too large: give a picture of at most 55 million pixels."
    assert str(caught.value) == sentence


# Hostile files


def with_everything(form: str) -> bytes:
    """A small picture with a palette or three colours, EXIF, an ICC profile and a comment."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    exif[0x010E] = "a description"
    exif[0x829A] = 0.5  # a fraction, which stands elsewhere in the block
    buffer = io.BytesIO()
    image = seven().convert("P" if form == "PNG" else "RGB")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(buffer, form, exif=exif.tobytes(), icc_profile=profile, dpi=(72, 72))
    return buffer.getvalue()


def read_or_refuse(content: bytes) -> bool:
    """True if it is read; anything but a picture and the one sentence fails the test."""
    try:
        found = drawing.read(content, "x")
    except DataError:
        return False
    assert found.dtype == np.uint8
    assert found.ndim == 3
    return True


def spoiled(content: bytes, place: int, value: bytes) -> bytes:
    return content[:place] + value + content[place + len(value) :]


def blocks(content: bytes, form: str) -> list[int]:
    """Where the length of each chunk of a PNG, or of each segment of a JPEG, stands."""
    places, place = [], 8 if form == "PNG" else 4
    while place + 4 <= len(content):
        places.append(place)
        if form == "PNG":
            place += 12 + int.from_bytes(content[place : place + 4], "big")
        else:
            if content[place - 1] == 0xDA:  # the picture itself follows
                break
            place += int.from_bytes(content[place : place + 2], "big") + 2
    return places


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_truncated_exif_block_is_no_other_error(form: str) -> None:
    whole = with_everything(form)
    assert read_or_refuse(whole)
    start = whole.index(b"MM\0*" if b"MM\0*" in whole else b"II*\0")
    for kept in range(60):
        read_or_refuse(spoiled(whole, start + kept, b"\xff\xff\xff\xff"))
    if form == "JPEG":  # a PNG's checksum tells
        [segment] = [p for p in blocks(whole, form) if whole[p - 1] == 0xE1]
        length = int.from_bytes(whole[segment : segment + 2], "big")
        cut = [
            spoiled(whole, segment, kept.to_bytes(2, "big"))[: segment + kept]
            + whole[segment + length :]
            for kept in range(2, length)
        ]
        assert sum(map(read_or_refuse, cut)) < len(cut)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 255, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wrong_length_of_any_block_is_no_other_error(form: str, length: int) -> None:
    whole = with_everything(form)
    size = 4 if form == "PNG" else 2
    found = blocks(whole, form)
    assert len(found) > 5
    for place in found:
        read_or_refuse(spoiled(whole, place, (length % 256**size).to_bytes(size, "big")))


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("seed", range(4))
def test_spoiled_bytes_are_no_other_error(form: str, seed: int) -> None:
    """Chunks of a PNG get right checksums again, so that decoders see what is in them."""
    whole = with_everything(form)
    rng = np.random.default_rng(seed)
    for _ in range(100):
        content = whole
        for place in rng.integers(2, len(whole), rng.integers(1, 5)):
            content = spoiled(content, place, rng.bytes(1))
        if form == "PNG":
            for place in blocks(whole, form):
                end = place + 8 + int.from_bytes(whole[place : place + 4], "big")
                checksum = zlib.crc32(content[place + 4 : end])
                content = spoiled(content, end, checksum.to_bytes(4, "big"))
        read_or_refuse(content)


# The steps


def picture(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def line(width: int, colour: str = "black", paper: str = "white", size: int = 200) -> np.ndarray:
    """A digit of one width of stroke: a 1 that leans a little, off the middle."""
    image = Image.new("RGB", (size, size), paper)
    ImageDraw.Draw(image).line([(60, 40), (80, 150)], fill=colour, width=width)
    return np.asarray(image)


def stroke_width(found: np.ndarray) -> float:
    """Ink over length: the line is 19 pixels high, and so is the box."""
    return float(found.sum() / 255 / 19)


def test_every_step_is_shown_in_order() -> None:
    found = drawing.prepare(picture(seven()), FORM)
    assert list(found.shown) == ["original", *drawing.STEPS]
    assert found.shown["original"].shape == (SIZE, SIZE, 3)
    assert all(
        shown.ndim == 2 and shown.dtype == np.uint8 for shown in list(found.shown.values())[1:]
    )
    assert (found.shown["centre"] == found.image).all()
    assert not found.blank


def test_without_steps_it_is_the_lab_sheet() -> None:
    """Grey, resized, nothing else; the two resizes of ours blur a little."""
    image = seven().resize((28, 28), Image.Resampling.LANCZOS)
    found = drawing.prepare(picture(seven()), FORM, ()).image
    assert np.abs(found.astype(int) - np.asarray(image)).mean() < 4


@pytest.mark.parametrize(
    ("colour", "paper"),
    [
        ("white", "black"),
        ("yellow", "lightblue"),
        ("#e0e0e0", "white"),
        ("#202020", "black"),
        ("darkgreen", "orange"),
    ],
)
def test_ink_is_found_whatever_its_colour(colour: str, paper: str) -> None:
    expected = drawing.prepare(line(10), FORM).image
    assert_alike(drawing.prepare(line(10, colour, paper), FORM).image, expected, tolerance=40)


def test_ink_is_found_in_uneven_light() -> None:
    light = np.linspace(0.4, 1, 200)[:, np.newaxis, np.newaxis]
    photograph = (line(10, "#303030", "#f0e8c0") * light).astype(np.uint8)
    expected = drawing.prepare(line(10), FORM).image
    found = drawing.prepare(photograph, FORM).image
    assert np.abs(found.astype(int) - expected).mean() < 6


def eight(width: int, side: int, soft: int = 1) -> np.ndarray:
    """An 8 that touches all four sides of its picture, with soft edges if `soft` is above 1."""
    image = Image.new("RGB", (side * soft, side * soft * 3 // 2), "white")
    pen = ImageDraw.Draw(image)
    end, middle = image.width - 1, image.height // 2
    for top, bottom in ((0, middle + width // 2), (middle - width // 2, image.height - 1)):
        pen.ellipse([0, top, end, bottom], outline="black", width=width * soft)
    return np.asarray(image.reduce(soft))


@pytest.mark.parametrize(("width", "side", "soft"), [(5, 20, 8), (24, 100, 8)])
@pytest.mark.parametrize("light", [False, True])
def test_ink_that_touches_the_border_all_around_stays(
    width: int, side: int, soft: int, light: bool
) -> None:
    tight = 255 - eight(width, side, soft) if light else eight(width, side, soft)
    paper = 0 if light else 255
    free = np.pad(tight, ((side, side), (side, side), (0, 0)), constant_values=paper)
    expected = drawing.prepare(free, FORM).image
    assert_alike(drawing.prepare(tight, FORM).image, expected, tolerance=60)


def test_a_shadow_on_the_border_is_no_ink() -> None:
    photograph = line(10, "#303030", "#f0e8c0").copy()
    photograph[150:] = photograph[150:] * 0.6
    found = drawing.prepare(photograph, FORM)
    assert (found.shown["ink"][170:] > 127).mean() < 0.05


def test_a_stray_dot_is_no_ink() -> None:
    expected = drawing.prepare(line(10), FORM).image
    dotted = line(10).copy()
    dotted[190:192, 190:192] = 0
    assert_alike(drawing.prepare(dotted, FORM).image, expected)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_picture_is_blank(value: int) -> None:
    found = drawing.prepare(np.full((280, 280, 3), value, np.uint8), FORM)
    assert found.blank
    assert not found.image.any()


def test_crop_keeps_all_ink_and_nothing_else() -> None:
    ink = np.zeros((50, 60), np.float32)
    ink[10:20, 30:33] = 1
    assert drawing.crop(ink).shape == (10, 3)
    assert drawing.crop(np.zeros((5, 5), np.float32)).shape == (5, 5)


def test_scale_fills_the_box_and_keeps_the_shape() -> None:
    ink = np.ones((100, 50), np.float32)
    assert drawing.enlarge(ink, FORM).shape == (152, 76)
    placed = drawing.place(ink, FORM)
    assert (placed[4:23, 9:19] == 255).all()
    assert placed.sum() == 19 * 10 * 255
    assert (drawing.place(ink, FORM, shape_kept=False) == 255).all()


def test_slant_leans_the_top_to_the_right_and_narrows() -> None:
    ink = np.zeros((160, 80), np.float32)
    ink[:, 38:42] = 1
    slanted = drawing.slant(ink)
    top, bottom = (np.flatnonzero(row > 0.5).mean() for row in (slanted[2], slanted[-3]))
    assert top - bottom == pytest.approx(0.8 * 0.15 * 155, abs=2)
    assert slanted.shape == (160, round(0.8 * (80 + 0.15 * 160)))


@pytest.mark.parametrize("width", [2, 5, 10, 20, 30])
def test_every_stroke_gets_the_width_of_mnist(width: int) -> None:
    steps = [step for step in drawing.STEPS if step != "slant"]
    found = stroke_width(drawing.prepare(line(width), FORM, steps).image)
    assert found == pytest.approx(drawing.STROKE, abs=0.6)


def test_the_stem_of_a_filled_loop_stays() -> None:
    image = Image.new("L", (200, 200), 255)
    pen = ImageDraw.Draw(image)
    pen.ellipse([40, 90, 140, 190], fill=0)
    pen.line([(47, 130), (60, 80), (120, 10)], fill=0, width=16, joint="curve")
    found = drawing.prepare(picture(image), FORM).image
    assert (found.max(axis=1) > 127).sum() >= 18


@pytest.mark.parametrize("width", [5, 20])
def test_thickness_is_the_width_of_strokes_by_the_size(width: int) -> None:
    assert drawing.prepare(line(width), FORM).thickness == pytest.approx(width / 112, rel=0.3)
    assert drawing.prepare(line(width), FORM, ()).thickness == 0


def test_without_evening_strokes_keep_their_width() -> None:
    steps = [step for step in drawing.STEPS if step not in ("slant", "stroke")]
    thin, thick = (stroke_width(drawing.prepare(line(w), FORM, steps).image) for w in (4, 30))
    assert thin < 1.5
    assert thick > 4


def test_centre_moves_the_mass_to_the_middle() -> None:
    found = drawing.prepare(picture(seven()), FORM).image.astype(float)
    rows, columns = np.mgrid[:28, :28]
    assert (found * rows).sum() / found.sum() == pytest.approx(14, abs=0.2)
    assert (found * columns).sum() / found.sum() == pytest.approx(14, abs=0.2)
    assert not drawing.centre(np.zeros((28, 28), np.uint8)).any()


def test_a_digit_is_as_high_as_those_of_mnist() -> None:
    for image in (picture(seven()), line(10), eight(5, 20)):
        rows = np.flatnonzero(drawing.prepare(image, FORM).image.max(axis=1) > 12)
        assert rows[-1] - rows[0] + 1 in (19, 20)


@pytest.mark.parametrize("left_out", drawing.STEPS)
def test_each_step_makes_a_difference(left_out: str) -> None:
    image = picture(seven())
    without = drawing.prepare(image, FORM, [step for step in drawing.STEPS if step != left_out])
    assert (without.image != drawing.prepare(image, FORM).image).any()


@pytest.mark.parametrize(
    "steps", [(), ("ink",), ("crop", "stroke"), ("slant", "stroke"), ("centre",)]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (28, 28), (700, 400)])
def test_any_steps_of_any_picture_give_an_input(shape: tuple[int, int], steps: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for image in (noise, np.zeros_like(noise), np.full_like(noise, 255)):
        found = drawing.prepare(image, FORM, steps).image
        assert found.shape == (28, 28)
        assert found.dtype == np.uint8


# Other data sets than MNIST


TOY = drawing.input_form(toy.DATASET)


def test_the_form_of_a_data_set_is_in_the_proportions_of_mnist() -> None:
    assert drawing.InputForm((28, 28), (19, 19), 2.8, "light") == FORM
    assert (TOY.shape, TOY.box, TOY.ink) == ((20, 24), (14, 16), "dark")
    assert TOY.stroke == pytest.approx(2)


@pytest.mark.parametrize("colour", ["black", "white"])
def test_a_drawing_becomes_dark_ink_where_the_data_set_has_dark_ink(colour: str) -> None:
    paper = "white" if colour == "black" else "black"
    found = drawing.prepare(line(10, colour, paper), TOY)
    assert found.image.shape == (20, 24)
    assert (found.image[[0, -1]] == 255).all()
    assert found.image.min() < 50
    ink = 255 - found.image.astype(float)
    rows, columns = np.mgrid[:20, :24]
    assert (ink * rows).sum() / ink.sum() == pytest.approx(10, abs=0.2)
    assert (ink * columns).sum() / ink.sum() == pytest.approx(12, abs=0.2)
    assert ink.sum() / 255 / 14 == pytest.approx(TOY.stroke, abs=0.6)
    assert (found.shown["centre"] == found.image).all()
    assert all(found.shown[step].max() == 255 for step in drawing.STEPS), "paper is white"


def test_ink_fits_into_a_box_that_is_no_square() -> None:
    wide = drawing.place(np.ones((10, 100), np.float32), TOY)
    assert (wide > 0).any(axis=0).sum() == 16
    high = drawing.place(np.ones((100, 10), np.float32), TOY)
    assert (high > 0).any(axis=1).sum() == 14


def test_without_steps_dark_ink_stays_as_it_is() -> None:
    """The lab sheet resizes and does nothing else: dark ink on white is right by chance."""
    found = drawing.prepare(picture(seven()), TOY, ()).image
    resized = np.asarray(seven().resize((24, 20), Image.Resampling.LANCZOS))
    assert np.abs(found.astype(int) - resized).mean() < 4


def test_of_a_photograph_no_ink_is_looked_for() -> None:
    photographs = replace(toy.DATASET, ink=None)
    found = drawing.prepare(picture(seven()), drawing.input_form(photographs))
    resized = np.asarray(seven().resize((24, 20), Image.Resampling.LANCZOS))
    assert np.abs(found.image.astype(int) - resized).mean() < 4


def test_a_damaged_file_never_ends_in_another_error() -> None:
    random = np.random.default_rng(0)
    for content in (encoded("PNG"), encoded("JPEG")):
        for _ in range(150):
            damaged = bytearray(content[: random.integers(1, len(content) + 1)])
            for place in random.integers(0, len(damaged), random.integers(0, 4)):
                damaged[place] = random.integers(256)
            with contextlib.suppress(DataError):
                assert drawing.read(bytes(damaged), "damaged").shape[2] == 3
