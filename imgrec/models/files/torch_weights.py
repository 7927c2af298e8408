"""Tensors in a `.pth` file that PyTorch wrote before version 1.6, read without PyTorch.

Such a file is four pickles (a magic number, the version, sizes of types, the tensors), a pickle of
the keys of the storages, and their content in this order. Nothing that a pickle names is imported.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.unpickle import StandIn, check_operations
from imgrec.errors import DataError
from imgrec.models.refused_files import RefusedFile, refusal
from imgrec.text import printable

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001

_LENGTH = struct.Struct("<q")


def read_torch_weights(content: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a network's state by their names.

    Args:
        content: That of the file.
        path: Of the file, for messages.

    Raises:
        RunError: It holds anything but tensors by name, is damaged, or has the form that newer
            versions of PyTorch write.
    """
    try:
        return _read(content)
    except (RefusedFile, DataError) as error:
        raise refusal(path, str(error)) from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise refusal(path, f"it is damaged: {printable(str(error)[:200])}") from error


def _read(content: bytes) -> dict[str, NDArray[Any]]:
    file = io.BytesIO(content)
    if (_load(file), _load(file)) != (_MAGIC, _VERSION):
        raise RefusedFile("it is not a file of tensors as PyTorch wrote it before version 1.6")
    _load(file)  # the sizes of types
    tensors, keys = _checked(_load(file), len(content)), _load(file)
    storages = _storages(tensors, keys, content, file.tell())
    return {name: _array(each, storages[each.storage.key]) for name, each in tensors.items()}


class _State(dict[str, Any]):
    """Stands for the `OrderedDict` of tensors, whose attributes are not kept."""

    def __setstate__(self, state: Any) -> None:
        """Ignore what describes the modules of the network."""


@dataclass(frozen=True)
class _Storage:
    """Numbers that are elsewhere in the file."""

    key: str
    dtype: str
    length: int


@dataclass(frozen=True)
class _Tensor:
    """Numbers in a storage, by their place and the distances between them."""

    storage: Any
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.storage, _Storage) or len(self.shape) != len(self.strides):
            raise RefusedFile("it has a tensor without a storage or a shape")
        places = (self.offset, *self.strides)
        if not (_are_counts(places, least=0) and _are_counts(self.shape, least=1)):
            raise RefusedFile("it has a tensor with a wrong shape")
        steps = zip(self.shape, self.strides, strict=True)
        if self.offset + sum((size - 1) * stride for size, stride in steps) >= self.storage.length:
            raise RefusedFile("it has a tensor that lies outside its storage")


def _are_counts(numbers: Sequence[Any], least: int) -> bool:
    return all(type(each) is int and each >= least for each in numbers)


class _StorageKind(StandIn):
    """Stands for a class of storages."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Rebuild(StandIn):
    """Stands for `_rebuild_tensor_v2`."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


_NAMES = {
    ("collections", "OrderedDict"): _State,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(),
    ("torch", "FloatStorage"): _StorageKind("<f4"),
    ("torch", "LongStorage"): _StorageKind("<i8"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name; the only way from a pickle to anything callable."""
        if (found := _NAMES.get((module, name))) is not None:
            return found
        raise RefusedFile(f"it names {printable(module)}.{printable(name)}, which is not a tensor")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that is meant."""
        _, kind, key, _, length, _ = pid
        if not isinstance(kind, _StorageKind) or type(length) is not int or length < 0:
            raise RefusedFile("it has a storage without a type or a length")
        return _Storage(str(key), kind.dtype, length)


def _load(file: io.BytesIO) -> Any:
    start = file.tell()
    check_operations(file)
    file.seek(start)
    return _Unpickler(file).load()


def _checked(tensors: Any, most: int) -> dict[str, _Tensor]:
    """Return tensors by name that together have at most `most` numbers."""
    if not isinstance(tensors, _State) or not all(isinstance(name, str) for name in tensors):
        raise RefusedFile("it does not hold tensors by name")
    if not all(isinstance(each, _Tensor) for each in tensors.values()):
        raise RefusedFile("it holds something else than tensors")
    if sum(math.prod(each.shape) for each in tensors.values()) > most:
        raise RefusedFile("its tensors have more numbers than the file has bytes")
    return tensors


def _storages(
    tensors: Mapping[str, _Tensor], keys: Any, content: bytes, start: int
) -> dict[str, NDArray[Any]]:
    """Return the content of each storage, which lie one after the other from `start` on."""
    known = {each.storage.key: each.storage for each in tensors.values()}
    found = {}
    for key in keys:
        storage = known[key]
        (length,) = _LENGTH.unpack_from(content, start)
        if length != storage.length:
            raise RefusedFile("a storage has another length than its tensors say")
        found[key] = np.frombuffer(content, storage.dtype, length, start + _LENGTH.size)
        start += _LENGTH.size + found[key].nbytes
    return found


def _array(tensor: _Tensor, storage: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of a tensor, which `_Tensor` has checked to lie within its storage."""
    strides = [stride * storage.itemsize for stride in tensor.strides]
    start = storage[tensor.offset :]
    return np.array(np.lib.stride_tricks.as_strided(start, tensor.shape, strides, writeable=False))
