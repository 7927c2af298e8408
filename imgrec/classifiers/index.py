"""The index of a classifier: its database, and changes that are whole."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgrec.classifier_folder import INDEX
from imgrec.classifiers.database import connect, readable_errors
from imgrec.classifiers.errors import Conflict


class Index:
    """The database of a classifier; threads can share it.

    Args:
        folder: That of the classifier.

    Raises:
        RunError: It is damaged, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mutex = threading.RLock()
        self._connection = connect(folder)
        self._closed: tuple[str, str] | None = None  # message and hint

    @property
    def name(self) -> str:
        """The name of the classifier."""
        return self.folder.name

    @property
    def revision(self) -> int:
        """A number that each change counts up."""
        return int(self.setting("revision"))

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a value that was remembered."""
        found = self._row("SELECT value FROM settings WHERE key = ?", key)
        return default if found is None else json.loads(found[0])

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Have no other thread change anything in the context, so that what is read agrees."""
        with self._mutex:
            yield

    def set(self, key: str, value: Any) -> None:
        """Remember a value, as JSON has them."""
        with self._change():
            self._set(key, value)

    def say_closed(self, message: str, hint: str = "") -> None:
        """Have whatever needs the database, which is closed, raise Conflict with this message."""
        self._closed = message, hint

    def check_open(self) -> None:
        """Raise Conflict if the database is closed."""
        if self._closed is not None:
            message, hint = self._closed
            raise Conflict(message, hint=hint)

    @property
    def _database(self) -> sqlite3.Connection:
        self.check_open()
        return self._connection

    def _set(self, key: str, value: Any) -> None:
        """Remember a value; nothing is written if it is the same."""
        self._execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE "
            "SET value = excluded.value WHERE value != excluded.value",
            *(key, json.dumps(value)),
        )

    @contextlib.contextmanager
    def _change(self) -> Iterator[int]:
        """Do all that is done in the context, or nothing; return the new revision.

        If nothing is written in the context, the revision stays as it is.
        """
        with self._mutex, readable_errors(self.folder / INDEX):
            if self._database.in_transaction:
                yield self.revision
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                revision = self.revision + 1
                self._set("revision", revision)
                before = self._database.total_changes
                yield revision
                changed = self._database.total_changes > before
                self._database.execute("COMMIT" if changed else "ROLLBACK")
            except BaseException:
                if self._database.in_transaction:  # a full disk has ended it
                    self._database.execute("ROLLBACK")
                raise

    def _execute(self, statement: str, *values: Any) -> None:
        self._database.execute(statement, values)

    def _row(self, statement: str, *values: Any) -> Any:
        found = self._rows(statement, *values)
        return found[0] if found else None

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with self._mutex, readable_errors(self.folder / INDEX):
            return self._database.execute(statement, values).fetchall()
