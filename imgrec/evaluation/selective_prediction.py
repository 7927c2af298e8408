"""From which probability on an image has a class, where it may have several."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.runs.card import EVEN, LabelThresholds, Threshold
from imgrec.scores import Decision, Scores

Target = Literal["precision", "coverage"]

_FAMILIAR = 0.95


def choose_threshold(scores: Scores, promise: Target, share: float, split: str) -> Threshold | None:
    """Return the lowest threshold that keeps a promise on `scores`; None where none does.

    promise: `precision`: of the images that are answered, at least `share` are right. `coverage`:
    at least `share` of the images are answered, and as few more as can be.
    Where the scores have ood_similarity, 95 % of the images reach its limit; for a `coverage`,
    half of those that need no answer may fail it, if that is fewer.
    """
    limit = _familiarity(scores, promise, share)
    familiar = Decision(min_ood_similarity=limit).known(scores.probabilities, scores.ood_similarity)
    levels, coverage, precision = _levels(scores, familiar)
    kept = np.flatnonzero((precision if promise == "precision" else coverage) >= share)
    if not kept.size:
        return None
    chosen = kept[-1] if promise == "precision" else kept[0]
    return Threshold(
        threshold_between(levels, chosen),
        f"{promise} {share:g}",
        split,
        len(scores.names),
        float(coverage[chosen]),
        float(precision[chosen]),
        limit,
    )


def threshold_between(falling: NDArray[np.float64], chosen: int) -> float:
    """Return a limit just below `falling[chosen]`, where no engine's last digits matter.

    falling: probabilities, or other values, each below the one before.
    """
    level = falling[chosen]
    lower = falling[chosen + 1 :][falling[chosen + 1 :] < level]
    return float((level + (lower[0] if lower.size else level - 1e-4)) / 2)


def _familiarity(scores: Scores, promise: Target, share: float) -> float | None:
    if scores.ood_similarity is None:
        return None
    wanted = max(_FAMILIAR, (1 + share) / 2) if promise == "coverage" else _FAMILIAR
    falling = -np.sort(-scores.ood_similarity.astype(np.float64))
    return threshold_between(falling, int(np.ceil(wanted * len(falling))) - 1)


def _levels(
    scores: Scores, familiar: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return every confidence, falling, and what answering from it on covers and has right."""
    confidence = scores.probabilities.max(axis=1).astype(np.float64)[familiar]
    right = (scores.probabilities.argmax(axis=1) == scores.true_labels)[familiar]
    order = np.argsort(-confidence)
    falling = confidence[order]
    # Images of one confidence are answered together or not at all.
    last = np.append(falling[1:] < falling[:-1], np.ones(min(1, len(falling)), bool))
    count = np.arange(1, len(falling) + 1)[last]
    return falling[last], count / len(familiar), np.cumsum(right[order])[last] / count


LabelTarget = Literal["f1", "precision", "recall"]


class LabelChoice(NamedTuple):
    """The thresholds, and the classes for which none keeps the promise: they have 0.5."""

    thresholds: LabelThresholds
    without: tuple[str, ...]


def choose_thresholds(
    scores: Scores, promise: LabelTarget, share: float, split: str
) -> LabelChoice:
    """Return the threshold of each class, chosen on `scores`, whose truth is known.

    promise: `f1`: the highest F1 of the class. `precision`: the lowest threshold with which at
    least `share` of the images that get the class have it. `recall`: the highest one with which
    at least `share` of those that have it get it.
    """
    found = [
        _threshold(row.astype(np.float64), positive, promise, share)
        for row, positive in zip(scores.probabilities.T, scores.positives.T, strict=True)
    ]
    names = scores.classes
    values = {name: EVEN if each is None else each for name, each in zip(names, found, strict=True)}
    told = promise if promise == "f1" else f"{promise} {share:g}"
    without = tuple(name for name, each in zip(names, found, strict=True) if each is None)
    return LabelChoice(LabelThresholds(values, told, split, len(scores.names)), without)


def _threshold(
    probability: NDArray[np.float64],
    positive: NDArray[np.bool_],
    promise: LabelTarget,
    share: float,
) -> float | None:
    """Return the threshold of a class; None where no image has it, or none keeps the promise."""
    if not positive.any():
        return None
    order = np.argsort(-probability, kind="stable")
    falling = probability[order]
    # Images of one probability are answered together.
    last = np.append(falling[1:] < falling[:-1], True)
    named, levels = np.arange(1, len(falling) + 1)[last], falling[last]
    hits = np.cumsum(positive[order])[last]
    if promise == "f1":
        return _below(levels, int(np.argmax(2 * hits / (named + positive.sum()))))
    kept = np.flatnonzero((hits / (named if promise == "precision" else positive.sum())) >= share)
    if not kept.size:
        return None
    return _below(levels, int(kept[-1] if promise == "precision" else kept[0]))


def _below(falling: NDArray[np.float64], chosen: int) -> float:
    """Return what `between` does, as a probability."""
    return max(0.0, threshold_between(falling, chosen))
