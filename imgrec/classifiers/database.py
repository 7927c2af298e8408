"""The SQLite database of a classifier: how it is opened, its tables, their versions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from imgrec.classifier_folder import INDEX
from imgrec.classifiers.errors import DiskFull
from imgrec.errors import RunError
from imgrec.text import printable

_BACKUP = ".backup"

_MIGRATIONS = (
    """
    CREATE TABLE settings (key TEXT PRIMARY KEY, value NOT NULL);
    CREATE TABLE classes (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        folded TEXT NOT NULL UNIQUE,
        changed INTEGER NOT NULL
    );
    CREATE TABLE photos (
        sha256 TEXT PRIMARY KEY,
        class INTEGER REFERENCES classes (id),
        status TEXT NOT NULL CHECK (status IN ('labelled', 'unsure', 'none')),
        name TEXT NOT NULL,
        suffix TEXT NOT NULL,
        size INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        added TEXT NOT NULL,
        changed INTEGER NOT NULL,
        CHECK ((status = 'labelled') = (class IS NOT NULL))
    ) WITHOUT ROWID;
    CREATE INDEX photos_by_class ON photos (class, sha256);
    CREATE TABLE features (
        sha256 TEXT PRIMARY KEY REFERENCES photos (sha256) ON DELETE CASCADE,
        features BLOB NOT NULL,
        grey BLOB NOT NULL
    );
    CREATE TABLE versions (
        number INTEGER PRIMARY KEY,
        folder TEXT NOT NULL,
        created TEXT NOT NULL,
        photos INTEGER NOT NULL,
        classes TEXT NOT NULL,
        accuracy REAL,
        low REAL,
        high REAL,
        fingerprint TEXT NOT NULL,
        withdrawn INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE version_photos (
        version INTEGER NOT NULL REFERENCES versions (number) ON DELETE CASCADE,
        sha256 TEXT NOT NULL,
        class TEXT NOT NULL,
        probabilities BLOB NOT NULL,
        PRIMARY KEY (version, sha256)
    ) WITHOUT ROWID;
    CREATE INDEX versions_of_photo ON version_photos (sha256);
    CREATE TABLE forgetting (sha256 TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
    """
    CREATE TABLE IF NOT EXISTS thumbnails (
        sha256 TEXT PRIMARY KEY REFERENCES photos (sha256) ON DELETE CASCADE,
        content BLOB NOT NULL
    );
    """,
)
"""What leads from each version to the next. The value of a setting may be text or a number."""


def connect(folder: Path, *, new: bool = False) -> sqlite3.Connection:
    """Open the database of a classifier, and bring it to the current version.

    Args:
        folder: That of the classifier.
        new: Whether it is created; otherwise it has to be there.

    Raises:
        RunError: It is damaged, of a newer version of imgrec, or can't be written.
    """
    path = folder / INDEX
    mode = "rwc" if new else "rw"
    with readable_errors(path):
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for setting in ("secure_delete = ON", "foreign_keys = ON", "synchronous = FULL"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def purge(connection: sqlite3.Connection, folder: Path) -> None:
    """Remove from the files whatever was deleted from the tables.

    SQLite overwrites what it deletes, but may leave copies where it moved rows: VACUUM writes the
    whole file again. Backups of earlier versions are removed.
    """
    with readable_errors(folder / INDEX):
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for backup in folder.glob(f"{INDEX}{_BACKUP}*"):
        backup.unlink()


@contextlib.contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Raise RunError for errors of SQLite, DiskFull if there is no space."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise DiskFull(
                f"{printable(str(path))} can't be written: the disk is full",
                hint="free some space",
            ) from error
        raise RunError(
            f"{printable(str(path))} can't be used: {printable(str(error))}",
            hint="it is the index of a classifier; restore it from a backup",
        ) from error


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(_MIGRATIONS):
        raise RunError(
            f"{printable(str(path))} was written by a newer version of imgrec",
            hint="update imgrec",
        )
    if 0 < version < len(_MIGRATIONS):
        backup = path.with_name(f"{path.name}{_BACKUP}-{version}")
        backup.unlink(missing_ok=True)  # of a process that was killed
        connection.execute("VACUUM INTO ?", (str(backup),))
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;"
        )
