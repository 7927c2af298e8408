"""TensorFlow Serving's REST API and KServe's first protocol."""

from __future__ import annotations

import pytest

from imgrec.evaluation.prediction import Prediction
from imgrec.serve.exchange import HttpRequest, Refusal
from imgrec.serve.protocols import TF_SERVING, Status
from tests.serve.asking import (
    B64,
    CLASSES,
    PHOTO,
    answered,
    json_of,
    not_answered,
    posted,
    predicted,
    refused,
    served,
)

PREDICT, CLASSIFY = TF_SERVING.operations
IMAGE = {"b64": B64}
FOUND = predicted(0.25, 0.75, 0.0)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [IMAGE]}, {"predictions": [[0.25, 0.75, 0.0]]}),
        ({"instances": [{"image": IMAGE}]}, {"predictions": [[0.25, 0.75, 0.0]]}),
        ({"inputs": [IMAGE]}, {"outputs": [[0.25, 0.75, 0.0]]}),
        ({"inputs": {"image_bytes": [IMAGE]}}, {"outputs": [[0.25, 0.75, 0.0]]}),
        (
            {"signature_name": "serving_default", "instances": [IMAGE], "parameters": {}},
            {"predictions": [[0.25, 0.75, 0.0]]},
        ),
    ],
)
def test_rows_and_columns_are_answered_in_kind(document: object, expected: object) -> None:
    """The probabilities of each photo are in the order of the classes."""
    request = posted(document, model="pets")

    [photo] = PREDICT.read(request).photos

    assert photo.source == PHOTO
    assert answered(PREDICT, request, [FOUND]) == expected


def test_classify_names_the_labels() -> None:
    """The most probable one is the first."""
    request = posted({"examples": [{"image": IMAGE}]}, model="pets")

    assert answered(CLASSIFY, request, [FOUND]) == {
        "results": [[["dog", 0.75], ["cat", 0.25], ["owl", 0.0]]]
    }


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, "the body has neither or both of instances and inputs"),
        ({"instances": [IMAGE], "inputs": [IMAGE]}, "the body has neither or both"),
        ({"instances": []}, "the body is not valid: instances"),
        ({"instances": [[[0.5, 0.25], [0.5, 0.25]]]}, "instances[0] holds numbers"),
        ({"instances": [IMAGE, B64]}, "instances[1] is not a photo"),
        ({"instances": [{"a": IMAGE, "b": IMAGE}]}, "instances[0] is not a photo"),
        ({"instances": [{"b64": 7}]}, "instances[0] is not a photo"),
        ({"inputs": IMAGE}, "inputs is not a list of photos"),
        ({"inputs": [IMAGE], "signature_name": "train"}, "the body is not valid: signature_name"),
        ({"instances": [IMAGE], "parameters": {"threshold": 0.5}}, "the body is not valid"),
    ],
)
def test_what_is_not_valid_is_refused(document: object, says: str) -> None:
    """The reason names the place."""
    found = refused(PREDICT, posted(document, model="pets"))

    assert found.status == 400
    assert found.detail.startswith(says)


def test_the_signatures_that_there_are_can_be_seen() -> None:
    """One of them has an empty name."""
    found = refused(PREDICT, posted({"inputs": [IMAGE], "signature_name": "train"}))

    assert found.hint == 'use "" or serving_default'


def test_an_address_is_not_a_photo() -> None:
    """The service reads nothing from other places."""
    found = refused(PREDICT, posted({"instances": [{"b64": "https://example.com/cat.jpg"}]}))

    assert (found.status, found.detail) == (422, "instances[0] is an address")


def test_a_photo_that_cannot_be_read_is_an_error() -> None:
    """The rows have no place for one."""
    request = posted({"instances": [IMAGE]}, model="pets")
    bad = Prediction("instances[0]", (), "it is not an image", known=False)

    found = not_answered(PREDICT, request, [bad])

    assert (found.status, found.detail) == (422, "instances[0]: it is not an image")


def test_a_model_is_described() -> None:
    """One document has the forms of both, KServe and TensorFlow Serving."""
    status = Status([served()], ready=True)
    live, state, metadata = (
        json_of(each.describe(HttpRequest(path={"model": "pets"}), status))
        for each in TF_SERVING.descriptions
    )

    assert live == {"status": "alive"}
    assert (state["name"], state["ready"]) == ("pets", True)
    assert state["model_version_status"][0]["state"] == "AVAILABLE"
    assert metadata["model_spec"]["name"] == "pets"
    assert metadata["metadata"]["classes"] == list(CLASSES)
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image_bytes"]["dtype"] == "DT_STRING"
    assert signature["outputs"]["probabilities"]["tensor_shape"]["dim"][1]["size"] == "3"


@pytest.mark.parametrize("path", [{"model": "birds"}, {"model": "pets", "version": "2"}])
def test_models_that_do_not_exist_are_not_described(path: dict[str, str]) -> None:
    """The reason names those that do."""
    for each in TF_SERVING.descriptions[1:]:
        with pytest.raises(Refusal) as found:
            each.describe(HttpRequest(path=path), Status([served()], ready=True))
        assert found.value.status == 404
