"""repeats.json: what a folder of runs that belong together contains, in place of a card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.errors import RunError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, reason_of, write_bytes_atomically
from imgrec.json_documents import from_builtins, json_text, parse_json
from imgrec.text import printable

REPEATS_FILE = "repeats.json"


class PooledMetric(Struct, frozen=True):
    """A metric of several runs.

    value: the mean. low, high: its 95 % interval, which covers both the choice of the images
    and how the runs differ. deviation: the standard deviation of the runs' values.
    """

    value: float
    low: float | None
    high: float | None
    deviation: float
    runs: Annotated[tuple[float, ...], Meta(description="The value of each run.")]


class Repeats(Struct, frozen=True):
    """What repeats.json of such a folder contains.

    kind: `folds` or `seeds`. members: the names of the runs in the folder. metrics: what they
    reach on the images that were held out, or on the test images; empty before all are trained.
    quick: whether they are trained as by `imgrec train --quick`. test_looks: how often the test
    images had been looked at after these runs; null if not counted.
    """

    schema_version: Literal[1]
    kind: Literal["folds", "seeds"]
    members: tuple[str, ...]
    images: int = 0
    split: str = ""
    metrics: Mapping[str, PooledMetric] = {}
    quick: bool = False
    test_looks: int | None = None


def write_repeats(folder: Path, repeats: Repeats) -> None:
    """Write repeats.json; raises RunError if it can't be written."""
    write_bytes_atomically(folder / REPEATS_FILE, json_text(repeats).encode())


def read_repeats(folder: Path) -> Repeats:
    """Return repeats.json of a folder; raises RunError if it can't be read."""
    path = folder / REPEATS_FILE
    try:
        return from_builtins(Repeats, parse_json(read_regular(path, MAX_DOCUMENT_BYTES)))
    except (OSError, ValueError) as error:
        raise RunError(f"{printable(str(path))} can't be read: {reason_of(error)}") from error
