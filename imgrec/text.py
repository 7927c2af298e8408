"""Text of users: decoded, in one form, and safe to show (names can contain anything)."""

from __future__ import annotations

import bisect
import codecs
import re
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

# Joiners are part of emoji and several scripts, and harmless.
_HARMLESS = {"\u200c", "\u200d"}

# Control, format (bidirectional controls among them), surrogate, line and paragraph separator.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}

# Python represents an undecodable byte of a file name as one of these surrogates.
_UNDECODABLE = range(0xDC80, 0xDD00)

# CI servers run these in a log as commands: `::error::`, `##[error]`, `##vso[...]`. Wrapping can
# start a line anywhere in a name.
_COMMAND = re.compile(r"(?<!\w):(?=:)|:(?=:\w[^:]*::)|#(?=#\w*\[)")

# Characters that start a formula in a spreadsheet, including full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

# The time of a comparison grows with the square of the length.
_COMPARED = 100
_ALTERNATIVES = 5

LONGEST_CLASS = 1000
"""How many characters the name of a class may have."""

NOTHING = "(none)"
"""Shown in place of a missing name."""

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF8: ("UTF-8", "utf-8"),
    codecs.BOM_UTF32_LE: ("UTF-32", "utf-32"),
    codecs.BOM_UTF32_BE: ("UTF-32", "utf-32"),
    codecs.BOM_UTF16_LE: ("UTF-16", "utf-16"),
    codecs.BOM_UTF16_BE: ("UTF-16", "utf-16"),
}

# Three letters with accents in a row, or a letter in UTF-8: Windows-1252 text has neither.
_FOREIGN = re.compile(rb"[\x80-\xff]{3}|[\xc2\xc3][\x80-\xbf]")

# Blanks, of which the last one is U+3000, and characters without width.
_AROUND = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff\u200b\u2060"


class DecodedText(NamedTuple):
    """The text of a file, and its encoding: UTF-8, UTF-16, UTF-32 or Windows-1252."""

    text: str
    encoding: str


def decode_text(content: bytes) -> DecodedText:
    r"""Return the text in the bytes of a file; a byte order mark is not part of it.

    Without such a mark, bytes that are not UTF-8 are Windows-1252, as older programs for Windows
    write it, if they look like it: there are never three letters in a row with accents.

    Raises:
        ValueError: The bytes are none of these encodings; the message says so.

    Example:
        >>> decode_text(b"caf\xe9\n")
        DecodedText(text='café\n', encoding='Windows-1252')
    """
    for mark, (name, codec) in _MARKS.items():
        if content.startswith(mark):
            try:
                return DecodedText(content.decode(codec).removeprefix("\ufeff"), name)
            except UnicodeDecodeError:
                raise ValueError(f"begins like {name}, but is damaged") from None
    try:
        return DecodedText(content.decode(), "UTF-8")
    except UnicodeDecodeError:
        return DecodedText(_windows_text(content), "Windows-1252")


def class_name(name: str) -> str:
    r"""Return the form in which class names are compared: Unicode NFC, without blanks around it.

    A byte order mark and other characters without width that surround the name go, too. A name
    longer than LONGEST_CLASS, which no data set may have, keeps its form: the time that Unicode's
    forms take grows with the square of the length.

    Example:
        >>> class_name("\ufeffcafe\u0301 ")
        'café'
    """
    name = name.strip(_AROUND)
    return name if len(name) > LONGEST_CLASS else unicodedata.normalize("NFC", name)


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
    if ":" in name or "#" in name:
        name = _COMMAND.sub(lambda found: f"\\x{ord(found[0]):02x}", name)
    return name


def csv_cell(text: str) -> str:
    """Return `text` printable, with an apostrophe if a spreadsheet would read it as a formula.

    Example:
        >>> csv_cell("=cmd()")
        "'=cmd()"
    """
    text = printable(text)
    return "'" + text if text.lstrip().startswith(_FORMULA) else text


