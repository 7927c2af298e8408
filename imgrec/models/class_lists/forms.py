"""The forms in which files name a model's classes: lines, CSV, JSON, label maps of TensorFlow."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from imgrec.json_documents import parse_json
from imgrec.text import count_of, plural, printable

FORMS = (
    "one name per line, with or without its number; a CSV or JSON file of names and numbers; "
    'Keras\' class index, {"0": ["n01440764", "tench"], …}; or a label map of TensorFlow (.pbtxt)'
)


class ClassEntry(NamedTuple):
    """A class's name, and its identifier (WordNet's or another) if the file has one."""

    name: str
    identifier: str = ""


class Parsed(NamedTuple):
    """The classes in the order of the model's output, and what was left out of the file."""

    entries: list[ClassEntry]
    remarks: list[str]


def parse_classes(text: str, *, is_table: bool) -> Parsed:
    """Return the classes in `text`; its form is recognized.

    Args:
        text: The content of a file.
        is_table: Whether the file's name says that it is CSV.

    Raises:
        ValueError: It has none of the forms; the message is the reason.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return _from_document(_document(text))
    if _LABEL_MAP.search(text):
        return _from_label_map(text)
    return _from_table(text) if is_table else _from_lines(text)


# Each of these repetitions keeps what it has matched, so that no text is searched twice.
_LABEL_MAP = re.compile(r"^[^\S\n]*+item\s*+:?\s*+\{", re.MULTILINE)

# A number is separated from the name: `0 cat`, `0: cat`, `0,cat`, `0. cat`; not `1-star`, `1.5 l`.
_NUMBERED = re.compile(r"\s*(\d{1,7})(?:\s*[:;,=]\s*|[.)]?\s+)(\S.*)", re.ASCII)
_WORDNET = re.compile(r"\s*(n\d{8})\s+(\S.*)", re.ASCII)


def _from_lines(text: str) -> Parsed:
    lines = re.split(r"\r\n|\r|\n", text.rstrip())
    named = [line for line in lines if line.strip()]
    blank = len(lines) - len(named)
    skipped = [f"{_count(blank, 'blank line')} skipped"] if blank and named else []
    if found := _all_match(_WORDNET, named):
        return Parsed([ClassEntry(match[2], match[1]) for match in found], skipped)
    found = _all_match(_NUMBERED, named)
    numbers, names = [int(match[1]) for match in found], [match[2] for match in found]
    # `1 star`, `2 stars`, `3 stars` are names; ImageNet has two of a thousand twice.
    if found and _count_up(numbers) and 10 * len(set(names)) >= 9 * len(names):
        removed = f"the numbers {numbers[0]} to {numbers[-1]} in front of the names were removed"
        return Parsed([ClassEntry(name) for name in names], [*skipped, removed])
    return Parsed([ClassEntry(line) for line in named], skipped)


def _all_match(form: re.Pattern[str], lines: Sequence[str]) -> list[re.Match[str]]:
    found = [match for line in lines if (match := form.fullmatch(line))]
    return found if len(found) == len(lines) else []


def _count_up(numbers: Sequence[int], first: Sequence[int] = (0, 1)) -> bool:
    return any(list(numbers) == [*range(start, start + len(numbers))] for start in first)


# In characters; Python's parser takes 100 times as many bytes.
_LONGEST_LITERAL = 1 << 20

_SHOWN = 40

_KEYS = ("labels", "names", "classes", "class_names", "id2label")


def _document(text: str) -> Any:
    """Return the value of JSON, or of a Python literal such as `{0: 'tench', 1: 'goldfish'}`."""
    try:
        return parse_json(text)
    except ValueError as error:
        try:
            if len(text) <= _LONGEST_LITERAL:
                return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            pass
        raise ValueError(f"it is not valid JSON: {error}") from error


def _from_document(document: Any) -> Parsed:
    if isinstance(document, list):
        return Parsed([ClassEntry(_name(each)) for each in document], [])
    if not isinstance(document, dict):
        raise ValueError("it is neither a list nor an object")
    for key in _KEYS:
        if isinstance(document.get(key), list | dict):
            return Parsed(_from_document(document[key]).entries, [f"only `{key}` was read"])
    return Parsed([_entry(value) for value in _by_index(document)], [])


def _by_index(document: Mapping[Any, Any]) -> list[Any]:
    """Return the names in an object of indices and names, either way round."""
    if document and all(type(value) is int for value in document.values()):
        pairs = [(index, name) for name, index in document.items()]
    elif all(re.fullmatch(r"\d{1,7}", str(key), re.ASCII) for key in document):
        pairs = [(int(key), value) for key, value in document.items()]
    else:
        raise ValueError("it does not pair names with numbers")
    return _in_order(pairs, first=(0,))


_T = TypeVar("_T")


def _in_order(pairs: Sequence[tuple[int, _T]], first: Sequence[int]) -> list[_T]:
    """Return the values sorted by their numbers, which count from one of `first`."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    numbers = [number for number, _ in ordered]
    if not _count_up(numbers, first):
        start = " or ".join(map(str, first))
        raise ValueError(f"its numbers do not count from {start} without gaps or repetitions")
    return [value for _, value in ordered]


