"""How good a classifier is as it is now, and which of its photos deserve a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.check import find_look_alikes, has_contrast
from imgrec.evaluation.comparison import accuracy_difference
from imgrec.evaluation.metrics import exact_interval
from imgrec.evaluation.results import MetricDifference, MetricValue
from imgrec.runs.card import Threshold
from imgrec.scores import Scores, one_hot
from imgrec.workflows.teaching.draft import Solved
from imgrec.workflows.teaching.examples import Examples, TooFew

MOST_SUSPECTS = 100
_ENOUGH = 0.1
# Of a few photos, the cross-validation takes many for the other class, at a probability just above
# one half: these are its own mistakes.
_SURE = 0.8
_BLOCK = 2_048  # of pictures that are compared; it bounds the memory


@dataclass(frozen=True)
class Confused:
    """How many photos of a class the cross-validation took for another."""

    class_name: str
    taken_for: str
    photos: int


@dataclass(frozen=True)
class Suspect:
    """A photo that is probably labelled wrong, with the probability of another class."""

    sha256: str
    class_name: str
    taken_for: str
    probability: float


@dataclass(frozen=True)
class PhotoOfClass:
    """A photo and its class."""

    sha256: str
    class_name: str


@dataclass(frozen=True)
class ClassRecall:
    """How many photos of a class the cross-validation recognised."""

    class_name: str
    photos: int
    correct: int


@dataclass(frozen=True)
class Standing:
    """How good a classifier is: the answers of a cross-validation on the labelled photos.

    revision: of the classifier that it belongs to. accuracy: with its exact 95 % interval. photos:
    how many there are. enough: whether the interval is at most 10 points wide; otherwise there are
    too few photos to tell. since: the revision that `difference` compares with; None if nothing was
    measured before. difference: on the photos that both have. near_duplicates: groups of photos
    that show the same and are in different classes. threshold: when the answer is "unknown".
    too_few: classes that are left out until they have more photos.
    """

    revision: int
    accuracy: MetricValue
    photos: int
    folds: int
    enough: bool
    classes: tuple[ClassRecall, ...]
    confused: tuple[Confused, ...]
    suspects: tuple[Suspect, ...]
    near_duplicates: tuple[tuple[PhotoOfClass, ...], ...]
    threshold: Threshold
    too_few: tuple[TooFew, ...]
    since: int | None = None
    difference: MetricDifference | None = None


def standing_of(
    solved: Solved, before: Solved | None, grey: Mapping[str, NDArray[np.uint8]]
) -> Standing:
    """Return how good a solved classifier is, compared with an earlier one.

    grey: the grey thumbnail of each photo, uint8 (32, 32), by its SHA-256.
    """
    examples, scores = solved.examples, solved.scores
    right, images = scores.right, len(scores.names)
    accuracy = exact_interval(int(right.sum()), images)
    difference = None if before is None else _difference(solved, before)
    return Standing(
        examples.revision,
        MetricValue(accuracy.value, *accuracy.limits),
        images,
        solved.head.cross_validation.folds,
        is_narrow(accuracy),
        tuple(_recalls(scores)),
        tuple(_confused(scores)),
        suspects(examples, scores),
        near_duplicates(examples, grey),
        solved.threshold,
        examples.too_few,
        None if before is None or difference is None else before.examples.revision,
        difference,
    )


def is_narrow(accuracy: MetricValue) -> bool:
    """Return whether the interval of an accuracy is narrow enough to tell how good a model is."""
    low, high = accuracy.limits
    return high - low <= _ENOUGH


def suspects(examples: Examples, scores: Scores) -> tuple[Suspect, ...]:
    """Return the photos that are probably labelled wrong, the most probable first.

    Confident learning: a photo is taken for the class whose probability is at least the mean
    probability of that class among its own photos (Northcutt et al., 2021), and at least 0.8.
    """
    labels, probabilities = scores.true_labels, scores.probabilities
    own = np.arange(len(scores.classes))
    usual = np.array([probabilities[labels == each, each].mean() for each in own])
    confident = np.where(probabilities >= np.maximum(usual, _SURE), probabilities, -1.0)
    taken = confident.argmax(axis=1)
    rows = np.flatnonzero((confident.max(axis=1) >= 0) & (taken != labels))
    order = rows[np.argsort(-probabilities[rows, taken[rows]], kind="stable")][:MOST_SUSPECTS]
    return tuple(
        Suspect(
            examples.photos[row].sha256,
            scores.classes[labels[row]],
            scores.classes[taken[row]],
            float(probabilities[row, taken[row]]),
        )
        for row in order.tolist()
    )


def near_duplicates(
    examples: Examples, grey: Mapping[str, NDArray[np.uint8]]
) -> tuple[tuple[PhotoOfClass, ...], ...]:
    """Return groups of photos that show the same, and are not all in one class."""
    classes = {each.sha256: str(each.class_name) for each in examples.photos}
    groups = (tuple(PhotoOfClass(each, classes[each]) for each in group) for group in alike(grey))
    return tuple(each for each in groups if len({photo.class_name for photo in each}) > 1)


def alike(grey: Mapping[str, NDArray[np.uint8]]) -> Sequence[Sequence[str]]:
    """Return groups of pictures, uint8 (32, 32) by name, that show the same."""
    names = [name for name, picture in grey.items() if has_contrast(picture)]
    if len(names) < 2:
        return ()
    found = find_look_alikes(np.stack([grey[each] for each in names]), block=_BLOCK)
    return [[names[each] for each in group] for group in found.groups]


def _recalls(scores: Scores) -> list[ClassRecall]:
    labels, right = scores.true_labels, scores.right
    return [
        ClassRecall(name, int((labels == place).sum()), int(right[labels == place].sum()))
        for place, name in enumerate(scores.classes)
    ]


def _confused(scores: Scores) -> list[Confused]:
    labels, answers = scores.true_labels, scores.answers.argmax(axis=1)
    wrong = np.flatnonzero(labels != answers)
    pairs, counts = np.unique(np.stack([labels[wrong], answers[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable").tolist()
    names = scores.classes
    return [Confused(names[pairs[0, at]], names[pairs[1, at]], int(counts[at])) for at in order]


def _difference(solved: Solved, before: Solved) -> MetricDifference | None:
    """Compare the answers on the photos that both have, with their labels of now."""
    if solved.examples.classes != before.examples.classes:
        return None
    old = {each.sha256: row for row, each in enumerate(before.examples.photos)}
    shared = [row for row, each in enumerate(solved.examples.photos) if each.sha256 in old]
    if not shared:
        return None
    places = np.array([old[solved.examples.photos[row].sha256] for row in shared])
    now = solved.scores.at(np.array(shared))
    then = before.scores.at(places)
    truth = one_hot(now.true_labels, len(now.classes))
    then = Scores(now.names, truth, then.probabilities, then.classes)
    values = tuple(MetricValue(float(each.right.mean())) for each in (now, then))
    return accuracy_difference(now, then, (values[0], values[1]))
