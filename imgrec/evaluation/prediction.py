"""The most probable classes of each image, by one model or by several."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.abstention import NO_LIMITS, Limits, answered
from imgrec.evaluation.ensemble import mean_scores
from imgrec.evaluation.ranking import ranking, require_finite
from imgrec.scores import Scores

MEAN = "mean"


class Ranked(NamedTuple):
    """A class and its probability in [0, 1]."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """What one of several models says: `top` and `known` as in Prediction."""

    model: str
    top: tuple[Ranked, ...]
    known: bool = True


@dataclass(frozen=True)
class Prediction:
    """What is in one image: `top`, most probable first, or why it could not be read.

    known: whether the first probability reaches the threshold, and the image is familiar enough;
    where not, the answer is "unknown", and `top` says what comes nearest.
    answers: what each of several models says; `top` and `known` are then of their mean, or
    empty and False where they know different classes.
    agree: whether several models of the same classes name the same class first; else None.
    """

    name: str
    top: tuple[Ranked, ...]
    error: str | None = None
    known: bool = True
    answers: tuple[Answer, ...] = ()
    agree: bool | None = None

    @property
    def label(self) -> str | None:
        """The most probable class; None where it is not known, or the image was not read."""
        return self.top[0].class_name if self.known and self.top else None


@dataclass(frozen=True)
class Member:
    """One of the models that are asked.

    limits: below which its answer is "unknown".
    """

    model: str
    classes: tuple[str, ...]
    limits: Limits = NO_LIMITS


def predictions(
    scores: Scores,
    top: int = 5,
    order: Sequence[str] | None = None,
    limits: Limits = NO_LIMITS,
) -> tuple[Prediction, ...]:
    """Return the `top` classes of every image, and an error for every skipped one.

    They come in the order of the names in `order`, which holds each image and each skipped
    one once, the same name as often as it was given; without it, skipped ones come last.
    limits: below one of them an answer is not known.
    Raises RunError where a probability is not finite.
    """
    require_finite(scores)
    known = answered(scores, limits)
    found = [
        Prediction(name, _ranked(row, scores.classes, top), known=bool(is_known))
        for name, row, is_known in zip(scores.names, scores.probabilities, known, strict=True)
    ]
    failed = [Prediction(name, (), reason, known=False) for name, reason in scores.skipped]
    return tuple(found + failed) if order is None else _in_order(found + failed, order)


def joint_predictions(
    scores: Sequence[Scores], members: Sequence[Member], top: int, order: Sequence[str]
) -> tuple[Prediction, ...]:
    """Return what several models say of each image, in `order`, as `predictions` has it.

    scores, members: of the models, in one order. Where all know the same classes, there is also
    their mean, as `together` has it.
    Raises RunError where a probability is not finite.
    """
    alone = [
        predictions(each, top, order, member.limits)
        for each, member in zip(scores, members, strict=True)
    ]
    means = _means(scores, members, top, order)
    return tuple(
        _joint(mean, members, answers)
        for mean, answers in zip(means, zip(*alone, strict=True), strict=True)
    )


def together(members: Sequence[Member]) -> Member | None:
    """Return what stands for all of them: the one, their mean, None where classes differ.

    The mean is of models that know the same classes, in whatever order; its answer is unknown
    below the highest of their thresholds.
    """
    first = members[0]
    if len(members) == 1:
        return first
    if len({frozenset(member.classes) for member in members}) > 1:
        return None
    thresholds = [member.limits.threshold for member in members]
    highest = max((each for each in thresholds if each is not None), default=None)
    return Member(MEAN, first.classes, Limits(highest))


def _means(
    scores: Sequence[Scores], members: Sequence[Member], top: int, order: Sequence[str]
) -> tuple[Prediction | None, ...]:
    mean = together(members)
    if mean is None:
        return (None,) * len(order)
    return predictions(mean_scores(scores), top, order, mean.limits)


def _joint(
    mean: Prediction | None, members: Sequence[Member], alone: Sequence[Prediction]
) -> Prediction:
    failed = next((each for each in alone if each.error is not None), None)
    if failed is not None:
        return failed
    answers = tuple(
        Answer(member.model, each.top, each.known)
        for member, each in zip(members, alone, strict=True)
    )
    if mean is None:
        return Prediction(alone[0].name, (), known=False, answers=answers)
    agree = len({each.top[0].class_name for each in alone}) == 1
    return Prediction(mean.name, mean.top, known=mean.known, answers=answers, agree=agree)


def _ranked(row: NDArray[np.float32], classes: Sequence[str], top: int) -> tuple[Ranked, ...]:
    return tuple(Ranked(classes[i], float(row[i])) for i in ranking(row)[:top])


def _in_order(found: Sequence[Prediction], order: Sequence[str]) -> tuple[Prediction, ...]:
    waiting: defaultdict[str, deque[Prediction]] = defaultdict(deque)
    for prediction in found:
        waiting[prediction.name].append(prediction)
    return tuple(waiting[name].popleft() for name in order)
