"""images.csv: which images a training found, and what was in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from imgrec.errors import RunError
from imgrec.files import MAX_TABLE_BYTES, read_regular, reason_of
from imgrec.interface import option
from imgrec.json_documents import from_builtins, json_line, parse_json
from imgrec.text import csv_cell, printable

IMAGES_FILE = "images.csv"

_NAMES_SHOWN = 3

Identities = dict[tuple[str, str], tuple[str, str]]
"""The class and the SHA-256 of each image, by its split and name."""


def image_list(identities: Identities, skipped: Mapping[str, str]) -> str:
    """Return the text of the file; skipped: by name why an image was left out.

    The column `exact` has the class and the name as JSON if they can't be shown as they are: with
    control characters, or like a formula of a spreadsheet.
    """
    text = io.StringIO()
    # All quoted: the writer takes a carriage return in a name for harmless, the reader doesn't.
    rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerow(["split", "class", "sha256", "name", "skipped", "exact"])
    for (split, name), (class_name, identity) in identities.items():
        shown = ["\n".join(map(csv_cell, class_name.split("\n"))), csv_cell(name)]
        exact = "" if shown == [class_name, name] else json_line([class_name, name]).rstrip()
        reason = csv_cell(skipped.get(name, ""))
        rows.writerow([split, shown[0], identity, shown[1], reason, exact])
    return text.getvalue()


def extended_image_list(folder: Path | None, added: Identities) -> str:
    """Return the text of a run's file with further images, in place of those of their splits.

    Args:
        folder: The run's folder; None for one without the file.
        added: The images.

    Raises:
        RunError: As `recorded_identities`.
    """
    splits = {split for split, _ in added}
    rows = [] if folder is None else _read_rows(folder)
    kept = [row for row in rows if row.split not in splits]
    before = image_list(
        {(row.split, row.name): (row.label, row.sha256) for row in kept},
        {row.name: row.skipped for row in kept},
    )
    return before + image_list(added, {}).partition("\n")[2]


def recorded_images(folder: Path) -> dict[str, dict[str, str]]:
    """Return the images of each split that a training used: SHA-256 by name.

    Files that it skipped, as they can't be read, are left out. Raises RunError as
    `recorded_identities`.
    """
    images: dict[str, dict[str, str]] = {}
    for row in _read_rows(folder):
        if not row.skipped:
            images.setdefault(row.split, {})[row.name] = row.sha256
    return images


def recorded_identities(folder: Path) -> Identities:
    """Return the class and the SHA-256 of each image, by its split and name, as a training saw it.

    Raises RunError if the file that has them is missing or damaged.
    """
    return {(row.split, row.name): (row.label, row.sha256) for row in _read_rows(folder)}


def image_differences(before: Identities, now: Identities) -> Iterator[str]:
    """Yield how lists of images differ, a phrase for each kind of difference."""
    old, new = _by_name(before), _by_name(now)
    both = [(name, old[name], new[name]) for name in old.keys() & new.keys()]
    for words, names in (
        ("new", new.keys() - old.keys()),
        ("missing", old.keys() - new.keys()),
        ("in another split", {name for name, one, other in both if one.split != other.split}),
        ("of another class", {name for name, one, other in both if one.label != other.label}),
        ("with other content", {name for name, one, other in both if one.sha256 != other.sha256}),
    ):
        if names:
            some = ", ".join(map(printable, sorted(names)[:_NAMES_SHOWN]))
            more = ", ..." if len(names) > _NAMES_SHOWN else ""
            yield f"{len(names):,} {words}: {some}{more}"


class _Row(NamedTuple):
    """A line of the file; skipped: why the training left the image out, or empty."""

    split: str
    label: str
    sha256: str
    name: str
    skipped: str


def _read_rows(folder: Path) -> list[_Row]:
    path = folder / IMAGES_FILE
    hint = f"evaluate a folder with {option('data', 'FOLDER')}, or train again"
    try:
        text = read_regular(path, MAX_TABLE_BYTES).decode("utf-8", "surrogateescape")
        return [*map(_row, csv.DictReader(io.StringIO(text, newline=""), restval=""))]
    except OSError as error:
        raise RunError(
            f"{printable(str(path))} can't be read: {reason_of(error)}", hint=hint
        ) from error
    except (KeyError, ValueError, csv.Error) as error:
        raise RunError(f"{printable(str(path))} is damaged", hint=hint) from error


def _row(row: Mapping[str, str]) -> _Row:
    class_name, name = row["class"], row["name"]
    if exact := row.get("exact"):
        class_name, name = from_builtins(tuple[str, str], parse_json(exact))
    return _Row(row["split"], class_name, row["sha256"], name, row["skipped"])


class _Listed(NamedTuple):
    split: str
    label: str
    sha256: str


def _by_name(images: Identities) -> dict[str, _Listed]:
    return {name: _Listed(split, *known) for (split, name), known in images.items()}
