"""Strict JSON, in ASCII: no NaN, and any name, even an undecodable one, survives it.

No line of it is a command to a CI server, in whose log it may be printed: `##[error]` is
written with an escape, which readers undo.
"""

from __future__ import annotations

import json
import math
import re

# Outside of strings JSON has no such character.
_COMMAND = re.compile(r"#(?=#\w*\[)")


def json_text(document: object) -> str:
    """Return `document` indented, each list of numbers on one line."""
    text = _harmless(json.dumps(document, indent=2, allow_nan=False))
    # A line break inside a string is escaped, so only JSON's own layout matches.
    return re.sub(r'\[\n\s+([^][{}"]*?)\n\s+\]', _on_one_line, text) + "\n"


def json_line(document: object) -> str:
    """Return `document` on one line."""
    return _harmless(json.dumps(document, allow_nan=False)) + "\n"


def json_number(value: float | None) -> float | None:
    """Return `value`, None where JSON has no such number."""
    return value if value is not None and math.isfinite(value) else None


def _harmless(text: str) -> str:
    return _COMMAND.sub(r"\\u0023", text)


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + " ".join(found[1].split()) + "]"
