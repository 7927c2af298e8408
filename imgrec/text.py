"""Strangers' text, made safe to show: file and class names may hold anything.

Also what a name that nobody knows was meant to be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Joiners shape emoji and several scripts and move nothing around them.
_HARMLESS = {"\u200c", "\u200d"}

# Control, format (bidirectional controls among them), surrogate, line and paragraph separator.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# Python keeps a byte it can't decode in a file name as one of these surrogates.
_UNDECODABLE = range(0xDC80, 0xDD00)

# What the logs of CI servers run as a command: `::error::`, `##[error]`, `##vso[...]`. A line
# may begin anywhere inside a name that is folded.
_COMMAND = re.compile(r"(?<!\w):(?=:)|:(?=:\w[^:]*::)|#(?=#\w*\[)")

# A comparison takes time by the square of the length.
_COMPARED = 100

NOTHING = "(none)"
"""What stands where there is no name."""


def printable(name: str) -> str:
    r"""Return `name` as one line that can't steer a terminal and can always be encoded.

    Control characters, line breaks, bidirectional controls, undecodable bytes and other
    invisible characters become escapes such as `\n`, `\x1b` or `\u202e`, and so does the
    first character of what the log of a CI server would run as a command; everything else
    stays. What is shown once stays the same when shown again.
    """
    if not (name.isascii() and name.isprintable()):
        name = "".join(_escaped(character) for character in name)
    return _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", name)


def join_names(names: Iterable[str]) -> str:
    """Return the names of an image's classes, of which there may be several or none, as one."""
    return " + ".join(names) or NOTHING


def join_few(names: Sequence[str], most: int = 3) -> str:
    """Return the first names as `shown`, and how many more there are."""
    more = len(names) - most
    return ", ".join(map(printable, names[:most])) + (f" and {more:,} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the one of `known` that looks most like `name`, if any does; case does not count.

    cutoff: how much alike they have to be, 0 to 1, as `difflib` measures it.
    """
    import difflib  # only a mistake needs it

    lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name[:_COMPARED].lower(), lower, n=1, cutoff=cutoff)
    return lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean x?` with the `nearest` as `shown`; nothing where there is none."""
    near = nearest(name, known, cutoff)
    return "" if near is None else f"; did you mean {printable(near)}?"


def _escaped(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    if ord(character) in _UNDECODABLE:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
