"""Tables of text as spreadsheets write them: a line of column names, and rows below it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Finding, Occurrence, finding
from imgrec.data.memory import check_free_memory
from imgrec.data.storage import cannot_read, read_bytes
from imgrec.errors import DataError
from imgrec.files import MAX_TABLE_BYTES
from imgrec.text import LONGEST_CLASS, class_name, count_of, decode_text, join_few, printable

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_SAVE = "save it as CSV in UTF-8"
_SHORT = "a table of images has a short line for each image"

_MAX_COLUMNS = 10_000
_MAX_LINE = 1 << 20
_COLUMNS_SHOWN = 20

# What they take in memory, together with the images that they become.
_ROW_BYTES, _CELL_BYTES = 1500, 110

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")


@dataclass(frozen=True)
class Row:
    """A row: its cells by column. line: the one that it begins on, from 1."""

    file: Path
    line: int
    cells: Mapping[str, str]

    def problem(self, message: str, hint: str = "") -> DataError:
        """Return the error that says what is wrong in this row."""
        return _problem(self.file, self.line, message, hint)


@dataclass(frozen=True)
class Table:
    """The rows of a table that are not empty.

    columns: their names, without blanks around them. findings: how the file was read, and what of
    it was not.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def read_table(file: Path, wanted: Collection[str], hint: str) -> Table:
    """Return the table in a text file.

    The encoding is UTF-8, UTF-16 or Windows-1252. Cells are separated by commas, or by semicolons,
    tabs or vertical bars if the first line then has the wanted columns; they are in quotes where
    needed. Columns without a name and empty rows are left out. Bytes that are in none of the
    encodings become surrogates. A table has at most 10,000 columns, lines of a million characters,
    and as many cells as fit in memory.

    Args:
        file: The file.
        wanted: The names of columns that have to be there.
        hint: What to do if one is missing.

    Raises:
        DataError: It is not such a table; the message has file and line.
    """
    text, encoding = _text(file)
    start, delimiter = _delimiter(file, text, wanted)
    _check_size(file, text, delimiter)
    lines = _lines(file, text, start, delimiter)
    line, header = next(lines, (0, None))
    if header is None:
        raise DataError(f"{printable(str(file))} is empty")
    names = _names(header, wanted)
    _check_header(file, line, names, wanted, hint)
    body = list(lines)
    filled = [(line, cells) for line, cells in body if any(map(str.strip, cells))]
    empty = [line for line, cells in body if not any(map(str.strip, cells))]
    form = _form(encoding, delimiter, header, names)
    unnamed = sum(_has_unnamed(names, cells) for _, cells in filled)
    return Table(
        tuple(name for name in names if name),
        tuple(_row(file, line, names, cells) for line, cells in filled),
        (
            *finding(FindingKind.GUESSED_ENCODING, _guess(file, text, encoding)),
            *finding(FindingKind.TABLE_FORM, [Occurrence((file.name,), form)] if form else []),
            *finding(
                FindingKind.SKIPPED_ROWS,
                (Occurrence((f"line {line}",), "empty") for line in empty),
            ),
            *finding(
                FindingKind.UNUSED_COLUMNS,
                [Occurrence(("",), f"no name, {count_of(unnamed, 'value')}")] if unnamed else [],
            ),
        ),
    )


def _row(file: Path, line: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) < len(names) or any(map(str.strip, cells[len(names) :])):
        found, wanted = count_of(len(cells), "cell"), count_of(len(names), "column")
        raise _problem(file, line, f"{found}, but there are {wanted}")
    return Row(file, line, {name: cell for name, cell in zip(names, cells, strict=False) if name})


def _has_unnamed(names: Sequence[str], cells: Sequence[str]) -> bool:
    return any(cell.strip() for name, cell in zip(names, cells, strict=False) if not name)


def _text(file: Path) -> tuple[str, str]:
    try:
        content = read_bytes(file, MAX_TABLE_BYTES)
    except (OSError, ValueError) as error:
        raise cannot_read(file, error) from error
    try:
        text, encoding = decode_text(content)
    except ValueError:
        # The names of files may be any bytes; it depends on the column whether that matters.
        text, encoding = content.decode("utf-8", "surrogateescape"), ""
    if "\0" in text:
        raise DataError(f"{printable(str(file))} contains NUL bytes: not a text file", hint=_SAVE)
    return text, encoding


