"""The lock of a folder of classifiers: one process at a time changes what is in it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from msgspec import Struct

from imgrec.classifiers.errors import ClassifierInUse
from imgrec.errors import RunError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, write_bytes_atomically, writing
from imgrec.json_documents import from_builtins, json_line, parse_json
from imgrec.text import printable

LOCK = ".classifiers.lock"
_HOLDER = ".classifiers.holder"


class _Holder(Struct, frozen=True):
    """The process that holds the lock; address: of a service, else empty."""

    process: int
    address: str


class FolderLock:
    """Holds a folder of classifiers until it is released; in one process, several may.

    The system releases it when the process ends, however it ends.

    Args:
        folder: The folder that contains the folders of classifiers.
        address: Where a service answers, so that others can name it; empty for other processes.

    Raises:
        ClassifierInUse: Another process holds it.
        RunError: The folder can't be written.
    """

    def __init__(self, folder: Path, address: str = "") -> None:
        from filelock import FileLock, Timeout

        folder = folder.resolve()
        self._lock: Any = FileLock(folder / LOCK, is_singleton=True, thread_local=False)
        with writing(folder):
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise _in_use(folder) from None
        if self._lock.lock_counter == 1 or address:
            holder = json_line(_Holder(os.getpid(), address)).encode()
            with contextlib.suppress(RunError):  # on a full disk, photos can still be deleted
                write_bytes_atomically(folder / _HOLDER, holder)

    def release(self) -> None:
        """Give the folder back; a second call does nothing."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


def _in_use(folder: Path) -> ClassifierInUse:
    shown, holder = printable(str(folder)), _holder(folder)
    if holder is None:
        return ClassifierInUse(
            f"another process uses the classifiers in {shown}", hint="wait for it"
        )
    if holder.address:
        return ClassifierInUse(
            f"the service at {printable(holder.address)} holds the classifiers in {shown}",
            hint="teach it there, or stop it",
            address=holder.address,
        )
    return ClassifierInUse(
        f"process {holder.process} uses the classifiers in {shown}", hint="wait for it"
    )


def _holder(folder: Path) -> _Holder | None:
    try:
        content = read_regular(folder / _HOLDER, MAX_DOCUMENT_BYTES, follow_links=False)
        return from_builtins(_Holder, parse_json(content))
    except (OSError, ValueError):
        return None
