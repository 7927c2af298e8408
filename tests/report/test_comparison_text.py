"""What differs between configs can be read."""

from __future__ import annotations

from imgrec.cli.console import rendered
from imgrec.report.terminal.comparison import settings_text


def test_a_key_is_never_broken() -> None:
    """However long the values are, keys stay in one piece, within 80 columns."""
    long = "a value of many words, which has a line for itself and one more"
    keys = ("augmentation.rotation_range", "augmentation.horizontal_flip", "model.layers[12]")
    runs = ["cats-1", "cats-2", "cats-3"]
    text = rendered(settings_text(runs, dict.fromkeys(keys, (long, long, long))))
    assert {line.split()[0] for line in text.splitlines() if line[:1].strip()} >= set(keys)
    assert max(map(len, text.splitlines())) <= 80
