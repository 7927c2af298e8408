"""Hugging Face image classification, as `huggingface_hub.InferenceClient` requests it.

A photo is the body, or base64 in JSON with parameters. The answer is a list of labels with scores.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.data.records import Photo
from imgrec.serve.exchange import (
    JSON,
    Answer,
    HttpRequest,
    HttpResponse,
    Options,
    Question,
    Refusal,
    json_response,
)
from imgrec.serve.protocols.common import (
    ErrorText,
    one_model,
    readable_predictions,
    refuse_as_text,
)
from imgrec.serve.protocols.protocol import Operation, Protocol
from imgrec.serve.reading import Base64, base64_content, photo_of, read_body

_NAME = "inputs"
_TOP = 5

Transform = Literal["sigmoid", "softmax", "none"]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a classification."""

    top_k: (
        Annotated[int, Meta(ge=1, description="How many classes are listed, 5 by default.")] | None
    ) = None
    function_to_apply: Annotated[
        Transform | None,
        Meta(
            description="Only what the model ends in: sigmoid if a photo may have several labels, "
            "otherwise softmax."
        ),
    ] = None


class HuggingFaceRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A photo with parameters."""

    inputs: Base64
    parameters: Parameters | None = None


class ClassScore(Struct, frozen=True):
    """A class and its probability."""

    label: str
    score: float


def read(request: HttpRequest) -> Question:
    """Return the question of a request, whose form is its Parameters.

    Raises:
        Refusal: 400, it is not valid; 422, it can't be answered as asked.
    """
    parameters = Parameters()
    if request.content_type == JSON:
        body = read_body(request, HuggingFaceRequest)
        content = base64_content(body.inputs, _NAME)
        parameters = body.parameters or parameters
    elif not (content := photo_of(request)):
        raise Refusal.no_photo()
    if parameters.function_to_apply == "none":
        raise Refusal(
            422,
            "function_to_apply is none, but the model's answers are probabilities",
            hint="leave it out",
        )
    options = Options(top=parameters.top_k or _TOP)
    return Question([Photo(_NAME, content)], request.path.get("model"), options, parameters)


def write(answer: Answer) -> HttpResponse:
    """Return the response for an answer.

    Raises:
        Refusal: 422, the model has no single answer, or another function was asked for than the one
            it ends in, or the photo can't be read.
    """
    function = "sigmoid" if one_model(answer.model).multi_label else "softmax"
    parameters: Parameters = answer.question.form
    if parameters.function_to_apply not in (None, function):
        raise Refusal(422, f"the model ends in {function}", hint="leave out function_to_apply")
    (prediction,) = readable_predictions(answer)
    listed = prediction.top[: answer.question.options.top]
    return json_response([ClassScore(*each) for each in listed])


HUGGING_FACE = Protocol(
    name="Hugging Face image classification",
    operations=(
        Operation(
            "Classify a photo",
            ("/", "/models/{model}"),
            HuggingFaceRequest,
            list[ClassScore],
            read,
            write,
            takes_photos=True,
        ),
    ),
    descriptions=(),
    error=ErrorText,
    refuse=refuse_as_text,
)
