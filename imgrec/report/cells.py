"""Names and numbers in a CSV file, harmless in a spreadsheet."""

from __future__ import annotations

from imgrec.text import shown

# What makes a spreadsheet read a cell as a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def cell(text: str) -> str:
    """Return `text` as people see it elsewhere, an apostrophe before what would be a formula."""
    text = shown(text)
    return "'" + text if text.lstrip().startswith(_FORMULA) else text


def probability_cell(probability: float) -> str:
    """Return a probability in nine digits, which bring a float32 back exactly."""
    return f"{probability:.9g}"
