"""How a model file is to be used: what one that imgrec wrote says when it comes back."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from imgrec import __version__
from imgrec.config.data import Interpolation
from imgrec.errors import RunError
from imgrec.files import sha256_of
from imgrec.models.files import DESCRIPTION, read_description
from imgrec.report.json import json_text
from imgrec.runs.card import EVEN, Card, ExportParity, Fit, Input, LabelThresholds, Threshold
from imgrec.runs.card_file import FILE_NAME, check_numbers, field_names, from_json, read_card
from imgrec.runs.folder import Run
from imgrec.text import printable

SCHEMA_VERSION = 1


def model_description(run: Run, parity: ExportParity) -> str:
    """Return JSON: whose model it is, its classes, what it takes and gives, its parity.

    `columns` names those of the output: the probability of each class, of the second alone for
    one sigmoid unit, and `ood_similarity` where the model has it. `thresholds`: by class, where an
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
            "export_parity": dataclasses.asdict(parity),
        }
    )


def _columns(card: Card) -> list[str]:
    if card.threshold is not None and card.threshold.ood_similarity is not None:
        return [*card.classes, "ood_similarity"]
    return list(card.classes[1:] if card.units == 1 else card.classes)


def _thresholds(card: Card) -> dict[str, float] | None:
    values = card.class_thresholds
    return None if values is None else dict(zip(card.classes, values, strict=True))


_MADE_HERE = ("dtype", "range")  # the same of every file


@dataclass(frozen=True)
class ModelDescription:
    """How a model is used, each as in Card and Input.

    run: the name of the run that the file is of; None: it is somebody else's.
    """

    classes: tuple[str, ...]
    fit: Fit
    interpolation: str
    multi_label: bool
    preprocessing: str
    threshold: Threshold | None = None
    thresholds: LabelThresholds | None = None
    run: str | None = None

    @property
    def familiar(self) -> bool:
        """Whether the last column of the output is the ood_similarity."""
        return self.threshold is not None and self.threshold.ood_similarity is not None


def read_model_description(path: Path) -> ModelDescription | None:
    """Return what the model file at `path` says of itself, else what the card beside it says.

    None: imgrec did not write it. The card has to know the file by its SHA-256. Raises RunError
    where what the file says is damaged.
    """
    if (content := read_description(path)) is None:
        return _of_card(path)
    try:
        return _parsed(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise RunError(
            f"{printable(str(path))}: its {DESCRIPTION} is damaged: {printable(str(error))}",
            hint="export it again from its run",
        ) from error


def _of_card(path: Path) -> ModelDescription | None:
    if not (path.is_file() and (path.parent / FILE_NAME).is_file()):
        return None
    card = read_card(path.parent)
    if not card.describes(path.name, sha256_of(path)):
        return None
    return ModelDescription(
        card.classes,
        card.input.fit,
        card.input.interpolation,
        card.multi_label,
        card.preprocessing,
        card.threshold,
        card.thresholds,
        path.resolve().parent.name,
    )


def _parsed(document: Any) -> ModelDescription:
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"no JSON object of schema version {SCHEMA_VERSION}")
    threshold, values = document.get("threshold"), document.get("thresholds")
    pixels = _input(document.get("input"))
    return ModelDescription(
        _classes(document.get("classes")),
        pixels.fit,
        pixels.interpolation,
        values is not None,
        _text(document, "preprocessing"),
        None if threshold is None else from_json(Threshold, threshold),
        None if values is None else _thresholds_description(values),
        _text(document, "run"),
    )


def _text(document: dict[str, Any], key: str) -> str:
    if not isinstance(value := document.get(key), str):
        raise ValueError(f"{key} is no text")
    return value


def _classes(value: Any) -> tuple[str, ...]:
    classes = field_names(value, "classes")
    if not classes or len(set(classes)) < len(classes):
        raise ValueError("classes are none, or one is there twice")
    return classes


def _input(value: Any) -> Input:
    if not isinstance(value, dict):
        raise ValueError("input is no mapping")
    found = from_json(Input, {key: each for key, each in value.items() if key not in _MADE_HERE})
    if found.interpolation not in get_args(Interpolation):
        raise ValueError(f"interpolation {found.interpolation!r} is none")
    return found


def _thresholds_description(values: Any) -> LabelThresholds | None:
    """Return those that were chosen, None where none was; what for, the file does not tell."""
    check_numbers(values, "thresholds")
    if set(values.values()) == {EVEN}:
        return None
    return LabelThresholds(values, "those of the imported file", "", 0)
