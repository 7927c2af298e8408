"""Cards for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from imgrec.runs.card import Card, DataSource, Input
from imgrec.runs.card_file import write_card

CARD = Card(
    name="pets",
    created="2026-01-02T10:00:00.000000+00:00",
    complete=True,
    classes=("cat", "dog"),
    input=Input(64, 48, 3, "bilinear"),
    output="softmax",
    preprocessing="none",
    seed=7,
    data={"train": DataSource("photos", "/photos", 5, {"cat": 3, "dog": 2})},
    skipped=0,
    fingerprint="0" * 64,
    versions={"keras": "3"},
    best={"epoch": 2, "monitor": "val_loss", "value": 0.3},
    epochs=2,
)
"""The card of a complete run with two classes."""


def small_card(folder: Path, **fields: Any) -> None:
    """Write CARD with other values of some fields into a run's folder."""
    write_card(folder, replace(CARD, **fields))
