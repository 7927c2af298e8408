"""Explanations as text: a line for people; JSON as docs/explanation.schema.json has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.values import Area, Detection, ViewedRegion
from imgrec.report.json import json_number, json_text
from imgrec.report.wording import percent
from imgrec.text import printable


@dataclass(frozen=True)
class ExplainedPhoto:
    """What is kept of the explanation of a photo, or why there is none (`error`).

    named, known, view, found: as in Explanation; empty where there is an error.
    size: (width, height) of the upright photo in pixels. shares: of the photo that shows each
    class, 0 to 1, where the method tells. files: what was written, by what it shows.
    """

    name: str
    error: str | None = None
    named: tuple[Ranked, ...] = ()
    known: bool = False
    view: ViewedRegion | None = None
    size: tuple[int, int] | None = None
    found: tuple[Detection, ...] = ()
    shares: Mapping[str, float] | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplanationQuery:
    """Which model was asked, and by which method."""

    model: str
    method: str


def explanation_line(explained: ExplainedPhoto) -> str:
    """Return what was found in a photo without an error, and in which files, on one line."""
    answer = ", ".join(f"{printable(name)} {percent(share)}" for name, share in explained.named)
    lead = f"{printable(explained.name)}: {answer if explained.known else f'unknown ({answer})'}"
    if explained.view and explained.view.size:
        lead += "; looked at in {}x{} pixels (width x height)".format(*explained.view.size)
    files = ", ".join(printable(str(path)) for path in explained.files.values())
    return f"{lead}; written: {files}" if files else lead


def explanations_json(explained: Sequence[ExplainedPhoto], asked: ExplanationQuery) -> str:
    """Return one JSON document of all photos."""
    return json_text({**_head(asked), "explanations": [_fields(each) for each in explained]})


def explanation_json(explained: ExplainedPhoto, asked: ExplanationQuery) -> str:
    """Return the JSON document of one photo."""
    return json_text({**_head(asked), **_fields(explained)})


def _head(asked: ExplanationQuery) -> dict[str, object]:
    return {"schema_version": 1, "model": asked.model, "method": asked.method}


def _fields(explained: ExplainedPhoto) -> dict[str, object]:
    shares, size = explained.shares, explained.size
    return {
        "photo": explained.name,
        "error": explained.error,
        "width": size and size[0],
        "height": size and size[1],
        **_answer(explained.named),
        "known": explained.known,
        "view": _view(explained.view, size) if explained.view and size else None,
        "boxes": [_box(each, size) for each in explained.found] if size else [],
        "shares": shares
        and [{"class": name, "share": round(share, 4)} for name, share in shares.items()],
        "files": {name: str(path) for name, path in explained.files.items()},
    }


def _answer(named: Sequence[Ranked]) -> dict[str, object]:
    named_json = [
        {"class": name, "probability": json_number(probability)} for name, probability in named
    ]
    first = named_json[0] if named_json else {"class": None, "probability": None}
    return {**first, "named": named_json}


def _view(view: ViewedRegion, size: tuple[int, int]) -> dict[str, object]:
    width, height = view.size or (None, None)
    return {**_sides(view.area, size), "width": width, "height": height}


def _box(found: Detection, size: tuple[int, int]) -> dict[str, object]:
    return {
        "class": found.class_name,
        "score": json_number(found.score),
        **_sides(found.area, size),
    }


def _sides(area: Area, size: tuple[int, int]) -> dict[str, object]:
    """Return what of an area is in a picture of `size`, a pixel at least."""
    left, top, right, bottom = map(round, area)
    left, top = min(max(0, left), size[0] - 1), min(max(0, top), size[1] - 1)
    return {
        "left": left,
        "top": top,
        "right": max(left + 1, min(size[0], right)),
        "bottom": max(top + 1, min(size[1], bottom)),
    }
