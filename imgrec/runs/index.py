"""The index of a runs folder: a cache of the summaries of its runs, which can be removed any time.

The folders of the runs are the truth. A summary in the index is used if neither its folder nor one
of the files that people edit has changed since; otherwise it is made again. Without an index, as
in a folder that can't be written, or beside a damaged one, all are.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from imgrec.runs.card_file import CARD_FILE
from imgrec.runs.folder import CONFIG_FILE, METRICS_FILE, check_named
from imgrec.runs.notes import NOTES_FILE
from imgrec.runs.repeats_file import REPEATS_FILE
from imgrec.runs.summary import RunSummary, summarize

INDEX_FILE = ".index.sqlite"

# Counted up when a summary has other content.
_VERSION = 3
_TABLE = "CREATE TABLE summaries (folder TEXT PRIMARY KEY, stamp TEXT, summary BLOB) WITHOUT ROWID"
_PAGE = 65_536  # bytes; of smaller pages, a summary takes several
# imgrec replaces files, which changes the time of their folder; others may edit these in place, as
# well as the card.
_EDITED = (METRICS_FILE, CONFIG_FILE, NOTES_FILE)
# The summaries of fewer runs are made in a few milliseconds.
_FEWEST = 100
_SECONDS = 2.0


_Row: TypeAlias = tuple[str, str, bytes]


def read_summaries(runs_dir: Path) -> tuple[RunSummary, ...]:
    """Return the summaries of all runs below `runs_dir`, oldest first, then the unreadable ones.

    Runs that belong together, such as folds, are one.

    Those of a hundred runs or more are kept in an index beside the runs, if that can be written.
    Raises RunError if there is no such folder, unless it is the usual one.
    """
    check_named(runs_dir)
    stamps = dict(_stamps(runs_dir))
    if len(stamps) < _FEWEST:
        return _in_order(summarize(runs_dir / name) for name in stamps)
    index = _Index(runs_dir / INDEX_FILE)
    found, gone = index.read(stamps)
    new = {name: summarize(runs_dir / name) for name in stamps if name not in found}
    if new or gone:
        index.write(_rows(new, stamps), gone)
    return _in_order([*found.values(), *new.values()])


def _in_order(summaries: Iterable[RunSummary]) -> tuple[RunSummary, ...]:
    return tuple(sorted(summaries, key=lambda run: (bool(run.error), run.created, run.name)))


def _stamps(runs_dir: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each run, and what changes if its folder or one of its files does."""
    try:
        entries = sorted(os.scandir(runs_dir), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            if not entry.is_dir():
                continue
            first = _stamp(f"{entry.path}/{CARD_FILE}") or _stamp(f"{entry.path}/{REPEATS_FILE}")
            if first:
                others = (_stamp(f"{entry.path}/{file}") for file in _EDITED)
                yield entry.name, " ".join((first, _stamp(entry.path), *others))
        except OSError:
            continue


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path takes longer than its stat
    except FileNotFoundError:
        return ""
    return f"{found.st_mtime_ns}/{found.st_size}/{found.st_ino}"


class _Index:
    """The SQLite file; whatever is wrong with it, there are no entries, and nothing is raised.

    It is only used if it has exactly the table that is expected: a file of a stranger could have
    others, with triggers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, stamps: Mapping[str, str]) -> tuple[dict[str, RunSummary], list[str]]:
        """Return the summaries of the runs with these stamps, and the names of other entries."""
        found: dict[str, RunSummary] = {}
        gone: list[str] = []
        decode = msgspec.json.Decoder(RunSummary).decode
        try:
            if not self._path.is_file():
                return {}, []
            with self._connected() as database:
                for name, stamp, summary in database.execute("SELECT * FROM summaries"):
                    if name not in stamps:
                        gone.append(name)
                    elif stamp == stamps[name]:
                        found[name] = decode(summary)
        except (sqlite3.Error, OSError, ValueError):
            return {}, []
        return found, gone

    def write(self, rows: Iterator[_Row], gone: Sequence[str]) -> None:
        """Add or replace entries, and remove those that are gone."""
        old = [(each,) for each in gone]
        try:
            with self._connected() as database, database:
                database.executemany("DELETE FROM summaries WHERE folder = ?", old)
                database.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)", rows)
        except (sqlite3.Error, OSError):
            return

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        if self._path.is_symlink():
            raise OSError
        with contextlib.closing(sqlite3.connect(self._path, timeout=_SECONDS)) as database:
            try:
                yield self._checked(database)
            except sqlite3.OperationalError:  # such as a lock
                raise
            except sqlite3.DatabaseError:
                self._path.unlink(missing_ok=True)
                raise

    def _checked(self, database: sqlite3.Connection) -> sqlite3.Connection:
        """Return the database with the table; raise DatabaseError if it has others."""
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA synchronous = OFF")  # a cache
        found = database.execute("SELECT sql FROM sqlite_master").fetchall()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if not found and not version:
            database.execute(f"PRAGMA page_size = {_PAGE}")
            with database:
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {_VERSION}")
        elif (found, version) != ([(_TABLE,)], _VERSION):
            raise sqlite3.DatabaseError("another index")
        return database


def _rows(new: Mapping[str, RunSummary], stamps: Mapping[str, str]) -> Iterator[_Row]:
    for name, summary in new.items():
        with contextlib.suppress(UnicodeEncodeError):  # a name that is not UTF-8
            name.encode()
            yield name, stamps[name], msgspec.json.encode(summary)
