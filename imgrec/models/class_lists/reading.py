"""Read the names of a model's classes from a file, in the order of its output."""

from __future__ import annotations

import collections
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imgrec.errors import DataError
from imgrec.files import read_regular, reason_of
from imgrec.models.class_lists.forms import FORMS, ClassEntry, parse_classes
from imgrec.text import (
    LONGEST_CLASS,
    DecodedText,
    class_name,
    decode_text,
    join_few,
    printable,
)

MAX_BYTES = 16 << 20

_BACKGROUND = ("background", "__background__")
_SHOWN = 10


class ClassList(NamedTuple):
    """The names of classes in a file, and what was changed to get them.

    Attributes:
        names: In the order of the model's output.
        remarks: One sentence for each change.
    """

    names: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_classes(path: Path, outputs: int | None = None) -> ClassList:
    """Return the names in `path`, in the order of the model's output.

    The file is UTF-8, UTF-16 or Windows-1252, and has one name per line, or is CSV, JSON or a label
    map of TensorFlow. Numbers that count the lines are removed. Names are in Unicode's form NFC,
    without surrounding blanks. A name that several classes share is followed by the identifier in
    the file, `crane (n02012849)`, or by the index of the class, `crane (134)`.

    Args:
        path: The file.
        outputs: How many classes the model has. If the file has one more, and the first or last is
            `background`, that one is left out.

    Raises:
        DataError: The file can't be read, has another format, or repeats a name.
    """
    place = printable(str(path))
    try:
        text, encoding = _text(path)
        is_table = path.suffix.lower() in (".csv", ".tsv")
        entries, remarks = parse_classes(text, is_table=is_table)
    except OSError as error:
        reason = reason_of(error)
        raise DataError(f"--classes {place} can't be read: {reason}") from error
    except (ValueError, RecursionError) as error:
        reason = printable(str(error)[:200])
        raise DataError(
            f"{place} is not a list of classes: {reason}", hint=f"it should contain {FORMS}"
        ) from error
    if encoding != "UTF-8":
        remarks = [f"its text is {encoding}, not UTF-8", *remarks]
    return _finished(entries, remarks, outputs, place)


def imagenet_classes() -> ClassList:
    """Return the names of ImageNet's 1,000 classes, those of Keras' class index.

    A name that two classes share is followed by WordNet's identifier, as in `crane (n02012849)`.

    Example:
        >>> imagenet_classes().names[:2]
        ('tench', 'goldfish')
    """
    return ClassList(read_classes(Path(__file__).with_name("imagenet_classes.txt")).names)


def _text(path: Path) -> DecodedText:
    try:
        decoded = decode_text(read_regular(path, MAX_BYTES))
    except ValueError as error:
        raise ValueError(f"it {error}") from error
    if "\0" in decoded.text:
        raise ValueError("it is not text")
    return decoded


def _finished(
    entries: Sequence[ClassEntry], remarks: list[str], outputs: int | None, place: str
) -> ClassList:
    if (longest := max((len(each.name) for each in entries), default=0)) > LONGEST_CLASS:
        raise DataError(
            f"{place}: a name has {longest:,} characters, and at most {LONGEST_CLASS:,} are allowed"
        )
    cleaned = [each._replace(name=class_name(each.name)) for each in entries]
    composed = [unicodedata.normalize("NFC", each.name) for each in entries]
    names = [each.name for each in cleaned]
    if changed := [new for new, old in zip(composed, entries, strict=True) if new != old.name]:
        remarks.append(f"accents were composed with their letters: {join_few(changed)}")
    if changed := [new for new, old in zip(names, composed, strict=True) if new != old]:
        remarks.append(f"blanks around names were removed: {join_few(changed)}")
    if "" in names:
        raise DataError(f"{place}: class {names.index('') + 1} has no name")
    if (extra := _surplus_background(names, outputs)) is not None:
        remarks.append(f"{printable(names[extra])} was left out: the model has no output for it")
        del cleaned[extra]
    unique = _unique(cleaned)
    if renamed := [new for new, old in zip(unique, cleaned, strict=True) if new != old.name]:
        remarks.append(f"repeated names were made unique: {join_few(renamed, _SHOWN)}")
    _check(unique, place)
    return ClassList(unique, tuple(f"{place}: {remark}" for remark in remarks))


def _surplus_background(names: Sequence[str], outputs: int | None) -> int | None:
    if outputs is None or len(names) != outputs + 1:
        return None
    return next((end for end in (0, -1) if names[end].lower() in _BACKGROUND), None)


def _unique(entries: Sequence[ClassEntry]) -> tuple[str, ...]:
    counts = collections.Counter(each.name for each in entries)
    return tuple(
        each.name if counts[each.name] == 1 else f"{each.name} ({each.identifier or index})"
        for index, each in enumerate(entries)
    )


def _check(names: Sequence[str], place: str) -> None:
    if repeated := [name for name, count in collections.Counter(names).items() if count > 1]:
        raise DataError(
            f"{place} has classes more than once: {join_few(repeated, _SHOWN)}",
            hint="give each class a unique name, such as `crane (bird)`",
        )
    if len(names) < 2:
        count = len(names) or "no"
        raise DataError(f"{place} contains {count} class name; a model needs two or more")
