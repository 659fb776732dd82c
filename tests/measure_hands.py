"""How photographs of hands are found, prepared and read, and where an answer is called unsure.

    LAB_DATA=<folder of all data sets> python -m tests.measure_hands

There are no photographs of hands in the repository. So hands are cut out of test images, coloured
as skin, and put before walls with uneven light, shadows and noise. LeNet-5 of the lab, which is
trained first, reads them. Where they are cut out badly the picture is of no letter: figures are
for comparing steps with each other.
"""

from collections.abc import Collection

import numpy as np
from PIL import Image
from scipy import ndimage

import core
from core.data import Dataset
from core.data.contract import Images
from core.data.neighbours import nearest
from core.drawing.preparation import otsu
from core.hands import recognition
from core.hands.preparation import USUAL, Floats, Mask, find_hand, prepare
from core.hands.recognition import ALIKE, COPY
from core.labs.signs import SPLIT

SKINS = ((245, 215, 195), (225, 172, 140), (190, 130, 95), (140, 90, 65), (95, 60, 45))
WALLS = ((235, 235, 232), (150, 150, 152), (120, 150, 190), (110, 150, 120), (50, 55, 65))

SIDE = 224
"""Width and height of an enlarged image."""


def cut(image: Images) -> tuple[Floats, Mask] | None:
    """An image, enlarged, and where the hand is in it; None if that is not clear."""
    enlarged = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    light = np.asarray(enlarged, np.float32)
    around = np.concatenate(
        [light[:20].ravel(), light[:120, :12].ravel(), light[:120, -12:].ravel()]
    )
    distance = np.abs(light - np.median(around))
    if np.percentile(np.abs(around - np.median(around)), 90) > 45:
        return None
    mask = distance > max(0.7 * 255 * otsu(distance.ravel() / 255), 18)
    parts, _ = ndimage.label(ndimage.binary_opening(mask, iterations=3))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(parts == sizes.argmax(), iterations=4))
    free = not (mask[:6].any() or mask[:150, :6].any() or mask[:150, -6:].any())
    palm = ndimage.distance_transform_edt(mask).max()
    sleeve = mask[-8:].any(axis=0).mean() > 0.45
    clear = free and palm > 27 and not sleeve and 0.12 < mask.mean() < 0.5
    return (light, mask) if clear and light[mask].mean() < 210 else None


def scene(
    light: Floats, mask: Mask, skin: Images, wall: Images, random: np.random.Generator
) -> tuple[Images, Mask]:
    """A photograph of that hand, (192, 256, 3), and where the hand is in it."""
    size = int(random.integers(70, 150))
    top, left = (int(random.integers(8, side - size - 8)) for side in (192, 256))
    whole, shade = np.zeros((192, 256), np.float32), np.ones((192, 256), np.float32)
    place = np.s_[top : top + size, left : left + size]
    low, high = np.percentile(light[mask], [5, 95])
    for into, values in ((whole, mask), (shade, 0.5 + 0.6 * (light - low) / max(high - low, 1))):
        small = Image.fromarray(np.asarray(values, np.float32)).resize((size, size))
        into[place] = np.asarray(small)
    below = np.s_[top + size - 2 :, left : left + size]
    whole[below], shade[below] = whole[below][0], shade[below][0]  # the arm
    y, x = np.mgrid[-1:1:192j, -1:1:256j]
    uneven = 1 + random.uniform(-0.25, 0.25) * x + random.uniform(-0.2, 0.2) * y
    shadow = 1 - 0.3 * ndimage.shift(ndimage.gaussian_filter(whole, 5), (6, 8), order=1)
    hand = shade.clip(0.35, 1.15)[..., np.newaxis] * skin
    part = whole[..., np.newaxis]
    picture = uneven[..., np.newaxis] * (part * hand + (1 - part) * shadow[..., np.newaxis] * wall)
    noisy = ndimage.gaussian_filter(picture, (0.7, 0.7, 0)) + random.normal(0, 6, picture.shape)
    return noisy.clip(0, 255).astype(np.uint8), whole > 0.5


def overlap(found: Mask, wanted: Mask) -> float:
    """How much of two masks, together, is in both."""
    return float((found & wanted).sum() / max((found | wanted).sum(), 1))


def distances(data: Dataset) -> None:
    """How much pictures are like the training image that is most like them."""
    hands = nearest(data.x_test[:500], data.x_train, 1000).similarity
    others = np.where(hands < COPY, hands, -1).max(axis=1)
    found = {"test images": hands[:, 0], "test images, copies left out": others}
    for name in ("fashion-mnist", "mnist"):
        images = core.load(name).x_test[:300]
        found[f"{name}, dark on white"] = nearest(255 - images, data.x_train).similarity[:, 0]
        found[f"{name}, light on black"] = nearest(images, data.x_train).similarity[:, 0]
    noise = np.random.default_rng(0).integers(0, 256, (100, 28, 28), np.uint8)
    found["noise"] = nearest(noise, data.x_train).similarity[:, 0]
    for name, alike in found.items():
        few, half, many = np.percentile(alike, [5, 50, 95])
        print(f"{name}: {few:.2f}, {half:.2f}, {many:.2f} (5, 50, 95%);", end=" ")
        print(f"{(alike < ALIKE).mean():.0%} below {ALIKE}")


def photographs(data: Dataset) -> None:
    """How often hands are found and read, with all steps, and with each of them left out."""
    run = core.train("signs", lab="signs", experiment="lenet")
    network, random = run.network(), np.random.default_rng(0)
    print(f"LeNet-5: test accuracy {run.test_accuracy:.4f}")
    cuts = [(cut(image), label) for image, label in zip(data.x_test, data.y_test, strict=True)]
    clear = [(one, label) for one, label in cuts if one][:200]
    scenes = [
        scene(*one, np.array(SKINS[i % 5]), np.array(WALLS[i // 5 % 5]), random)
        for i, (one, _label) in enumerate(clear)
    ]
    labels = np.array([label for _one, label in clear])
    found = [find_hand(picture) for picture, _wanted in scenes]
    shares = [overlap(one, wanted) for one, (_p, wanted) in zip(found, scenes, strict=True)]
    half = np.mean(np.array(shares) > 0.5)
    print(f"{len(scenes)} scenes: found {np.mean([one.any() for one in found]):.0%},", end=" ")
    print(f"mean overlap {np.mean(shares):.2f}, above one half {half:.0%}")
    ways: dict[str, Collection[str]] = {"all steps": USUAL, "none": []}
    ways |= {f"without {left}": [s for s in USUAL if s != left] for left in USUAL}
    for name, steps in ways.items():
        images = np.stack([prepare(picture, (28, 28), steps).image for picture, _w in scenes])
        alike = nearest(images, data.x_train).similarity[:, 0]
        said = recognition.recognise(network, images, [*map(float, alike)])
        right = np.array([answer.label for answer in said]) == labels
        sure = np.array([not answer.unsure for answer in said])
        print(f"{name}: {right.mean():.0%} right, {sure.mean():.0%} sure,", end=" ")
        print(f"of these {right[sure].mean() if sure.any() else 0:.0%} right")


if __name__ == "__main__":
    data = core.load("signs", split=SPLIT)
    distances(data)
    photographs(data)
