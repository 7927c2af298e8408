"""The images that can't be read, in an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from imgrec.data.images import bad_unnamed
from imgrec.data.sources import DataLocation, find_loader, read_leniently
from imgrec.errors import DataError, GroupError
from imgrec.scores import Skipped
from imgrec.text import count_of, listed, printable

_SHOWN = 10


def list_bad(bad: Sequence[Skipped], images: int) -> str:
    """Return which of so many images can't be read, and why, a line for each of the first 10."""
    names = [f"{printable(each.name)}: {each.reason}" for each in sorted(bad)[:_SHOWN]]
    if len(bad) > len(names):
        names.append(f"and {len(bad) - len(names)} more")
    return listed(f"{len(bad):,} of {count_of(images, 'image')} can't be read", names)


@contextmanager
def naming_bad_files(data: DataLocation) -> Iterator[None]:
    """Add the files of a folder that are no images to a DataError about the folder.

    They would be found next, after what is wrong with its layout.
    """
    try:
        yield
    except GroupError:  # is not about the folder
        raise
    except DataError as error:
        if bad := _bad_lines(data):
            message = f"{error.message}\nmoreover, {bad}"
            raise DataError(message, hint=error.hint, path=error.path) from error
        raise


def _bad_lines(data: DataLocation) -> str:
    try:
        loader = find_loader(data.root) if data.root is not None else None
        if data.loader not in (None, "folder") or loader is None or loader.name != "folder":
            return ""
        records = read_leniently(Path(str(data.root))).records
    except DataError:
        return ""
    bad = bad_unnamed(records)
    return list_bad(bad, len(records)) if bad else ""
