"""Explanations as text: a line for people; JSON as docs/explanation.schema.json has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.explanation.values import Found
from imgrec.report.json_text import json_number, json_text
from imgrec.report.wording import percent
from imgrec.text import shown


@dataclass(frozen=True)
class Explained:
    """What is kept of the explanation of a photo, or why there is none (`error`).

    size: (width, height) of the upright photo in pixels. shares: of the photo that shows each
    class, 0 to 1, where the method tells. files: what was written, by what it shows.
    """

    name: str
    error: str | None = None
    class_name: str | None = None
    probability: float | None = None
    known: bool = False
    size: tuple[int, int] | None = None
    found: tuple[Found, ...] = ()
    shares: Mapping[str, float] | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """Which model was asked, and by which method."""

    model: str
    method: str


def explanation_line(explained: Explained) -> str:
    """Return what was found in a photo, and in which files it can be seen, on one line."""
    if explained.class_name is None or explained.probability is None:
        return f"{shown(explained.name)}: {shown(explained.error or '')}"
    answer = f"{shown(explained.class_name)} {percent(explained.probability)}"
    lead = f"{shown(explained.name)}: {answer if explained.known else f'unknown ({answer})'}"
    files = ", ".join(shown(str(path)) for path in explained.files.values())
    return f"{lead}; written: {files}" if files else lead


def explanations_json(explained: Sequence[Explained], asked: Asked) -> str:
    """Return one JSON document of all photos."""
    return json_text({**_head(asked), "explanations": [_fields(each) for each in explained]})


def explanation_json(explained: Explained, asked: Asked) -> str:
    """Return the JSON document of one photo."""
    return json_text({**_head(asked), **_fields(explained)})


def _head(asked: Asked) -> dict[str, object]:
    return {"schema_version": 1, "model": asked.model, "method": asked.method}


def _fields(explained: Explained) -> dict[str, object]:
    shares, size = explained.shares, explained.size
    return {
        "photo": explained.name,
        "error": explained.error,
        "width": size and size[0],
        "height": size and size[1],
        "class": explained.class_name,
        "probability": json_number(explained.probability),
        "known": explained.known,
        "boxes": [_box(each, size) for each in explained.found] if size else [],
        "shares": shares
        and [{"class": name, "share": round(share, 4)} for name, share in shares.items()],
        "files": {name: str(path) for name, path in explained.files.items()},
    }


def _box(found: Found, size: tuple[int, int]) -> dict[str, object]:
    left, top, right, bottom = map(round, found.area)
    return {
        "class": found.class_name,
        "score": json_number(found.score),
        "left": max(0, left),
        "top": max(0, top),
        "right": min(size[0], right),
        "bottom": min(size[1], bottom),
    }
