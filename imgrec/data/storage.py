"""Files and folders: the only module of `data` that opens, lists or stats anything.

What is read here are the user's images and tables. Locations are paths; caches and packs, which
are written, are always on a local disk.
"""

from __future__ import annotations

import glob
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import IO

from imgrec.errors import DataError
from imgrec.files import open_regular, read_regular
from imgrec.text import printable

# How much of a library's reason a message shows.
_REASON = 200

# What systems and programs leave in folders, in small letters: with a leading dot, and without.
_DOTTED = {
    ".cache", ".ds_store", ".dvc", ".fseventsd", ".git", ".github", ".idea", ".ipynb_checkpoints",
    ".spotlight-v100", ".svn", ".temporaryitems", ".trash", ".trashes", ".vscode",
}  # fmt: skip
_LEFT_BEHIND = {
    "thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found",
    "system volume information",
}  # fmt: skip


@dataclass(frozen=True)
class FileStatus:
    """What a file is.

    size: in bytes. modified, changed: when its content, or anything of it, was last changed, in
    nanoseconds. inode: its number on its disk. links: names that it has.
    """

    size: int
    modified: int
    changed: int
    inode: int
    is_folder: bool
    is_regular: bool
    links: int


@dataclass(frozen=True)
class Listing:
    """What is in a folder, sorted: folders, other entries, and those that are hidden."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    hidden: tuple[Path, ...]


def open_file(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes; raises like `open_regular`."""
    return open_regular(path)


def create_file(path: Path) -> BufferedWriter:
    """Open a new file to write its bytes; raises OSError, also if anything has this name."""
    return path.open("xb")


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, of which there may be `limit`; as `read_regular`."""
    return read_regular(path, limit)


def read_part(path: Path, start: int, length: int) -> bytes:
    """Return the bytes of a regular file from `start`, `length` of them or fewer at its end.

    Raises like `open_file`.
    """
    with open_file(path) as file:
        file.seek(start)
        return file.read(length)


def status(file: Path | IO[bytes]) -> FileStatus:
    """Return what a file is now; links are followed.

    Raises OSError if there is no such file, and ValueError for an impossible path.
    """
    found = os.stat(file) if isinstance(file, Path) else os.fstat(file.fileno())  # noqa: PTH116
    return FileStatus(
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        found.st_ino,
        is_folder=stat.S_ISDIR(found.st_mode),
        is_regular=stat.S_ISREG(found.st_mode),
        links=found.st_nlink,
    )


def exists(path: Path | str) -> bool:
    """Return whether there is anything at `path`, even a link that leads nowhere."""
    return os.path.lexists(path)


def is_file(path: Path) -> bool:
    """Return whether `path` is a regular file that can be seen."""
    try:
        return status(path).is_regular
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Return whether `path` is a folder that can be seen."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises for some names


def is_pattern(path: str) -> bool:
    """Return whether `path` has wildcards (`*`, `?`, `[`), and no file has exactly this name."""
    return glob.has_magic(path) and not exists(path)


def matches(pattern: str) -> list[str]:
    """Return the paths that match a pattern, sorted; `**` stands for any folders."""
    # Not Path.glob, which takes no absolute pattern.
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207


def absolute(path: Path) -> str:
    """Return the path from the root of the file system, without `..`."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute() keeps `..`


def resolved(path: Path) -> str:
    """Return the absolute path with all links followed."""
    return os.path.realpath(path)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden, or left by the system."""
    return name.startswith(".") or is_system_entry(name)


def is_system_entry(name: str) -> bool:
    """Return whether a system or a program leaves files or folders of this name."""
    return name.startswith("._") or name.lower() in _DOTTED | _LEFT_BEHIND


def entries(folder: Path) -> list[tuple[Path, bool]]:
    """Return what is directly in `folder`, sorted by name, each with whether it is a folder.

    Links count as what they lead to. Raises OSError.
    """
    with os.scandir(folder) as found:
        names = sorted((entry.name, _leads_to_folder(entry)) for entry in found)
    return [(folder / name, is_folder) for name, is_folder in names]


def list_folder(folder: Path) -> Listing:
    """Return what is directly in `folder`, sorted; links count as what they lead to.

    Raises DataError if it doesn't exist, is a file, or can't be read.
    """
    folders: list[Path] = []
    files: list[Path] = []
    hidden: list[Path] = []
    for path, leads_to_folder in _readable_entries(folder):
        if is_hidden(path.name):
            hidden.append(path)
        else:
            (folders if leads_to_folder else files).append(path)
    return Listing(tuple(folders), tuple(files), tuple(hidden))


def files_below(folder: Path) -> Listing:
    """Return the files in `folder` and everywhere below it, sorted; `folders` stays empty.

    Links are followed, except into a folder that contains them. Hidden folders are not entered.
    Raises DataError like `list_folder`.
    """
    contents = list(_below(folder))
    files = sorted(file for found in contents for file in found.files)
    hidden = sorted(path for found in contents for path in found.hidden)
    return Listing((), tuple(files), tuple(hidden))


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it, if they don't exist yet; raises OSError."""
    folder.mkdir(0o700 if private else 0o777, parents=True, exist_ok=True)


def move(path: Path, target: Path) -> None:
    """Move a file to `target`, also to another disk; raises OSError."""
    shutil.move(path, target)


def replace(path: Path, target: Path) -> None:
    """Give a file the name `target` on the same disk, in place of what is there; raises OSError."""
    path.replace(target)


def remove(path: Path) -> None:
    """Remove a file, if it exists; raises OSError."""
    path.unlink(missing_ok=True)


def touch(path: Path) -> None:
    """Set a file's time of change to now; raises OSError."""
    os.utime(path)


def sync(file: IO[bytes]) -> None:
    """Wait until what was written to `file` is on the disk; raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk that `folder` is on; raises OSError."""
    return shutil.disk_usage(folder).free


def cannot_read(path: Path | str, error: BaseException) -> DataError:
    """Return the error that says why a file or folder can't be read."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    reason = printable(why.lower()[:_REASON])
    return DataError(f"{printable(str(path))} can't be read: {reason}")


def _below(top: Path) -> Iterator[Listing]:
    here = Path(resolved(top))
    waiting = [(top, frozenset(map(str, (here, *here.parents))))]
    while waiting:
        folder, above = waiting.pop()
        found = list_folder(folder)
        yield found
        for inner in found.folders:
            key = resolved(inner)
            if key not in above:
                waiting.append((inner, above | {key}))


def _readable_entries(folder: Path) -> list[tuple[Path, bool]]:
    try:
        return entries(folder)
    except FileNotFoundError:
        raise DataError(f"no folder {printable(str(folder))}", hint="check the path") from None
    except NotADirectoryError:
        raise DataError(f"{printable(str(folder))} is a file, not a folder") from None
    except (OSError, ValueError) as error:
        raise cannot_read(folder, error) from error


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # found out, by name, when it is decoded
