"""What the folder of a classifier is recognised by, also where images or a run are expected."""

from __future__ import annotations

import contextlib
from pathlib import Path

INDEX = "classifier.sqlite"
"""The file that makes a folder that of a classifier."""

PHOTOS = "photos"
"""The folder of the labelled photos, by class: an ordinary data set."""

VERSIONS = "versions"
"""The folder of the runs."""


def is_classifier(folder: Path) -> bool:
    """Return whether a folder is that of a classifier."""
    return (folder / INDEX).is_file()


def published_run(folder: Path) -> Path | None:
    """Return the run of the published version, for a message.

    None if nothing is published, or the index can't be read.
    """
    import sqlite3  # only needed after a mistake

    query = (
        "SELECT folder FROM versions JOIN settings ON settings.key = 'published' "
        "WHERE number = CAST(value AS INTEGER)"
    )
    # Without a log, no process has it open, and SQLite would leave one behind.
    unchanging = "" if (folder / f"{INDEX}-wal").exists() else "&immutable=1"
    address = f"{(folder / INDEX).resolve().as_uri()}?mode=ro{unchanging}"
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(address, timeout=0, uri=True)) as database,
    ):
        if (row := database.execute(query).fetchone()) is not None:
            return folder / VERSIONS / str(row[0])
    return None
