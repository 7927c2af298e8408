"""Files and folders: the only module of `data` that opens, lists or stats anything.

What is read here are the user's images and tables. Locations are paths; caches and packs, which
are written, are always on a local disk.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import IO

from msgspec import Struct

from imgrec.errors import DataError
from imgrec.files import is_private, open_regular, read_regular, reason_of
from imgrec.text import abridge, printable

SIDECAR = ".xmp"
"""The suffix of files with metadata of the photo beside them."""

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


class FileStatus(Struct, frozen=True):
    """What a file is.

    size: in bytes. modified, changed: when its content, or anything of it, was last changed, in
    nanoseconds. inode: its number on its disk. links: names that it has. is_private: whether it
    belongs to this user or root, and nobody else may write to it.
    """

    size: int
    modified: int
    changed: int
    inode: int
    is_folder: bool
    is_regular: bool
    is_private: bool
    links: int

    @property
    def stamp(self) -> str:
        """What changes with the file: its size, its times and its inode.

        The time of modification can be set, and copying programs do so; the time of change can't.
        """
        return f"{self.size} {self.modified} {self.changed} {self.inode}"


class Listing(Struct, frozen=True):
    """What is in a folder, sorted: folders, other entries, and those that are left out."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    hidden: tuple[Path, ...]


def open_file(path: Path) -> BufferedReader:
    """Open a regular file to read its bytes; raises like `open_regular`."""
    return open_regular(path)


def create_file(path: Path, *, private: bool = False) -> BufferedWriter:
    """Open a new file to write its bytes; raises OSError, also if anything has this name.

    private: whether only this user may read and write it.
    """
    mode = 0o600 if private else 0o666
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))


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
        is_private=is_private(found),
        links=found.st_nlink,
    )


def size(path: Path) -> int:
    """Return how many bytes a file has; raises like `status`, but takes a tenth of its time."""
    return os.stat(path).st_size  # noqa: PTH116


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
    """Return the paths that match a pattern, sorted; `**` stands for any folders.

    Links to folders are followed as by FolderVisits.
    """
    found: set[str] = set()
    waiting, seen = [pattern], {pattern}
    while waiting:
        base, stars, rest = _at_any_folders(waiting.pop())
        # Not Path.glob, which takes no absolute pattern.
        tops = glob.glob(base) if base or not stars else [""]  # noqa: PTH207
        if not stars:
            found.update(tops)
            continue
        below = (folder for top in tops for folder in _folders_below(top))
        # Several `**` lead to the same folder in many ways.
        new = {os.path.join(glob.escape(each), rest or "*") for each in below} - seen  # noqa: PTH118
        waiting += new
        seen |= new
    return sorted(found)


def absolute(path: Path) -> str:
    """Return the path from the root of the file system, without `..`."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute() keeps `..`


def resolved(path: Path) -> str:
    """Return the absolute path with all links followed."""
    return os.path.realpath(path)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden, or left by the system."""
    return name.startswith(".") or is_system_entry(name)


def is_left_out(name: str, *, is_folder: bool) -> bool:
    """Return whether a file or folder of this name is hidden, or a sidecar file of a photo."""
    return is_hidden(name) or (not is_folder and is_sidecar(name))


def is_sidecar(name: str) -> bool:
    """Return whether a file of this name has metadata of the photo beside it."""
    return name.lower().endswith(SIDECAR)


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
        if is_left_out(path.name, is_folder=leads_to_folder):
            hidden.append(path)
        else:
            (folders if leads_to_folder else files).append(path)
    return Listing(tuple(folders), tuple(files), tuple(hidden))


def files_below(folder: Path) -> Listing:
    """Return the files in `folder` and everywhere below it, sorted; `folders` stays empty.

    Links are followed as by FolderVisits. Hidden folders are not entered.
    Raises DataError like `list_folder`.
    """
    contents = list(_below(folder))
    files = sorted(file for found in contents for file in found.files)
    hidden = sorted(path for found in contents for path in found.hidden)
    return Listing((), tuple(files), tuple(hidden))


MAX_DEPTH = 100
"""Of folders below the one that is named."""


class FolderVisits:
    """Decides which folders are entered by who goes through everything below `top`.

    Links to folders are followed, but each real folder is entered once: by its own path if that
    is below `top` and not hidden, else by the first link to it. A link to a folder that contains
    `top` is not followed. Folders have at most MAX_DEPTH levels: the time that the system takes to
    find one grows with the square of its depth.
    """

    def __init__(self, top: Path) -> None:
        self._deepest = len(top.parts) + MAX_DEPTH
        self._top = Path(resolved(top))
        self._entered = {self._top}

    def enter(self, folder: Path) -> bool:
        """Return whether `folder` is to be entered, and count it as entered then.

        Raises DataError for a folder that is too deep.
        """
        if len(folder.parts) > self._deepest:
            raise too_deep(folder)
        real = Path(resolved(folder))
        if real in self._entered or (folder.is_symlink() and self._comes_anyway(real)):
            return False
        self._entered.add(real)
        return True

    def _comes_anyway(self, real: Path) -> bool:
        if self._top.is_relative_to(real):
            return True
        below = real.is_relative_to(self._top)
        return below and not any(map(is_hidden, real.relative_to(self._top).parts))


def too_deep(folder: Path) -> DataError:
    """Return the error for a folder more than MAX_DEPTH levels below the one that is named."""
    return DataError(
        f"{printable(abridge(str(folder), _REASON))}: folders are nested deeper than "
        f"{MAX_DEPTH} levels",
        hint="name a folder further below",
    )


def make_folder(folder: Path, *, private: bool = False) -> None:
    """Make a folder and those above it, if they don't exist yet; raises OSError."""
    folder.mkdir(0o700 if private else 0o777, parents=True, exist_ok=True)


def move(path: Path, target: Path) -> None:
    """Move a file to `target`, also to another disk; raises OSError."""
    import shutil

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
    import shutil

    return shutil.disk_usage(folder).free


def cannot_read(path: Path | str, error: BaseException) -> DataError:
    """Return the error that says why a file or folder can't be read."""
    reason = printable(reason_of(error)[:_REASON])
    return DataError(f"{printable(str(path))} can't be read: {reason}")


def _below(top: Path) -> Iterator[Listing]:
    waiting, visits = [top], FolderVisits(top)
    while waiting:
        found = list_folder(waiting.pop())
        yield found
        waiting += filter(visits.enter, found.folders)


def _at_any_folders(pattern: str) -> tuple[str, str, str]:
    """Return what stands before the first part `**` of a pattern, that part, and what follows."""
    found = re.search(r"(?:^|(?<=/))\*\*(?:/+|$)", pattern.replace(os.sep, "/"))
    if found is None:
        return pattern, "", ""
    return pattern[: found.start()], "**", pattern[found.end() :]


def _folders_below(top: str) -> Iterator[str]:
    """Yield `top` and the folders below it that are not hidden."""
    waiting, visits = [top], FolderVisits(Path(top))
    while waiting:
        folder = waiting.pop()
        yield folder
        with suppress(OSError):
            waiting += [
                os.path.join(folder, path.name)  # noqa: PTH118 - keeps `./`
                for path, leads_to_folder in entries(Path(folder))
                if leads_to_folder and not path.name.startswith(".") and visits.enter(path)
            ]


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
