"""Networks that others trained: their files are read as published, and anything else is refused."""

import hashlib
import os
import pickle
import sys
from collections import OrderedDict
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
import sklearn
from PIL import Image

from core import labs
from core.errors import DataError, MissingData, UsageError
from core.labs.digits import DRAWING, LAB
from core.networks import bases, blocks, torch_file
from core.networks.bases import BASES
from core.networks.frozen import Frozen, Pretrained, base_of_run
from core.networks.layers import Channel, Conv2D, Dense, Flatten
from core.networks.structure import NetworkSpec, rows
from core.specs import dense_network
from core.store import Store
from core.studies.experiment import Experiment
from core.studies.study import Study, with_bases

PHOTOGRAPHS = Path(sklearn.__file__).parent / "datasets" / "images"
PALACE, DAISY = 698, 985
"""Numbers of classes of ImageNet."""


@pytest.fixture(autouse=True)
def nothing_received(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bases, "_received", {})
    bases.weights.cache_clear()


def photograph(name: str) -> np.ndarray:
    """The middle of a photograph, as Lite0 takes it: (1, 224, 224, 3)."""
    image = Image.open(PHOTOGRAPHS / name)
    left = (image.width - image.height) // 2
    square = image.crop((left, 0, left + image.height, image.height))
    pixels = np.asarray(square.resize((224, 224), Image.Resampling.BICUBIC), np.float32)
    return (pixels[np.newaxis] - BASES["lite0"].zero) / BASES["lite0"].unit


@pytest.mark.parametrize(
    ("name", "label", "probability"),
    [("china.jpg", PALACE, 0.3011), ("flower.jpg", DAISY, 0.2275)],
)
def test_lite0_names_photographs_as_it_was_trained_to(
    name: str, label: int, probability: float
) -> None:
    """The figures are exact: wrong scaling or padding still gives plausible classes."""
    tensors = torch_file.read(bases.content("lite0"))
    pixels = photograph(name).astype(np.float32)
    found = blocks.run(blocks.LITE0, bases.weights("lite0", ""), pixels, blocks.Numpy())
    outputs = (found @ tensors["_fc.weight"].T + tensors["_fc.bias"])[0]
    probabilities = np.exp(outputs - outputs.max()) / np.exp(outputs - outputs.max()).sum()
    assert probabilities.argmax() == label
    assert probabilities[label] == pytest.approx(probability, abs=0.002)


class _Storage:
    def __init__(self, key: str, numbers: np.ndarray) -> None:
        self.key, self.numbers = key, numbers


class _Tensor:
    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (*self.arguments, False, {})


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            kind = sys.modules["torch"].FloatStorage
            return ("storage", kind, obj.key, "cpu", len(obj.numbers), None)
        return None


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that a file of torch refers to."""

    def _rebuild_tensor_v2() -> None: ...

    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})
    torch.FloatStorage, torch._utils = storage, utils  # type: ignore[attr-defined]
    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def torch_content(tensors: Any, *storages: _Storage) -> bytes:
    """What torch's older `save` writes."""
    file = BytesIO()
    keys = [storage.key for storage in storages]
    for value in (torch_file.MAGIC, torch_file.VERSION, {"little_endian": True}, tensors, keys):
        _Pickler(file, protocol=2).dump(value)
    for storage in storages:
        file.write(len(storage.numbers).to_bytes(8, "little") + storage.numbers.tobytes())
    return file.getvalue()


def test_a_tensor_is_any_view_of_its_storage(torch: None) -> None:
    numbers = _Storage("7", np.arange(12, dtype=np.float32))
    tensors = OrderedDict(
        transposed=_Tensor(numbers, 0, (4, 3), (1, 4)), part=_Tensor(numbers, 5, (2,), (3,))
    )
    found = torch_file.read(torch_content(tensors, numbers))
    np.testing.assert_array_equal(found["transposed"], np.arange(12).reshape(3, 4).T)
    np.testing.assert_array_equal(found["part"], [5, 8])


