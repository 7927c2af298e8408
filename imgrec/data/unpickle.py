"""Pickles of plain values and arrays, read without running anything that they say.

It is imported by a child process for each pickle: nothing here takes long to import.
"""

from __future__ import annotations

import pickle
import pickletools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from imgrec.data.storage import cannot_read, open_file
from imgrec.errors import DataError
from imgrec.text import printable

_MAX_VALUES = 100_000_000

# Each makes a value of 200 bytes at most, so that small ones take 4 GB at most.
_MAX_OPERATIONS = 20_000_000

# What calls make of bytes is copied once, however old the pickle's protocol.
_MAX_GROWTH = 4

_DTYPE = re.compile(r"[<>|=]?(?:[uif][1248]|b1|[SU]\d{1,6})")


_SAVEZ = "save the arrays with numpy.savez instead"
_NAMES = {2: ("X", "Y"), 4: ("X", "Y", "X_test", "Y_test")}


def pickled_arrays(file: str) -> dict[str, NDArray[Any]]:
    """Return the arrays in a pickle of `X, Y`, of `X, Y, X_test, Y_test`, or of a dict.

    Raises DataError for anything else.
    """
    try:
        return _arrays(load_pickle(Path(file)), file)
    except MemoryError as error:
        raise DataError(
            f"{printable(file)} is refused: it needs far more memory than its size says",
            hint=_SAVEZ,
        ) from error


def _arrays(content: Any, file: str) -> dict[str, NDArray[Any]]:
    if isinstance(content, (list, tuple)) and len(content) in _NAMES:
        content = dict(zip(_NAMES[len(content)], content, strict=True))
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        count = f" of {len(content)}" if isinstance(content, (list, tuple)) else ""
        raise DataError(
            f"{printable(file)} holds a {type(content).__name__}{count}",
            hint="it should hold X, Y or X, Y, X_test, Y_test, or a dict with such keys",
        )
    return {key: _as_array(value, f"{file}, {key}") for key, value in content.items()}


def _as_array(value: Any, where: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{printable(where)}: a list whose parts differ in size", hint="it should be an array"
        ) from error


def load_pickle(file: Path) -> Any:
    """Return what the pickle in `file` holds: lists, tuples, dicts, numbers, texts, arrays.

    Raises DataError if it names anything else, which is then neither imported nor called, and if
    it is damaged.
    """
    try:
        with open_file(file) as stream:
            check_operations(stream)
            size = stream.tell()
            stream.seek(0)
            return _InNumpy()(_Unpickler(stream, _Budget(_MAX_GROWTH * size)).load())[0]
    except DataError:
        raise
    except OSError as error:
        raise cannot_read(file, error) from error
    except MemoryError:  # it is the limit of the child
        raise
    except RecursionError as error:
        raise DataError(f"{printable(str(file))} is refused: it is nested too deeply") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        reason = printable(str(error)) or type(error).__name__
        raise DataError(
            f"{printable(str(file))} is not a pickle that can be read: {reason}"
        ) from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, budget: _Budget) -> None:
        # Python 2 wrote bytes and texts alike; latin1 keeps every byte.
        super().__init__(stream, encoding="latin1")
        self._names = _stand_ins(budget)

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of a name; the only way from a pickle to anything callable."""
        if (found := self._names.get((module, name))) is not None:
            return found
        raise DataError(
            f"the pickle asks for {printable(module)}.{printable(name)}, which is refused",
            hint="only arrays, lists, dicts, numbers and texts are read from a pickle, as it "
            "could run anything; save the arrays with numpy.savez instead",
        )

    def persistent_load(self, pid: Any) -> Any:
        """Refuse references to what is outside the pickle."""
        raise DataError("the pickle refers to objects outside itself, which is refused")


class _Budget:
    """How many bytes the calls of a pickle may make.

    One that has the same text encoded a thousand times would fill the memory from a short file.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        """Raise DataError if `size` bytes more are too many."""
        self._left -= size
        if self._left < 0:
            raise DataError("the pickle makes far more of its bytes than it has, which is refused")


class StandIn:
    """Something a pickle may name; it can't be changed by what the pickle says."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise DataError("the pickle would change a function, which is refused")


class _Marker(StandIn):
    """Stands for `numpy.ndarray` as an argument."""

    __slots__ = ()


class _Reconstruct(StandIn):
    """Stands for NumPy's `_reconstruct`: an array still empty."""

    __slots__ = ()

    def __call__(self, kind: Any, *_: Any) -> _Array:
        if not isinstance(kind, _Marker):
            raise DataError("the pickle holds another kind of array, which is refused")
        return _Array()


class _FromBuffer(StandIn):
    """Stands for NumPy's `_frombuffer`, by which newer pickles hold arrays."""

    __slots__ = ()

    def __call__(
        self, content: Any, dtype: Any, shape: Any, order: Any, axes: Any = None
    ) -> _Array:
        array = _Array()
        if order == "K" and axes is not None:  # a transposed array
            array.array = _built(dtype, shape, content).transpose(axes)
        else:
            array.__setstate__((1, shape, dtype, order == "F", content))
        return array


