"""The most probable classes of each image, by one model or by several, and their document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from imgrec.evaluation.ensemble import mean_decision, mean_scores
from imgrec.json_documents import as_builtins
from imgrec.scores import ONE_LABEL, Decision, Scores, rank_classes, require_finite

Share = Annotated[float, Meta(ge=0, le=1)]

MergedDocument = Annotated[
    Mapping[str, tuple[str, ...]],
    Meta(
        description="Only if classes are merged: the model's classes that each name stands for. "
        "The probability of the name is the sum of theirs."
    ),
]

_Labels = Annotated[
    Sequence[str],
    Meta(
        description="The answer: the most probable class, or none if it is unknown. With "
        "multi_label all classes that reach their thresholds, most probable first."
    ),
]


class RankedDocument(Struct, frozen=True):
    """A class and its probability."""

    class_name: str = field(name="class")
    probability: Share


_Top = Annotated[
    Sequence[RankedDocument],
    Meta(
        description="The most probable classes, the first one first; with multi_label also every "
        "other label."
    ),
]


class AnswerDocument(Struct, frozen=True):
    """What one of several models says of a photo."""

    model: str
    top: _Top
    known: bool
    labels: _Labels


class PhotoDocument(Struct, frozen=True):
    """What is in a photo, or why it can't be used."""

    photo: Annotated[str, Meta(description="The photo as it was named.")]
    top: _Top
    known: Annotated[
        bool,
        Meta(
            description="Whether the first probability reaches the threshold; false if it does "
            "not, or if `top` is empty."
        ),
    ]
    labels: _Labels
    error: Annotated[str | None, Meta(description="Why the photo can't be used; null if it can.")]
    answers: Annotated[
        Sequence[AnswerDocument],
        Meta(description="What each of several models says; empty with one model."),
    ]
    agree: Annotated[
        bool | None,
        Meta(
            description="Whether several models of the same classes name the same class first, or "
            "with multi_label the same labels; else null."
        ),
    ]


def photo_document(prediction: Prediction) -> PhotoDocument:
    """Return what the documents say of a prediction."""
    return PhotoDocument(
        photo=prediction.name,
        top=ranked_documents(prediction.top),
        known=prediction.known,
        labels=list(prediction.labels),
        error=prediction.error,
        answers=[
            AnswerDocument(each.model, ranked_documents(each.top), each.known, list(each.labels))
            for each in prediction.answers
        ],
        agree=prediction.agree,
    )


def ranked_documents(top: Sequence[Ranked]) -> list[RankedDocument]:
    """Return what the documents say of ranked classes."""
    return [RankedDocument(each.class_name, each.probability) for each in top]


MEAN = "mean"


class Ranked(NamedTuple):
    """A class and its probability in [0, 1]."""

    class_name: str
    probability: float


@dataclass(frozen=True)
class Answer:
    """The output of one of several models: `top`, `known` and `labels` as in Prediction."""

    model: str
    top: tuple[Ranked, ...]
    known: bool = True
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The labels of one image, or why it could not be read.

    Args:
        name: The image, as the user named it.
        top: The most probable classes, in falling order.
        error: Why the image could not be read; None if it was.
        known: Whether the answer is other than "unknown". If it is unknown, `top` still lists the
            classes that come nearest.
        answers: The answer of each of several models. `top`, `known` and `labels` are then those
            of their mean; they are empty and False if the models know different classes.
        agree: Whether several models of the same classes give the same label, or the same labels
            if there may be several; None for one model.
        labels: The answer: the first class of `top`, or with `multi_label` every class that
            reaches its threshold, most probable first. Empty if the answer is unknown.
        multi_label: Whether an image may have several labels, or none.

    Example:
        >>> prediction = Prediction("cat.jpg", (Ranked("cat", 0.75),), labels=("cat",))
        >>> prediction.label
        'cat'
        >>> prediction.as_dict()["top"]
        [{'class': 'cat', 'probability': 0.75}]
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
        """The first of `labels`; None if there is none."""
        return self.labels[0] if self.labels else None

    def as_dict(self) -> dict[str, Any]:
        """Return the prediction as in the JSON of `imgrec predict`, as dicts, lists and numbers.

        docs/prediction.schema.json describes the keys.
        """
        found: dict[str, Any] = as_builtins(photo_document(self))
        return found


@dataclass(frozen=True)
class ModelInfo:
    """One of the models that predict: its name, its classes and how it decides.

    merged: the model's own classes that each merged class stands for, by its name.
    """

    model: str
    classes: tuple[str, ...]
    decision: Decision = ONE_LABEL
    merged: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def multi_label(self) -> bool:
        """Whether the model may give an image several labels, or none."""
        return self.decision.multi_label


def predictions(scores: Scores, top: int = 5) -> tuple[Prediction, ...]:
    """Return the `top` classes of every image, or an error, in the order of `Scores.rows`.

    Raises:
        RunError: A probability is not finite.
    """
    require_finite(scores)
    rows = zip(scores.names, scores.probabilities, scores.answers, scores.known, strict=True)
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
    order = np.argsort([*scores.rows.tolist(), *scores.skipped_rows.tolist()])
    both = found + failed
    return tuple(both[place] for place in order)


def joint_predictions(
    scores: Sequence[Scores], members: Sequence[ModelInfo], top: int = 5
) -> tuple[Prediction, ...]:
    """Return the predictions of several models for the same images, as `predictions` does.

    Args:
        scores: The scores of each model.
        members: The models, in the same order. If all know the same classes, each prediction is
            that of their mean; see `combined_model`.
        top: The number of classes listed.

    Raises:
        RunError: A probability is not finite.
    """
    alone = [predictions(each, top) for each in scores]
    if combined_model(members) is None:
        means: Sequence[Prediction | None] = [None] * len(alone[0])
    else:
        means = predictions(mean_scores(scores), top)
    return tuple(
        _joint(mean, members, answers)
        for mean, answers in zip(means, zip(*alone, strict=True), strict=True)
    )


def combined_model(members: Sequence[ModelInfo]) -> ModelInfo | None:
    """Return the model that answers for all: the only one, or their mean.

    None if they know different classes, or only some allow several labels. The order of the
    classes does not matter; see `mean_decision` for the thresholds.
    """
    first = members[0]
    if len(members) == 1:
        return first
    if len({(frozenset(member.classes), member.multi_label) for member in members}) > 1:
        return None
    decision = mean_decision([(member.classes, member.decision) for member in members])
    return ModelInfo(MEAN, first.classes, decision)


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
