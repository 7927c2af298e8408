"""Google Cloud Vision's `images:annotate` for one feature, LABEL_DETECTION.

A photo that can't be used has an error in its place, and the others are answered.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType, field

from imgrec.data.records import Photo
from imgrec.errors import BadImage
from imgrec.evaluation.prediction import Prediction
from imgrec.serve.exchange import (
    Answer,
    HttpRequest,
    HttpResponse,
    Options,
    Question,
    Refusal,
    json_response,
)
from imgrec.serve.protocols.common import message, one_model
from imgrec.serve.protocols.protocol import Operation, Protocol
from imgrec.serve.reading import base64_content, read_body
from imgrec.text import printable

_LABELS = ("LABEL_DETECTION", 4)  # google-cloud-vision writes the number
_MODELS = ("", "builtin/stable", "builtin/latest")
_TOP = 10

# Codes of google.rpc, and their names by HTTP status.
_INVALID, _UNIMPLEMENTED = 3, 12
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Image(Struct, frozen=True, forbid_unknown_fields=True):
    """A photo."""

    content: Annotated[str | UnsetType, Meta(description="The content of a photo in base64.")] = (
        UNSET
    )
    source: Annotated[
        dict[str, Any] | UnsetType, Meta(description="An address: not supported.")
    ] = UNSET


class Feature(Struct, frozen=True, forbid_unknown_fields=True):
    """What is wanted of a photo."""

    type: Annotated[str | int, Meta(description="LABEL_DETECTION, or its number, 4.")]
    max_results: Annotated[int, Meta(ge=0, description="How many labels are listed; 0 for 10.")] = (
        field(name="maxResults", default=0)
    )
    model: Annotated[
        str,
        Meta(description="The name of a model, the same for all photos; empty for the default."),
    ] = ""


class AnnotateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A photo, and what is wanted of it."""

    image: Image
    features: Annotated[tuple[Feature, ...], Meta(min_length=1)]
    image_context: Annotated[
        dict[str, Any], Meta(description="Not used: it is about other features.")
    ] = field(name="imageContext", default_factory=dict)


class BatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos to label."""

    requests: Annotated[tuple[AnnotateRequest, ...], Meta(min_length=1)]
    parent: Annotated[str, Meta(description="Not used.")] = ""
    labels: Annotated[dict[str, str], Meta(description="Not used.")] = {}


class Label(Struct, frozen=True):
    """A class; score and topicality are its probability."""

    mid: Annotated[str, Meta(description="The class: models have no identifiers of entities.")]
    description: str
    score: float
    topicality: float


class RpcStatus(Struct, frozen=True):
    """Why a photo has no labels."""

    code: Annotated[int, Meta(description="A code of google.rpc.")]
    message: str


class AnnotateResponse(Struct, frozen=True):
    """The labels of a photo, the most probable one first, or an error."""

    labels: list[Label] | UnsetType = field(name="labelAnnotations", default=UNSET)
    error: RpcStatus | UnsetType = UNSET


class BatchResponse(Struct, frozen=True):
    """The responses, in the order of the requests."""

    responses: list[AnnotateResponse]


class ApiError(Struct, frozen=True):
    """Why a request is not answered."""

    code: int
    message: str
    status: str


class ErrorResponse(Struct, frozen=True):
    """Why a request is not answered."""

    error: ApiError


class Wanted(NamedTuple):
    """How many labels of a photo are listed, or why it is not looked at."""

    top: int = _TOP
    error: RpcStatus | None = None


def read(request: HttpRequest) -> Question:
    """Return the question of a request, whose form has a Wanted for each photo.

    Raises:
        Refusal: 400, it is not valid as a whole.
    """
    requests = request.limited(read_body(request, BatchRequest).requests)
    model = _model(requests[0].features[0])
    read = [_read_one(each, f"requests[{index}]", model) for index, each in enumerate(requests)]
    wanted = [each for _, each in read]
    options = Options(top=max(each.top for each in wanted))
    return Question([photo for photo, _ in read], model, options, wanted)


def write(answer: Answer) -> HttpResponse:
    """Return the response for an answer.

    Raises:
        Refusal: 422, the model has no single answer.
    """
    one_model(answer.model)
    pairs = zip(answer.predictions, answer.question.form, strict=True)
    return json_response(BatchResponse([_response(each, wanted) for each, wanted in pairs]))


def refuse(refusal: Refusal, _request: HttpRequest) -> HttpResponse:
    """Return the response for a refusal."""
    status = _STATUSES.get(refusal.status, "INVALID_ARGUMENT")
    error = ApiError(refusal.status, message(refusal), status)
    return json_response(ErrorResponse(error), refusal.status, refusal.headers)


def _model(feature: Feature) -> str | None:
    return None if feature.model in _MODELS else feature.model


def _read_one(request: AnnotateRequest, place: str, model: str | None) -> tuple[Photo, Wanted]:
    """Return a photo and what is wanted of it."""
    for feature in request.features:
        if feature.type not in _LABELS:
            kind = printable(str(feature.type))
            return _failed(
                place, _UNIMPLEMENTED, f"the feature {kind} is not supported; use {_LABELS[0]}"
            )
        if _model(feature) != model:
            return _failed(place, _INVALID, "the first feature of the request has another model")
    if request.image.content is UNSET:
        reason = "the image has no content; photos are not read from addresses"
        return _failed(place, _INVALID, reason)
    try:
        content = base64_content(request.image.content, "the content")
    except Refusal as refusal:
        return _failed(place, _INVALID, message(refusal))
    top = max(each.max_results or _TOP for each in request.features)
    return Photo(place, content), Wanted(top)


def _failed(place: str, code: int, reason: str) -> tuple[Photo, Wanted]:
    return Photo(place, BadImage(place, reason)), Wanted(error=RpcStatus(code, reason))


def _response(prediction: Prediction, wanted: Wanted) -> AnnotateResponse:
    if wanted.error is not None:
        return AnnotateResponse(error=wanted.error)
    if prediction.error is not None:
        return AnnotateResponse(error=RpcStatus(_INVALID, prediction.error))
    return AnnotateResponse([Label(name, name, p, p) for name, p in prediction.top[: wanted.top]])


VISION = Protocol(
    name="Google Cloud Vision",
    operations=(
        Operation(
            "Label photos",
            (
                "/v1/images:annotate",
                "/v1/projects/{project}/images:annotate",
                "/v1/projects/{project}/locations/{location}/images:annotate",
            ),
            BatchRequest,
            BatchResponse,
            read,
            write,
        ),
    ),
    descriptions=(),
    error=ErrorResponse,
    refuse=refuse,
)