class _Scalar(StandIn):
    """Stands for NumPy's `scalar`: a number becomes one of Python's."""

    __slots__ = ("_budget",)

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def __call__(self, dtype: Any, content: Any) -> Any:
        if isinstance(content, (str, bytes, bytearray)):
            self._budget.spend(len(content))
        return _built(dtype, (), content).item()


class _DtypeMaker(StandIn):
    """Stands for `numpy.dtype`."""

    __slots__ = ()

    def __call__(self, code: Any, *_: Any) -> _Dtype:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise DataError(
                f"the pickle holds an array of type {printable(str(code)[:40])}, which is refused",
                hint="arrays of numbers and of texts are read",
            )
        return _Dtype(code)


class _Encode(StandIn):
    """Stands for `_codecs.encode`, by which Python 3 writes bytes for Python 2."""

    __slots__ = ("_budget",)

    def __init__(self, budget: _Budget) -> None:
        self._budget = budget

    def __call__(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding not in {"latin1", "latin-1"}:
            raise DataError("the pickle asks for another encoding than latin1, which is refused")
        self._budget.spend(len(text))
        return text.encode("latin-1")


class _Dtype:
    """A type of numbers or texts; its byte order comes as a state."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in {"<", ">", "|", "="}:
            self.text = state[1] + self.text.lstrip("<>|=")


class _Array:
    """An array that is on its way."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        order: Any = "F" if fortran else "C"
        self.array = _built(dtype, shape, content, order)


def _built(dtype: Any, shape: Any, content: Any, order: Any = "C") -> NDArray[Any]:
    if not isinstance(dtype, _Dtype):
        raise DataError("the pickle holds an array without a type, which is refused")
    if isinstance(content, str):
        content = content.encode("latin-1")
    if not isinstance(content, (bytes, bytearray)):
        raise DataError("the pickle holds an array of objects, which is refused")
    return np.frombuffer(content, np.dtype(dtype.text)).reshape(shape, order=order)


def _stand_ins(budget: _Budget) -> dict[tuple[str, str], StandIn]:
    """Return the stand-in of every name that a pickle of arrays needs, new for each pickle."""
    names: dict[tuple[str, str], StandIn] = {
        ("numpy", "ndarray"): _Marker(),
        ("numpy", "dtype"): _DtypeMaker(),
        ("_codecs", "encode"): _Encode(budget),
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _Reconstruct()
        names[f"{core}.multiarray", "scalar"] = _Scalar(budget)
        names[f"{core}.numeric", "_frombuffer"] = _FromBuffer()
    return names


def check_operations(stream: BinaryIO) -> None:
    """Raise DataError for more values than memory should hold, whether there or only claimed.

    Python's unpickler would make room for all places to remember a value by, up to the highest.
    """
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if "PUT" in opcode.name and isinstance(argument, int) and argument > count:
            raise DataError("the pickle asks for more memory than it fills, which is refused")
        if count > _MAX_OPERATIONS:
            raise DataError(
                f"the pickle holds more than {_MAX_OPERATIONS} values",
                hint="save arrays rather than lists",
            )


class _InNumpy:
    """Puts arrays in place of stand-ins, and counts values as often as they stand somewhere.

    A list may stand in another one many times, and so on: a short pickle would stand for more
    values than there is memory.
    """

    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, int]] = {}

    def __call__(self, value: Any) -> tuple[Any, int]:
        """Return `value` with arrays, and the number of values in it."""
        if not isinstance(value, (list, tuple, dict)):
            return _array_or_plain(value), 1
        if id(value) not in self._done:
            self._done[id(value)] = self._converted(value)
        return self._done[id(value)]

    def _converted(self, value: list[Any] | tuple[Any, ...] | dict[Any, Any]) -> tuple[Any, int]:
        if isinstance(value, dict):
            keys, values = self._all(value), self._all(value.values())
            return dict(zip(keys[0], values[0], strict=True)), keys[1] + values[1]
        inner, count = self._all(value)
        return (tuple(inner) if isinstance(value, tuple) else inner), count

    def _all(self, values: Iterable[Any]) -> tuple[list[Any], int]:
        found = [self(value) for value in values]
        count = 1 + sum(each[1] for each in found)
        if count > _MAX_VALUES:
            raise DataError(
                f"the pickle holds lists of more than {_MAX_VALUES} values",
                hint="save arrays rather than lists",
            )
        return [each[0] for each in found], count


def _array_or_plain(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.array is None:
            raise DataError("the pickle holds an array without content")
        return value.array
    if isinstance(value, (StandIn, _Dtype)):
        raise DataError("the pickle holds a type or a function, which is refused")
    return value
