"""How users specify slices of evaluated images, and rotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from imgrec.expressions import groups_in
from imgrec.text import printable

RotationAngle = Literal[90, 180, 270]
"""Degrees, counter-clockwise."""


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
    """What to measure in addition to all images: slices, and rotated copies."""

    by: tuple[SliceBy, ...] = ()
    turns: tuple[RotationAngle, ...] = ()


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


def turns(text: str) -> tuple[RotationAngle, ...]:
    """Parse angles such as `90,180,270`.

    Raises:
        ValueError: One is not 90, 180 or 270.

    Example:
        >>> turns("90, 270")
        (90, 270)
    """
    known = {str(turn): turn for turn in get_args(RotationAngle)}
    found = [angle.strip() for angle in text.split(",")]
    for angle in found:
        if angle not in known:
            raise ValueError(f"{printable(angle)!r} is not one of {', '.join(known)}")
    return tuple(known[angle] for angle in dict.fromkeys(found))


def _check_expression(expression: str) -> None:
    if not groups_in(expression):
        raise ValueError(
            f"path:{printable(expression)} has no group to name the slices, such as (day|night)"
        )
