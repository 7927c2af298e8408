"""A version of a classifier that is a run trained on its photos."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np

from imgrec.classifiers import Conflict, Store, StoredVersion, VersionPhoto
from imgrec.errors import RunError
from imgrec.progress import Progress
from imgrec.requirement import parse
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import STATE, Run
from imgrec.runs.image_list import recorded_images
from imgrec.text import printable
from imgrec.workflows import evaluation
from imgrec.workflows.gate import Gate
from imgrec.workflows.teaching.outcomes import Published, judgement_of
from imgrec.workflows.teaching.version import REQUIRE, compare_with_published

_NONE = np.empty(0, np.float32)


def publish_run(store: Store, run: Run, progress: Progress, *, force: bool) -> Published:
    """Copy a run that was trained on photos of a classifier, and publish it.

    If a version is a copy of it already, that one is published.

    It is judged by its own test or validation images. On these, it is compared with the published
    version, by the answers that the latter was judged by.

    Args:
        store: The classifier.
        run: Complete, of the same classes.
        progress: Where progress is reported.
        force: Whether it is published whatever its numbers are.

    Raises:
        Conflict: It knows a photo that is not there, or has other classes.
        RunError: It is not complete, or can't be used.
        DataError: Its images changed since its training.
    """
    known_as = _known_photos(store, run)
    photos = {each.sha256: each for each in known_as.values()}.values()
    required = tuple(map(parse, store.setting(REQUIRE, [])))
    found = evaluation.evaluate(
        run, evaluation.EvaluationRequest(gate=Gate(required)), progress=progress
    )
    hashes = [known_as[name].sha256 for name in found.scores.names]
    compared, not_compared = compare_with_published(store, found.scores, hashes)
    judgement = judgement_of(found, found.verdicts + compared, not_compared)
    if not force and not judgement.met:
        return Published(None, judgement)
    if (copy := _copy_of(store, run)) is not None:
        return Published(store.restore(copy.number), judgement)
    answers = dict(zip(hashes, found.scores.probabilities, strict=True))
    known = [replace(each, probabilities=answers.get(each.sha256, _NONE)) for each in photos]
    accuracy = judgement.accuracy
    with store.new_version_folder() as (number, folder):
        ignored = shutil.ignore_patterns(STATE, ".*")
        shutil.copytree(run.path, folder, ignore=ignored, dirs_exist_ok=True)
        version = StoredVersion(
            number,
            folder.name,
            run.card.created,
            len(known),
            run.card.classes,
            accuracy.value,
            accuracy.low,
            accuracy.high,
            run.card.fingerprint,
        )
        store.publish(version, known)
    return Published(store.version(number), judgement)


def _copy_of(store: Store, run: Run) -> StoredVersion | None:
    """Return the version that is a copy of a run, if there is one that was not withdrawn."""
    created = run.card.created
    same = (each for each in store.versions() if each.created == created and not each.withdrawn)
    return next((each for each in same if read_card(store.run_path(each)) == run.card), None)


def _known_photos(store: Store, run: Run) -> dict[str, VersionPhoto]:
    """Return the photos that a run knows, by the name that each has there."""
    if not run.card.complete or not run.card.lists_images:
        raise RunError(
            f"{printable(run.name)} is not a complete training",
            hint=f"`imgrec train {printable(str(store.folder / 'photos'))}` makes one",
        )
    wanted = {each.name for each in store.classes() if each.photos}
    if {*run.card.classes} != wanted:
        raise Conflict(f"{printable(run.name)} and {printable(store.name)} have different classes")
    known = {}
    for images in recorded_images(run.path).values():
        for name, sha256 in images.items():
            photo = store.find(sha256)
            if photo is None or photo.class_name is None:
                raise Conflict(
                    f"{printable(run.name)} knows {printable(name)}, which is not among the "
                    f"labelled photos of {printable(store.name)}",
                    hint="train it again",
                )
            known[name] = VersionPhoto(sha256, photo.class_name, _NONE)
    return known
