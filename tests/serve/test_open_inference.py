"""The Open Inference Protocol."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgrec.evaluation.prediction import Prediction
from imgrec.serve.exchange import HttpRequest
from imgrec.serve.protocols import OPEN_INFERENCE, Status
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

(INFER,) = OPEN_INFERENCE.operations


def tensor(**changed: object) -> dict[str, Any]:
    """Return a tensor of one photo, with some keys changed."""
    return {"name": "image", "shape": [1], "datatype": "BYTES", "data": [B64]} | changed


def infer(*tensors: dict[str, Any], **keys: object) -> HttpRequest:
    """Return a request with tensors and other keys, for the model `pets`."""
    return posted({"inputs": tensors or [tensor()], **keys}, model="pets")


def test_photos_go_in_and_tensors_come_out() -> None:
    """Probabilities are in the order of the classes, one row for each photo."""
    request = infer(tensor(shape=[2], data=[B64, B64]), id="7")
    two = [predicted(0.25, 0.75, 0.0), predicted(0.5, 0.25, 0.25, known=False)]

    question = INFER.read(request)

    assert [photo.source for photo in question.photos] == [PHOTO, PHOTO]
    assert answered(INFER, request, two) == {
        "model_name": "pets",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [2, 3],
                "data": [0.25, 0.75, 0.0, 0.5, 0.25, 0.25],
            },
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["dog", ""]},
            {"name": "known", "datatype": "BOOL", "shape": [2], "data": [True, False]},
        ],
    }


def test_only_the_outputs_that_are_named_come_out() -> None:
    """With Triton's classification, they are the most probable classes as text."""
    wanted = [
        {"name": "label", "parameters": {"binary_data": True}},
        {"name": "probabilities", "parameters": {"classification": 2}},
    ]

    found = answered(INFER, infer(outputs=wanted), [predicted(0.25, 0.75, 0.0)])

    assert "id" not in found
    label, ranked = found["outputs"]
    assert label["data"] == ["dog"]
    assert ranked["shape"] == [1, 2]
    assert ranked["data"] == ["0.75:1:dog", "0.25:0:cat"]


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_decoded_as_an_image_without_loss(channels: int) -> None:
    """So the model resizes and scales them as any other photo."""
    pixels = np.arange(2 * 4 * 5 * channels, dtype=np.uint8).reshape(2, 4, 5, channels)
    nested = infer(tensor(datatype="UINT8", shape=pixels.shape, data=pixels.tolist()))
    flat = infer(tensor(datatype="UINT8", shape=pixels.shape, data=pixels.ravel().tolist()))

    for request in (nested, flat):
        for photo, expected in zip(INFER.read(request).photos, pixels, strict=True):
            assert isinstance(photo.source, bytes)
            with Image.open(io.BytesIO(photo.source)) as image:
                np.testing.assert_array_equal(image, expected.squeeze())


