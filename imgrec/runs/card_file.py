"""card.json: a card on its way to disk and back, where nothing in it is taken on trust."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.runs.card import (
    Calibration,
    Card,
    Certificate,
    Input,
    Origin,
    Source,
    Threshold,
    Thresholds,
)
from imgrec.runs.made import Value, check_numbers, made, names
from imgrec.statistics import Statistics
from imgrec.text import shown

SCHEMA_VERSION = 1
FILE_NAME = "card.json"

_BEST: Mapping[str, type] = {"epoch": int, "monitor": str, "value": float}
_HINT = "`imgrec runs list` shows the runs that can be used"


def write_card(folder: Path, card: Card) -> None:
    """Write `card` into a run's folder, atomically."""
    document = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(card)}
    write_text(folder / FILE_NAME, json.dumps(document, indent=2) + "\n")


def read_card(folder: Path) -> Card:
    """Read the card of a run's folder.

    Raises RunError where it is missing, damaged, or of a version that isn't known.
    """
    path = folder / FILE_NAME
    place = shown(str(path))
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{shown(str(folder))} is no run: it has no {FILE_NAME}", hint=_HINT
        ) from None
    except OSError as error:
        raise RunError(f"{place} can't be read: {error.strerror}", hint=_HINT) from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place} is damaged: {error}", hint=_HINT) from None
    return _parse(document, place)


def _parse(document: Any, place: str) -> Card:
    if not isinstance(document, dict):
        raise RunError(f"{place} is damaged: no JSON object", hint=_HINT)
    version = document.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise RunError(
            f"{place} has schema version {version!r}; this imgrec reads {SCHEMA_VERSION}",
            hint="use the imgrec that wrote it, or train again",
        )
    try:
        return _card(document)
    except ValueError as error:
        raise RunError(f"{place} is damaged: {shown(str(error))}", hint=_HINT) from None


def _card(document: dict[str, Any]) -> Card:
    document["classes"] = names(document.get("classes"), "classes")
    sources = document.get("data")
    if not isinstance(sources, dict):
        raise ValueError("data is no mapping")
    document["input"] = made(Input, document.get("input"))
    document["statistics"] = _statistics(document.get("statistics"))
    document["certificates"] = _certificates(document.get("certificates", []))
    document["calibration"] = _optional(Calibration, document.get("calibration"))
    document["threshold"] = _optional(Threshold, document.get("threshold"))
    document["thresholds"] = _thresholds(document.get("thresholds"))
    document["origin"] = _optional(Origin, document.get("origin"))
    document["drift"] = names(document.get("drift", []), "drift")
    document["data"] = {split: made(Source, source) for split, source in sources.items()}
    card = made(Card, document)
    _check(card)
    return card


def _optional(kind: type[Value], values: Any) -> Value | None:
    return None if values is None else made(kind, values)


def _thresholds(document: Any) -> Thresholds | None:
    found = _optional(Thresholds, document)
    if found is not None:
        check_numbers(found.values, "thresholds")
    return found


def _statistics(document: Any) -> Statistics | None:
    if document is None:
        return None
    if not isinstance(document, dict) or document.keys() != {"mean", "std"}:
        raise ValueError("statistics are no mean and std")
    return Statistics(*(tuple(map(float, document[name])) for name in ("mean", "std")))


def _certificates(document: Any) -> tuple[Certificate, ...]:
    if not isinstance(document, list):
        raise ValueError("certificates is no list")
    return tuple(made(Certificate, certificate) for certificate in document)


def _check(card: Card) -> None:
    sizes = (card.input.height, card.input.width, card.input.channels)
    if min(sizes) < 1:
        raise ValueError(f"input {sizes} is no height, width and channels")
    channels = card.input.channels
    numbers = card.statistics
    if numbers and not len(numbers.mean) == len(numbers.std) == channels:
        raise ValueError(f"statistics are not those of {channels} channels")
    if card.output not in ("softmax", "sigmoid"):
        raise ValueError(f"output {card.output!r} is neither softmax nor sigmoid")
    if card.multi_label and card.output != "sigmoid":
        raise ValueError("multi_label goes with output sigmoid")
    if card.thresholds and card.thresholds.values.keys() != set(card.classes):
        raise ValueError("thresholds are not those of the classes")
    for name in ("versions", "computing"):
        if not all(isinstance(value, str) for value in getattr(card, name).values()):
            raise ValueError(f"{name} holds something else than text")
    if card.best and [type(card.best.get(name)) for name in _BEST] != list(_BEST.values()):
        raise ValueError("best is no epoch, monitor and value")
