"""How users specify slices of evaluated images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgrec.corruption import Corruption
from imgrec.expressions import groups_in
from imgrec.text import printable


@dataclass(frozen=True)
class SliceBy:
    """A property that divides images into slices.

    Attributes:
        word: The specification, as the user wrote it.
        kind: The kind of property.
        value: The name of the column, or the regular expression; empty for other kinds.
    """

    word: str
    kind: Literal["column", "path", "size", "mode"]
    value: str = ""


@dataclass(frozen=True)
class Slicing:
    """What to measure in addition to all images: slices, and corrupted copies."""

    by: tuple[SliceBy, ...] = ()
    corruptions: tuple[Corruption, ...] = ()


def slice_by(word: str) -> SliceBy:
    """Parse the specification of slices.

    Args:
        word: `size`, `mode`, `path:REGEX` with a group whose text is the name of the slice,
            `column:NAME`, or only the name of a column.

    Raises:
        ValueError: It is empty, or the regular expression is invalid.

    Example:
        >>> slice_by("path:(day|night)").kind
        'path'
    """
    word = word.strip()
    kind, colon, value = word.partition(":")
    if word in {"size", "mode"}:
        return SliceBy(word, "size" if word == "size" else "mode")
    if kind == "path" and colon:
        _check_expression(value)
        return SliceBy(word, "path", value)
    name = value if kind == "column" and colon else word
    if not name:
        raise ValueError("a slice is size, mode, path:REGEX or a column of the CSV file")
    return SliceBy(word, "column", name)


def _check_expression(expression: str) -> None:
    if not groups_in(expression):
        raise ValueError(
            f"path:{printable(expression)} has no group to name the slices, such as (day|night)"
        )
