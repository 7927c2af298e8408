"""card.json: how a run's card is written, and read without trusting what is in it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.json_documents import as_builtins, from_builtins, json_text
from imgrec.runs.card import BestEpoch, Card
from imgrec.text import printable

SCHEMA_VERSION: Literal[2] = 2
FILE_NAME = "card.json"


class CardHead(Struct, frozen=True):
    """What stands in card.json before the fields of Card."""

    schema_version: Literal[2]


_HINT = "`imgrec runs list` shows the runs that can be used"
_EARLIER = 1
_RENAMED = {
    "certificate": "export_parity",
    "certificates": "export_parity",
    "drift": "changes",
    "familiarity": "ood_similarity",
}


def write_card(folder: Path, card: Card) -> None:
    """Write the card of a run's folder, atomically."""
    document = as_builtins(CardHead(SCHEMA_VERSION)) | as_builtins(card)
    write_text(folder / FILE_NAME, json_text(document))


def read_card(folder: Path, *, earlier: bool = False) -> Card:
    """Read the card of a run's folder.

    Args:
        folder: The run's folder.
        earlier: Whether the card of an earlier version is read too. It says how the run's model
            is used; the run's other files can't be.

    Raises:
        RunError: The card is missing, damaged, or of another version.
    """
    path = folder / FILE_NAME
    place = printable(str(path))
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(
            f"{printable(str(folder))} is not a run: it has no {FILE_NAME}", hint=_HINT
        ) from None
    except OSError as error:
        raise RunError(f"{place} can't be read: {error.strerror}", hint=_HINT) from None
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place} is damaged: {error}", hint=_HINT) from None
    if not isinstance(document, dict):
        raise RunError(f"{place} is damaged: it is not a JSON object", hint=_HINT)
    version = document.pop("schema_version", None)
    if version == _EARLIER and earlier:
        document = with_new_keys(document)
    elif version != SCHEMA_VERSION:
        raise _other_version(folder, document, version)
    try:
        return _checked(from_builtins(Card, document))
    except ValueError as error:
        raise RunError(f"{place} is damaged: {printable(str(error))}", hint=_HINT) from None


def with_new_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Return what schema version 1 says of a model with the keys of version 2."""
    renamed = {_RENAMED.get(key, key): value for key, value in document.items()}
    if isinstance(threshold := document.get("threshold"), dict):
        renamed["threshold"] = {_RENAMED.get(key, key): each for key, each in threshold.items()}
    return renamed


def _other_version(folder: Path, document: Mapping[str, Any], version: object) -> RunError:
    place = printable(str(folder / FILE_NAME))
    if version != _EARLIER:
        return RunError(
            f"{place} has schema version {printable(str(version))}; this imgrec reads "
            f"{SCHEMA_VERSION}",
            hint="use the imgrec that wrote it, or train again",
        )
    models = (folder / name for name in ("best.keras", "model.tflite"))
    model = next((str(path) for path in models if path.is_file()), None)
    name = document.get("name")
    naming = f" --name {shlex.quote(name)}" if isinstance(name, str) else ""
    return RunError(
        f"{printable(str(folder))} was made by an earlier imgrec, whose runs this one does not "
        "read",
        hint="train again"
        if model is None
        else f"`imgrec import {printable(shlex.quote(model))}{printable(naming)}` makes a run of "
        "its model",
    )


def _checked(card: Card) -> Card:
    """Return the card; raise ValueError where values of the right types contradict each other."""
    channels, numbers = card.input.channels, card.statistics
    if numbers and not len(numbers.mean) == len(numbers.std) == channels:
        raise ValueError(f"statistics: expected the mean and std of {channels} channels")
    if card.multi_label and card.output != "sigmoid":
        raise ValueError("output: expected sigmoid with multi_label")
    if card.thresholds and card.thresholds.values.keys() != set(card.classes):
        raise ValueError("thresholds.values: expected one for each class")
    if card.best and card.best.keys() != BestEpoch.__annotations__.keys():
        raise ValueError("best: expected epoch, monitor and value")
    return card
