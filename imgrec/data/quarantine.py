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
from imgrec.files import cannot_write, reason_of, write_bytes_atomically
from imgrec.interface import option
from imgrec.scores import Skipped
from imgrec.text import count_of, printable

LIST = "moved.csv"
"""The file in the quarantine that lists the moved files: columns from, to, reason."""


@dataclass(frozen=True)
class Moved:
    """A file that was moved: from where, to where (both absolute), and why."""

    source: Path
    target: Path
    reason: str


@dataclass(frozen=True)
class Quarantined:
    """The files that were moved, and those that stay since they are links or outside the data."""

    moved: tuple[Moved, ...] = ()
    outside: tuple[Path, ...] = ()


def refuse_place(folder: Path, data: Sequence[Path]) -> None:
    """Raise UsageError if `folder` is inside the data, or there is something in it."""
    for place in data:
        if Path(resolved(folder)).is_relative_to(resolved(place)):
            raise UsageError(
                f"{option('quarantine', str(folder))} is inside the data, {printable(str(place))}",
                hint="choose a folder outside of it",
            )
    if exists(folder) and not (is_folder(folder) and not entries(folder)):
        raise UsageError(
            f"{option('quarantine', str(folder))} exists already and is not an empty folder",
            hint="choose a new folder: nothing is overwritten",
        )


def move_bad(
    records: Sequence[Record], bad: Sequence[Skipped], folder: Path, data: Sequence[Path]
) -> Quarantined:
    """Move the files of the `bad` records below `folder`, where they keep their names' paths.

    A bad record that is not a whole file (missing, a folder, a part of a file, pixels) stays.
    So does a link, and a file that a link or `..` finds outside the data.
    `folder` is made if something is moved; its list is on disk before the first file moves.

    Args:
        records: All records.
        bad: Those that can't be read.
        folder: A place that `refuse_place` accepts.
        data: The folders of the data; a file, such as a table, stands for the folder it is in.

    Raises:
        RunError: `folder` can't be written.
        DataError: A file can't be moved; the list then has those that were.
    """
    places = _files({record.name: record for record in records}, bad)
    roots = [Path(resolved(each if is_folder(each) else each.parent)) for each in data]
    inside = {place: each for place, each in places.items() if _is_inside(place, roots)}
    outside = tuple(place for place in places if place not in inside)
    plan = tuple(_planned(inside, Path(resolved(folder))))
    if not plan:
        return Quarantined((), outside)
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
                f"{printable(str(each.source))} can't be moved: {reason_of(error)}",
                hint=f"{printable(str(folder / LIST))} lists what was moved before: "
                f"{count_of(done, 'file')}",
            ) from error
    return Quarantined(plan, outside)


def _files(records: Mapping[str, Record], bad: Sequence[Skipped]) -> dict[Path, Skipped]:
    """Return the bad files that exist, each once."""
    files: dict[Path, tuple[Path, Skipped]] = {}
    for each in bad:
        source = records[each.name].source
        if isinstance(source, Path) and exists(source) and not is_folder(source):
            place = Path.cwd() / source
            files.setdefault(_real(place), (place, each))
    return dict(files.values())


def _real(place: Path) -> Path:
    """Return the path to `place` without links; a folder may be reached by several paths."""
    return Path(resolved(place.parent)) / place.name


def _is_inside(place: Path, roots: Sequence[Path]) -> bool:
    real = _real(place)
    return resolved(real) == str(real) and any(map(real.is_relative_to, roots))


def _planned(files: Mapping[Path, Skipped], folder: Path) -> Iterator[Moved]:
    targets = {str(folder / LIST).casefold()}
    for place, (name, reason) in files.items():
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
    content = text.getvalue().encode("utf-8", "surrogateescape")
    write_bytes_atomically(folder / LIST, content)
