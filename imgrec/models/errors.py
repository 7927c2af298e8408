"""The essential line of Keras' exceptions."""

from __future__ import annotations

import re

_BOLD = re.compile(r"\x1b\[[0-9;]*m")


def error_cause(error: Exception) -> str:
    """Return the first informative line; Keras puts a line about the layer before it."""
    lines = [line.strip() for line in _BOLD.sub("", str(error)).splitlines()]
    said = (line for line in lines if line and not line.startswith("Exception encountered when"))
    return next(said, lines[0] if lines else type(error).__name__)
