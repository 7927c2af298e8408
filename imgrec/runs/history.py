"""history.csv: what a training measured in each epoch."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.files import MAX_TABLE_BYTES, read_regular

HISTORY_FILE = "history.csv"


def read_history(path: Path) -> dict[str, list[float]]:
    """Return what a training measured in each epoch, by name, from the text of `history_text`.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged.
    """
    try:
        header, *rows = csv.reader(read_regular(path, MAX_TABLE_BYTES).decode().splitlines())
    except csv.Error as error:
        raise ValueError(str(error)) from error
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    values = {name: [*map(float, each)] for name, each in zip(header, columns, strict=True)}
    del values["epoch"]
    return values


def training_seconds(run: Path) -> float | None:
    """Return how long the epochs of a run took, with their validation; None if it is not known."""
    try:
        return total_seconds(read_history(run / HISTORY_FILE))
    except (OSError, ValueError, LookupError):
        return None


def total_seconds(history: Mapping[str, Sequence[float]]) -> float | None:
    """Return how long all epochs took; None if it is not known."""
    total = sum(history.get("seconds", ()))
    return total if math.isfinite(total) and total > 0 else None


def history_text(history: Mapping[str, Sequence[float]]) -> str:
    """Return what was measured, by name, as CSV: a line for each epoch, with its number."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *history])
    rows.writerows(
        [epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), 1)
    )
    return text.getvalue()
