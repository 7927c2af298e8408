"""card.json: a card on its way to disk and back, where nothing in it is taken on trust."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import (
    Calibration,
    Card,
    DataSource,
    ExportParity,
    ImportOrigin,
    Input,
    LabelThresholds,
    Threshold,
)
from imgrec.text import printable

Value = TypeVar("Value")


def from_json(kind: type[Value], values: Any) -> Value:
    """Return a `kind` of `values`, whose keys and types are checked, inner types left out.

    Raises ValueError for what is missing, unknown, or of a wrong type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{kind.__name__.lower()} is no mapping")
    hints = get_type_hints(kind)
    if unknown := values.keys() - hints.keys():
        raise ValueError(f"unknown key {min(unknown)}")
    for name, hint in hints.items():
        if name in values:
            _check_type(name, values[name], hint)
    for part in dataclasses.fields(kind):  # type: ignore[arg-type]
        if part.name not in values and _needed(part):
            raise ValueError(f"{part.name} is missing")
    return kind(**values)


def field_names(value: Any, key: str) -> tuple[str, ...]:
    """Return what a JSON list of names holds; raise ValueError where it is none."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{key} is no list of names")
    return tuple(value)


def check_numbers(values: Any, key: str) -> None:
    """Raise ValueError where `values` is no mapping to numbers with a point."""
    if not isinstance(values, dict) or not all(isinstance(each, float) for each in values.values()):
        raise ValueError(f"{key} hold something else than numbers")


def _check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name} {value!r} is none of {', '.join(get_args(hint))}")
        return
    known = hint if isinstance(hint, type | UnionType) else get_origin(hint)
    if not isinstance(value, known):
        raise ValueError(f"{name} is of a wrong type")


def _needed(part: dataclasses.Field[Any]) -> bool:
    return part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING


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
    place = printable(str(path))
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{printable(str(folder))} is no run: it has no {FILE_NAME}", hint=_HINT
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
        raise RunError(f"{place} is damaged: {printable(str(error))}", hint=_HINT) from None


def _card(document: dict[str, Any]) -> Card:
    document["classes"] = field_names(document.get("classes"), "classes")
    sources = document.get("data")
    if not isinstance(sources, dict):
        raise ValueError("data is no mapping")
    document["input"] = from_json(Input, document.get("input"))
    document["statistics"] = _statistics(document.get("statistics"))
    document["export_parity"] = _export_parity(document.get("export_parity", []))
    document["calibration"] = _optional(Calibration, document.get("calibration"))
    document["threshold"] = _optional(Threshold, document.get("threshold"))
    document["thresholds"] = _thresholds(document.get("thresholds"))
    document["origin"] = _optional(ImportOrigin, document.get("origin"))
    document["changes"] = field_names(document.get("changes", []), "changes")
    document["data"] = {split: from_json(DataSource, source) for split, source in sources.items()}
    card = from_json(Card, document)
    _check(card)
    return card


def _optional(kind: type[Value], values: Any) -> Value | None:
    return None if values is None else from_json(kind, values)


def _thresholds(document: Any) -> LabelThresholds | None:
    found = _optional(LabelThresholds, document)
    if found is not None:
        check_numbers(found.values, "thresholds")
    return found


def _statistics(document: Any) -> PixelStatistics | None:
    if document is None:
        return None
    if not isinstance(document, dict) or document.keys() != {"mean", "std"}:
        raise ValueError("statistics are no mean and std")
    return PixelStatistics(*(tuple(map(float, document[name])) for name in ("mean", "std")))


def _export_parity(document: Any) -> tuple[ExportParity, ...]:
    if not isinstance(document, list):
        raise ValueError("export_parity is no list")
    return tuple(from_json(ExportParity, parity) for parity in document)


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
