"""A reader of flatbuffers from untrusted sources: every offset is checked before it is followed.

The tables of the `flatbuffers` package follow any offset, and an offset that lies outside the file
can give numbers from somewhere else.
"""

from __future__ import annotations

import struct
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.models.refused_files import RefusedFile

# Tables and numbers that are read. A file may use the same part again and again, so that its size
# does not limit them. NASNet Mobile has 14,000.
_MAX_PARTS = 500_000

_OFFSET = struct.Struct("<I")
_VTABLE_SIZES = struct.Struct("<HH")
_SCALARS = {kind: struct.Struct(f"<{kind}") for kind in "bBiIQ"}


class Flatbuffer:
    """The content of a file, and the parts of it that have been read."""

    def __init__(self, content: bytes | mmap) -> None:
        self.content = content
        self._vtables: dict[int, tuple[int, ...]] = {}
        self._parts: list[tuple[int, int, bool]] = []
        self._count = 0

    def root(self) -> Table:
        """Return the table in which the file begins."""
        return self.table_at(self.scalar("I", 0))

    def table_at(self, start: int) -> Table:
        """Return the table that starts at a position."""
        self._count_parts(1)
        place = start - self.scalar("i", start)
        if (vtable := self._vtables.get(place)) is None:
            vtable = self._vtables[place] = self._vtable(place)
        self.add_part(start, vtable[0])
        return Table(self, start, vtable)

    def scalar(self, kind: str, start: int) -> int:
        """Return the integer at a position; its kind is a format character of `struct`."""
        form = _SCALARS[kind]
        self._check_range(start, form.size)
        return int(form.unpack_from(self.content, start)[0])

    def scalars(self, kind: str, start: int, length: int) -> tuple[int, ...]:
        """Return integers that follow each other, in a part that was added."""
        self._count_parts(length)
        return struct.unpack_from(f"<{length}{kind}", self.content, start)

    def array(self, dtype: str, start: int, length: int) -> NDArray[Any]:
        """Return numbers that follow each other, in a part that was added."""
        self._count_parts(length // 64)  # arrays are that much faster
        return np.frombuffer(self.content, dtype, length, start)

    def text(self, start: int, length: int) -> str:
        """Return the text in a part that was added."""
        try:
            return self.content[start : start + length].decode()
        except UnicodeDecodeError as error:
            raise RefusedFile("it has a name that is not UTF-8") from error

    def add_part(self, start: int, length: int, *, is_data: bool = False) -> None:
        """Note a part for `check_overlaps`: of the structure, or of the data that it describes.

        Raises:
            RefusedFile: It does not lie within the file.
        """
        self._check_range(start, length)
        if length:
            self._parts.append((start, start + length, is_data))

    def check_overlaps(self) -> None:
        """Raise RefusedFile if data that were noted lie in a part of the structure."""
        reached = [0, 0]
        for start, end, is_data in sorted(self._parts):
            if start < reached[not is_data]:
                raise RefusedFile("its data overlap its tables")
            reached[is_data] = max(reached[is_data], end)

    def _vtable(self, place: int) -> tuple[int, ...]:
        """Return the size of a table, and the places of its fields in it."""
        self._check_range(place, 4)
        size, table_size = _VTABLE_SIZES.unpack_from(self.content, place)
        if size < 4 or size % 2:
            raise RefusedFile("it is damaged: a table has no fields")
        self.add_part(place, size)
        return (table_size, *struct.unpack_from(f"<{size // 2 - 2}H", self.content, place + 4))

    def _check_range(self, start: int, length: int) -> None:
        if start < 0 or start + length > len(self.content):
            raise RefusedFile("it is damaged: a part lies outside the file")

    def _count_parts(self, number: int) -> None:
        self._count += number
        if self._count > _MAX_PARTS:
            raise RefusedFile(f"it has more than {_MAX_PARTS} tables and numbers beside its data")


class Table:
    """A table in a flatbuffer; its fields are numbered from 0, in the order of the schema."""

    __slots__ = ("_file", "_start", "_vtable")

    def __init__(self, file: Flatbuffer, start: int, vtable: tuple[int, ...]) -> None:
        self._file = file
        self._start = start
        self._vtable = vtable

    def scalar(self, field: int, kind: str) -> int:
        """Return an integer; 0, the default, if it is not in the file."""
        form = _SCALARS[kind]
        place = self.place(field, form.size)
        return int(form.unpack_from(self._file.content, place)[0]) if place else 0

    def table(self, field: int) -> Table | None:
        """Return a table; None if it is not in the file."""
        place = self._target(field)
        return self._file.table_at(place) if place else None

    def tables(self, field: int) -> list[Table]:
        """Return a vector of tables; empty if it is not in the file."""
        file = self._file
        start, length = self._vector(field, 4)
        offsets = file.scalars("I", start, length)
        return [file.table_at(start + 4 * at + each) for at, each in enumerate(offsets)]

    def scalars(self, field: int, kind: str) -> tuple[int, ...]:
        """Return a vector of integers; empty if it is not in the file."""
        start, length = self._vector(field, _SCALARS[kind].size)
        return self._file.scalars(kind, start, length)

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """Return a vector as an array; empty if it is not in the file."""
        start, length = self._vector(field, np.dtype(dtype).itemsize)
        return self._file.array(dtype, start, length)

    def data(self, field: int) -> tuple[int, int]:
        """Return the position and the length of a vector of bytes, which are not read."""
        return self._vector(field, 1, is_data=True)

    def text(self, field: int) -> str | None:
        """Return a string; None if it is not in the file."""
        if not self._target(field):
            return None
        return self._file.text(*self._vector(field, 1))

    def _vector(self, field: int, item_size: int, *, is_data: bool = False) -> tuple[int, int]:
        """Return the position of the first item of a vector, and their number."""
        if not (place := self._target(field)):
            return 0, 0
        length = self._file.scalar("I", place)
        self._file.add_part(place + 4, length * item_size, is_data=is_data)
        return place + 4, length

    def _target(self, field: int) -> int:
        """Return where the offset in a field leads; 0 if it is not in the file."""
        place = self.place(field, 4)
        return place + _OFFSET.unpack_from(self._file.content, place)[0] if place else 0

    def place(self, field: int, size: int) -> int:
        """Return the position of a field of `size` bytes; 0 if it is not in the file."""
        vtable = self._vtable
        if field + 1 >= len(vtable) or not (offset := vtable[field + 1]):
            return 0
        if offset + size > vtable[0]:
            raise RefusedFile("it is damaged: a field lies outside its table")
        return self._start + offset
