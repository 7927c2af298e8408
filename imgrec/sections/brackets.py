"""Quotes and brackets in a line of YAML or Python: where they end, and which are left open."""

from __future__ import annotations

import re

_OPENING = {")": "(", "]": "[", "}": "{"}
_CLOSING = {opening: closing for closing, opening in _OPENING.items()}

# The group is a quote that is left open. A quote after a letter is an apostrophe.
_TOKEN = re.compile(r"""(?<![\w)])(?:'[^'\n]*'|"[^"\n]*"|(['"]))|[()\[\]{}]|[^'"()\[\]{}]+|['"]""")
_END_OF_QUOTE = re.compile(r"\s*(?:[,)\]}]|$)")

_CALL = re.compile(r"[A-Za-z_][\w.]{0,99}\(")
# Limits of a call; without them, many that are not closed would take minutes.
_LONGEST_CALL = 1000
_DEEPEST_CALL = 20
_AFTER_CALL = re.compile(r"[ \t]*(?:[,\]}\r\n\0]|$)")


def call_length(text: str, start: int) -> int:
    """Return the length of the call, such as `Dense(3)`, that is at `start` in the text.

    0 if there is none that ends on the line, within 1000 characters, before a comma or a closing
    bracket, or if its brackets are nested more than 20 deep.
    """
    if (name := _CALL.match(text, start)) is None:
        return 0
    opened: list[str] = []
    for token in _TOKEN.finditer(text, name.end() - 1, start + _LONGEST_CALL):
        if token[0] in _CLOSING:
            opened.append(token[0])
        elif "\n" in token[0] or (token[0] in _OPENING and opened.pop() != _OPENING[token[0]]):
            return 0
        if len(opened) > _DEEPEST_CALL:
            return 0
        if not opened:
            return token.end() - start if _AFTER_CALL.match(text, token.end()) else 0
    return 0


def closed(line: str) -> tuple[str, str]:
    """Return a line with its quotes and brackets closed, and what is wrong in it; else "".

    Example:
        >>> closed("Conv2D(32, (3, 3)")
        ('Conv2D(32, (3, 3))', '"(" is not closed')
        >>> closed("[Dense(3)), Flatten]")
        ('[Dense(3), Flatten]', '")" closes nothing')
    """
    line, quote = _with_quotes(line)
    wrong = [f"a quote {quote} is not closed"] if quote else []
    written: list[str] = []
    opened: list[str] = []
    for token in (each[0] for each in _TOKEN.finditer(line)):
        if token in _CLOSING:
            opened.append(token)
        elif token in _OPENING and _OPENING[token] not in opened:
            wrong.append(f'"{token}" closes nothing')
            continue
        elif token in _OPENING:
            while (last := opened.pop()) != _OPENING[token]:
                wrong.append(f'"{last}" is not closed')
                written.append(_CLOSING[last])
        written.append(token)
    wrong += [f'"{each}" is not closed' for each in opened]
    written += [_CLOSING[each] for each in reversed(opened)]
    return "".join(written), next(iter(wrong), "")


def _with_quotes(line: str) -> tuple[str, str]:
    """Return the line with the quote that is left open closed before a comma or bracket, and it."""
    for token in _TOKEN.finditer(line):
        if token[1] and (end := _END_OF_QUOTE.search(line, token.end())):
            return line[: end.start()] + token[1] + line[end.start() :], token[1]
    return line, ""
