"""`POST /v1/classify`: photos as the body, as multipart or in JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from imgrec.data.records import Photo
from imgrec.json_documents import json_line, parse_json
from imgrec.report.documents import classification_document
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
from imgrec.text import either, printable

_NAME = "photo"
_EXAMPLE = 'for example {"photos": [{"name": "cat.jpg", "content": "<base64>"}]}'
_QUERY = ("model", "top", "threshold", "explain")


def read_question(request: HttpRequest) -> Question:
    """Return the question of a request.

    Raises:
        Refusal: The body holds no photos, or a parameter is not valid.
    """
    photos = tuple(photos_of(request))
    if not any(photo.source for photo in photos):
        raise Refusal(400, "there is no photo in the request", hint="send one as the body")
    return Question(photos, request.query.get("model"), read_options(request.query))


def photos_of(request: HttpRequest) -> Sequence[Photo]:
    """Return the photos in the body of a request; raise Refusal if it is not valid."""
    if request.content_type == MULTIPART:
        return uploaded_files(request)
    if request.content_type == JSON:
        return _in_json(request.body)
    return [Photo(_NAME, request.body)]


def read_options(query: Mapping[str, str]) -> Options:
    """Return the options of the parameters in an address.

    Raises:
        Refusal: 400, if one is unknown or not valid.
    """
    for name in query:
        if name not in _QUERY:
            raise Refusal(
                400, f"there is no parameter {printable(name)}", hint=f"use {either(_QUERY)}"
            )
    return Options(
        top=_number(query, "top", 5, int, 1, 1_000_000),
        threshold=_number(query, "threshold", None, float, 0, 1),
        explain=_method(query),
    )


def write_answer(answer: Answer) -> HttpResponse:
    """Return the prediction document of an answer; 422 if none of the photos can be used."""
    model = answer.model
    members = model.asked(answer.question.options).members
    document = classification_document(answer.predictions, members, model.identity)
    refused = all(each.error is not None for each in answer.predictions)
    return HttpResponse(json_line(document).encode(), JSON, 422 if refused else 200)


def _method(query: Mapping[str, str]) -> ExplainMethod | None:
    asked, methods = query.get("explain"), get_args(ExplainMethod)
    found: ExplainMethod | None = next((each for each in methods if each == asked), None)
    if found != asked:
        raise Refusal(
            400, f"there is no method {printable(asked or '')}", hint=f"use {either(methods)}"
        )
    return found


def _number(
    query: Mapping[str, str], name: str, default: Any, kind: type[Any], low: int, high: int
) -> Any:
    if name not in query:
        return default
    try:
        value = kind(query[name])
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise Refusal(
            400, f"{name}={printable(query[name])} is not a number from {low} to {high:,}"
        )
    return value


def _in_json(body: bytes) -> Sequence[Photo]:
    try:
        document = parse_json(body)
    except ValueError as error:
        raise Refusal(400, f"the body is not JSON: {printable(str(error))}") from None
    photos = document.get("photos") if isinstance(document, dict) else None
    if not isinstance(photos, list):
        raise Refusal(400, "the JSON has no list `photos`", hint=_EXAMPLE)
    return [_from_json(each, number) for number, each in enumerate(photos, start=1)]


def _from_json(photo: Any, number: int) -> Photo:
    photo = photo if isinstance(photo, dict) else {"content": photo}
    content, name = photo.get("content"), photo.get("name", f"{_NAME} {number}")
    if not isinstance(content, str) or not isinstance(name, str):
        raise Refusal(400, f"photo {number} has no text `content` in base64", hint=_EXAMPLE)
    try:
        return Photo(name, base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        raise Refusal(400, f"the content of photo {number} is not base64") from None