def test_a_single_photo_may_have_no_dimension_of_photos() -> None:
    """Height, width and channels are enough."""
    request = infer(tensor(datatype="UINT8", shape=[1, 2, 1], data=[0, 255]))

    [photo] = INFER.read(request).photos

    assert photo.source == b"P5 2 1 255\n\x00\xff"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"shape": [2]}, "the shape [2] does not fit the number of values, 1"),
        ({"shape": [1, 1, 1]}, "the shape [1, 1, 1] is not [n] or [n, 1]"),
        ({"shape": [0], "data": []}, "there is no photo in the request"),
        ({"data": [7]}, "photo 1 is not text in base64"),
        ({"data": ["gs://bucket/cat.jpg"]}, "photo 1 is an address"),
        ({"datatype": "UINT8"}, "the shape [1] is not that of photos"),
        ({"datatype": "UINT8", "shape": [1, 1, 1], "data": [256]}, "a pixel is not an integer"),
        ({"datatype": "UINT8", "shape": [1, 1, 1], "data": [0.5]}, "a pixel is not an integer"),
        ({"datatype": "UINT8", "shape": [1, 1, 2], "data": [0, 0]}, "the shape [1, 1, 2] is not"),
        ({"parameters": {"binary_data_size": 9}}, "the input is not in the JSON"),
        ({"parameters": {"shared_memory_region": "a"}}, "the input is not in the JSON"),
    ],
)
def test_a_tensor_that_is_not_one_of_photos_is_refused(changed: Any, says: str) -> None:
    """The reason says what does not fit."""
    found = refused(INFER, infer(tensor(**changed)))

    assert found.status == 422
    assert found.detail.startswith(says)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"outputs": [{"name": "logits"}]}, "there is no output logits"),
        (
            {"outputs": [{"name": "label", "parameters": {"shared_memory_region": "a"}}]},
            "outputs in shared memory are not supported",
        ),
        (
            {"outputs": [{"name": "label", "parameters": {"classification": 1}}]},
            "classification is a number from 1 on",
        ),
        ({"outputs": [{"name": "label"}] * 4}, "the body is not valid: outputs"),
        ({"inputs": []}, "the body is not valid: inputs"),
    ],
)
def test_outputs_that_do_not_exist_are_refused(keys: Any, says: str) -> None:
    """A request is answered as asked, or not at all."""
    assert refused(INFER, infer(**keys)).detail.startswith(says)


def test_numbers_are_not_photos() -> None:
    """The description lists the types of tensors, as nothing says how numbers were scaled."""
    found = refused(INFER, infer(tensor(datatype="FP32")))

    assert (found.status, found.detail) == (400, "the datatype FP32 is not supported")


def test_binary_tensors_are_refused() -> None:
    """The reason names the client's option."""
    headers = {"inference-header-content-length": "9"}
    request = HttpRequest(b'{"inputs":' + PHOTO, headers=headers, path={"model": "pets"})

    found = refused(INFER, request)

    assert (found.status, "binary_data=False" in found.hint) == (400, True)


def test_there_is_one_version_of_a_model() -> None:
    """It can be named, and no other."""
    document = {"inputs": [tensor()]}

    assert INFER.read(posted(document, model="pets", version="1")).model == "pets"
    assert refused(INFER, posted(document, model="pets", version="2")).status == 404


def test_a_photo_that_cannot_be_read_is_an_error() -> None:
    """Tensors have no place for one."""
    bad = Prediction("photo 2", (), "it is not an image", known=False)

    found = not_answered(INFER, infer(), [predicted(0.25, 0.75, 0.0), bad])

    assert (found.status, found.detail) == (422, "photo 2: it is not an image")


def test_the_service_and_its_models_are_described() -> None:
    """Clients read what goes in and what comes out before they ask."""
    status = Status([served()], ready=True)
    found = {
        each.paths[0]: json_of(each.describe(HttpRequest(path={"model": "pets"}), status))
        for each in OPEN_INFERENCE.descriptions
    }

    assert found["/v2"]["name"] == "imgrec"
    assert found["/v2/health/live"] == {"live": True}
    assert found["/v2/health/ready"] == {"ready": True}
    assert found["/v2/models"] == {"models": ["pets"]}
    assert found["/v2/models/{model}/ready"] == {"name": "pets", "ready": True}
    assert found["/v2/models/{model}"]["inputs"] == [
        {"name": "image", "datatype": "BYTES", "shape": [-1]}
    ]
    assert found["/v2/models/{model}"]["outputs"][0] == {
        "name": "probabilities",
        "datatype": "FP32",
        "shape": [-1, len(CLASSES)],
    }


def test_a_service_that_ends_is_live_but_not_ready() -> None:
    """What is not ready has status 503."""
    ending = Status([served()], ready=False)

    statuses = {
        each.paths[0]: each.describe(HttpRequest(path={"model": "pets"}), ending).status
        for each in OPEN_INFERENCE.descriptions
    }

    assert {path for path, status in statuses.items() if status == 503} == {
        "/v2/health/ready",
        "/v2/models/{model}/ready",
    }
