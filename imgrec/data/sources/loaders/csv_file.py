"""Labelled images in a CSV file: a row for each, with a path and a label."""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pydantic import Field

from imgrec.data.classes import NamedLabel, labelled
from imgrec.data.loader import LabelOptions, Loader, Request
from imgrec.data.records import ALL_SPLITS, SPLIT_NAMES, SPLITS, RecordsBySplit
from imgrec.data.storage import cannot_read, exists, is_folder, open_text
from imgrec.errors import DataError
from imgrec.sections.section import ConfigFinding, Section, Text
from imgrec.text import printable

log = logging.getLogger("imgrec")

_SEPARATOR = ";"


class Columns(Section):
    """The columns of a CSV file, by the names in its first line."""

    path: Text = Field(
        default="path", description="The image's path, relative to the folder of the CSV file."
    )
    label: Text = Field(default="label", description="The image's class, or several of them.")
    split: Text = Field(
        default="split",
        description="Whether the image is for `train`, `validation` (`val`, `valid`) or `test`. "
        "Without this column, `data.split` divides the images.",
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


@dataclass(frozen=True)
class _Row:
    """A row: its cells by column. line: the one that it begins on, from 1."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def problem(self, message: str, hint: str = "") -> DataError:
        return _problem(self.file, self.line, message, hint)


def read_csv(file: Path, columns: Columns, separator: str | None = None) -> RecordsBySplit:
    """Return the images in the rows of `file`, by its split column if it has one.

    The file is UTF-8 (a byte order mark is fine), with commas, quotes where needed, and column
    names in the first line. Paths are relative to its folder; a record's name is the path as
    written, without `./`. Columns that are neither path, label nor split become `Record.extra`.

    Args:
        file: The table.
        columns: The names of its columns.
        separator: The text between the labels of an image that may have several, or none; None
            if each image has one label.

    Raises:
        DataError: It is not such a table; the message has file and line.
    """
    images: dict[str, list[NamedLabel]] = {}
    first: dict[str, int] = {}
    for row in _rows(file, columns):
        image = _image(row, columns, separator)
        if image.name in first:
            raise row.problem(
                f"{printable(image.name)} is already in line {first[image.name]}",
                "an image has one row; for several labels set data.multi_label",
            )
        first[image.name] = row.line
        images.setdefault(_part(row, columns), []).append(image)
    if not images:
        raise DataError(f"{printable(str(file))} has no rows below its column names")
    _check_some_there(file, images)
    if separator is None:
        _warn_of_several(file, images)
    return {
        part: labelled(images[part], multi_label=separator is not None)
        for part in (ALL_SPLITS, *SPLITS)
        if part in images
    }


def _image(row: _Row, columns: Columns, separator: str | None) -> NamedLabel:
    path = row.cells[columns.path]
    if not path.strip():
        raise row.problem(f"column {printable(columns.path)} is empty")
    label = row.cells[columns.label]
    labels = _labels(label, separator)
    if not all(each.strip() for each in labels):
        hint = "" if separator else "images with several labels, or none: data.multi_label: true"
        raise row.problem(
            f"column {printable(columns.label)} is empty, or one of its labels is", hint
        )
    if not _is_utf8(label):
        raise row.problem(f"label {printable(label)} is not UTF-8", "save the file as UTF-8")
    used = (columns.path, columns.label, columns.split)
    extra = {name: cell for name, cell in row.cells.items() if name not in used}
    name = PurePath(os.path.normpath(path)).as_posix()
    return NamedLabel(name, tuple(labels), row.file.parent / path, extra)


def _labels(cell: str, separator: str | None) -> list[str]:
    if separator is None:
        return [cell]
    return [each.strip() for each in cell.split(separator)] if cell.strip() else []


def _part(row: _Row, columns: Columns) -> str:
    if columns.split not in row.cells:
        return ALL_SPLITS
    written = row.cells[columns.split]
    part = SPLIT_NAMES.get(written.strip().lower())
    if part is None:
        message = f"column {printable(columns.split)} says {printable(written) or 'nothing'}"
        raise row.problem(message, f"allowed: {', '.join(SPLIT_NAMES)}")
    return part


def _rows(file: Path, columns: Columns) -> Iterator[_Row]:
    """Yield the rows below the column names; empty lines are left out."""
    lines = _lines(file)
    header = next(lines, None)
    if header is None:
        raise DataError(f"{printable(str(file))} is empty")
    names = header[1]
    _check_header(file, names, columns)
    for line, cells in lines:
        if len(cells) != len(names):
            raise _problem(file, line, f"{len(cells)} cells, but there are {len(names)} columns")
        yield _Row(file, line, dict(zip(names, cells, strict=True)))


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that isn't empty with the line it begins on."""
    # A file name may hold bytes that are not UTF-8; labels and columns are checked for them.
    begin = 1
    try:
        with open_text(file) as text:
            reader = csv.reader(text, strict=True)
            for cells in reader:
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
    except csv.Error as error:
        raise _problem(file, begin, f"not CSV ({error})", "save it as CSV in UTF-8") from error
    except OSError as error:
        raise cannot_read(file, error) from error


def _check_header(file: Path, names: Sequence[str], columns: Columns) -> None:
    wanted = [columns.path, columns.label]
    if "split" in columns.model_fields_set:
        wanted.append(columns.split)
    for name in names:
        if names.count(name) > 1:
            raise _problem(file, 1, f"two columns are called {printable(name) or 'nothing'}")
    for name in wanted:
        if name not in names:
            raise _problem(
                file,
                1,
                f"no column {printable(name)}; found: {', '.join(map(printable, names))}",
                "name the columns with data.columns; commas stand between them",
            )


def _check_some_there(file: Path, images: Mapping[str, Sequence[NamedLabel]]) -> None:
    """Raise DataError if none of the images exists: the paths are relative to another folder."""
    sources = [image.source for part in images.values() for image in part]
    if not any(isinstance(source, Path) and exists(source) for source in sources):
        raise DataError(
            f"none of the {len(sources)} images in {printable(str(file))} exists, such as "
            f"{printable(str(sources[0]))}",
            hint="paths are relative to the folder of the CSV file",
        )


def _warn_of_several(file: Path, images: Mapping[str, Sequence[NamedLabel]]) -> None:
    labels = {label for part in images.values() for image in part for label in image.classes}
    several = sorted(label for label in labels if _SEPARATOR in label)
    if several:
        log.warning(
            "%s: labels such as %s are taken as one class each; if images have several labels, set "
            "data.multi_label: true in a config",
            printable(str(file)),
            printable(several[0]),
        )


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(file: Path, line: int, message: str, hint: str = "") -> DataError:
    return DataError(f"{printable(str(file))}, line {line}: {message}", hint=hint)


def _read(request: Request[CsvOptions]) -> RecordsBySplit:
    options = request.options
    separator = (options.separator or _SEPARATOR) if options.multi_label else None
    return read_csv(Path(request.path), options.columns or Columns(), separator)


LOADER = Loader(
    "csv",
    "a table of paths and labels",
    CsvOptions,
    _read,
    detects=lambda path: path.lower().endswith(".csv") and not is_folder(path),
)
