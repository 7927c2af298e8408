"""Vertex AI's custom containers."""

from __future__ import annotations

import pytest

from imgrec.errors import UsageError
from imgrec.serve.exchange import HttpRequest
from imgrec.serve.protocols import Status, vertex
from tests.serve.asking import B64, answered, posted, predicted, served

VARIABLES = {"AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict"}


def test_variables_name_the_paths() -> None:
    """Questions are those of TensorFlow Serving, for the default model."""
    protocol = vertex(VARIABLES)
    [operation], [health] = protocol.operations, protocol.descriptions

    assert (operation.paths, health.paths) == (("/v1/endpoints/7:predict",), ("/health",))
    request = posted({"instances": [{"b64": B64}], "parameters": {}})
    assert operation.read(request).model is None
    assert answered(operation, request, [predicted(0.25, 0.75, 0.0)]) == {
        "predictions": [[0.25, 0.75, 0.0]]
    }


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_health_is_whether_questions_are_answered(*, ready: bool, status: int) -> None:
    """Vertex sends requests only to a container that is healthy."""
    [health] = vertex(VARIABLES).descriptions

    assert health.describe(HttpRequest(), Status([served()], ready)).status == status


def test_without_variables_there_are_no_paths() -> None:
    """Outside Vertex, nothing else is answered."""
    protocol = vertex({})

    assert [each.paths for each in protocol.operations] == [()]
    assert [each.paths for each in protocol.descriptions] == [()]


@pytest.mark.parametrize("path", ["health", "/{model}", "/a?b"])
def test_a_variable_that_is_not_a_path_is_wrong_usage(path: str) -> None:
    """The message names the variable."""
    with pytest.raises(UsageError, match="AIP_HEALTH_ROUTE"):
        vertex(VARIABLES | {"AIP_HEALTH_ROUTE": path})
