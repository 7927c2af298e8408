"""Classifiers in JSON: what the service answers, and commands with `--json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from imgrec.classifiers import StoredClass, StoredPhoto, StoredVersion
from imgrec.evaluation.results import MetricDifference, MetricValue, RequirementResult
from imgrec.rounding import percent_number
from imgrec.text import count_of
from imgrec.workflows.teaching.classifier import Classifier
from imgrec.workflows.teaching.examples import FEWEST, Examples
from imgrec.workflows.teaching.outcomes import AddedPhoto, Forgotten, Published
from imgrec.workflows.teaching.standing import PhotoOfClass, Standing, is_narrow

Document = dict[str, Any]


def classifier_document(classifier: Classifier, *, standing: bool = True) -> Document:
    """Return the description of a classifier; standing: whether it says how good it is."""
    classes = classifier.classes()
    published = next((each.number for each in classifier.versions() if each.published), None)
    found: Document = {
        "name": classifier.name,
        "revision": classifier.revision,
        "classes": [class_document(each) for each in classes],
        "photos": dict(classifier.counts()),
        "require": list(classifier.require),
        "published": published,
    }
    return found | {"standing": standing_document(classifier)} if standing else found


def class_document(found: StoredClass) -> Document:
    """Return the description of a class."""
    return {"name": found.name, "photos": found.photos}


def photo_document(photo: StoredPhoto) -> Document:
    """Return the description of a photo."""
    return {
        "sha256": photo.sha256,
        "class": photo.class_name,
        "status": photo.status,
        "name": photo.name,
        "bytes": photo.size,
        "width": photo.width,
        "height": photo.height,
        "added": photo.added,
    }


def added_document(added: Sequence[AddedPhoto], classifier: Classifier) -> Document:
    """Return what became of photos that were to be added."""
    return {
        "photos": [
            {
                "name": each.name,
                "outcome": each.outcome,
                "reason": each.reason,
                "photo": None if each.photo is None else photo_document(each.photo),
                "near_duplicates": _of_classes(each.near_duplicates),
            }
            for each in added
        ],
        "standing": standing_document(classifier),
    }


def forgotten_document(done: Forgotten, classifier: Classifier) -> Document:
    """Return what the deletion of photos did."""
    return {
        "photos": done.photos,
        "withdrawn": list(done.withdrawn),
        "published": None if done.published is None else done.published.number,
        "standing": standing_document(classifier),
    }


def published_document(done: Published) -> Document:
    """Return what came of a publication."""
    return {
        "version": None if done.version is None else version_document(done.version),
        "verdicts": [_verdict(each) for each in done.verdicts],
        "not_compared": done.judgement.not_compared,
        "judged_by": {
            "split": done.judgement.split,
            "photos": done.judgement.photos,
            "accuracy": dataclasses.asdict(done.judgement.accuracy),
        },
    }


def version_document(version: StoredVersion) -> Document:
    """Return the description of a version."""
    state = "published" if version.published else "available"
    return {
        "number": version.number,
        "created": version.created,
        "state": "withdrawn" if version.withdrawn else state,
        "photos": version.photos,
        "classes": list(version.classes),
        "accuracy": None
        if version.accuracy is None
        else {"value": version.accuracy, "low": version.low, "high": version.high},
        "fingerprint": version.fingerprint or None,
    }


def standing_document(classifier: Classifier, *, wait: bool = False) -> Document:
    """Return how good a classifier is; wait: until that is known of the photos as they are now."""
    examples = classifier.examples()
    too_few = [
        {"class": each.class_name, "photos": each.photos, "needed": each.needed}
        for each in examples.too_few
    ]
    if not examples.solvable:
        note = f"a model takes {FEWEST} classes with {FEWEST} photos each; {examples.missing}"
        found = {"state": "too_few", "revision": examples.revision, "note": note}
        return _EMPTY | found | {"too_few": too_few}
    standing, current = classifier.standing(wait=wait)
    state = "done" if current else "pending"
    if standing is None:
        return _EMPTY | {"state": state, "revision": examples.revision, "too_few": too_few}
    measured = _measured(standing) | _worth_a_look(standing, examples)
    return {"state": state} | measured | {"too_few": too_few}


def note_on(accuracy: MetricValue, photos: int) -> str:
    """Return what the interval of an accuracy means, for people; empty if it is narrow.

    photos: how many it was measured on.
    """
    if is_narrow(accuracy):
        return ""
    low, high = accuracy.limits
    between = f"{percent_number(low)} and {percent_number(high)} %"
    too = "is" if photos == 1 else "are"
    counted = count_of(photos, "photo")
    return f"{counted} {too} too few to tell: the accuracy is between {between}"


_EMPTY: Document = {
    "accuracy": None,
    "photos": 0,
    "folds": 0,
    "enough": False,
    "note": "",
    "difference": None,
    "classes": [],
    "confused": [],
    "suspects": [],
    "near_duplicates": [],
    "unknown": None,
}


def _measured(standing: Standing) -> Document:
    threshold = standing.threshold
    return {
        "revision": standing.revision,
        "accuracy": dataclasses.asdict(standing.accuracy),
        "photos": standing.photos,
        "folds": standing.folds,
        "enough": standing.enough,
        "note": note_on(standing.accuracy, standing.photos),
        "difference": _difference(standing.since, standing.difference),
        "classes": [
            {"class": each.class_name, "photos": each.photos, "correct": each.correct}
            for each in standing.classes
        ],
        "confused": [
            {"class": each.class_name, "taken_for": each.taken_for, "photos": each.photos}
            for each in standing.confused
        ],
        "unknown": {
            "probability": threshold.value,
            "similarity": threshold.ood_similarity,
            "target": threshold.target,
            "coverage": threshold.coverage,
            "precision": threshold.precision,
        },
    }


def _worth_a_look(standing: Standing, examples: Examples) -> Document:
    """Return the photos that a person should see, without those that have changed since."""
    there = {(each.sha256, each.class_name) for each in examples.photos}
    return {
        "suspects": [
            {
                "sha256": each.sha256,
                "class": each.class_name,
                "taken_for": each.taken_for,
                "probability": each.probability,
            }
            for each in standing.suspects
            if (each.sha256, each.class_name) in there
        ],
        "near_duplicates": [
            _of_classes(group)
            for group in standing.near_duplicates
            if all((each.sha256, each.class_name) in there for each in group)
        ],
    }


def _difference(since: int | None, found: MetricDifference | None) -> Document | None:
    if found is None:
        return None
    return {
        "since": since,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "finding": found.finding,
    }


def _of_classes(photos: Sequence[PhotoOfClass]) -> list[Document]:
    return [{"sha256": each.sha256, "class": each.class_name} for each in photos]


def _verdict(found: RequirementResult) -> Document:
    return {"requirement": found.requirement, "met": found.met, "reason": found.reason}