def _entry(value: Any) -> ClassEntry:
    if isinstance(value, list | tuple) and len(value) == 2:
        return ClassEntry(_name(value[1]), _name(value[0]))
    return ClassEntry(_name(value))


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a name is not a string")
    return value


_TEXT = r"""(?:"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')"""
_TOKEN = re.compile(rf"""#[^\n]*|{_TEXT}|["'][^\n]*|[{{}}]|[^\s{{}}:"'#,;]+""", re.ASCII)


def _from_label_map(text: str) -> Parsed:
    """Return the classes of `item { id: 1 name: "n01440764" display_name: "tench" } ...`."""
    items = list(_items(text))
    if not all("name" in item or "display_name" in item for item in items):
        raise ValueError("an item has no name")
    if not all(re.fullmatch(r"\d{1,7}", item.get("id", ""), re.ASCII) for item in items):
        raise ValueError("an item has no id")
    entries = [
        ClassEntry(item.get("display_name") or item["name"], item.get("name", "")) for item in items
    ]
    ids = [int(item["id"]) for item in items]
    return Parsed(_in_order([*zip(ids, entries, strict=True)], first=(0, 1)), [])


def _items(text: str) -> Iterator[dict[str, str]]:
    item: dict[str, str] = {}
    depth, key = 0, ""
    for part in _TOKEN.findall(text):
        if part == "{":
            depth += 1
        elif part == "}":
            depth -= 1
            if depth == 0:
                yield item
                item = {}
        elif depth == 1 and not part.startswith("#"):
            if not key:
                key = part
                continue
            item[key] = _unquoted(part)
        key = ""


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    if not re.fullmatch(_TEXT, token):
        raise ValueError(f"{printable(token[:_SHOWN])} has no closing quote")
    # Escapes are those of bytes: `\303\251` is é.
    escaped = token[1:-1].encode().decode("unicode_escape", "replace")
    return escaped.encode("latin-1", "replace").decode("utf-8", "replace")


_NAME_COLUMNS = (
    "class_name", "display_name", "name", "category", "label", "class", "labels", "classes"
)  # fmt: skip
_INDEX_COLUMNS = ("index", "class_index", "class_id", "id", "idx", "label", "class", "")
_IDENTIFIER_COLUMNS = ("wnid", "synset", "mid")


def _from_table(text: str) -> Parsed:
    """Return the classes of a CSV file: a column of names, and perhaps one of their numbers."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(re.split(r"\r\n|\r|\n", text), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [row for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise ValueError(f"it is not CSV ({error})") from error
    if len({len(row) for row in rows}) > 1:
        raise ValueError("its rows differ in their number of columns")
    if not rows:
        return Parsed([], [])
    header = [cell.strip().lower().replace(" ", "_") for cell in rows[0]]
    has_header = any(cell in _NAME_COLUMNS for cell in header)
    columns = [*zip(*rows[has_header:], strict=True)]
    name, index = _columns(header if has_header else [""] * len(header), columns)
    identifier = next((header.index(each) for each in _IDENTIFIER_COLUMNS if each in header), None)
    identifiers = columns[identifier] if identifier is not None else [""] * len(columns[name])
    entries = [*map(ClassEntry, columns[name], identifiers)]
    if index is not None:
        numbers = map(int, columns[index])
        entries = _in_order([*zip(numbers, entries, strict=True)], first=(0, 1))
    return Parsed(entries, _read_columns(rows[0], name, index) if has_header else [])


def _columns(header: Sequence[str], columns: Sequence[Sequence[str]]) -> tuple[int, int | None]:
    """Return the positions of the column of names and of that of their numbers, if any."""
    if not columns:
        raise ValueError("it has a header, but no rows")
    numbers = [
        place
        for place, cells in enumerate(columns)
        if all(re.fullmatch(r"\s*\d{1,7}\s*", cell, re.ASCII) for cell in cells)
    ]
    index = next(
        (place for each in _INDEX_COLUMNS for place in numbers if header[place] == each), None
    )
    others = [place for place in range(len(columns)) if place != index]
    called = [place for each in _NAME_COLUMNS for place in others if header[place] == each]
    if called or len(others) == 1:
        return (called or others)[0], index
    if len(columns) == 1:
        return 0, None
    raise ValueError("none of its columns is called `name`")


def _read_columns(header: Sequence[str], name: int, index: int | None) -> list[str]:
    places = [name] if index is None else [name, index]
    read = [printable(header[place].strip()) or "without a name" for place in places]
    left = len(header) - len(read)
    return [
        f"read the {plural('column', len(read))} {' and '.join(read)}"
        + (f"; {_count(left, 'other column')} ignored" if left else "")
    ]


def _count(number: int, noun: str) -> str:
    return f"{count_of(number, noun)} {'was' if number == 1 else 'were'}"
