"""What protocols with JSON bodies have in common."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imgrec.evaluation.prediction import ModelInfo, Prediction, combined_model
from imgrec.serve.exchange import Answer, HttpRequest, HttpResponse, Refusal, json_response
from imgrec.serve.models import ServedModel
from imgrec.serve.protocols.protocol import Status
from imgrec.text import join_few, printable, quoted

ALL_CLASSES = 1_000_000
"""A number of classes listed that no model reaches."""

VERSION = "1"
"""The only version of each model: another run is another model."""


class ErrorText(Struct, frozen=True):
    """Why a request is not answered."""

    error: str


def model_paths(api: str, end: str = "") -> tuple[str, str]:
    """Return the paths of a request about a model: of its only version, not named or named."""
    model = f"/{api}/models/{{model}}"
    return f"{model}{end}", f"{model}/versions/{{version}}{end}"


def described_model(request: HttpRequest, status: Status) -> ServedModel:
    """Return the model that a path names.

    Raises:
        Refusal: 404, there is no such model or version.
    """
    require_version(request)
    name = request.path["model"]
    for each in status.models:
        if each.name == name:
            return each
    names = join_few([each.name for each in status.models], 10)
    raise Refusal(404, f"there is no model {quoted(name)}", hint=f"models: {names}")


def require_version(request: HttpRequest) -> None:
    """Raise a Refusal, 404, for a path that names a version other than the only one."""
    version = request.path.get("version", VERSION)
    if version != VERSION:
        raise Refusal(404, f"there is no version {printable(version)}", hint=f"use {VERSION}")


def one_model(model: ServedModel) -> ModelInfo:
    """Return the model that answers: the only one, or the mean of several.

    Raises:
        Refusal: 422, the models of an ensemble have different classes, so there is no answer of
            all.
    """
    found = combined_model(model.predictor.members)
    if found is None:
        raise Refusal(
            422,
            f"{printable(model.name)} has no single answer: its models have different classes",
            hint="use /v1/classify, which lists the answer of each",
        )
    return found


def readable_predictions(answer: Answer) -> Sequence[Prediction]:
    """Return the predictions of an answer.

    Raises:
        Refusal: 422, a photo can't be read.
    """
    for each in answer.predictions:
        if each.error is not None:
            raise Refusal(422, f"{each.name}: {each.error}")
    return answer.predictions


def probabilities(prediction: Prediction, classes: Sequence[str]) -> list[float]:
    """Return the probability of every class, in the order of `classes`."""
    found = dict(prediction.top)
    return [found[name] for name in classes]


def message(refusal: Refusal) -> str:
    """Return what is wrong and what to do next in one text."""
    return f"{refusal.detail}; {refusal.hint}" if refusal.hint else refusal.detail


def refuse_as_text(refusal: Refusal, _request: HttpRequest) -> HttpResponse:
    """Return the form of an error that most protocols have: `{"error": "..."}`."""
    return json_response(ErrorText(message(refusal)), refusal.status, refusal.headers)
