"""Requests in the protocols, and answers of a model of three classes, without a service."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from imgrec.evaluation.prediction import ModelInfo, Prediction, Ranked
from imgrec.scores import Decision
from imgrec.serve.batching import Batched
from imgrec.serve.exchange import Answer, HttpRequest, HttpResponse, Refusal
from imgrec.serve.models import ServedModel
from imgrec.serve.protocols import Operation
from imgrec.workflows.prediction import Predictor

CLASSES = ("cat", "dog", "owl")
PHOTO = b"\xff\xd8a photo"
B64 = base64.b64encode(PHOTO).decode()


def served(*members: ModelInfo) -> ServedModel:
    """Return a model of the name `pets`, by default one of CLASSES."""
    predictor = Predictor(members or (ModelInfo("pets", CLASSES),), (), ())
    return ServedModel("pets", (), predictor, Batched((), 1))


def of_several_labels() -> ServedModel:
    """Return a model of CLASSES of which a photo may have several."""
    return served(ModelInfo("pets", CLASSES, Decision(class_thresholds=(0.5, 0.5, 0.5))))


def of_different_classes() -> ServedModel:
    """Return two models that have no mean."""
    return served(ModelInfo("pets", CLASSES), ModelInfo("birds", ("owl", "tit")))


def posted(document: object, **path: str) -> HttpRequest:
    """Return a request whose body is a JSON document, under a path with these values."""
    return HttpRequest(json.dumps(document).encode(), "application/json", path=path)


def predicted(*probabilities: float, known: bool = True) -> Prediction:
    """Return a prediction with the probabilities of CLASSES."""
    ranked = [Ranked(*each) for each in zip(CLASSES, probabilities, strict=True)]
    ranked.sort(key=lambda each: -each.probability)
    labels = (ranked[0].class_name,) if known else ()
    return Prediction("photo", tuple(ranked), known=known, labels=labels)


def answered(
    operation: Operation,
    request: HttpRequest,
    predictions: Sequence[Prediction],
    model: ServedModel | None = None,
) -> Any:
    """Return the JSON of the answer to a request."""
    question = operation.read(request)
    return json_of(operation.write(Answer(question, model or served(), predictions)))


def refused(operation: Operation, request: HttpRequest) -> Refusal:
    """Return why a request is refused."""
    with pytest.raises(Refusal) as found:
        operation.read(request)
    return found.value


def not_answered(
    operation: Operation,
    request: HttpRequest,
    predictions: Sequence[Prediction],
    model: ServedModel | None = None,
) -> Refusal:
    """Return why a request that can be read has no answer."""
    with pytest.raises(Refusal) as found:
        answered(operation, request, predictions, model)
    return found.value


def json_of(response: HttpResponse) -> Any:
    """Return the JSON of a response that succeeded."""
    assert response.status == 200
    return json.loads(response.body)
