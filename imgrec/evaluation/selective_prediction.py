"""Selective prediction: thresholds that keep a target on new images, with 95 % confidence.

Precision: fixed-sequence testing, from Angelopoulos et al., "Learn then Test", 2021. The most
confident images are tested at the fewest answers that can support the target without an error, then
with one error, and so on, finally at every further number of answers, until a test fails. Given the
confidences, an error is a coin toss for each image, so which numbers of answers are tested may
depend on the confidences, but not on the labels. Coverage: an order statistic, whose coverage has a
known distribution (Wilks, "Determination of Sample Sizes for Setting Tolerance Limits", 1941).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.runs.card import Threshold
from imgrec.scores import Decision, Scores

Target = Literal["precision", "coverage"]

CONFIDENCE = 0.95
"""How sure it is that a threshold keeps its target on new images."""

_IN_DISTRIBUTION = 0.95
_FRACTIONS = np.arange(1, 1000) / 1000


def choose_threshold(
    scores: Scores, target: Target, fraction: float, split: str
) -> Threshold | None:
    """Return the probability below which an answer is "unknown"; None if none keeps the target.

    With a probability of at least 95 %, the images that are drawn here lead to a threshold that
    keeps the target on new images of the same kind. If the scores have OOD similarities, there is a
    limit for them too, which a new image reaches with a probability of at least 95 % (given at
    least 19 images). For a coverage above 90 %, at most half of the images that may stay unanswered
    fail it.

    Args:
        scores: Probabilities and true labels; each image has one label. The images must not have
            influenced the model, or the target is kept less often.
        target: `precision` for the lowest threshold at which at least `fraction` of the answers
            are right; `coverage` for the highest at which at least `fraction` of the images are
            answered.
        fraction: Above 0 and below 1.
        split: The name of the images' split, for the result.
    """
    images = len(scores.names)
    limits = 1 if scores.ood_similarity is None else 2
    needed = int(_images_to_answer(images, fraction, limits)) if target == "coverage" else 0
    limit = _ood_limit(scores, images - needed)
    levels = _levels(scores, limit)
    place = (
        _most_answers(levels, fraction)
        if target == "precision"
        else int(np.searchsorted(levels.answers, needed))
    )
    if place is None or place == len(levels.answers):
        return None
    answers = int(levels.answers[place])
    return Threshold(
        threshold_between(levels.confidence, place),
        f"{target} {fraction:g}",
        split,
        images,
        answers / images,
        1 - int(levels.errors[place]) / answers,
        limit,
        CONFIDENCE,
    )


def best_guarantee(scores: Scores, target: Target) -> float | None:
    """Return the highest target, in steps of 0.001, for which there is a threshold, if any."""
    from scipy.special import bdtr

    limits = 1 if scores.ood_similarity is None else 2
    if target == "coverage":
        return supported_target(target, len(scores.names), limits)
    levels = _levels(scores, _ood_limit(scores, len(scores.names)))
    place = np.searchsorted(levels.answers, _fewest_answers(_FRACTIONS))
    there = np.flatnonzero(place < len(levels.answers))
    place = place[there]
    chance = bdtr(levels.errors[place], levels.answers[place], 1 - _FRACTIONS[there])
    return _highest(_FRACTIONS[there[chance <= 1 - CONFIDENCE]])


def supported_target(target: Target, images: int, limits: int = 1) -> float | None:
    """Return the highest target that so many images could guarantee, if no answer was wrong.

    Args:
        target: As for `choose_threshold`.
        images: How many there are.
        limits: 2 for a model with an OOD similarity, else 1.

    Example:
        >>> supported_target("precision", 149), supported_target("precision", 148)
        (0.98, 0.979)
    """
    if target == "coverage":
        return _highest(_FRACTIONS[_images_to_answer(images, _FRACTIONS, limits) <= images])
    return _highest(_FRACTIONS[_fewest_answers(_FRACTIONS) <= images])


def _highest(fractions: NDArray[np.float64]) -> float | None:
    return float(fractions.max()) if fractions.size else None


def _fewest_answers(precision: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many answers without an error support a precision: 149 support 0.98."""
    fewest: NDArray[np.int64] = np.ceil(np.log(1 - CONFIDENCE) / np.log(precision)).astype(np.int64)
    return fewest


def threshold_between(falling: NDArray[np.float64], chosen: int) -> float:
    """Return the middle between a value and the next lower one.

    There the last digits, which differ between engines, do not matter.

    Args:
        falling: float64, each value at most the one before.
        chosen: The index of the value.
    """
    level = falling[chosen]
    lower = falling[chosen + 1 :][falling[chosen + 1 :] < level]
    return float((level + (lower[0] if lower.size else level - 1e-4)) / 2)


