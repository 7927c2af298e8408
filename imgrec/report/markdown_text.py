"""Strangers' text in Markdown, and the tables it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from imgrec.text import shown

_NOT_PLAIN = re.compile(r"[^\w .,:;/-]", re.ASCII)


def code(text: str) -> str:
    r"""Return `text` as code: no markup, no HTML, no mention of a person, also in a table.

    Where backticks can't hold it (it has some itself, or bars, which end a table's cell), it is
    an HTML element, with a number for each character that could mean something.
    """
    text = shown(text)
    if text and text == text.strip() and not {"`", "|"} & set(text):
        return f"`{text}`"
    return f"<code>{_NOT_PLAIN.sub(_number, text)}</code>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> Iterator[str]:
    """Yield a table's lines, an empty one after it.

    header, rows: Markdown already, without bars and line breaks. align: `l` or `r` a column.
    """
    yield _row(header)
    yield _row([":--" if side == "l" else "--:" for side in align])
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(found: re.Match[str]) -> str:
    character = found[0]
    return character if not character.isascii() else f"&#{ord(character)};"
