"""The probability from which an image has a class, if it may have several."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.selective_prediction import threshold_between
from imgrec.runs.card import DEFAULT_CLASS_THRESHOLD, LabelThresholds
from imgrec.scores import Scores

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
