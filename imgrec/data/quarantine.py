"""Files that can't be read, moved aside: nothing is deleted, nothing overwritten."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imgrec.data.records import Record
from imgrec.data.storage import entries, exists, is_folder, make_folder, move, resolved
from imgrec.errors import DataError, UsageError
from imgrec.files import cannot_write, write_text
from imgrec.scores import Skipped
from imgrec.text import printable

LIST = "moved.csv"
"""The file in the quarantine that lists the moved files: columns from, to, reason."""


@dataclass(frozen=True)
class Moved:
    """A file that was moved: from where, to where (both absolute), and why."""

    source: Path
    target: Path
    reason: str


def refuse_place(folder: Path, data: Sequence[Path]) -> None:
    """Raise UsageError if `folder` is inside the data, or there is something in it."""
    for place in data:
        if Path(resolved(folder)).is_relative_to(resolved(place)):
            raise UsageError(
                f"--quarantine {printable(str(folder))} is inside the data, "
                f"{printable(str(place))}",
                hint="choose a folder outside of it",
            )
    if exists(folder) and not (is_folder(folder) and not entries(folder)):
        raise UsageError(
            f"--quarantine {printable(str(folder))} exists already and is not an empty folder",
            hint="choose a new folder: nothing is overwritten",
        )


def move_bad(records: Sequence[Record], bad: Sequence[Skipped], folder: Path) -> tuple[Moved, ...]:
    """Move the files of the `bad` records below `folder`, where they keep their names' paths.

    A bad record that is not a whole file (missing, a folder, a part of a file, pixels) stays.
    `folder` is made if something is moved; its list is on disk before the first file moves.

    Returns:
        The files that were moved.

    Raises:
        RunError: `folder` can't be written.
        DataError: A file can't be moved; the list then has those that were.
    """
    plan = tuple(_planned({record.name: record for record in records}, bad, Path(resolved(folder))))
    if not plan:
        return ()
    try:
        make_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    _write_list(folder, plan)
    for done, each in enumerate(plan):
        try:
            make_folder(each.target.parent)
            move(each.source, each.target)
        except OSError as error:
            _write_list(folder, plan[:done])
            raise DataError(
                f"{printable(str(each.source))} can't be moved: {error.strerror or error}",
                hint=f"{done} files were moved before; {printable(str(folder / LIST))} lists them",
            ) from error
    return plan


def _planned(
    records: Mapping[str, Record], bad: Sequence[Skipped], folder: Path
) -> Iterator[Moved]:
    sources: set[Path] = set()
    targets = {str(folder / LIST).casefold()}
    for name, reason in bad:
        source = records[name].source
        if not isinstance(source, Path):
            continue
        place = Path.cwd() / source
        # A folder may be reached by several paths, through links.
        real = Path(resolved(place.parent)) / place.name
        if real in sources or not exists(place) or is_folder(place):
            continue
        sources.add(real)
        yield Moved(place, _free(folder / _inside(name), targets), reason)


def _inside(name: str) -> Path:
    """Return the name as a path that doesn't lead out of its folder."""
    parts = [part for part in PurePosixPath(name).parts if part not in {"/", "//", "..", "."}]
    return Path(*(part.replace("\\", "_").replace(":", "_") for part in parts))


def _free(path: Path, taken: set[str]) -> Path:
    """Return `path`, with a number if it is taken; upper and lower case count as the same."""
    wanted, number = path, 1
    while str(path).casefold() in taken:
        number += 1
        path = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    taken.add(str(path).casefold())
    return path


def _write_list(folder: Path, moved: Sequence[Moved]) -> None:
    text = io.StringIO()
    # Everything quoted: before Python 3.13 a lone carriage return isn't, and ends the row.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["from", "to", "reason"])
    for each in moved:
        writer.writerow([each.source, each.target, each.reason])
    write_text(folder / LIST, text.getvalue())