def ood_threshold(scores: Scores, split: str) -> Threshold:
    """Return a threshold for the OOD similarity alone, whatever the probability.

    A new image reaches it with a probability of at least 95 %. That takes at least 19 images; fewer
    all reach it.

    Args:
        scores: As for `choose_threshold`, at least one image, with OOD similarities.
        split: The name of the images' split, for the result.
    """
    limit = _ood_limit(scores, len(scores.names))
    answered = Decision(min_ood_similarity=limit).known(scores.probabilities, scores.ood_similarity)
    return Threshold(
        0.0,
        f"coverage {_IN_DISTRIBUTION:g}",
        split,
        len(scores.names),
        float(answered.mean()),
        float(scores.right[answered].mean()) if answered.any() else 0.0,
        limit,
    )


class _Levels(NamedTuple):
    """Each confidence once, falling, and the answers and errors with it as the threshold."""

    confidence: NDArray[np.float64]
    answers: NDArray[np.int64]
    errors: NDArray[np.int64]


def _levels(scores: Scores, min_ood_similarity: float | None) -> _Levels:
    known = Decision(min_ood_similarity=min_ood_similarity).known(
        scores.probabilities, scores.ood_similarity
    )
    confidence = scores.probabilities.max(axis=1, initial=0).astype(np.float64)[known]
    order = np.argsort(-confidence)
    falling, wrong = confidence[order], ~scores.right[known][order]
    # Images of equal confidence are answered together or not at all.
    last = np.append(falling[1:] < falling[:-1], np.ones(min(1, len(falling)), bool))
    answers = np.arange(1, len(falling) + 1)
    return _Levels(falling[last], answers[last], np.cumsum(wrong)[last])


def _most_answers(levels: _Levels, precision: float) -> int | None:
    """Return the last level of the sequence up to which every test keeps the precision."""
    if not levels.answers.size:
        return None
    most = int(levels.answers[-1])
    allowed = _allowed_errors(most, precision)
    counts = np.flatnonzero(np.diff(allowed, prepend=-1)) + 1  # where one more error is allowed
    if not counts.size:
        return None
    # Behind the last of them, each number of answers; with ties, the next level.
    counts = np.append(counts, np.arange(counts[-1], most) + 1)
    tested = np.searchsorted(levels.answers, counts)
    passed = levels.errors[tested] <= allowed[levels.answers[tested] - 1]
    number = int(np.minimum.accumulate(passed).sum())
    return int(tested[number - 1]) if number else None


def _allowed_errors(most: int, precision: float) -> NDArray[np.int64]:
    """Return how many errors 1 to `most` answers may have to support a precision; -1 for none."""
    from scipy.special import bdtr, bdtrik

    answers, wrong, chance = np.arange(1, most + 1), 1 - precision, 1 - CONFIDENCE
    errors = np.floor(np.nan_to_num(bdtrik(chance, answers, wrong)))
    errors += bdtr(errors + 1, answers, wrong) <= chance  # the inverse is rounded
    errors -= bdtr(errors, answers, wrong) > chance
    allowed: NDArray[np.int64] = errors.astype(np.int64)
    return allowed


def _images_to_answer(images: int, coverage: Any, limits: int) -> Any:
    """Return how many of the images have to be answered to support a coverage on new ones."""
    from scipy.special import bdtrc, bdtrik

    chance = 1 - CONFIDENCE
    found = np.ceil(np.nan_to_num(bdtrik(CONFIDENCE, images, coverage)))  # about as many
    fewer, more = (
        bdtrc(found - 1, images, coverage) <= chance,
        bdtrc(found, images, coverage) > chance,
    )
    # Each limit is at an image, which does not count.
    return (found - fewer + more).astype(np.int64) + limits


def _ood_limit(scores: Scores, unanswered: int) -> float | None:
    """Return the limit that a new image reaches with a probability of at least 95 %.

    unanswered: how many of the images may be; at most half of them fail the limit.
    """
    if scores.ood_similarity is None or not scores.names:
        return None
    images = len(scores.names)
    strange = int(images - np.ceil(_IN_DISTRIBUTION * (images + 1)))
    failing = max(0, min(strange, unanswered // 2))
    falling = -np.sort(-scores.ood_similarity.astype(np.float64))
    return threshold_between(falling, images - 1 - failing)
