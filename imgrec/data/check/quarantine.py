"""Files that can't be read, moved aside: nothing is deleted, nothing overwritten."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imgrec.data.records import Record
from imgrec.errors import DataError, UsageError
from imgrec.files import cannot_write, write_text
from imgrec.scores import Skipped
from imgrec.text import printable

LIST = "moved.csv"
"""The file in the quarantine that tells where each file was: columns from, to, reason."""


@dataclass(frozen=True)
class Moved:
    """A file that was moved: from where, to where (both absolute), and why."""

    source: Path
    target: Path
    reason: str


def refuse_place(folder: Path, data: Sequence[Path]) -> None:
    """Raise UsageError where `folder` lies inside the data, or there is something in it."""
    for place in data:
        if folder.resolve().is_relative_to(place.resolve()):
            raise UsageError(
                f"--quarantine {printable(str(folder))} is inside the data, "
                f"{printable(str(place))}",
                hint="choose a folder outside of it",
            )
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(
            f"--quarantine {printable(str(folder))} is there already and not an empty folder",
            hint="choose a new folder: nothing is overwritten",
        )


def move_bad(records: Sequence[Record], bad: Sequence[Skipped], folder: Path) -> tuple[Moved, ...]:
    """Move the files of the `bad` records below `folder`, where they keep their names' paths.

    A bad record that is no file of its own (missing, a folder, a stretch of a file, pixels)
    stays. `folder` is made where something is moved; its list is on disk before the first
    file moves. Raises RunError where `folder` can't be written, DataError where a file can't
    be moved; the list then tells those that were.
    """
    plan = tuple(_planned({record.name: record for record in records}, bad, folder.resolve()))
    if not plan:
        return ()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    _write_list(folder, plan)
    for done, each in enumerate(plan):
        try:
            each.target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(each.source, each.target)
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
        if place in sources or not _is_file(place):
            continue
        sources.add(place)
        yield Moved(place, _free(folder / _inside(name), targets), reason)


def _is_file(path: Path) -> bool:
    try:
        return (path.exists() and not path.is_dir()) or path.is_symlink()
    except (OSError, ValueError):
        return False


def _inside(name: str) -> Path:
    """Return the name as a path that leads to nowhere above."""
    parts = [part for part in PurePosixPath(name).parts if part not in {"/", "//", "..", "."}]
    return Path(*(part.replace("\\", "_").replace(":", "_") for part in parts))


def _free(path: Path, taken: set[str]) -> Path:
    """Return `path`, or where it is taken, with a number; case counts for nothing."""
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
