"""The files that an epoch leaves in the run's folder."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from imgrec.files import write_atomically, write_text
from imgrec.training.checkpoint import History


def write_model(path: Path, model: Any) -> None:
    """Save a Keras model as a `.keras` file, atomically."""
    write_atomically(path, model.save)


def write_history(path: Path, history: History) -> None:
    """Write a line per epoch: its number, then every value measured."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["epoch", *history])
    rows.writerows(
        [epoch, *values] for epoch, values in enumerate(zip(*history.values(), strict=True), 1)
    )
    write_text(path, text.getvalue())
