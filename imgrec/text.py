"""Untrusted text made safe to show (file and class names can contain anything), and suggestions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Joiners are part of emoji and several scripts, and harmless.
_HARMLESS = {"\u200c", "\u200d"}

# Control, format (bidirectional controls among them), surrogate, line and paragraph separator.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# Python represents an undecodable byte of a file name as one of these surrogates.
_UNDECODABLE = range(0xDC80, 0xDD00)

# CI servers run these in a log as commands: `::error::`, `##[error]`, `##vso[...]`. Wrapping can
# start a line anywhere in a name.
_COMMAND = re.compile(r"(?<!\w):(?=:)|:(?=:\w[^:]*::)|#(?=#\w*\[)")

# The time of a comparison grows with the square of the length.
_COMPARED = 100

NOTHING = "(none)"
"""Shown in place of a missing name."""


def printable(name: str) -> str:
    r"""Return `name` as one line that is safe to print and can always be encoded.

    Control characters, line breaks, bidirectional controls, undecodable bytes and other
    invisible characters become escapes such as `\n`, `\x1b` or `\u202e`, and so does the
    first character of what a CI server would run as a command in a log. Escaping twice
    changes nothing more.

    Example:
        >>> printable("cat\x1b[31m.jpg")
        'cat\\x1b[31m.jpg'
    """
    if not (name.isascii() and name.isprintable()):
        name = "".join(_escaped(character) for character in name)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", name)


def join_names(names: Iterable[str]) -> str:
    """Return the names of an image's classes, of which there may be several or none, as one text.

    Example:
        >>> join_names(["cat", "dog"]), join_names([])
        ('cat + dog', '(none)')
    """
    return " + ".join(names) or NOTHING


def join_few(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, printable, and how many more there are.

    Example:
        >>> join_few(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    more = len(names) - most
    return ", ".join(map(printable, names[:most])) + (f" and {more:,} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of `known` that is most similar to `name`, ignoring case.

    Args:
        name: The name that is not known.
        known: The names to choose from.
        cutoff: The lowest similarity, from 0 to 1, as `difflib` computes it.

    Returns:
        A name of `known`; None if none is similar enough.

    Example:
        >>> nearest("fliters", ["filters", "units"])
        'filters'
    """
    import difflib  # only needed after a mistake

    lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name[:_COMPARED].lower(), lower, n=1, cutoff=cutoff)
    return lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean x?` with the `nearest` name, printable; empty if there is none."""
    near = nearest(name, known, cutoff)
    return "" if near is None else f"; did you mean {printable(near)}?"


def _escaped(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    if ord(character) in _UNDECODABLE:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
