"""The file card.json of a run, which is read without trusting it."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from imgrec.classifier_folder import is_classifier, published_run
from imgrec.errors import RunError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, reason_of, write_bytes_atomically
from imgrec.json_documents import as_builtins, from_builtins, json_text, parse_json
from imgrec.runs.card import BEST_MODEL, LITERT_MODEL, BestEpochDocument, Card
from imgrec.text import printable

SCHEMA_VERSION: Literal[2] = 2
CARD_FILE = "card.json"


class CardHead(Struct, frozen=True):
    """The first key of card.json; those of Card follow."""

    schema_version: Literal[2]


_HINT = "`imgrec runs list` shows the runs that can be used"
_EARLIER = 1
_LONGEST = 20
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
_RENAMED = {
    "certificate": "export_parity",
    "certificates": "export_parity",
    "drift": "changes",
    "familiarity": "ood_similarity",
    "promise": "target",
}


def write_card(folder: Path, card: Card) -> None:
    """Write the card of a run's folder, atomically."""
    document = as_builtins(CardHead(SCHEMA_VERSION)) | as_builtins(card)
    content = json_text(document).encode()
    write_bytes_atomically(folder / CARD_FILE, content)


def read_card(folder: Path, *, earlier: bool = False) -> Card:
    """Read the card of a run's folder.

    Args:
        folder: The run's folder.
        earlier: Whether the card of an earlier version is read too. It says how the run's model
            is used; the run's other files can't be.

    Raises:
        RunError: The card is missing, damaged, or of another version.
    """
    path = folder / CARD_FILE
    place = printable(str(path))
    try:
        document = parse_json(read_regular(path, MAX_DOCUMENT_BYTES))
    except FileNotFoundError:
        raise _no_run(folder) from None
    except OSError as error:
        raise RunError(f"{place} can't be read: {reason_of(error)}", hint=_HINT) from None
    except ValueError as error:
        raise RunError(f"{place} is damaged: {printable(str(error))}", hint=_HINT) from None
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


def _no_run(folder: Path) -> RunError:
    """Return what a folder without a card is, and the run that was probably meant."""
    if is_classifier(folder):
        return _classifier(folder)
    cards = folder.glob(f"*/{CARD_FILE}")
    newest = max(cards, key=lambda card: card.stat().st_mtime, default=None)
    meant = f"did you mean {printable(str(newest.parent))}? " if newest else ""
    return RunError(
        f"{printable(str(folder))} is not a run: it has no {CARD_FILE}", hint=f"{meant}{_HINT}"
    )


def _classifier(folder: Path) -> RunError:
    run = published_run(folder)
    shown = printable(shlex.quote(str(folder if run is None else run)))
    return RunError(
        f"{printable(str(folder))} is a classifier, not a run",
        hint=f"`imgrec teach {shown} --publish` publishes a version, which is a run"
        if run is None
        else f"name its published version: {shown}",
    )


def with_new_keys(document: dict[str, Any]) -> dict[str, Any]:
    """Return what schema version 1 says of a model with the keys of version 2."""
    renamed = _renamed(document)
    for key in ("threshold", "thresholds"):
        inner = document.get(key)
        # The thresholds in a model file are numbers by class, whatever the classes are called.
        if isinstance(inner, dict) and isinstance(inner.get("promise"), str):
            renamed[key] = _renamed(inner)
    return renamed


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    return {_RENAMED.get(key, key): value for key, value in document.items()}


def _other_version(folder: Path, document: Mapping[str, Any], version: object) -> RunError:
    place = printable(str(folder / CARD_FILE))
    if version != _EARLIER:
        return RunError(
            f"{place} has schema version {_shown(version)}; this imgrec reads {SCHEMA_VERSION}",
            hint="use the imgrec that wrote it, or train again",
        )
    models = (folder / name for name in (BEST_MODEL, LITERT_MODEL))
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


def _shown(version: object) -> str:
    plain = isinstance(version, str | int | float | None)
    return printable(str(version)[:_LONGEST]) if plain else "of another type"


def _checked(card: Card) -> Card:
    """Return the card; raise ValueError if values of the right types contradict each other."""
    _check_moment("created", card.created)
    if card.ended:
        _check_moment("ended", card.ended)
    if len(set(card.classes)) < max(2, len(card.classes)):
        raise ValueError("classes: expected two or more, with different names")
    channels, numbers = card.input.channels, card.statistics
    if numbers and not len(numbers.mean) == len(numbers.std) == channels:
        raise ValueError(f"statistics: expected the mean and std of {channels} channels")
    if card.input.interpolation not in _INTERPOLATIONS:
        raise ValueError(f"input.interpolation: expected one of {', '.join(_INTERPOLATIONS)}")
    if card.multi_label and card.output != "sigmoid":
        raise ValueError("output: expected sigmoid with multi_label")
    if card.thresholds and card.thresholds.values.keys() != set(card.classes):
        raise ValueError("thresholds.values: expected one for each class")
    if card.best and card.best.keys() != BestEpochDocument.__annotations__.keys():
        raise ValueError("best: expected epoch, monitor and value")
    return card


def _check_moment(key: str, moment: str) -> None:
    """Raise ValueError for a time that can't be compared with those of other cards."""
    try:
        offset = dt.datetime.fromisoformat(moment).utcoffset()
    except ValueError:
        offset = None
    if offset != dt.timedelta(0):
        raise ValueError(f"{key}: expected a time in UTC as 2026-01-02T03:04:05.000006+00:00")
