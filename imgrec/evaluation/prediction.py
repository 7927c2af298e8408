"""The most probable classes of each image, by one model or by several."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.ensemble import mean_scores, mean_thresholds
from imgrec.evaluation.metrics import rank_classes, require_finite
from imgrec.evaluation.selective_prediction import NO_LIMITS, Limits, is_answered, joint_limits
from imgrec.scores import Scores

MEAN = "mean"


class Ranked(NamedTuple):
    """A class and its probability in [0, 1]."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """What one of several models says: `top`, `known` and `labels` as in Prediction."""

    model: str
    top: tuple[Ranked, ...]
    known: bool = True
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """What is in one image: `top`, most probable first, or why it could not be read.

    known: whether the first probability reaches the threshold, and the image is familiar enough;
    where not, the answer is "unknown", and `top` says what comes nearest.
    labels: the answer, the first class of `top`, none where it is unknown. With multi_label, where
    an image may have several classes or none, all that reach their thresholds, most probable
    first; `top` holds them too.
    answers: what each of several models says; `top` and `known` are then of their mean, or
    empty and False where they know different classes.
    agree: whether several models of the same classes name the same class first, or the same
    labels where there may be several; else None.
    """

    name: str
    top: tuple[Ranked, ...]
    error: str | None = None
    known: bool = True
    answers: tuple[Answer, ...] = ()
    agree: bool | None = None
    labels: tuple[str, ...] = ()
    multi_label: bool = False

    @property
    def label(self) -> str | None:
        """The first of `labels`; None where there is none, or the image was not read."""
        return self.labels[0] if self.labels else None


@dataclass(frozen=True)
class ModelInfo:
    """One of the models that are asked.

    limits: below which its answer is "unknown". thresholds: as Scores has them.
    """

    model: str
    classes: tuple[str, ...]
    limits: Limits = NO_LIMITS
    thresholds: tuple[float, ...] | None = None

    @property
    def multi_label(self) -> bool:
        """Whether it may say that an image has several classes, or none."""
        return self.thresholds is not None

    def answers(self, scores: Scores) -> Scores:
        """Return what the model said, with its thresholds here."""
        return replace(scores, thresholds=self.thresholds)


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
    known = is_answered(scores, limits)
    rows = zip(scores.names, scores.probabilities, scores.answers, known, strict=True)
    found = [
        Prediction(
            name,
            _ranked(row, answers, scores.classes, top),
            known=bool(is_known),
            labels=_labels(row, answers & is_known, scores.classes),
            multi_label=scores.multi_label,
        )
        for name, row, answers, is_known in rows
    ]
    failed = [Prediction(name, (), reason, known=False) for name, reason in scores.skipped]
    return tuple(found + failed) if order is None else _in_order(found + failed, order)


def joint_predictions(
    scores: Sequence[Scores], members: Sequence[ModelInfo], top: int, order: Sequence[str]
) -> tuple[Prediction, ...]:
    """Return what several models say of each image, in `order`, as `predictions` has it.

    scores, members: of the models, in one order. Where all know the same classes, there is also
    their mean, as `together` has it.
    Raises RunError where a probability is not finite.
    """
    alone = [
        predictions(member.answers(each), top, order, member.limits)
        for each, member in zip(scores, members, strict=True)
    ]
    means = _means(scores, members, top, order)
    return tuple(
        _joint(mean, members, answers)
        for mean, answers in zip(means, zip(*alone, strict=True), strict=True)
    )


def group_by_photo(members: Sequence[ModelInfo]) -> ModelInfo | None:
    """Return what stands for all of them: the one, their mean, None where classes differ.

    The mean is of models that know the same classes, in whatever order; its answer is unknown
    below the highest of their thresholds. Where images may have several classes, a class's
    threshold is the mean of theirs.
    """
    first = members[0]
    if len(members) == 1:
        return first
    if len({(frozenset(member.classes), member.multi_label) for member in members}) > 1:
        return None
    own = mean_thresholds([(member.classes, member.thresholds) for member in members])
    limits = joint_limits([member.limits for member in members])
    return ModelInfo(MEAN, first.classes, limits, own)


def _means(
    scores: Sequence[Scores], members: Sequence[ModelInfo], top: int, order: Sequence[str]
) -> tuple[Prediction | None, ...]:
    mean = group_by_photo(members)
    if mean is None:
        return (None,) * len(order)
    return predictions(mean.answers(mean_scores(scores)), top, order, mean.limits)


def _joint(
    mean: Prediction | None, members: Sequence[ModelInfo], alone: Sequence[Prediction]
) -> Prediction:
    failed = next((each for each in alone if each.error is not None), None)
    if failed is not None:
        return failed
    answers = tuple(
        Answer(member.model, each.top, each.known, each.labels)
        for member, each in zip(members, alone, strict=True)
    )
    if mean is None:
        return Prediction(alone[0].name, (), known=False, answers=answers)
    if members[0].multi_label:
        agree = len({frozenset(each.labels) for each in alone}) == 1
    else:
        agree = len({each.top[0].class_name for each in alone}) == 1
    return replace(mean, answers=answers, agree=agree)


def _ranked(
    row: NDArray[np.float32], answers: NDArray[np.bool_], classes: Sequence[str], top: int
) -> tuple[Ranked, ...]:
    """Return the `top` classes, and behind them what else is an answer."""
    order = rank_classes(row)
    named = [index for place, index in enumerate(order) if place < top or answers[index]]
    return tuple(Ranked(classes[index], float(row[index])) for index in named)


def _labels(
    row: NDArray[np.float32], answers: NDArray[np.bool_], classes: Sequence[str]
) -> tuple[str, ...]:
    if not answers.any():
        return ()
    return tuple(classes[index] for index in rank_classes(row) if answers[index])


def _in_order(found: Sequence[Prediction], order: Sequence[str]) -> tuple[Prediction, ...]:
    waiting: defaultdict[str, deque[Prediction]] = defaultdict(deque)
    for prediction in found:
        waiting[prediction.name].append(prediction)
    return tuple(waiting[name].popleft() for name in order)
