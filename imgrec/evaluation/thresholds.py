"""From which probability on an image has a class, where it may have several."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.abstention import between
from imgrec.runs.card import EVEN, Thresholds
from imgrec.scores import Scores

Promise = Literal["f1", "precision", "recall"]


class Choice(NamedTuple):
    """The thresholds, and the classes for which none keeps the promise: they have 0.5."""

    thresholds: Thresholds
    without: tuple[str, ...]


def choose_thresholds(scores: Scores, promise: Promise, share: float, split: str) -> Choice:
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
    return Choice(Thresholds(values, told, split, len(scores.names)), without)


def _threshold(
    probability: NDArray[np.float64], positive: NDArray[np.bool_], promise: Promise, share: float
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
    return max(0.0, between(falling, chosen))