@pytest.mark.parametrize(
    "view", [(0, (13,), (1,)), (0, (4, 4), (4, 1)), (9, (2,), (3,)), (0, (2,), (-1,)), (-1, (), ())]
)
def test_a_tensor_outside_of_its_storage_is_refused(torch: None, view: Any) -> None:
    numbers = _Storage("7", np.arange(12, dtype=np.float32))
    with pytest.raises(ValueError, match="outside of its storage"):
        torch_file.read(torch_content({"x": _Tensor(numbers, *view)}, numbers))


def test_a_file_of_torch_calls_nothing_else() -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("exit 1",)

    with pytest.raises(pickle.UnpicklingError, match=r"system is not allowed"):
        torch_file.read(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a file of torch"):
        torch_file.read(pickle.dumps(5) * 2)


def test_a_changed_file_of_lite0_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(bases.content("lite0"))
    content[-1] ^= 1
    (tmp_path / BASES["lite0"].file).write_bytes(content)
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    with pytest.raises(DataError, match="is not the file of weights of EfficientNet-Lite0"):
        bases.weights("lite0", bases.digest("lite0"))


def save(path: Path, arrays: Any, below: str = "") -> None:
    """A file of weights as Keras 2 wrote it; `below` that of a whole model."""
    with h5py.File(path, "w") as file:
        group = file.create_group(below) if below else file
        group.attrs["layer_names"] = [b"input", b"all"]
        group.create_group("input").attrs["weight_names"] = []
        names = [f"w{number}:0" for number in range(len(arrays))]
        layer = group.create_group("all")
        layer.attrs["weight_names"] = names
        for name, array in zip(names, arrays, strict=True):
            layer[name] = array


TINY = (blocks.Block((blocks.Step(4, 3, activation="relu", normalised=False),), pooled=True),)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """VGG16 with one convolution, and a file of its weights, which nobody published."""
    monkeypatch.setitem(BASES, "vgg16", replace(BASES["vgg16"], architecture=TINY))
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    draw = np.random.default_rng(0)
    arrays = [draw.normal(size=shape).astype(np.float32) for shape in blocks.shapes(TINY)]
    save(tmp_path / BASES["vgg16"].file, arrays)
    return arrays


@pytest.mark.parametrize("below", ["", "model_weights"])
def test_a_file_of_keras_is_read_and_told_from_the_published_one(
    tiny: list[np.ndarray], tmp_path: Path, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / BASES["vgg16"].file
    save(path, tiny, below)
    digest = bases.digest("vgg16")
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    for one, other in zip(bases.weights("vgg16", digest), tiny, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(DataError, match="is not the file of weights of VGG16 that this run names"):
        bases.weights("vgg16", "")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    published = replace(BASES["vgg16"], published=f"md5:{md5}")
    monkeypatch.setitem(BASES, "vgg16", published)
    assert bases.digest("vgg16") == ""
    assert len(bases.weights("vgg16", "")) == 2


def test_a_file_is_hashed_once(
    tiny: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = bases.digest("vgg16")
    read = bases.content
    monkeypatch.setattr(bases, "content", None)
    assert bases.digest("vgg16") == digest
    monkeypatch.setattr(bases, "content", read)
    save(tmp_path / BASES["vgg16"].file, [array + 1 for array in tiny])
    assert bases.digest("vgg16") != digest


def test_what_is_no_file_of_weights_is_one_sentence(
    tiny: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / BASES["vgg16"].file
    whole = path.read_bytes()
    save(path, tiny[::-1])
    with pytest.raises(DataError, match="the weights are those of another network"):
        bases.weights("vgg16", bases.digest("vgg16"))
    for content in (whole[: len(whole) // 2], b"", b"no such file"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is not a whole file of weights of VGG16") as caught:
            bases.weights("vgg16", bases.digest("vgg16"))
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(bases, "MOST_BYTES", 1)
    path.write_bytes(whole)
    with pytest.raises(DataError, match="it is too large"):
        bases.digest("vgg16")


def test_weights_that_cannot_be_had_are_one_sentence(tmp_path: Path) -> None:
    for name in ("vgg16", "mobilenet_v2"):
        assert not bases.present(name)
        with pytest.raises(MissingData, match=f"put {BASES[name].file} into .*data fetch {name}"):
            bases.obtain(name)
        with pytest.raises(DataError, match="could not be downloaded: check the network"):
            bases.fetch(name)
    assert bases.present("lite0")
    with pytest.raises(MissingData, match="which this one continues, is not stored here"):
        bases.content("mnist-0123456789abcdef")
    with pytest.raises(UsageError, match="There is no pre-trained network resnet"):
        bases.base("resnet")


def test_what_a_machine_has_not_it_may_be_sent(tiny: list[np.ndarray], tmp_path: Path) -> None:
    path = tmp_path / BASES["vgg16"].file
    content, digest = path.read_bytes(), bases.digest("vgg16")
    path.unlink()
    with pytest.raises(MissingData):
        bases.weights("vgg16", digest)
    bases.receive("vgg16", content)
    assert len(bases.weights("vgg16", digest)) == 2


def test_a_study_has_the_rows_whose_weights_are_here(
    tiny: list[np.ndarray], tmp_path: Path
) -> None:
    names = ("lite0", "vgg16", "mobilenet_v2")
    networks = {name: NetworkSpec((Pretrained(name, 48), Dense(5))) for name in names}
    rows = [Experiment(name, name, {"network": network}) for name, network in networks.items()]
    plain = Experiment("plain", "plain")
    found, reasons = with_bases(Study("X", "X", LAB.base, (plain, *rows)))
    assert [row.name for row in found.rows] == ["plain", "lite0", "vgg16"]
    assert ["MobileNetV2 are not on this machine" in str(reason) for reason in reasons] == [True]
    assert found.rows[1].spec(LAB.base) == rows[0].spec(LAB.base)
    assert found.rows[2].spec(LAB.base).network.base == labs.base("vgg16", Store(), side=48)
    with pytest.raises(MissingData, match="MobileNetV2 are not"):
        with_bases(Study("X", "X", LAB.base, (rows[2],)))


def test_images_are_enlarged_and_scaled_as_chosen() -> None:
    import tensorflow as tf

    image = np.random.default_rng(0).random((2, 20, 24)).astype(np.float32)
    large = tf.image.resize(image[..., np.newaxis] * 255, (48, 48)).numpy()
    for scaling, wanted in (("255", large / 255), ("225", large / 225)):
        found = Pretrained("vgg16", 48, scaling).prepared(image)
        np.testing.assert_allclose(found, np.repeat(wanted, 3, axis=-1), atol=1e-5)
    own = Pretrained("vgg16", 48).prepared(image)
    np.testing.assert_allclose(own, large - (103.939, 116.779, 123.68), atol=1e-3)


def test_a_run_begins_with_the_convolutions_of_another() -> None:
    drawing = DRAWING.spec(LAB.base)
    part = base_of_run(drawing.network, drawing.key)
    assert isinstance(part, Frozen)
    assert part.layers == drawing.network.layers[: part.layers.index(Flatten()) + 1]
    network = NetworkSpec((part, Dense(5)))
    found = rows(network, (28, 28), 10)
    assert [row.name for row in found[-3:]] == ["flatten", "dense", "dense_1"]
    assert [row.frozen for row in found] == [True] * 8 + [False] * 2
    assert sum(row.untrained for row in found) == 320 + 9248 + 18496 + 36928
    assert base_of_run(network, "another") == part, "also where that one has begun with it"
    assert NetworkSpec.from_list(network.to_list()) == network
    with pytest.raises(UsageError, match="has no convolutions"):
        base_of_run(dense_network((5,)), "mnist-1")
    with pytest.raises(UsageError, match="can only begin with"):
        NetworkSpec((Channel(), Conv2D(4, 3), part))
