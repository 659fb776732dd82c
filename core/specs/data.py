"""Which images a run uses."""

from dataclasses import dataclass
from typing import Self

from core.data.contract import Dataset, Definition
from core.fields import Limit, check, check_number
from core.i18n import N_

IMAGES = Limit(1, 1_000_000)
NUMBERS = Limit(0, IMAGES.high - 1)


@dataclass(frozen=True)
class DataSpec:
    """Which images: the name of the data set and the sha256 of its arrays (see Dataset.digest)."""

    name: str
    digest: str = ""
    """Empty in what a lab asks for, before it is said on which images."""
    images: int | None = None
    """Train on the first so many training images only; None: on all of them."""
    draw: int | None = None
    """The first in an order drawn with this seed, in which the classes take turns; None: in that of
    the data set."""
    unique: bool = False
    """Train on no image that equals another one: see Dataset.duplicates. Test images all stay."""

    without: tuple[int, ...] = ()
    """Numbers of training images that are left out, counted from 0, in their order."""
    split: int | None = None
    """Test on a part of the training images, drawn with this seed, and train on the others; None:
    test on the test images that the data set brings. See core.data.divided."""

    def __post_init__(self) -> None:
        if self.split is not None:
            check("seed", self.split)
        if self.draw is not None:
            check("seed", self.draw)
        if self.images is not None:
            images = check_number(N_("number of images"), self.images, IMAGES, whole=True)
            object.__setattr__(self, "images", images)
        numbers = [check_number(N_("image"), one, NUMBERS, whole=True) for one in self.without]
        object.__setattr__(self, "without", tuple(sorted(set(numbers))))

    @classmethod
    def of(cls, data: Dataset | Definition) -> Self:
        """All images of a data set, as it is divided; of a definition those of the full set."""
        split = data.split if isinstance(data, Dataset) else None
        return cls(data.name, data.digest, split=split)
