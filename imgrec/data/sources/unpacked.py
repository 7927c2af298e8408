"""The bounds of what a compressed file may become in memory."""

from __future__ import annotations

from pathlib import Path

from imgrec.data.memory import check_free_memory
from imgrec.errors import DataError
from imgrec.text import printable

# How many times as large as the file. Drawings on plain ground become about 100 times as large.
_MAX_EXPANSION = 200
_ALWAYS = 64 << 20


def check_unpacked(file: Path, packed: int, unpacked: int, hint: str) -> None:
    """Raise DataError if a file claims to hold far more bytes than it has, or than fit in memory.

    Args:
        file: The file.
        packed: Its size, in bytes.
        unpacked: What its header says that it becomes, in bytes; 64 MiB always may.
        hint: How the data is stored without compression.
    """
    if unpacked > max(_ALWAYS, _MAX_EXPANSION * packed):
        raise DataError(
            f"{printable(str(file))} would expand from {packed:,} to {unpacked:,} bytes; at most "
            f"{_MAX_EXPANSION} times the size of the file are allowed",
            hint=hint,
        )
    check_free_memory(unpacked, printable(str(file)))
