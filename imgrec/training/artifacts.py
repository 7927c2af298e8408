"""The files that an epoch leaves in the run's folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imgrec.files import sha256_of, write_atomically, write_text
from imgrec.training.checkpoint import History


def write_model(path: Path, model: Any, announce: Callable[[str], None] | None = None) -> None:
    """Save a Keras model as a `.keras` file, atomically.

    announce: called with the file's SHA-256 before it takes its place.
    """

    def write(temporary: Path) -> None:
        model.save(temporary)
        if announce is not None:
            announce(sha256_of(temporary))

    write_atomically(path, write)


def read_history(path: Path) -> History:
    """Return what `write_history` wrote. Raises OSError, ValueError where it can't be read."""
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    values = {name: [*map(float, each)] for name, each in zip(header, columns, strict=True)}
    del values["epoch"]
    return values


def write_history(path: Path, history: History) -> None:
    """Write a line per epoch: its number, then every value measured."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *history])
    rows.writerows(
        [epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), 1)
    )
    write_text(path, text.getvalue())
