"""The most probable classes of each image."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.ranking import ranking, require_finite
from imgrec.scores import Scores


class Ranked(NamedTuple):
    """A class and its probability in [0, 1]."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What is in one image: `top`, most probable first, or why it could not be read."""

    name: str
    top: tuple[Ranked, ...]
    error: str | None = None


def predictions(
    scores: Scores, top: int = 5, order: Sequence[str] | None = None
) -> tuple[Prediction, ...]:
    """Return the `top` classes of every image, and an error for every skipped one.

    They come in the order of the names in `order`, which holds each image and each skipped
    one once, the same name as often as it was given; without it, skipped ones come last.
    Raises RunError where a probability is not finite.
    """
    require_finite(scores)
    found = [
        Prediction(name, _ranked(row, scores.classes, top))
        for name, row in zip(scores.names, scores.probabilities, strict=True)
    ]
    failed = [Prediction(name, (), reason) for name, reason in scores.skipped]
    return tuple(found + failed) if order is None else _in_order(found + failed, order)


def _ranked(row: NDArray[np.float32], classes: Sequence[str], top: int) -> tuple[Ranked, ...]:
    return tuple(Ranked(classes[i], float(row[i])) for i in ranking(row)[:top])


def _in_order(found: Sequence[Prediction], order: Sequence[str]) -> tuple[Prediction, ...]:
    waiting: defaultdict[str, deque[Prediction]] = defaultdict(deque)
    for prediction in found:
        waiting[prediction.name].append(prediction)
    return tuple(waiting[name].popleft() for name in order)
