"""Hugging Face's image classification."""

from __future__ import annotations

import json

import pytest

from imgrec.evaluation.prediction import Prediction
from imgrec.serve.exchange import HttpRequest
from imgrec.serve.protocols import HUGGING_FACE
from tests.serve.asking import (
    B64,
    PHOTO,
    answered,
    not_answered,
    of_different_classes,
    of_several_labels,
    posted,
    predicted,
    refused,
)

(CLASSIFY,) = HUGGING_FACE.operations


@pytest.mark.parametrize("content_type", ["", "image/jpeg", "application/octet-stream"])
def test_the_body_is_a_photo(content_type: str) -> None:
    """Without parameters, a client sends the photo as it is, with or without its type."""
    request = HttpRequest(PHOTO, content_type)

    [photo] = CLASSIFY.read(request).photos

    assert photo.source == PHOTO
    assert answered(CLASSIFY, request, [predicted(0.25, 0.75, 0.0)]) == [
        {"label": "dog", "score": 0.75},
        {"label": "cat", "score": 0.25},
        {"label": "owl", "score": 0.0},
    ]


def test_parameters_come_with_base64() -> None:
    """`top_k` is the number of labels."""
    request = posted({"inputs": B64, "parameters": {"top_k": 1}}, model="pets")

    question = CLASSIFY.read(request)

    assert (question.photos[0].source, question.model, question.options.top) == (PHOTO, "pets", 1)
    found = answered(CLASSIFY, request, [predicted(0.25, 0.75, 0.0)])
    assert found == [{"label": "dog", "score": 0.75}]


def test_scores_are_the_output_of_the_function_that_the_model_ends_in() -> None:
    """Softmax for one label, sigmoid for several; anything else would be other numbers."""
    softmax = posted({"inputs": B64, "parameters": {"function_to_apply": "softmax"}})
    sigmoid = posted({"inputs": B64, "parameters": {"function_to_apply": "sigmoid"}})
    numbers = posted({"inputs": B64, "parameters": {"function_to_apply": "none"}})
    found = [predicted(0.25, 0.75, 0.0)]

    assert answered(CLASSIFY, softmax, found)
    assert answered(CLASSIFY, sigmoid, found, of_several_labels())
    assert not_answered(CLASSIFY, sigmoid, found).detail == "the model ends in softmax"
    assert refused(CLASSIFY, numbers).status == 422


@pytest.mark.parametrize(
    ("document", "status", "says"),
    [
        ({"inputs": "https://example.com/cat.jpg"}, 422, "inputs is an address"),
        ({"inputs": "data:image/png;base64," + B64}, 422, "inputs is a data URL"),
        ({"inputs": "?"}, 422, "inputs is not base64"),
        ({"inputs": ""}, 422, "inputs is empty"),
        ({"inputs": [B64]}, 400, "the body is not valid: inputs: expected text, got a list"),
        ({"inputs": B64, "parameters": {"topk": 1}}, 400, "the body is not valid"),
        (
            {"inputs": B64, "parameters": {"top_k": 0}},
            400,
            "the body is not valid: parameters.top_k: expected a whole number >= 1",
        ),
        ([], 400, "the body is not valid"),
    ],
)
def test_what_is_not_valid_is_refused(document: object, status: int, says: str) -> None:
    """The reason names the place."""
    found = refused(CLASSIFY, posted(document))

    assert found.status == status
    assert found.detail.startswith(says)


def test_an_empty_body_is_refused() -> None:
    """It is not a photo that can't be read."""
    assert refused(CLASSIFY, HttpRequest()).status == 400


def test_a_photo_that_cannot_be_read_is_an_error() -> None:
    """The list of labels has no place for one."""
    found = not_answered(
        CLASSIFY, HttpRequest(PHOTO), [Prediction("inputs", (), "it is not an image", known=False)]
    )

    assert (found.status, found.detail) == (422, "inputs: it is not an image")
    error = HUGGING_FACE.refuse(found, HttpRequest())
    assert (error.status, json.loads(error.body)) == (422, {"error": found.detail})


def test_models_of_different_classes_have_no_one_answer() -> None:
    """Their answers are listed by /v1/classify alone."""
    empty = [Prediction("inputs", (), known=False)]

    found = not_answered(CLASSIFY, HttpRequest(PHOTO), empty, of_different_classes())

    assert (found.status, "/v1/classify" in found.hint) == (422, True)
