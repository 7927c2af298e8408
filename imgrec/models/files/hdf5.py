"""Safety checks of HDF5 files, in which Keras keeps weights."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from imgrec.child_process import ChildFailure, ChildProcess, Limits
from imgrec.files import open_regular
from imgrec.models.refused_files import RefusedFile, refusal, refusing

WEIGHTS = "model.weights.h5"
"""The member of a `.keras` file that contains its weights."""

MAX_WEIGHTS_EXPANSION = 20
"""Weights hardly compress; a data set without content is filled with zeros, at any size."""

ALWAYS_ALLOWED_BYTES = 1 << 20
"""So many bytes are allowed to every file."""

_MAX_DEPTH = 64
_MAX_OBJECTS = 100_000
_NUMBERS = "fiub"
_GIB = 1 << 30


def count_numbers(path: Path) -> int:
    """Return how many numbers the weights in a `.keras` or HDF5 file have.

    HDF5 trusts sizes in the file, and allocates what they claim: a child process reads it.

    The child reads a file again only after it has changed.

    Raises:
        RunError: It does not only contain groups and its own numbers, or the child took too much.
    """
    found = path.stat()
    return _count(path, (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns))


@lru_cache
def _count(path: Path, _version: tuple[int, ...]) -> int:
    limits = Limits(_GIB + MAX_WEIGHTS_EXPANSION * path.stat().st_size, 300, 600)
    try:
        with ChildProcess(numbers_in, [str(path)], limits) as child:
            return int(child.result()["numbers"])
    except ChildFailure as failure:
        raise refusal(path, f"HDF5 {failure} when it read the file") from failure


def numbers_in(path: str) -> dict[str, Any]:
    """Return what `count_numbers` does; called in its child process."""
    with refusing(Path(path), WEIGHTS), open_weights(Path(path)) as file:
        return {"numbers": check_hdf5(file)}


@contextlib.contextmanager
def open_weights(path: Path) -> Iterator[BinaryIO]:
    """Open an HDF5 file, or the one in a `.keras` file."""
    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            yield io.BytesIO(archive.read(WEIGHTS))
    else:
        with open_regular(path) as file:
            yield file


def check_hdf5(file: BinaryIO) -> int:
    """Return how many numbers an HDF5 file has.

    Raises RefusedFile unless it only contains groups and its own numbers.

    HDF5 allows links to other files, data sets whose content is in other files (external and
    virtual ones), and sizes beyond the stored content. No link is followed.
    """
    import h5py

    try:
        size = file.seek(0, io.SEEK_END)
        with h5py.File(file, "r") as root:
            return _check_expansion(_data_sets(root), size)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:  # of damaged files
        raise RefusedFile("its weights are not an HDF5 file, or a damaged one") from error


def _data_sets(root: Any) -> Iterator[Any]:
    import h5py

    found, waiting = 0, [(root, 0)]
    while waiting:
        group, depth = waiting.pop()
        # Keras reads them as well: they may claim to be texts of gigabytes.
        dict(group.attrs)
        for name in group:
            found += 1
            if found > _MAX_OBJECTS or depth > _MAX_DEPTH:
                raise RefusedFile("its weights are nested too deeply")
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise RefusedFile(f"its weights link to another file: {_place(group, name)!a}")
            member = group[name]
            if isinstance(member, h5py.Group):
                waiting.append((member, depth + 1))
            else:
                _check_numbers(member)
                yield member


def _check_expansion(data_sets: Iterable[Any], file_size: int) -> int:
    """Return how many numbers data sets have; refuse those that claim far more than is stored.

    A data set that is linked more than once is read more than once, and stored once.
    """
    count = claimed = stored = 0
    for each in data_sets:
        count += each.size
        claimed += each.size * each.dtype.itemsize
        stored += each.id.get_storage_size()
    stored = min(stored, file_size)
    if claimed > ALWAYS_ALLOWED_BYTES and claimed > MAX_WEIGHTS_EXPANSION * stored:
        raise RefusedFile(f"its weights claim {claimed} bytes where the file has {stored}")
    return count


def _check_numbers(member: Any) -> None:
    import h5py

    place = ascii(member.name)
    if not isinstance(member, h5py.Dataset):
        raise RefusedFile(f"its weights contain a type: {place}")
    if member.external or member.is_virtual:
        raise RefusedFile(f"its weights are in another file: {place}")
    # bfloat16 and similar types are opaque bytes.
    if member.dtype.kind not in _NUMBERS and member.dtype.str not in ("|V1", "|V2"):
        raise RefusedFile(f"its weights are not numbers: {place}")


def _place(group: Any, name: str) -> str:
    return f"{group.name.rstrip('/')}/{name}"
