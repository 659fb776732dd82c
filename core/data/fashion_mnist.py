"""Fashion-MNIST: pictures of clothes in MNIST's format (Xiao, Rasul, Vollgraf 2017)."""

import gzip
from pathlib import Path

import numpy as np

from core.data.contract import Arrays, Definition, Images
from core.i18n import N_

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
"""In the order of Arrays."""


def read_idx(path: Path) -> Images:
    """The array in a gzipped IDX file of bytes: magic 00 00 08 <dimensions>, sizes, then values."""
    content = gzip.decompress(path.read_bytes())
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an IDX file of bytes")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read(folder: Path) -> Arrays:
    """The four arrays of the four original files."""
    return Arrays(*(read_idx(folder / name) for name in FILES))


DATASET = Definition(
    name="fashion-mnist",
    title="Fashion-MNIST",
    year=2017,
    shape=(28, 28),
    ink="light",
    class_names=(
        N_("T-shirt/top"),
        N_("Trouser"),
        N_("Pullover"),
        N_("Dress"),
        N_("Coat"),
        N_("Sandal"),
        N_("Shirt"),
        N_("Sneaker"),
        N_("Bag"),
        N_("Ankle boot"),
    ),
    one=N_("a piece of clothing"),
    many=N_("clothes"),
    licence="MIT, Zalando SE",
    read=read,
    files=FILES,
    folder="fashion-mnist",
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    sha256=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    digest="eee656c63c1c7a3b7c885d28c97fd74dc039264ce75eae7cb8d991df379ef736",
    images=60_000,
    system_folders=(Path("/usr/share/datasets/fashion-mnist"),),
)
