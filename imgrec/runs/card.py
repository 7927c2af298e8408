"""card.json: what has to be known to use a run's model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from imgrec.errors import RunError
from imgrec.files import write_text
from imgrec.statistics import Statistics

SCHEMA_VERSION = 1
FILE_NAME = "card.json"


Fit = Literal["stretch", "crop", "pad"]


@dataclass(frozen=True)
class Input:
    """The pixels that a model takes: sizes in pixels, values 0 to 255, RGB or grey."""

    height: int
    width: int
    channels: int
    interpolation: str
    fit: Fit = "stretch"


@dataclass(frozen=True)
class Source:
    """Where one split came from: the path as written (None: embedded), the absolute one, counts."""

    written: str | None
    absolute: str | None
    images: int
    per_class: Mapping[str, int]


@dataclass(frozen=True)
class Card:
    """A run's identity.

    created: ISO 8601 in UTC, to the microsecond.
    complete: whether the training came to its end.
    output: `softmax` (a unit per class) or `sigmoid` (one unit: the second of two classes).
    preprocessing: what the model itself does to the pixels, in words for people.
    hashes: SHA-256 of each model file, by its name in the folder.
    fingerprint: SHA-256 over the sorted (path, label, identity) of the training images.
    best: the epoch (from 1) whose weights are in best.keras and its monitored value.
    statistics: of the training images, where the preprocessing takes its numbers from them.
    """

    name: str
    created: str
    complete: bool
    classes: tuple[str, ...]
    input: Input
    output: str
    preprocessing: str
    seed: int
    data: Mapping[str, Source]
    skipped: int
    fingerprint: str
    versions: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, float | str] = field(default_factory=dict)
    epochs: int = 0
    statistics: Statistics | None = None


def write_card(folder: Path, card: Card) -> None:
    """Write `card` into a run's folder, atomically."""
    document = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(card)}
    write_text(folder / FILE_NAME, json.dumps(document, indent=2) + "\n")


def read_card(folder: Path) -> Card:
    """Read the card of a run's folder.

    Raises RunError where it is missing, damaged, or of a version that isn't known.
    """
    path = folder / FILE_NAME
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunError(f"{folder} is no run: it has no {FILE_NAME}", hint=_HINT) from None
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror}", hint=_HINT) from None
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}", hint=_HINT) from None
    return _parse(document, path)


_HINT = "`imgrec runs list` shows the runs that can be used"
_FITS = get_args(Fit)


def _parse(document: Any, path: Path) -> Card:
    if not isinstance(document, dict):
        raise RunError(f"{path} is damaged: no JSON object", hint=_HINT)
    version = document.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise RunError(
            f"{path} has schema version {version!r}; this imgrec reads {SCHEMA_VERSION}",
            hint="use the imgrec that wrote it, or train again",
        )
    try:
        return _card(document)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RunError(f"{path} is damaged: {error}", hint=_HINT) from None


def _card(document: dict[str, Any]) -> Card:
    sources = {split: Source(**source) for split, source in document.pop("data").items()}
    classes = document.pop("classes")
    pixels = Input(**document.pop("input"))
    _check(pixels, classes, document)
    statistics = _statistics(document.pop("statistics", None), pixels.channels)
    return Card(
        **document, input=pixels, classes=tuple(classes), data=sources, statistics=statistics
    )


def _statistics(document: Any, channels: int) -> Statistics | None:
    if document is None:
        return None
    mean, std = (tuple(map(float, document[name])) for name in ("mean", "std"))
    if not len(mean) == len(std) == channels:
        raise ValueError(f"statistics are not those of {channels} channels")
    return Statistics(mean, std)


def _check(pixels: Input, classes: Any, document: Mapping[str, Any]) -> None:
    sizes = (pixels.height, pixels.width, pixels.channels)
    if not all(map(_is_size, sizes)):
        raise ValueError(f"input {sizes} is no height, width and channels")
    if pixels.fit not in _FITS:
        raise ValueError(f"fit {pixels.fit!r} is none of {', '.join(_FITS)}")
    if not _are_names(classes):
        raise ValueError("classes is no list of names")
    if document["output"] not in ("softmax", "sigmoid"):
        raise ValueError(f"output {document['output']!r} is neither softmax nor sigmoid")
    if not isinstance(document["created"], str) or not isinstance(document["complete"], bool):
        raise ValueError("created or complete is of a wrong type")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and value > 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
