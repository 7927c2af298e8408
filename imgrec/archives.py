"""ZIP archives of strangers."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

MAX_DIRECTORY_BYTES = 1 << 20
"""Of the list of an archive's members: some 10,000. `zipfile` takes ten times as much memory."""


def check_directory(file: BinaryIO) -> None:
    """Refuse an archive with a long list of members, of which `zipfile` would read all.

    Raises:
        zipfile.BadZipFile: It is too long, or `file` is not an archive.

    Example:
        >>> import io
        >>> check_directory(io.BytesIO(b"PK"))
        Traceback (most recent call last):
        zipfile.BadZipFile: File is not a zip file
    """
    zipfile.ZipFile(_Bounded(file)).close()
    file.seek(0)


class _Bounded:
    """The methods of a file that `zipfile` uses; the list of members is one read."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("it has too many members")
        return self._file.read(size)