def quoted(name: str) -> str:
    """Return `name` printable, in quotes if it would not be seen otherwise where it ends.

    Example:
        >>> quoted("cat"), quoted("cat ")
        ('cat', '"cat "')
    """
    return printable(name) if name and name == name.strip() else f'"{printable(name)}"'


def count_of(count: int, thing: str) -> str:
    """Return a number of things as text.

    Example:
        >>> count_of(1, "file"), count_of(1200, "class")
        ('1 file', '1,200 classes')
    """
    return f"{count:,} {plural(thing, count)}"


def plural(thing: str, count: int) -> str:
    """Return the name of a thing, in the plural unless there is one.

    Example:
        >>> plural("image", 1), plural("box", 0), plural("epoch", 2)
        ('image', 'boxes', 'epochs')
    """
    sibilant = thing.endswith(("s", "x", "ch")) and not thing.endswith("epoch")
    ending = "es" if sibilant else "s"
    return thing if count == 1 else thing + ending


def join_names(names: Iterable[str]) -> str:
    """Return the names of an image's classes, of which there may be several or none, as one text.

    Example:
        >>> join_names(["cat", "dog"]), join_names([])
        ('cat + dog', '(none)')
    """
    return " + ".join(names) or NOTHING


def abridge(text: str, most: int) -> str:
    """Return `text`, without its middle if it has more than `most` characters.

    Example:
        >>> abridge("cat" * 100, 21)
        'catcatcat … catcatcat'
    """
    kept = (most - 3) // 2
    return text if len(text) <= most else f"{text[:kept]} … {text[-kept:]}"


