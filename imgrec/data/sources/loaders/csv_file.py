"""Labelled images in a CSV file: a row for each, with a path and a label."""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Literal

from pydantic import Field

from imgrec.data.classes import LONGEST_NAME, NamedLabel, labelled, with_findings
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, finding
from imgrec.data.loader import LabelOptions, Loader, Request
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS, Dataset, RecordsBySplit
from imgrec.data.sources.table import Row, Table, read_table
from imgrec.data.storage import exists, is_folder
from imgrec.errors import DataError
from imgrec.interface import setting
from imgrec.sections.section import ConfigFinding, Section, Text
from imgrec.text import printable

_SEPARATOR = ";"

# In which the names of files with accents may be on disk.
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")

# With a slash, or a drive of Windows, in front.
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")


class Columns(Section):
    """The columns of a CSV file, by the names in its first line."""

    path: Text = Field(
        default="path", description="The image's path, relative to the folder of the CSV file."
    )
    label: Text = Field(default="label", description="The image's class, or several of them.")
    split: Text = Field(
        default="split",
        description="Whether the image is for `train`, `validation` (`val`, `valid`, `dev`) or "
        "`test`. Without this column, `data.split` divides the images.",
    )


class CsvOptions(LabelOptions):
    """The keys of loader `csv`."""

    columns: Columns | None = Field(default=None)
    separator: Text | None = Field(
        default=None,
        description="For `csv` with `multi_label`: the text between the labels of an image; by "
        f"default, `{_SEPARATOR}`.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield a separator for images that have one label each."""
        if self.separator is not None and not self.multi_label:
            yield ("separator",), "separates the labels of an image: set multi_label to true, too"


def read_csv(file: Path, columns: Columns, separator: str | None = None) -> RecordsBySplit:
    """Return the images in the rows of `file`, by its split column if it has one.

    The file is a table as `read_table` reads it. Paths are relative to its folder, with slashes or
    backslashes; a record's name is the path without `./`. Columns that are neither path, label nor
    split become `Record.extra`. A row that repeats another one is left out; with several labels,
    the rows of an image are joined.

    Args:
        file: The table.
        columns: The names of its columns.
        separator: The text between the labels of an image that may have several, or none; None
            if each image has one label.

    Raises:
        DataError: It is not such a table; the message has file and line.
    """
    named = setting("data.columns", "{path: COLUMN, label: COLUMN}")
    table = read_table(file, _wanted(columns), f"name the columns: {named}")
    rewritten = [(row, *_path(row, columns)) for row in table.rows]
    images, repeated = _images(rewritten, columns, separator)
    if not images:
        raise DataError(f"{printable(str(file))} has no rows below its column names")
    _check_some_there(file, images)
    datasets = {
        part: labelled(images[part], multi_label=separator is not None)
        for part in (ALL_SPLITS, *SPLITS)
        if part in images
    }
    return _with_findings(datasets, table, columns, rewritten, repeated)


def _images(
    rows: Iterable[tuple[Row, str, bool]], columns: Columns, separator: str | None
) -> tuple[dict[str, list[NamedLabel]], list[Occurrence]]:
    """Return the images of each split, and the rows that say nothing new."""
    found: dict[str, tuple[Row, str, NamedLabel]] = {}
    repeated: list[Occurrence] = []
    for row, path, _ in rows:
        image, part = _image(row, path, columns, separator), _part(row, columns)
        earlier, its_part, known = found.setdefault(image.name, (row, part, image))
        if earlier is row:
            continue
        if part != its_part or (separator is None and image.classes != known.classes):
            raise row.problem(
                f"{printable(image.name)} is already in line {earlier.line}",
                "an image is in one split"
                if part != its_part
                else "remove one of the rows; if images have several labels, set data.multi_label",
            )
        if set(image.classes) <= set(known.classes):
            repeated.append(Occurrence((f"line {row.line}",), f"repeats line {earlier.line}"))
        classes = tuple(dict.fromkeys((*known.classes, *image.classes)))
        found[image.name] = (earlier, part, replace(known, classes=classes))
    images: dict[str, list[NamedLabel]] = {}
    for _, part, image in found.values():
        images.setdefault(part, []).append(image)
    return images, repeated


def _wanted(columns: Columns) -> list[str]:
    named = "split" in columns.model_fields_set
    return [columns.path, columns.label, *([columns.split] if named else [])]


def _image(row: Row, path: str, columns: Columns, separator: str | None) -> NamedLabel:
    if not path.strip():
        raise row.problem(f"column {printable(columns.path)} is empty")
    labels = _labels(row.cells[columns.label], separator)
    if not all(each.strip() for each in labels):
        hint = "" if separator else "images with several labels, or none: data.multi_label: true"
        raise row.problem(
            f"column {printable(columns.label)} is empty, or one of its labels is", hint
        )
    if not _is_text(row.cells[columns.label]):
        label = printable(row.cells[columns.label])
        raise row.problem(
            f"label {label} is neither UTF-8, UTF-16 nor Windows-1252",
            "save the file as CSV in UTF-8",
        )
    used = (columns.path, columns.label, columns.split)
    extra = {name: cell for name, cell in row.cells.items() if name not in used}
    name = PurePath(os.path.normpath(path)).as_posix()
    return NamedLabel(name, tuple(labels), row.file.parent / path, extra)


def _path(row: Row, columns: Columns) -> tuple[str, bool]:
    """Return the path of a row's image, and whether it is written in another way."""
    written = row.cells[columns.path]
    if len(written) > LONGEST_NAME:
        raise row.problem(
            f"the path has {len(written):,} characters, and at most {LONGEST_NAME:,} are allowed"
        )
    return _existing(written, row.file.parent)


def _existing(written: str, folder: Path) -> tuple[str, bool]:
    """Return the path that a cell means, and whether it is written in another way."""
    if written.isascii() and "\\" not in written and written == written.strip():
        return written, False  # as almost all are: no need to look for the file
    plain = written.strip().replace("\\", "/")
    for path in (written, plain, *_spellings(plain)):
        if exists(folder / path):
            return path, path != written
    return plain, plain != written


def _spellings(path: str) -> Iterator[str]:
    """Yield the names that a file whose name has accents may have on disk."""
    for form in _FORMS:
        yield unicodedata.normalize(form, path)
    with contextlib.suppress(UnicodeError):
        yield os.fsdecode(path.encode("cp1252"))


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _labels(cell: str, separator: str | None) -> list[str]:
    if separator is None:
        return [cell]
    return [each.strip() for each in cell.split(separator)] if cell.strip() else []


def _part(row: Row, columns: Columns) -> str:
    if columns.split not in row.cells:
        return ALL_SPLITS
    written = row.cells[columns.split]
    part = SPLIT_NAMES.get(written.strip().lower())
    if part is None:
        message = f"column {printable(columns.split)} says {printable(written) or 'nothing'}"
        raise row.problem(message, f"allowed: {', '.join(SPLIT_NAMES)}")
    return part


def _check_some_there(file: Path, images: Mapping[str, Sequence[NamedLabel]]) -> None:
    """Raise DataError if none of the images exists: the paths are relative to another folder."""
    sources = [image.source for part in images.values() for image in part]
    if any(isinstance(source, Path) and exists(source) for source in sources):
        return
    elsewhere = all(_ABSOLUTE.match(image.name) for part in images.values() for image in part)
    raise DataError(
        f"none of the images in {printable(str(file))} exists, such as "
        f"{printable(str(sources[0]))}",
        hint="the paths are those of another computer: write them relative to the folder of the "
        "CSV file"
        if elsewhere
        else "paths are relative to the folder of the CSV file",
    )


def _with_findings(
    datasets: dict[str, Dataset],
    table: Table,
    columns: Columns,
    rewritten: Sequence[tuple[Row, str, bool]],
    repeated: Sequence[Occurrence],
) -> dict[str, Dataset]:
    """Return the data sets, the first one with the findings of the whole table."""
    used = (columns.path, columns.label, columns.split)
    unused = (Occurrence((name,)) for name in table.columns if name not in used)
    paths = (
        Occurrence((row.cells[columns.path],), f"read as {path}")
        for row, path, changed in rewritten
        if changed
    )
    findings = (
        *table.findings,
        *finding(FindingKind.SKIPPED_ROWS, repeated),
        *finding(FindingKind.REWRITTEN_PATHS, paths),
        *finding(FindingKind.UNUSED_COLUMNS, unused),
    )
    return with_findings(datasets, findings)


def _read(request: Request[CsvOptions]) -> RecordsBySplit:
    options = request.options
    separator = (options.separator or _SEPARATOR) if options.multi_label else None
    return read_csv(Path(request.path), options.columns or Columns(), separator)


LOADER = Loader(
    "csv",
    "a table of paths and labels",
    CsvOptions,
    _read,
    detects=lambda path: path.lower().endswith((".csv", ".tsv")) and not is_folder(path),
)
