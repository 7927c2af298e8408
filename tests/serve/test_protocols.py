"""What holds for every protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imgrec.serve.classify import read_question
from imgrec.serve.exchange import HttpRequest, Question, Refusal
from imgrec.serve.openapi import openapi_document
from imgrec.serve.protocols import PROTOCOLS, Operation, Protocol
from imgrec.serve.routes import ROUTES

OPERATIONS = [operation for each in PROTOCOLS for operation in each.operations]
KEYS = [
    "requests",
    "image",
    "content",
    "features",
    "type",
    "instances",
    "inputs",
    "examples",
    "b64",
    "name",
    "shape",
    "datatype",
    "data",
    "outputs",
    "parameters",
]
WORDS = st.sampled_from(["BYTES", "UINT8", "LABEL_DETECTION", "YQ==", 1])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


def found(operation: Operation, body: bytes) -> Question | Refusal:
    """Return what is read from a body: nothing else than these two may happen."""
    request = HttpRequest(body, "application/json", path={"model": "pets"})
    try:
        return operation.read(request)
    except Refusal as refusal:
        return refusal


def is_answerable(read: Question | Refusal) -> bool:
    """Return whether a question has photos, or a refusal a status and a reason."""
    if isinstance(read, Question):
        return bool(read.photos)
    return 400 <= read.status < 500 and bool(read.detail)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.paths[0])
@given(document=VALUES)
def test_any_document_is_a_question_or_refused(operation: Operation, document: object) -> None:
    """Whatever JSON arrives, nothing else is raised."""
    for whole in (document, *({key: [document]} for key in KEYS[:8])):
        assert is_answerable(found(operation, json.dumps(whole).encode()))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.paths[0])
@given(body=st.binary())
def test_any_bytes_are_a_question_or_refused(operation: Operation, body: bytes) -> None:
    """Whatever arrives, nothing else is raised."""
    assert is_answerable(found(operation, body))


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"NaN", b'{"inputs": 1e999}', b"\xff"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Also what is nested too deeply or has numbers that JSON does not have."""
    for operation in OPERATIONS:
        read = found(operation, body)
        assert isinstance(read, Refusal)
        assert read.status == 400


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.paths[0])
@given(document=VALUES)
def test_what_is_not_described_has_status_400(operation: Operation, document: object) -> None:
    """What has the form of the description and can't be used has another one."""
    form = _form_of(operation)
    for whole in (document, *({key: [document]} for key in KEYS[:8])):
        read = found(operation, json.dumps(whole).encode())
        status = read.status if isinstance(read, Refusal) else 200
        assert (status == 400) is not form.is_valid(whole), (whole, read)


@cache
def _form_of(operation: Operation) -> Draft202012Validator:
    described = openapi_document(ROUTES)
    body = described["paths"][operation.paths[0]]["post"]["requestBody"]
    form = body["content"]["application/json"]["schema"]
    return Draft202012Validator(form | {"components": described["components"]})


TENSOR = {"name": "image", "data": [0] * 3}
TOO_MANY = {
    "classify": {"photos": [""] * 3},
    "open_inference": {"inputs": [TENSOR | {"datatype": "BYTES", "shape": [3]}]},
    "pixels": {"inputs": [TENSOR | {"datatype": "UINT8", "shape": [3, 1, 1, 1]}]},
    "rows": {"instances": [0] * 3},
    "column": {"inputs": [0] * 3},
    "tf_classify": {"examples": [0] * 3},
    "vision": {"requests": [{"image": {}, "features": [{"type": "x"}]}] * 3},
}


@pytest.mark.parametrize("form", TOO_MANY)
def test_more_photos_than_a_request_may_have_are_not_read(form: str) -> None:
    """Millions of photos that are none would take seconds, in which nothing else is answered."""
    readers = [read_question, *(operation.read for operation in OPERATIONS)]
    body = json.dumps(TOO_MANY[form]).encode()
    request = HttpRequest(body, "application/json", path={"model": "pets"}, max_photos=2)

    refusals = [_refusal(read, request) for read in readers]

    assert [(each.status, each.hint) for each in refusals if each.status != 400] == [
        (413, "send at most 2 at once")
    ]


def _refusal(read: Callable[[HttpRequest], Question], request: HttpRequest) -> Refusal:
    with pytest.raises(Refusal) as found:
        read(request)
    return found.value


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
def test_an_error_is_in_the_form_of_the_protocol(protocol: Protocol) -> None:
    """It has the status and the headers of the refusal."""
    refusal = Refusal(503, "busy", hint="ask again", headers={"retry-after": "1"})

    response = protocol.refuse(refusal, HttpRequest())

    assert (response.status, response.headers) == (503, {"retry-after": "1"})
    msgspec.json.decode(response.body, type=protocol.error)
    assert b"busy; ask again" in response.body