def join_few(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, printable, and how many more there are.

    Example:
        >>> join_few(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    more = len(names) - most
    return ", ".join(map(printable, names[:most])) + (f" and {more:,} more" if more > 0 else "")


def listed(header: str, lines: Sequence[str]) -> str:
    """Return a header with the lines below it, or a single one behind it.

    Example:
        >>> listed("1 of 2 photos can't be used", ["a.png: no such file"])
        "1 of 2 photos can't be used: a.png: no such file"
    """
    if len(lines) == 1:
        return f"{header}: {lines[0]}"
    return "\n  ".join([header, *lines])


def wrapped(text: str, first: str = "  ") -> str:
    """Return a long text as lines of about 80 characters, indented; the first one by `first`.

    What stands in backticks, such as a command, stays on one line.

    Example:
        >>> print(wrapped("not checked: unreadable, no image, duplicates, near duplicates: "
        ...               "`imgrec check photos` looks at every image", first=""))
        not checked: unreadable, no image, duplicates, near duplicates:
          `imgrec check photos` looks at every image
    """
    whole = re.sub(r"`[^`]*`", lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        whole,
        80,
        initial_indent=first,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")


def shorten_names(
    names: Sequence[str], limit: float, width: Callable[[str], float] = len
) -> tuple[str, ...]:
    """Return names, printable, each at most `limit` wide; different names never look the same.

    `…` replaces the middle of a longer name. Names that would look the same then are numbered.

    Args:
        names: The names, in the order in which they are shown.
        limit: The greatest width, in the unit of `width`; exceeded if it has no room for `…` and
            the number.
        width: Measures a text. Default: its characters.

    Example:
        >>> shorten_names(["cat", "caterpillar_left", "caterpillar_lift"], 8)
        ('cat', 'cate…eft', 'cate…ift')
        >>> shorten_names(["a" * 30 + "b" * 30, "a" * 30 + "cc" + "b" * 30], 9)
        ('aaaa…bbbb', 'aa…bb (2)')
    """
    shown: dict[str, str] = {}
    taken: set[str] = set()
    numbers: Counter[str] = Counter()
    # Names that fit come first, so that they are shown unchanged.
    for name in sorted(dict.fromkeys(names), key=lambda each: width(printable(each)) > limit):
        text = short = _shorten(printable(name), limit, width)
        numbers[short] += 1
        while text in taken:
            suffix = f" ({numbers[short]})"
            numbers[short] += 1
            text = _shorten(printable(name), limit - width(suffix), width) + suffix
        taken.add(text)
        shown[name] = text
    return tuple(shown[name] for name in names)


def similar_names(
    name: str, known: Iterable[str], *, cutoff: float = 0.6, close: int = 1
) -> list[str]:
    """Return those of `known` that `name` may stand for, the likeliest first, ignoring case.

    These are the names with the same words, else those that contain all of its words, else those
    with the most similar letters.

    Args:
        name: The name that is not known.
        known: The names to choose from.
        cutoff: The lowest similarity of the letters, from 0 to 1, as `difflib` computes it.
        close: How many names with similar letters to return at most, besides those that are as
            similar as the last one.

    Example:
        >>> similar_names("crane", ["crate", "crane (134)", "crane (517)"])
        ['crane (134)', 'crane (517)']
        >>> similar_names("fliters", ["filters", "units"])
        ['filters']
        >>> similar_names("VGG61", ["VGG16", "VGG19", "ResNet50"])
        ['VGG19', 'VGG16']
    """
    import difflib  # only needed after a mistake

    name, by_lower = name[:_COMPARED].lower(), {each.lower(): each for each in known}
    words = _words(name)
    found = [each for each in by_lower if words and words <= _words(each)]
    found = [each for each in found if words == _words(each)] or found
    if not found:
        found = difflib.get_close_matches(name, by_lower, n=_ALTERNATIVES, cutoff=cutoff)
        likeness = [difflib.SequenceMatcher(None, each, name).ratio() for each in found]
        least = min(likeness[:close], default=0)
        found = [each for each, like in zip(found, likeness, strict=True) if like >= least]
    return [by_lower[each] for each in found]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the first of the `similar_names`; None if there are none."""
    return next(iter(similar_names(name, known)), None)


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean x or y?` with the `similar_names`, printable; empty without any."""
    near = similar_names(name, known, cutoff=cutoff)
    return f"; did you mean {either(near)}?" if near else ""


def either(names: Sequence[str]) -> str:
    """Return the first of `names`, quoted where they need it, as alternatives.

    Example:
        >>> either(["wall_clock", "digital_clock", "analog_clock"])
        'wall_clock, digital_clock or analog_clock'
        >>> either(["", "serving_default"])
        '"" or serving_default'
    """
    *before, last = map(quoted, names[:_ALTERNATIVES])
    return f"{', '.join(before)} or {last}" if before else last


def _words(name: str) -> set[str]:
    """Return the words of a name in lower case, without the s of a plural."""
    return {word.removesuffix("s") for word in re.findall(r"[^\W_]+", name)}


def _windows_text(content: bytes) -> str:
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = ""
    if not text or _FOREIGN.search(content):
        raise ValueError("is neither UTF-8, UTF-16 nor Windows-1252")
    return text


def _shorten(text: str, limit: float, width: Callable[[str], float]) -> str:
    """Return `text` at most `limit` wide, with `…` in place of its middle if it is longer."""
    if width(text) <= limit:
        return text
    kept = range(len(text) + 1)
    most = bisect.bisect_right(kept, limit, key=lambda count: width(_without_middle(text, count)))
    return _without_middle(text, max(most - 1, 0))


def _without_middle(text: str, kept: int) -> str:
    """Return the first and the last characters of `text`, `kept` together."""
    back = kept // 2
    return f"{text[: kept - back].rstrip()}…{text[len(text) - back :].lstrip()}"


def _is_noncharacter(character: str) -> bool:
    """Return whether Unicode reserves the code point, such as U+FFFE, as never a character."""
    return ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"


def _escaped(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES or _is_noncharacter(character)
    if character in _HARMLESS or not hidden:
        return character
    if ord(character) in _UNDECODABLE:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
