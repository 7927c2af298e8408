"""Fit a temperature and choose a threshold for a run's model, and write both as a new run."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from imgrec.data.images import identities_of_images
from imgrec.data.records import Photo, Record
from imgrec.errors import DataError, RunError, UsageError
from imgrec.evaluation.calibration import FEWEST_IMAGES, fit_temperature
from imgrec.evaluation.selective_prediction import Target, choose_threshold
from imgrec.files import sha256_of, write_text
from imgrec.interface import option
from imgrec.progress import Progress, Silent
from imgrec.runs.card import (
    BEST_MODEL,
    Calibration,
    CalibrationOrigin,
    Card,
    DataSource,
    Threshold,
)
from imgrec.runs.folder import CONFIG_FILE, Run, check_name, check_place, new_folder
from imgrec.runs.image_list import IMAGES_FILE, extended_image_list
from imgrec.runs.writer import RunWriter, utc_now
from imgrec.runtime.litert_engine import FILES
from imgrec.runtime.score import score
from imgrec.scores import Scores
from imgrec.text import count_of, printable
from imgrec.versions import versions
from imgrec.workflows.calibration.scaled_model import (
    ScalableModel,
    open_scalable,
    require_scaled,
)
from imgrec.workflows.calibration.wording import (
    log_calibration,
    log_threshold,
    unattainable,
)
from imgrec.workflows.evaluation import (
    EvaluationData,
    ImageChoice,
    choose_images,
    find_leakage,
    selection_notes,
)
from imgrec.workflows.export import export_imported

log = logging.getLogger("imgrec")

_SPLIT = "calibration"


@dataclass(frozen=True)
class CalibrationRequest:
    """How to calibrate a run.

    Args:
        images: The images; `data` is required.
        target: What the threshold is chosen for, `precision` or `coverage`, and its value, above 0
            and below 1. None for no threshold: no answer is "unknown".
        name: The name of the new run. Default: that of the run.
    """

    images: ImageChoice
    target: tuple[Target, float] | None = None
    name: str | None = None


@dataclass(frozen=True)
class _Images:
    """The images: each content once, their SHA-256 by name, and where they come from."""

    records: Sequence[Record]
    identities: Mapping[str, str]
    source: DataSource


def calibrate_run(
    run: Run, wanted: CalibrationRequest, *, runs_dir: Path, progress: Progress | None = None
) -> Run:
    """Fit a temperature to images that the model was not trained on, and choose a threshold.

    The same images do both, as in a training. The run is left as it is; if the new one can't be
    completed, nothing is left of it.

    Args:
        run: The run.
        wanted: How to calibrate it.
        runs_dir: The folder of the new run.
        progress: Where progress is reported.

    Returns:
        The new run.

    Raises:
        DataError: The images can't be read or have unknown classes; the model was trained on some
            of them; or they are too few to calibrate it, or to guarantee the target.
        RunError: The model can't be used, gives an image several labels, or has no place for a
            temperature.
        UsageError: A value is out of range, or the name can't be that of a run.
    """
    progress, name = progress or Silent(), wanted.name or run.card.name
    check_place(runs_dir)
    check_name(name)
    _check(run, wanted)
    images = _images(run, wanted.images, progress)
    _check_number(images, run)
    model = open_scalable(run, with_ood_similarity=wanted.target is not None)
    calibration, scores = _calibrated(model, images, run, progress)
    threshold = _threshold(scores, images, wanted.target)
    card = _card(run, name, images, model.file, threshold)
    with new_folder(runs_dir, name) as folder, RunWriter(folder) as writer:
        model.save(folder / model.file)
        calibration = replace(calibration, model=sha256_of(folder / model.file))
        _write_others(run, folder, images)
        writer.begin(replace(card, calibration=calibration), models=[model.file])
        if model.file == BEST_MODEL:
            photos = [Photo(each.name, each.source) for each in images.records]
            export_imported(writer, photos, progress, _precisions(run))
        writer.update(complete=True)
        return writer.run


def _check(run: Run, wanted: CalibrationRequest) -> None:
    if wanted.target is not None and not 0 < wanted.target[1] < 1:
        target, value = wanted.target
        raise UsageError(
            f"{option(target, f'{value:g}')}: it must be above 0 and below 1",
            hint=f"use {option(target, 0.98)}, for example",
        )
    if run.card.multi_label:
        raise RunError(
            f"{printable(run.name)} gives an image several labels; only runs that give it one can "
            "be calibrated",
            hint="`evaluation.thresholds` in the config of a training sets a threshold per class",
        )


def _images(run: Run, asked: ImageChoice, progress: Progress) -> _Images:
    """Return the images, each content once; refuse those that the model was trained on."""
    chosen = choose_images(run, asked, progress)
    if chosen.lists:
        raise UsageError(
            f"{option('map')}: a temperature and a threshold are for the run's own classes, and "
            f"{printable(next(iter(chosen.lists)))} is several of them",
            hint="name one class for each",
        )
    identities = identities_of_images(chosen.records, progress, "looking for training images")
    try:
        find_leakage([run], identities, allow=False)
    except DataError as error:
        raise DataError(error.message, hint="remove them, or choose other images") from error
    selection_notes([run], identities)
    records = _without_copies(chosen.records, identities)
    return _Images(records, identities, _source(run, chosen, records))


def _without_copies(records: Sequence[Record], identities: Mapping[str, str]) -> list[Record]:
    """Return the first image of each content, with a warning about copies and their labels."""
    first: dict[str, Record] = {}
    # A file that can't be read has no identity; the engine gives the reason.
    originals = [first.setdefault(identities[each.name] or each.name, each) for each in records]
    pairs = zip(originals, records, strict=True)
    conflicts = [(one, other) for one, other in pairs if one.labels != other.labels]
    if conflicts:
        log.warning(
            "%s with the same content, but different classes, such as %s and %s: the first counts",
            count_of(len(conflicts), "pair"),
            *(printable(each.name) for each in conflicts[0]),
        )
    if len(first) < len(records):
        images = count_of(len(records), "image")
        log.warning("%s of %s are different: copies count once", f"{len(first):,}", images)
    return [*first.values()]


def _source(run: Run, chosen: EvaluationData, records: Sequence[Record]) -> DataSource:
    counts = Counter(label for each in records for label in each.labels)
    per_class = {name: counts[at] for at, name in enumerate(run.card.classes) if counts[at]}
    return DataSource(chosen.source, str(Path(chosen.source).resolve()), len(records), per_class)


def _check_number(images: _Images, run: Run) -> None:
    """Raise DataError if the images are too few, whatever the model answers."""
    number = len(images.records)
    counted = count_of(number, "image")
    if number < FEWEST_IMAGES:
        raise DataError(
            f"{counted} can't calibrate {printable(run.name)}: at least {FEWEST_IMAGES} are needed",
            hint="add images that it was not trained on",
        )
    if len(images.source.per_class) < 2:
        (name,) = images.source.per_class
        raise DataError(
            f"all {counted} are of the class {printable(name)}", hint="add images of other classes"
        )


def _lower(images: _Images, target: Target, best: float | None) -> str:
    """Return what to do: not to ask for a precision that guessing the largest class has."""
    frequent = max(images.source.per_class.values()) / len(images.records)
    useful = best is not None and (target == "coverage" or best > frequent)
    return f"add images, or use {option(target, best)}" if useful else "add images"


def _calibrated(
    model: ScalableModel, images: _Images, run: Run, progress: Progress
) -> tuple[Calibration, Scores]:
    """Divide the logits of the model by a temperature; return it, and the scores after that."""
    before = _scores(model, images, progress)
    found = fit_temperature(before, _SPLIT)
    try:
        model.divide_logits(found.temperature)
        # In the first scores, probabilities near 1 may be equal that no longer are.
        after = _scores(model, images, progress)
        require_scaled(before, after, found.temperature)
    except RunError as error:
        raise RunError(
            f"{printable(run.name)} can't be calibrated: {error.message}",
            hint="import the Keras model that it was made from"
            if run.card.only_litert and run.card.origin
            else error.hint,
        ) from error
    log_calibration(found)
    return found, after


def _scores(model: ScalableModel, images: _Images, progress: Progress) -> Scores:
    return score(model.engine, images.records, labelled=True, bad_images="error", progress=progress)


def _threshold(
    scores: Scores, images: _Images, target: tuple[Target, float] | None
) -> Threshold | None:
    if target is None:
        return None
    found = choose_threshold(scores, *target, _SPLIT)
    if found is None:
        reason, best = unattainable(scores, *target, _SPLIT)
        remark = _surest_mistake(scores) if target[0] == "precision" else ""
        raise DataError(reason, hint=_lower(images, target[0], best) + remark)
    log_threshold(found)
    if found.ood_similarity is None:
        log.info("it is a threshold of the probability: photos unlike the training images may pass")
    return found


def _surest_mistake(scores: Scores) -> str:
    """Return a remark on the wrong answer of the highest probability, perhaps a wrong label."""
    wrong = np.where(scores.right, -1, scores.probabilities.max(axis=1))
    worst = int(wrong.argmax())
    if wrong[worst] < 0:
        return ""
    name = printable(scores.names[worst])
    return f"; look at {name}, the wrong answer of the highest probability: is its label right?"


def _card(run: Run, name: str, images: _Images, file: str, threshold: Threshold | None) -> Card:
    """Return the card of the new run, without its calibration."""
    return replace(
        run.card,
        name=name,
        created=utc_now(),
        ended="",
        complete=False,
        versions=versions(),
        hashes={},
        export_parity=(),
        threshold=threshold,
        no_threshold="",
        calibrated_from=CalibrationOrigin(run.name, run.card.hashes.get(file, ""), images.source),
    )


def _write_others(run: Run, folder: Path, images: _Images) -> None:
    """Write the config of a trained run, and the list of its images and of those that are new."""
    if run.card.origin is None:
        shutil.copyfile(run.path / CONFIG_FILE, folder / CONFIG_FILE)
    new = {
        (_SPLIT, each.name): (run.card.classes[each.labels[0]], images.identities[each.name])
        for each in images.records
    }
    before = run.path if run.card.lists_images else None
    write_text(folder / IMAGES_FILE, extended_image_list(before, new))


def _precisions(run: Run) -> list[str]:
    """Return the precisions of the LiteRT files that the run has."""
    return [precision for precision, file in FILES.items() if (run.path / file).is_file()]
