"""Explanations as files, each complete or absent."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.explanation.values import ExplainedPhoto, Explanation, ExplanationQuery, Segments
from imgrec.files import cannot_write, check_writable, refuse_existing, write_bytes_atomically
from imgrec.interface import option
from imgrec.json_documents import json_text
from imgrec.progress import Progress, Silent
from imgrec.report.documents import photo_explanation
from imgrec.report.layers_page import layers_page
from imgrec.report.pictures import (
    boxes_picture,
    grid_picture,
    heat_picture,
    layers_picture,
    mask_array,
    mask_picture,
    segments_picture,
)
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.workflows.explanation.explain import (
    DEFAULT_OPTIONS,
    ExplainOptions,
    fitting_method,
    open_explainer,
)
from imgrec.workflows.explanation.explainer import Explainer, Method

# A file name may have 255 bytes: 50 characters of up to four bytes, and the suffix.
_LONGEST = 50
_NAME_FORMS: tuple[Callable[[Path], str], ...] = (
    lambda path: path.stem[:_LONGEST],
    lambda path: path.name[-_LONGEST:],
    lambda path: f"{path.absolute().parent.name}-{path.name}"[-_LONGEST:],
)


@dataclass(frozen=True)
class WrittenFiles:
    """Where explanations are written.

    Args:
        folder: The folder.
        boxes: Whether the boxes are written too, as a picture and as JSON.
        grid: Whether the windows of the method `windows` are written too, as a picture.
    """

    folder: Path
    boxes: bool = False
    grid: bool = False


@dataclass(frozen=True)
class OutputFiles:
    """A photo, and the files that will hold its explanation; none of them exists yet."""

    photo: Photo
    files: Mapping[str, Path]


def explain_files(
    photos: Sequence[str],
    model: Run | str,
    written: WrittenFiles,
    *,
    options: ExplainOptions = DEFAULT_OPTIONS,
    engine_options: EngineOptions = DEFAULT_ENGINE,
    progress: Progress | None = None,
) -> tuple[ExplanationQuery, Iterator[ExplainedPhoto]]:
    """Explain the photos that a command line names, and write a picture of each.

    Args:
        photos: Files, folders (with everything below them), patterns, or `-` for stdin.
        model: A run, or the name of a pretrained ImageNet classifier.
        written: Where the pictures go.
        options: What is explained, and by which method.
        engine_options: Which engine runs the model.
        progress: Where progress is reported.

    Returns:
        The model and the method, and each photo when its files are written; a photo that can't be
        used has an error instead.

    Raises:
        UsageError: A file exists already, or an option can't be used with the method.
        RunError: A file can't be written, or the method can't be used with the model.
    """
    options = replace(options, method=options.method or fitting_method(model, engine_options))
    if written.boxes and options.method == "layers":
        raise UsageError(
            f"{option('boxes')}: layers finds no boxes",
            hint=f"it goes with the other methods, such as {option('method', 'windows')}",
        )
    if written.grid and options.method != "windows":
        raise UsageError(
            f"{option('grid')}: {options.method} uses no windows",
            hint=f"it goes with {option('method', 'windows')}",
        )
    # Only the model knows its layers: it is opened before the user is asked to move files.
    of_layers = options.method == "layers"
    explainer = open_explainer(model, options, engine_options) if of_layers else None
    outputs = plan_outputs(list(expand_photos(photos, sys.stdin)), written, options)
    explainer = explainer or open_explainer(model, options, engine_options)
    explained = explain_photos(outputs, explainer, progress or Silent())
    return explainer.query, explained


def explain_photos(
    outputs: Sequence[OutputFiles], explainer: Explainer, progress: Progress
) -> Iterator[ExplainedPhoto]:
    """Yield each photo when its files are written; one that can't be used has an error instead.

    Raises:
        RunError: A file can't be written, or the method can't be used with the model.
    """
    with progress.task("explaining", len(outputs), "photos") as task:
        for output in outputs:
            yield _explained(output, explainer)
            task.advance(1)


def explained_photo(found: Explanation, files: Mapping[str, Path]) -> ExplainedPhoto:
    """Return what is kept of an explanation.

    Args:
        found: The explanation.
        files: What is written, by what it shows.
    """
    return ExplainedPhoto(
        found.picture.name,
        named=found.named,
        known=found.known,
        view=found.view,
        size=found.picture.image.size,
        found=found.found,
        shares=found.shares,
        layers=found.walk.summary if found.walk else None,
        class_map=found.segments.covered if found.segments else None,
        files=files,
    )


def picture_of(found: Explanation, explainer: Explainer) -> bytes:
    """Return a PNG of an explanation.

    It shows the heat map; for `dense` without a chosen class, every class in its colour; and for
    `layers` what each layer makes of the photo.
    """
    if found.walk is not None:
        return layers_picture(found, explainer.model)
    if found.segments is not None and explainer.wanted is None:
        return segments_picture(found, explainer.engine.classes)
    return heat_picture(found)


def plan_outputs(
    photos: Sequence[Photo], written: WrittenFiles, options: ExplainOptions
) -> list[OutputFiles]:
    """Return the files of each photo: `photo.gradcam.png` and so on.

    A name that several photos would have gets their suffix, their folder, or at last a number.

    Args:
        photos: At least one.
        written: The folder, and whether there are boxes.
        options: The method is part of the names, and so is `as_seen` if it could see more.

    Raises:
        UsageError: A file exists already.
        RunError: The folder can't be written.
    """
    as_seen = options.as_seen and options.method == "gradcam"
    how = "gradcam-as-seen" if as_seen else options.method
    outputs = [
        OutputFiles(photo, _files(written, f"{name}.{how}", options.method))
        for photo, name in zip(photos, _distinct_names(photos), strict=True)
    ]
    for output in outputs:
        for path in output.files.values():
            refuse_existing(path, "folder", _free(written.folder))
    there = next(each for each in (written.folder, *written.folder.parents) if each.exists())
    check_writable(there / next(iter(outputs[0].files.values())).name)
    return outputs


def _free(folder: Path) -> Path:
    """Return a folder beside this one that does not exist: `explanations-2`."""
    named = (f"{folder.name or 'explanations'}-{number}" for number in itertools.count(2))
    return next(path for name in named if not (path := folder.parent / name).exists())


def _distinct_names(photos: Sequence[Photo]) -> list[str]:
    """Return a name for each photo: `cat`, `cat.jpg`, `b-cat.jpg` or `b-cat.jpg-2`."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for form in _NAME_FORMS:
        left = {at: form(Path(each.name)) for at, each in enumerate(photos) if at not in names}
        counts = Counter(map(str.casefold, left.values()))
        names |= {
            at: name
            for at, name in left.items()
            if counts[name.casefold()] == 1 and name.casefold() not in taken
        }
        taken |= {each.casefold() for each in names.values()}
    for at, photo in enumerate(photos):
        if at not in names:
            full = _NAME_FORMS[-1](Path(photo.name))
            numbered = itertools.chain(
                [full], (f"{full}-{number}" for number in itertools.count(2))
            )
            names[at] = next(each for each in numbered if each.casefold() not in taken)
            taken.add(names[at].casefold())
    return [names[at] for at in range(len(photos))]


