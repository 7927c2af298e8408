"""Google Cloud Vision's label detection."""

from __future__ import annotations

import json

import pytest

from imgrec.evaluation.prediction import Prediction
from imgrec.serve.exchange import HttpRequest, Refusal
from imgrec.serve.protocols import VISION
from tests.serve.asking import B64, PHOTO, answered, posted, predicted, refused

(ANNOTATE,) = VISION.operations
LABELS = {"type": "LABEL_DETECTION"}
IMAGE = {"content": B64}


def annotate(*requests: object) -> HttpRequest:
    """Return a request for several photos."""
    return posted({"requests": requests})


@pytest.mark.parametrize("kind", ["LABEL_DETECTION", 4])
def test_labels_have_scores(kind: object) -> None:
    """`maxResults` is their number; the client writes the feature as a number."""
    feature = {"type": kind, "maxResults": 2, "model": "builtin/stable"}
    request = annotate({"image": IMAGE, "features": [feature]})

    question = ANNOTATE.read(request)

    assert (question.photos[0].source, question.model) == (PHOTO, None)
    assert answered(ANNOTATE, request, [predicted(0.25, 0.75, 0.0)]) == {
        "responses": [
            {
                "labelAnnotations": [
                    {"mid": "dog", "description": "dog", "score": 0.75, "topicality": 0.75},
                    {"mid": "cat", "description": "cat", "score": 0.25, "topicality": 0.25},
                ]
            }
        ]
    }


def test_each_photo_has_its_own_number_of_labels() -> None:
    """The model is asked for the largest."""
    one = {"image": IMAGE, "features": [LABELS | {"maxResults": 1}]}
    request = annotate(one, {"image": IMAGE, "features": [LABELS]})

    question = ANNOTATE.read(request)
    both = answered(ANNOTATE, request, [predicted(0.25, 0.75, 0.0)] * 2)["responses"]

    assert question.options.top == 10
    assert [len(each["labelAnnotations"]) for each in both] == [1, 3]


def test_a_photo_that_cannot_be_used_has_an_error_in_its_place() -> None:
    """The others are answered."""
    request = annotate(
        {"image": {"source": {"imageUri": "https://example.com/a.jpg"}}, "features": [LABELS]},
        {"image": {"content": "?"}, "features": [LABELS]},
        {"image": IMAGE, "features": [{"type": "FACE_DETECTION"}]},
        {"image": IMAGE, "features": [LABELS]},
        {"image": IMAGE, "features": [LABELS]},
    )
    failed = Prediction("photo", (), "it is not an image", known=False)
    found = [failed, failed, failed, failed, predicted(0.25, 0.75, 0.0)]

    *errors, labelled = answered(ANNOTATE, request, found)["responses"]

    assert [(each["error"]["code"], each["error"]["message"].split(";")[0]) for each in errors] == [
        (3, "the image has no content"),
        (3, "the content is not base64"),
        (12, "the feature FACE_DETECTION is not supported"),
        (3, "it is not an image"),
    ]
    assert "error" not in labelled


def test_a_feature_names_the_model() -> None:
    """All photos of a request are for the same one."""
    pets, birds = ({"image": IMAGE, "features": [LABELS | {"model": m}]} for m in ("pets", "birds"))

    assert ANNOTATE.read(annotate(pets, pets)).model == "pets"
    found = answered(ANNOTATE, annotate(pets, birds), [predicted(0.25, 0.75, 0.0)] * 2)
    assert [[*each] for each in found["responses"]] == [["labelAnnotations"], ["error"]]


@pytest.mark.parametrize(
    "document",
    [{}, {"requests": []}, {"requests": [{"image": IMAGE, "features": []}]}, {"requests": [{}]}],
)
def test_what_is_not_valid_is_refused(document: object) -> None:
    """A request without photos or features asks nothing."""
    assert refused(ANNOTATE, posted(document)).status == 400


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (503, "UNAVAILABLE"),
    ],
)
def test_an_error_has_the_name_of_its_status(status: int, name: str) -> None:
    """Google's clients raise the exception of that name."""
    response = VISION.refuse(Refusal(status, "no", headers={"retry-after": "1"}), HttpRequest())

    assert response.status == status
    assert response.headers == {"retry-after": "1"}
    error = {"code": status, "message": "no", "status": name}
    assert json.loads(response.body) == {"error": error}
