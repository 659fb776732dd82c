"""From a photograph of a hand to an image as in the data set, and what must be refused."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.data.contract import Images
from core.drawing.preparation import read
from core.hands import preparation, recognition
from core.hands.preparation import STEPS, Mask, find_hand, prepare
from tests.hands import LIGHT, WALL, Colour, jpeg, photograph

SHAPE = (28, 28)


def box(mask: Mask) -> list[int]:
    """Left, top, right and bottom of what is true."""
    rows, columns = np.nonzero(mask)
    return [int(one) for one in (columns.min(), rows.min(), columns.max(), rows.max())]


SKINS: list[Colour] = [(245, 215, 195), LIGHT, (140, 90, 65), (60, 38, 30)]
WALLS: list[Colour] = [(235, 235, 230), WALL, (110, 150, 120), (215, 200, 175)]


@pytest.mark.parametrize("skin", SKINS)
@pytest.mark.parametrize("wall", WALLS)
def test_a_hand_is_found_without_its_arm_whatever_its_skin(skin: Colour, wall: Colour) -> None:
    found = box(find_hand(photograph(skin, wall)))
    # From the tip of the middle finger to below the wrist, and from the little finger to the thumb.
    for place, wanted in zip(found, (70, 54, 144, 171), strict=True):
        assert place == pytest.approx(wanted, abs=9), found


def test_a_grey_picture_has_no_tone_of_skin_to_look_for() -> None:
    grey = Image.fromarray(photograph((90, 90, 90), (200, 200, 200))).convert("L").convert("RGB")
    assert box(find_hand(np.asarray(grey)))[:2] == pytest.approx([69, 51], abs=5)


def ball(colour: Colour) -> Images:
    image = Image.new("RGB", (256, 192), WALL)
    ImageDraw.Draw(image).ellipse((90, 60, 170, 140), fill=colour)
    return np.asarray(image)


def text() -> Images:
    image = Image.new("RGB", (256, 192), "white")
    for row in range(12):
        ImageDraw.Draw(image).text((10, 8 + 15 * row), "no hand, but a page of text", fill="black")
    return np.asarray(image)


ANY = np.random.default_rng(0)

NO_HANDS = {
    "black": np.zeros((192, 256, 3), np.uint8),
    "one colour, even of skin": np.full((192, 256, 3), LIGHT, np.uint8),
    "noise": ANY.integers(0, 256, (192, 256, 3), np.uint8),
    "grey noise": np.repeat(ANY.integers(0, 256, (192, 256, 1), np.uint8), 3, axis=2),
    "nearly black": ANY.integers(0, 20, (192, 256, 3), np.uint8),
    "light from one side": np.repeat(
        np.tile(np.linspace(40, 220, 256).astype(np.uint8), (192, 1))[..., np.newaxis], 3, axis=2
    ),
    "a green ball": ball((40, 120, 60)),
    "a text": text(),
    "a pixel": np.zeros((1, 1, 3), np.uint8),
    "a line": np.zeros((2, 200, 3), np.uint8),
    "a hand far away": photograph(size=12, arm=False),
}


@pytest.mark.parametrize("name", NO_HANDS)
def test_where_no_hand_is_none_is_found(name: str) -> None:
    hand = prepare(NO_HANDS[name], SHAPE)
    assert not hand.found
    assert hand.image.shape == SHAPE


def test_each_step_does_what_it_says() -> None:
    picture = photograph()
    hand = prepare(picture, SHAPE, STEPS)
    assert [*hand.shown] == ["original", *STEPS]
    mask = find_hand(picture)
    assert (hand.shown["find"][mask] == picture[mask]).all()
    assert (hand.shown["find"][~mask] >= 191).all()
    high, wide, _colours = hand.shown["crop"].shape
    _left, top, _right, bottom = box(mask)
    assert high == wide == pytest.approx((bottom - top) / 0.83, abs=3)
    assert hand.shown["grey"].shape == SHAPE
    assert (hand.shown["contrast"].min(), hand.shown["contrast"].max()) == (0, 255)
    assert (hand.image == hand.shown["contrast"][:, ::-1]).all()


@pytest.mark.parametrize("step", STEPS)
def test_without_a_step_the_image_is_another_one(step: str) -> None:
    picture = photograph()
    others = [one for one in STEPS if one != step]
    assert (prepare(picture, SHAPE, STEPS).image != prepare(picture, SHAPE, others).image).any()


def test_without_any_step_a_picture_is_only_resized() -> None:
    picture = photograph()
    hand = prepare(picture, (20, 24), ())
    red = Image.fromarray(picture[..., 0]).resize((24, 20), Image.Resampling.BILINEAR)
    assert (hand.image == np.asarray(red)).all()
    assert hand.found, "none was looked for"
    assert not prepare(NO_HANDS["black"], SHAPE, ()).found


def test_a_left_hand_becomes_a_right_one_in_the_same_place() -> None:
    picture = photograph(noise=0)
    right = prepare(picture, SHAPE).image.astype(int)
    left = prepare(picture[:, ::-1], SHAPE, STEPS).image.astype(int)
    assert np.abs(right - left).mean() < 3


def test_a_photograph_on_its_side_is_read_as_the_same_hand() -> None:
    picture = photograph()
    upright, turned = (read(jpeg(picture, turned), "hand.jpg") for turned in (False, True))
    both = [prepare(one, SHAPE).image.astype(int) for one in (upright, turned)]
    assert np.abs(both[0] - both[1]).mean() < 4


def test_the_part_beyond_the_edge_repeats_the_last_pixels() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    mask = np.array([[True, False], [False, False]])
    part = preparation.crop(picture, mask, (3, 3), left_hand=False)
    assert (part == picture[0, 0]).all()


class Says:
    """A network that gives its answer this probability, whatever it is shown."""

    def __init__(self, probability: float) -> None:
        self._row = np.array([1 - probability, probability], np.float32)

    def probabilities(self, images: Images) -> np.ndarray:
        return np.tile(self._row, (len(images), 1))


@pytest.mark.parametrize(
    ("probability", "similarity", "unsure"),
    [(0.99, 0.9, False), (0.79, 0.9, True), (0.99, 0.59, True), (np.nan, 0.9, True)],
)
def test_an_answer_is_unsure_by_probability_or_similarity(
    probability: float, similarity: float, unsure: bool
) -> None:
    network = Says(probability)
    images = np.zeros((1, *SHAPE), np.uint8)
    [answer] = recognition.recognise(network, images, [similarity])  # type: ignore[arg-type]
    assert answer.unsure is unsure
