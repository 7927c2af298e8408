"""Selective prediction: thresholds that reach a target, chosen on validation images."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.runs.card import DEFAULT_CLASS_THRESHOLD, LabelThresholds, Threshold
from imgrec.scores import Decision, Scores

Target = Literal["precision", "coverage"]

_IN_DISTRIBUTION = 0.95


def choose_threshold(
    scores: Scores, target: Target, fraction: float, split: str
) -> Threshold | None:
    """Return the probability below which an answer is "unknown"; None if none reaches the target.

    If the scores have OOD similarities, there is a limit for them too, which 95 % of the images
    reach. For a coverage above 90 %, only half of the images that may stay unanswered fail it.

    Args:
        scores: Probabilities and true labels; each image has one label.
        target: `precision` for the lowest threshold at which at least `fraction` of the answers
            are right; `coverage` for the highest at which at least `fraction` of the images are
            answered.
        fraction: 0 to 1.
        split: The name of the images' split, for the result.
    """
    limit = _ood_limit(scores, target, fraction)
    in_distribution = Decision(min_ood_similarity=limit).known(
        scores.probabilities, scores.ood_similarity
    )
    levels, coverage, precision = _levels(scores, in_distribution)
    kept = np.flatnonzero((precision if target == "precision" else coverage) >= fraction)
    if not kept.size:
        return None
    chosen = kept[-1] if target == "precision" else kept[0]
    return Threshold(
        threshold_between(levels, chosen),
        f"{target} {fraction:g}",
        split,
        len(scores.names),
        float(coverage[chosen]),
        float(precision[chosen]),
        limit,
    )


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


def _ood_limit(scores: Scores, target: Target, fraction: float) -> float | None:
    if scores.ood_similarity is None:
        return None
    wanted = max(_IN_DISTRIBUTION, (1 + fraction) / 2) if target == "coverage" else _IN_DISTRIBUTION
    falling = -np.sort(-scores.ood_similarity.astype(np.float64))
    return threshold_between(falling, int(np.ceil(wanted * len(falling))) - 1)


def _levels(
    scores: Scores, in_distribution: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each confidence, falling, and the coverage and precision with it as threshold."""
    confidence = scores.probabilities.max(axis=1).astype(np.float64)[in_distribution]
    right = (scores.probabilities.argmax(axis=1) == scores.true_labels)[in_distribution]
    order = np.argsort(-confidence)
    falling = confidence[order]
    # Images of equal confidence are answered together or not at all.
    last = np.append(falling[1:] < falling[:-1], np.ones(min(1, len(falling)), bool))
    count = np.arange(1, len(falling) + 1)[last]
    return falling[last], count / len(in_distribution), np.cumsum(right[order])[last] / count


LabelTarget = Literal["f1", "precision", "recall"]


class LabelChoice(NamedTuple):
    """The thresholds, and the classes for which none reaches the target: theirs is 0.5."""

    thresholds: LabelThresholds
    without: tuple[str, ...]


def choose_thresholds(
    scores: Scores, target: LabelTarget, fraction: float, split: str
) -> LabelChoice:
    """Return the probability from which an image has a class, for each class.

    Args:
        scores: Probabilities and true labels; an image may have several labels.
        target: `f1` for the highest F1 of the class; `precision` for the lowest threshold at which
            at least `fraction` of the images that get the class have it; `recall` for the highest
            at which at least `fraction` of the images that have the class get it.
        fraction: 0 to 1; unused with `f1`.
        split: The name of the images' split, for the result.
    """
    found = [
        _threshold(row.astype(np.float64), positive, target, fraction)
        for row, positive in zip(scores.probabilities.T, scores.positives.T, strict=True)
    ]
    names = scores.classes
    values = {
        name: DEFAULT_CLASS_THRESHOLD if each is None else each
        for name, each in zip(names, found, strict=True)
    }
    described = target if target == "f1" else f"{target} {fraction:g}"
    without = tuple(name for name, each in zip(names, found, strict=True) if each is None)
    return LabelChoice(LabelThresholds(values, described, split, len(scores.names)), without)


def _threshold(
    probability: NDArray[np.float64],
    positive: NDArray[np.bool_],
    target: LabelTarget,
    fraction: float,
) -> float | None:
    """Return the threshold of a class; None if no image has it, or none reaches the target."""
    if not positive.any():
        return None
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    # Images of equal probability are answered together.
    last = np.append(falling[1:] < falling[:-1], True)
    named, levels = np.arange(1, len(falling) + 1)[last], falling[last]
    hits = np.cumsum(positive[order])[last]
    if target == "f1":
        return _below(levels, int(np.argmax(2 * hits / (named + positive.sum()))))
    kept = np.flatnonzero((hits / (named if target == "precision" else positive.sum())) >= fraction)
    if not kept.size:
        return None
    return _below(levels, int(kept[-1] if target == "precision" else kept[0]))


def _below(falling: NDArray[np.float64], chosen: int) -> float:
    """Return what `threshold_between` does, but at least 0."""
    return max(0.0, threshold_between(falling, chosen))
