"""What goes in and out of the service, in any protocol: questions, answers, refusals.

A protocol is a pair of pure functions, from the bytes of a request to a Question and from an Answer
to the bytes of a response, and a third one for its form of an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from imgrec.data.records import Photo
from imgrec.errors import DataError, ImgrecError, UsageError
from imgrec.evaluation.prediction import Prediction
from imgrec.json_documents import json_line
from imgrec.text import count_of

if TYPE_CHECKING:
    from imgrec.serve.explaining import Explained
    from imgrec.serve.models import ServedModel

JSON = "application/json"
PROBLEM = "application/problem+json"

MAX_PHOTOS = 64
"""How many photos there may be in a request, unless the limits of a service say otherwise."""

ExplainMethod = Literal["occlusion", "windows"]

Photos = TypeVar("Photos", bound=Sized)


class Problem(Struct, frozen=True):
    """Why a request is not answered (RFC 9457)."""

    title: str
    status: int
    detail: Annotated[str, Meta(description="What is wrong.")]
    hint: Annotated[str, Meta(description="What to do next.")] | UnsetType = UNSET
    request_id: Annotated[str, Meta(description="Names the request in the log.")] | UnsetType = (
        UNSET
    )


@dataclass(frozen=True)
class HttpRequest:
    """A request whose body has arrived.

    Args:
        body: At most as many bytes as the limits allow.
        content_type: Its media type in small letters, without parameters; empty if not given.
        headers: By their names in small letters.
        query: The parameters behind the `?`; of several of a name, the last one.
        path: The values of the names in braces of the route's path.
        id: Names the request in the log and in errors.
        max_photos: How many photos there may be in it.
    """

    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    max_photos: int = MAX_PHOTOS

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with its body."""
        return replace(self, body=body)

    def limited(self, photos: Photos) -> Photos:
        """Return the photos of the body before each of them is read.

        Raises:
            Refusal: 413, there are too many. Of a body with millions, reading would take seconds.
        """
        if len(photos) > self.max_photos:
            raise Refusal.too_many_photos(self.max_photos)
        return photos


@dataclass(frozen=True)
class HttpResponse:
    """The response to a request."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How photos are classified, as the options of `imgrec predict`.

    Args:
        top: The number of classes listed, at least 1.
        threshold: The probability, 0 to 1, below which an answer is "unknown"; None for the
            model's own.
        explain: Where in the photos the model sees the class, by this method; None for nowhere.
    """

    top: int = 5
    threshold: float | None = None
    explain: ExplainMethod | None = None


@dataclass(frozen=True)
class Question:
    """Photos to classify: their contents, with a name each.

    Args:
        photos: At least one; the source of each is bytes, or why there are none.
        model: The name of a served model; None for the first one.
        options: How they are classified.
        form: What the protocol needs of the request to write the response.
    """

    photos: Sequence[Photo]
    model: str | None = None
    options: Options = Options()
    form: Any = None


@dataclass(frozen=True)
class Answer:
    """What a model says of each photo of a question, in their order.

    explained: where in the photos it sees their classes, if that was asked.
    """

    question: Question
    model: ServedModel
    predictions: Sequence[Prediction]
    explained: Sequence[Explained] = ()


class Refusal(Exception):
    """A request that is not answered.

    Args:
        status: The HTTP status, 400 or above.
        detail: What is wrong.
        hint: What to do next; may be empty.
        headers: Further headers of the response, such as `Retry-After`.
    """

    def __init__(
        self, status: int, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.hint = hint
        self.headers = headers or {}

    @classmethod
    def no_photo(cls) -> Refusal:
        """Return the refusal of a request without a photo."""
        return cls(400, "there is no photo in the request", hint="send one as the body")

    @classmethod
    def too_many_photos(cls, most: int) -> Refusal:
        """Return the refusal of a request with more photos than it may have."""
        reason = f"there are more than {count_of(most, 'photo')} in the request"
        return cls(413, reason, hint=f"send at most {most} at once")

    @classmethod
    def of(cls, error: ImgrecError) -> Refusal:
        """Return the refusal for an error: 422 for wrong usage or bad data, else 500."""
        status = 422 if isinstance(error, UsageError | DataError) else 500
        return cls(status, error.message, hint=error.hint)


def json_response(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return a document as a response."""
    return HttpResponse(json_line(document).encode(), JSON, status, headers or {})


def problem(refusal: Refusal, request: HttpRequest) -> HttpResponse:
    """Return a refusal as a problem document (RFC 9457), the form of an error of this service."""
    title, hint, identifier = HTTPStatus(refusal.status).phrase, refusal.hint, request.id
    document = Problem(title, refusal.status, refusal.detail, hint or UNSET, identifier or UNSET)
    response = json_response(document, refusal.status, refusal.headers)
    return replace(response, content_type=PROBLEM)