def _delimiter(file: Path, text: str, wanted: Collection[str]) -> tuple[int, str]:
    """Return where the table starts in the text, and what separates its cells."""
    first, end, _ = text[:16].partition("\n")
    if first.lower().startswith("sep=") and len(first.rstrip("\r")) == len("sep=x"):  # Excel's
        return len(first + end), first[4]
    for delimiter in _DELIMITERS:
        try:
            header = next(csv.reader(_text_lines(file, text), delimiter=delimiter), [])
        except csv.Error:
            continue
        if set(wanted) <= set(_names(header, wanted)):
            return 0, delimiter
    return 0, ","


def _lines(file: Path, text: str, start: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that isn't an empty line with the line it begins on."""
    skipped = text.count("\n", 0, start)
    begin = skipped + 1
    reader = csv.reader(_text_lines(file, text, start), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield begin, cells
            begin = skipped + reader.line_num + 1
    except csv.Error as error:
        raise _problem(file, begin, f"not CSV ({error})", _SAVE) from error


def _text_lines(file: Path, text: str, start: int = 0) -> Iterator[str]:
    """Yield the lines with their ends; unlike `StringIO`, without four bytes for each character."""
    for number, found in enumerate(_LINE.finditer(text, start), 1):
        if found.end() - found.start() > _MAX_LINE:
            raise _problem(file, number, f"longer than {_MAX_LINE:,} characters", _SHORT)
        yield found[0]


def _check_size(file: Path, text: str, delimiter: str) -> None:
    rows = text.count("\n") + text.count("\r")
    cells = rows + text.count(delimiter)
    check_free_memory(rows * _ROW_BYTES + cells * _CELL_BYTES, printable(str(file)))


def _names(header: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Return the names of the columns, as they are wanted if they differ in case alone."""
    names = [class_name(name) for name in header]
    lower = [name.lower() for name in names]
    for name in wanted:
        if name not in names and lower.count(name.lower()) == 1:
            names[lower.index(name.lower())] = name
    return names


def _check_header(
    file: Path, line: int, names: Sequence[str], wanted: Collection[str], hint: str
) -> None:
    if len(names) > _MAX_COLUMNS:
        message = f"{count_of(len(names), 'column')}, and at most {_MAX_COLUMNS:,} are allowed"
        raise _problem(file, line, message, hint)
    if long := next((name for name in names if len(name) > LONGEST_CLASS), ""):
        message = f"the name of a column has {len(long):,} characters"
        raise _problem(file, line, f"{message}, and at most {LONGEST_CLASS:,} are allowed")
    for name, count in Counter(names).items():
        if name and count > 1:
            raise _problem(file, line, f"two columns are called {printable(name)}")
    for name in wanted:
        if name not in names:
            raise _problem(
                file,
                line,
                f"no column {printable(name)}; found: {join_few(names, _COLUMNS_SHOWN)}",
                hint,
            )


def _guess(file: Path, text: str, encoding: str) -> list[Occurrence]:
    if encoding != "Windows-1252":
        return []
    line = next(line for line in text.splitlines() if not line.isascii())
    return [Occurrence((file.name,), f"such as {line.strip()}")]


def _form(encoding: str, delimiter: str, header: Sequence[str], names: Sequence[str]) -> str:
    parts = [
        encoding if encoding.startswith("UTF-") and encoding != "UTF-8" else "",
        "" if delimiter == "," else f"separated by {_DELIMITERS.get(delimiter, repr(delimiter))}",
        "blanks around column names" if any(each != each.strip() for each in header) else "",
        *(
            f"column {written.strip()} read as {name}"
            for written, name in zip(header, names, strict=True)
            if class_name(written) != name
        ),
    ]
    return ", ".join(filter(None, parts))


def _problem(file: Path, line: int, message: str, hint: str = "") -> DataError:
    return DataError(f"{printable(str(file))}, line {line}: {message}", hint=hint)
