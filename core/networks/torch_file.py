"""Weights in the older format of torch's `save`, read with numpy.

The file is five pickles (a magic number, the version of the format, what the machine was like, the
tensors by their names, the keys of their storages) and then the numbers of each storage. A pickle
can name any function to be called: here it gets those that tensors need, and no other.
"""

import io
import math
import pickle
from collections import OrderedDict
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage(NamedTuple):
    """Numbers that stand at the end of the file."""

    dtype: np.dtype[Any]
    key: str


class _Tensor(NamedTuple):
    """Which numbers of a storage a tensor consists of, in torch's words."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A copy of them. Raises ValueError if the storage has fewer."""
        steps = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        end = self.offset + sum(steps) + 1 if math.prod(self.shape) else self.offset
        if min(self.offset, *steps, 0) < 0 or end > len(numbers):
            raise ValueError("a tensor lies outside of its storage")
        strides = [step * self.storage.dtype.itemsize for step in self.strides]
        view = np.ndarray(self.shape, numbers.dtype, numbers[self.offset :].data, strides=strides)
        return view.copy()


def _tensor(storage: _Storage, offset: int, shape: Any, strides: Any, *_: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        match module, name:
            case "collections", "OrderedDict":
                return OrderedDict
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "torch", _ if name in DTYPES:
                return DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, pid: Any) -> _Storage:
        _kind, dtype, key, *_where_and_how_many = pid
        return _Storage(dtype, key)


def read(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a file by their names.

    Raises ValueError, or what unpickling raises, for what is not such a file.
    """
    file = io.BytesIO(content)
    if (_next(file), _next(file)) != (MAGIC, VERSION):
        raise ValueError("not a file of torch, or of another version")
    _machine, tensors, keys = _next(file), _next(file), _next(file)
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        numbers = file.read(count * dtypes[key].itemsize)
        storages[key] = np.frombuffer(numbers, dtypes[key], count)
    return {name: tensor.array(storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _next(file: BinaryIO) -> Any:
    return _Unpickler(file).load()
