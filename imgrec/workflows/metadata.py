"""What an exported file says about itself."""

from __future__ import annotations

import dataclasses

from imgrec import __version__
from imgrec.report.json_text import json_text
from imgrec.runs.card import Card, Certificate
from imgrec.runs.folder import Run

SCHEMA_VERSION = 1


def described(run: Run, certificate: Certificate) -> str:
    """Return JSON: whose model it is, its classes, what it takes and gives, its certificate.

    `columns` names those of the output: the probability of each class, of the second alone for
    one sigmoid unit, and `familiarity` where the model tells it. `thresholds`: by class, where an
    image may have several.
    """
    card = run.card
    return json_text(
        {
            "schema_version": SCHEMA_VERSION,
            "imgrec": __version__,
            "run": run.name,
            "classes": list(card.classes),
            "input": {**dataclasses.asdict(card.input), "dtype": "float32", "range": [0, 255]},
            "columns": _columns(card),
            "preprocessing": card.preprocessing,
            "threshold": None if card.threshold is None else dataclasses.asdict(card.threshold),
            "thresholds": _thresholds(card),
            "certificate": dataclasses.asdict(certificate),
        }
    )


def _columns(card: Card) -> list[str]:
    if card.threshold is not None and card.threshold.familiarity is not None:
        return [*card.classes, "familiarity"]
    return list(card.classes[1:] if card.units == 1 else card.classes)


def _thresholds(card: Card) -> dict[str, float] | None:
    values = card.class_thresholds
    return None if values is None else dict(zip(card.classes, values, strict=True))