def _files(written: WrittenFiles, name: str, method: Method | None) -> dict[str, Path]:
    suffixes = {"layers": ".png", "page": ".html"} if method == "layers" else {"heat": ".png"}
    if method == "dense":
        suffixes |= {"mask": ".mask.png", "mask_array": ".mask.npy"}
        suffixes |= {"map": ".map.png", "map_array": ".map.npy"}
    if written.grid:
        suffixes["grid"] = ".grid.png"
    if written.boxes:
        suffixes |= {"boxes": ".boxes.png", "json": ".json"}
    return {what: written.folder / f"{name}{suffix}" for what, suffix in suffixes.items()}


def _explained(output: OutputFiles, explainer: Explainer) -> ExplainedPhoto:
    photo, files = output.photo, output.files
    try:
        found = explainer.explain(photo)
    except BadImage as error:
        return ExplainedPhoto(photo.name, error=error.reason)
    explained = explained_photo(found, files)
    contents = {next(iter(files)): picture_of(found, explainer)}
    if "page" in files:
        contents["page"] = layers_page(found, explainer.model).encode()
    if "grid" in files:
        contents["grid"] = grid_picture(found)
    if found.segments is not None:
        contents |= _masks(found.segments, found.picture.image.size, len(explainer.engine.classes))
    if "boxes" in files:
        contents["boxes"] = boxes_picture(found)
        contents["json"] = json_text(photo_explanation(explained, explainer.query)).encode()
    _write(files, contents)
    return explained


def _masks(segments: Segments, size: tuple[int, int], classes: int) -> dict[str, bytes]:
    """Return the class of each place, at the photo's size and at the map's."""
    of_photo, of_map = segments.over(size, size), segments.answers.astype(np.int64)
    return {
        "mask": mask_picture(of_photo, classes),
        "mask_array": mask_array(of_photo),
        "map": mask_picture(of_map, classes),
        "map_array": mask_array(of_map),
    }


def _write(files: Mapping[str, Path], contents: Mapping[str, bytes]) -> None:
    """Write the files of a photo; if one can't be written, none is kept."""
    _make_folder(next(iter(files.values())).parent)
    written: list[Path] = []
    try:
        for what, content in contents.items():
            write_bytes_atomically(files[what], content)
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
