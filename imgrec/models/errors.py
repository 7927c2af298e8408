"""The essential line of Keras' exceptions."""

from __future__ import annotations

import re

_BOLD = re.compile(r"\x1b\[[0-9;]*m")


_LONGEST = 300
# Keras puts this behind the whole config of a layer, once for each layer around it.
_OUT_OF_MEMORY = "OOM when allocating tensor"  # in TensorFlow's words, behind several lines
_INNERMOST = "Exception encountered: "


def error_cause(error: Exception) -> str:
    """Return the first informative line; Keras puts a line about the layer before it."""
    text = _BOLD.sub("", str(error)).rpartition(_INNERMOST)[2]
    if _OUT_OF_MEMORY in text:
        return "it needs more memory than there is"
    lines = [line.strip()[:_LONGEST] for line in text.splitlines()]
    said = [line for line in lines if line and not line.startswith("Exception encountered when")]
    if not said:
        return lines[0] if lines else type(error).__name__
    return " ".join(said[:2]) if said[0].endswith(":") else said[0]
