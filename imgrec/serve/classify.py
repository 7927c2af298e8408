"""`POST /v1/classify`: photos as the body, as multipart or in JSON."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from imgrec.data.records import Photo
from imgrec.explanation.values import ExplanationQuery
from imgrec.json_documents import json_line
from imgrec.report.documents import classification_document, explanation_document
from imgrec.serve.exchange import (
    JSON,
    Answer,
    ExplainMethod,
    HttpRequest,
    HttpResponse,
    Options,
    Question,
    Refusal,
)
from imgrec.serve.multipart import MULTIPART, uploaded_files
from imgrec.serve.reading import Base64, base64_content, photo_of, read_body, read_query

_NAME = "photo"


class NamedPhoto(Struct, frozen=True, forbid_unknown_fields=True):
    """A photo, and what the answer calls it."""

    content: Base64
    name: str | None = None


class ClassifyRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos to classify."""

    photos: Annotated[tuple[NamedPhoto | Base64, ...], Meta(min_length=1)]


Top = Annotated[int, Meta(ge=1, le=1_000_000, description="How many classes are listed.")]
Threshold = Annotated[
    Annotated[float, Meta(ge=0, le=1)] | None,
    Meta(description="The probability below which an answer is unknown; else the model's."),
]


class ClassifyQuery(Struct, frozen=True):
    """How photos are classified."""

    model: Annotated[str | None, Meta(description="The name of a model; by default the first.")] = (
        None
    )
    top: Top = 5
    threshold: Threshold = None
    explain: Annotated[
        ExplainMethod | None,
        Meta(description="Show where in the photo the model sees the class, by this method."),
    ] = None


def read_question(request: HttpRequest) -> Question:
    """Return the question of a request.

    Raises:
        Refusal: The body holds no photos, or a parameter is not valid.
    """
    photos = tuple(photos_of(request))
    if not any(photo.source for photo in photos):
        raise Refusal.no_photo()
    asked = read_query(request, ClassifyQuery)
    return Question(photos, asked.model, Options(asked.top, asked.threshold, asked.explain))


def photos_of(request: HttpRequest) -> Sequence[Photo]:
    """Return the photos in the body of a request; raise Refusal if it is not valid."""
    if request.content_type == MULTIPART:
        return uploaded_files(request)
    if request.content_type == JSON:
        return _in_json(request)
    return [Photo(_NAME, photo_of(request))]


def write_answer(answer: Answer) -> HttpResponse:
    """Return the prediction document of an answer; 422 if none of the photos can be used."""
    model = answer.model
    members = model.asked(answer.question.options).members
    document = classification_document(answer.predictions, members, model.identity)
    if answer.explained:
        document = structs.replace(document, **_explained(answer))
    refused = all(each.error is not None for each in answer.predictions)
    return HttpResponse(json_line(document).encode(), JSON, 422 if refused else 200)


def _explained(answer: Answer) -> dict[str, Any]:
    query = ExplanationQuery(answer.model.name, answer.question.options.explain or "")
    photos = [each.photo for each in answer.explained]
    pictures = (each.picture for each in answer.explained)
    return {
        "explanation": explanation_document(photos, query),
        "pictures": tuple(each and base64.b64encode(each).decode() for each in pictures),
    }


def _in_json(request: HttpRequest) -> Sequence[Photo]:
    photos = request.limited(read_body(request, ClassifyRequest).photos)
    return [_photo(each, f"{_NAME} {number}") for number, each in enumerate(photos, start=1)]


def _photo(photo: NamedPhoto | str, place: str) -> Photo:
    if isinstance(photo, str):
        photo = NamedPhoto(photo)
    return Photo(photo.name or place, base64_content(photo.content, place))
