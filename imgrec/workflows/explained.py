"""Explanations as files, each whole or not there."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.expand import LIST, expand
from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.explanation.segments import shares
from imgrec.explanation.values import Explanation
from imgrec.files import cannot_write, write_bytes, write_text
from imgrec.progress import Progress
from imgrec.report.explanation_picture import boxes_picture, heat_picture, segments_picture
from imgrec.report.explanation_text import Asked, Explained, explanation_json
from imgrec.text import shown
from imgrec.workflows.explain import Explainer

# A file's name may have 255 bytes: 50 characters of four, and what is put behind them.
_STEM = 50


@dataclass(frozen=True)
class Written:
    """Where explanations go.

    boxes: whether what was found is written too, as a picture and as JSON.
    """

    folder: Path
    boxes: bool = False


def explained(
    photos: Sequence[Photo], explainer: Explainer, written: Written, progress: Progress
) -> Iterator[Explained]:
    """Yield each photo when its files are written; one that can't be used has an error instead.

    Raises UsageError, before anything is computed, where a file is there already, and RunError
    where one can't be written or the method can't be used with the model.
    """
    places = plan(photos, explainer.method, written)
    with progress.task("explaining", len(photos), "photos") as task:
        for photo, place in zip(photos, places, strict=True):
            yield _explained(photo, explainer, place, boxes=written.boxes)
            task.advance(1)


def find_photos(photos: Sequence[str]) -> list[Photo]:
    """Return the photos that a command line names: files, folders, globs, `-` for stdin."""
    return list(expand(photos, sys.stdin if LIST in photos else None))


def picture_of(found: Explanation, explainer: Explainer) -> bytes:
    """Return a PNG of what was found: with dense every class in its colour, else the heat map."""
    if found.segments is not None and explainer.wanted is None:
        return segments_picture(found, explainer.engine.classes)
    return heat_picture(found)


def plan(photos: Sequence[Photo], method: str, written: Written) -> list[Path]:
    """Return the path of each photo's files, without what tells one from another.

    Photos of one name, in different folders, are numbered. Raises UsageError where a file is
    there already.
    """
    taken: set[str] = set()
    places = []
    for photo in photos:
        stem = Path(photo.name).stem[:_STEM]
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        untaken = (
            each for each in itertools.chain([stem], numbered) if each.casefold() not in taken
        )
        name = next(untaken)
        taken.add(name.casefold())
        places.append(written.folder / f"{name}.{method}")
    for place in places:
        for path in _files(place, boxes=written.boxes).values():
            _refuse_existing(path)
    return places


def _files(place: Path, *, boxes: bool) -> dict[str, Path]:
    suffixes = {"heat": ".png"} | ({"boxes": ".boxes.png", "json": ".json"} if boxes else {})
    return {what: place.with_name(place.name + suffix) for what, suffix in suffixes.items()}


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise UsageError(
            f"{shown(str(path))} exists already",
            hint="remove it, or choose another folder with --output FOLDER",
        )


def _explained(photo: Photo, explainer: Explainer, place: Path, *, boxes: bool) -> Explained:
    try:
        found = explainer.explain(photo)
    except BadImage as error:
        return Explained(photo.name, error=error.reason)
    size, classes = found.picture.image.size, explainer.engine.classes
    told = Explained(
        photo.name,
        named=found.named,
        known=found.known,
        view=found.view,
        size=size,
        found=found.found,
        shares=shares(found.segments, classes, size) if found.segments else None,
        files=_files(place, boxes=boxes),
    )
    _make_folder(place.parent)
    write_bytes(told.files["heat"], picture_of(found, explainer))
    if boxes:
        write_bytes(told.files["boxes"], boxes_picture(found))
        asked = Asked(explainer.model, explainer.method)
        write_text(told.files["json"], explanation_json(told, asked))
    return told


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
