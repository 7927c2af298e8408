"""HDF5 weights files: only groups and numbers, all in the file itself, are allowed."""

from __future__ import annotations

from typing import Any, BinaryIO

_MAX_DEPTH = 64
_MAX_OBJECTS = 100_000

# Weights hardly compress; a data set without content is filled with zeros, at any size.
_MAX_EXPANSION = 20
_SMALL = 1 << 20

_NUMBERS = "fiub"


class RefusedFile(Exception):
    """The reason why a model file is not loaded."""


def check_hdf5(file: BinaryIO) -> None:
    """Raise RefusedFile unless the HDF5 `file` only contains groups and its own numbers.

    HDF5 allows links to other files, data sets whose content is in other files (external and
    virtual ones), and sizes beyond the stored content. No link is followed.
    """
    import h5py

    try:
        with h5py.File(file, "r") as root:
            _check_tree(root)
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # of damaged files
        raise RefusedFile("its weights are not an HDF5 file, or a damaged one") from error


def _check_tree(root: Any) -> None:
    import h5py

    found, waiting = 0, [(root, 0)]
    while waiting:
        group, depth = waiting.pop()
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
    size, stored = member.size * member.dtype.itemsize, member.id.get_storage_size()
    if size > _SMALL and size > _MAX_EXPANSION * stored:
        raise RefusedFile(f"its weights claim {size} bytes where the file has {stored}: {place}")


def _place(group: Any, name: str) -> str:
    return f"{group.name.rstrip('/')}/{name}"
