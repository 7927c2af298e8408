"""Explanations as files, each whole or not there."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imgrec.data.photo_arguments import LIST, expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage
from imgrec.explanation.values import ExplainedPhoto, Explanation, ExplanationQuery
from imgrec.files import cannot_write, check_writable, refuse_existing, write_bytes
from imgrec.json_documents import json_text
from imgrec.progress import Progress
from imgrec.report.documents import photo_explanation
from imgrec.report.pictures import boxes_picture, heat_picture, segments_picture
from imgrec.workflows.explanation.explainer import Explainer, Method

# A file's name may have 255 bytes: 50 characters of four, and what is put behind them.
_STEM = 50


@dataclass(frozen=True)
class WrittenFiles:
    """Where explanations go.

    boxes: whether what was found is written too, as a picture and as JSON.
    """

    folder: Path
    boxes: bool = False


@dataclass(frozen=True)
class OutputFiles:
    """A photo, and the files that its explanation will be; none of them is there yet."""

    photo: Photo
    files: Mapping[str, Path]


def explain_photos(
    places: Sequence[OutputFiles], explainer: Explainer, progress: Progress
) -> Iterator[ExplainedPhoto]:
    """Yield each photo when its files are written; one that can't be used has an error instead.

    Raises RunError where one can't be written or the method can't be used with the model.
    """
    with progress.task("explaining", len(places), "photos") as task:
        for place in places:
            yield _explained(place, explainer)
            task.advance(1)


def photos_to_explain(photos: Sequence[str]) -> list[Photo]:
    """Return the photos that a command line names: files, folders, globs, `-` for stdin."""
    return list(expand_photos(photos, sys.stdin if LIST in photos else None))


def picture_of(found: Explanation, explainer: Explainer) -> bytes:
    """Return a PNG of what was found: with dense every class in its colour, else the heat map."""
    if found.segments is not None and explainer.wanted is None:
        return segments_picture(found, explainer.engine.classes)
    return heat_picture(found)


def plan_outputs(
    photos: Sequence[Photo], method: Method, written: WrittenFiles, *, as_seen: bool = False
) -> list[OutputFiles]:
    """Return where each photo's explanation goes: `photo.gradcam.png` and the like.

    photos: at least one. as_seen: as in Asking; it is in the name where the method could see more.
    Photos of one name, in different folders, are numbered. Raises UsageError where a file is there
    already, RunError where the folder can't be written.
    """
    how = "gradcam-as-seen" if as_seen and method == "gradcam" else method
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
        places.append(OutputFiles(photo, _files(written, f"{name}.{how}")))
    for place in places:
        for path in place.files.values():
            refuse_existing(path, "folder")
    there = next(each for each in (written.folder, *written.folder.parents) if each.exists())
    check_writable(there / places[0].files["heat"].name)
    return places


def _files(written: WrittenFiles, name: str) -> dict[str, Path]:
    suffixes = {"heat": ".png"}
    if written.boxes:
        suffixes |= {"boxes": ".boxes.png", "json": ".json"}
    return {what: written.folder / f"{name}{suffix}" for what, suffix in suffixes.items()}


def _explained(place: OutputFiles, explainer: Explainer) -> ExplainedPhoto:
    photo, files = place.photo, place.files
    try:
        found = explainer.explain(photo)
    except BadImage as error:
        return ExplainedPhoto(photo.name, error=error.reason)
    told = ExplainedPhoto(
        photo.name,
        named=found.named,
        known=found.known,
        view=found.view,
        size=found.picture.image.size,
        found=found.found,
        shares=found.shares,
        files=files,
    )
    contents = {"heat": picture_of(found, explainer)}
    if "boxes" in files:
        asked = ExplanationQuery(explainer.model, explainer.method)
        contents["boxes"] = boxes_picture(found)
        contents["json"] = json_text(photo_explanation(told, asked)).encode()
    _write(files, contents)
    return told


def _write(files: Mapping[str, Path], contents: Mapping[str, bytes]) -> None:
    """Write the files of a photo; where one can't be written, none stays."""
    _make_folder(files["heat"].parent)
    written: list[Path] = []
    try:
        for what, content in contents.items():
            write_bytes(files[what], content)
            written.append(files[what])
    except BaseException:
        for path in written:
            path.unlink()
        raise


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
