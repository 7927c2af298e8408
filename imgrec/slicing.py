"""The words by which users cut evaluated images into slices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from imgrec.text import printable

RotationAngle = Literal[90, 180, 270]
"""Degrees, counter-clockwise."""


@dataclass(frozen=True)
class SliceBy:
    """What images are told apart by.

    word: as the user wrote it. value: the column's name or the regular expression; empty for
    the others.
    """

    word: str
    kind: Literal["column", "path", "size", "mode"]
    value: str = ""


@dataclass(frozen=True)
class Slicing:
    """What else to measure than all images: parts of them, and all of them turned by angles."""

    by: tuple[SliceBy, ...] = ()
    turns: tuple[RotationAngle, ...] = ()


def slice_by(word: str) -> SliceBy:
    """Read one of the words.

    `size`, `mode`, `path:REGEX` with a group whose text is the slice's name, `column:NAME`, or
    the name of a column alone. Raises ValueError where it is none of them.
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
    """Read angles such as `90,180,270`. Raises ValueError where one is none of the three."""
    known = {str(turn): turn for turn in get_args(RotationAngle)}
    found = [angle.strip() for angle in text.split(",")]
    for angle in found:
        if angle not in known:
            raise ValueError(f"{printable(angle)!r} is none of {', '.join(known)}")
    return tuple(known[angle] for angle in dict.fromkeys(found))


def _check_expression(expression: str) -> None:
    try:
        groups = re.compile(expression).groups
    except re.error as error:
        raise ValueError(f"{printable(expression)} is no regular expression: {error}") from error
    if not groups:
        raise ValueError(
            f"path:{printable(expression)} has no group to name its slices by: write (a|b) "
            f"for a or b"
        )
