"""What the JSON documents say of the prediction for one photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct, field

from imgrec.evaluation.prediction import Prediction, Ranked

Share = Annotated[float, Meta(ge=0, le=1)]

_Labels = Annotated[
    Sequence[str],
    Meta(
        description="The answer: the most probable class, or none where it is unknown. With "
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
            description="Whether the first probability reaches the threshold; false where it does "
            "not, and where `top` is empty."
        ),
    ]
    labels: _Labels
    error: Annotated[
        str | None, Meta(description="Why the photo can't be used; null where it can.")
    ]
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
