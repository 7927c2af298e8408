"""Tensors that PyTorch wrote are read without it, and nothing else is."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.models.files import read_torch_weights

PATH = Path("network.pth")
NUMBERS = np.arange(12, dtype=np.float32)
HEAD = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)


def named(module: str, name: str) -> bytes:
    """Return the part of a pickle that names something."""
    return f"c{module}\n{name}\n".encode()


def part(value: object) -> bytes:
    """Return the part of a pickle that makes a value."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    length: int = NUMBERS.size,
    rebuild: bytes = named("torch._utils", "_rebuild_tensor_v2"),
) -> bytes:
    """Return the part of a pickle that makes a tensor of the storage `0`."""
    storage = part("storage") + named("torch", "FloatStorage")
    storage += part("0") + part("cpu") + part(length) + b"N"
    return b"%s((%stQ%s%s%s\x89Nt%s" % (
        rebuild, storage, part(offset), part(shape), part(strides), b"R"
    )  # fmt: skip


def state(tensors: Mapping[Any, bytes]) -> bytes:
    """Return a pickle of tensors by name, with an attribute as PyTorch writes it."""
    items = b"".join(part(name) + made for name, made in tensors.items())
    made = named("collections", "OrderedDict") + b")R(" + items + b"u"
    return b"\x80\x02" + made + part({"_metadata": {}}) + b"b."


def content(pickled: bytes, numbers: NDArray[np.float32] = NUMBERS) -> bytes:
    """Return a whole file with one storage."""
    length = numbers.size.to_bytes(8, "little")
    return HEAD + pickled + pickle.dumps(["0"], 2) + length + numbers.tobytes()


def test_tensors_are_views_of_a_storage() -> None:
    """Shape, strides and offset say which numbers of the storage a tensor has."""
    parts = {"whole": tensor((3, 4), (4, 1)), "turned": tensor((4, 2), (1, 4), offset=4)}
    found = read_torch_weights(content(state(parts)), PATH)
    assert list(found) == ["whole", "turned"]
    np.testing.assert_array_equal(found["whole"], NUMBERS.reshape(3, 4))
    np.testing.assert_array_equal(found["turned"], NUMBERS.reshape(3, 4)[1:].T)


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x02" + named("os", "system") + b"(X\x02\x00\x00\x00lstR.", "it names os.system"),
        (state({"a": tensor((2,), (1,), rebuild=named("torch", "load"))}), "it names torch.load"),
        (state({"a": tensor((3, 5), (4, 1))}), "lies outside its storage"),
        (state({"a": tensor((2,), (1,), offset=-1)}), "wrong shape"),
        (state({"a": tensor((10**9, 10**9), (0, 0))}), "more numbers than the file has bytes"),
        (state({"a": tensor((2,), (1,), length=13)}), "another length than its tensors say"),
        (state({"a": part(3)}), "something else than tensors"),
        (state({3: tensor((2,), (1,))}), "does not hold tensors by name"),
        (pickle.dumps([1], 2), "does not hold tensors by name"),
        (b"\x80\x02]r\xff\xff\xff\x7f.", "more memory than it fills"),
        (named("torch._utils", "_rebuild_tensor_v2") + b"}b.", "would change a function"),
        (named("collections", "OrderedDict") + b"}b.", "it is damaged"),
    ],
)
def test_anything_else_is_refused(pickled: bytes, reason: str) -> None:
    """Names, shapes and sizes that are not those of tensors in the file end the reading."""
    with pytest.raises(RunError, match=f"network.pth is refused: .*{reason}"):
        read_torch_weights(content(pickled), PATH)


def test_a_file_that_ends_early_is_refused() -> None:
    """Its storage has fewer numbers than the pickle says."""
    whole = content(state({"a": tensor((12,), (1,))}))
    with pytest.raises(RunError, match="it is damaged"):
        read_torch_weights(whole[:-1], PATH)


def test_the_newer_form_is_named() -> None:
    """PyTorch writes archives since version 1.6."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", b"")
    for other in (archive.getvalue(), pickle.dumps(1, 2) * 2):
        with pytest.raises(RunError, match="is refused"):
            read_torch_weights(other, PATH)
