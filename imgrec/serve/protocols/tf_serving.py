"""TensorFlow Serving's REST API, and KServe's first protocol, which Vertex AI uses as well.

Photos go in as `{"b64": ...}`, in rows or in columns. Probabilities come out in the order of the
classes, or with `:classify` as pairs of a label and its probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from imgrec.data.records import Photo
from imgrec.evaluation.prediction import ModelInfo
from imgrec.serve.exchange import (
    Answer,
    HttpRequest,
    HttpResponse,
    Options,
    Question,
    Refusal,
    json_response,
)
from imgrec.serve.protocols.common import (
    ALL_CLASSES,
    VERSION,
    ErrorText,
    described_model,
    model_paths,
    one_model,
    probabilities,
    readable_predictions,
    refuse_as_text,
    require_version,
)
from imgrec.serve.protocols.protocol import Description, Operation, Protocol, Status
from imgrec.serve.reading import base64_content, read_body

_SIGNATURE: Literal["serving_default"] = "serving_default"
_INPUT, _OUTPUT = "image_bytes", "probabilities"
_B64 = "b64"
_EXAMPLE = 'a photo is {"b64": "<base64>"}'

_B64_SCHEMA = {
    "type": "object",
    "properties": {_B64: {"type": "string", "format": "byte", "minLength": 4}},
    "required": [_B64],
    "additionalProperties": False,
}
_NAMED_SCHEMA = {
    "type": "object",
    "additionalProperties": _B64_SCHEMA,
    "minProperties": 1,
    "maxProperties": 1,
}

Instance = Annotated[
    Any,
    Meta(
        description="A photo, or an object that has it under the name of the input. Any name is "
        "accepted.",
        extra_json_schema={"anyOf": [_B64_SCHEMA, _NAMED_SCHEMA]},
    ),
]
Photos = Annotated[
    Any,
    Meta(
        description="Photos, or an object that has them under the name of the input.",
        extra_json_schema={
            "anyOf": [
                {"type": "array", "items": _B64_SCHEMA, "minItems": 1},
                {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": _B64_SCHEMA, "minItems": 1},
                    "minProperties": 1,
                    "maxProperties": 1,
                },
            ]
        },
    ),
]
Column = Literal["predictions", "outputs"]
Signature = Annotated[
    Literal["serving_default", ""], Meta(description="The model's only signature.")
]
Nothing = Annotated[dict[str, Any], Meta(max_length=0)]


class PredictRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos to classify: either rows, `instances`, or a column, `inputs`."""

    signature_name: Signature = _SIGNATURE
    instances: Annotated[list[Instance], Meta(min_length=1)] | UnsetType = UNSET
    inputs: Photos | UnsetType = UNSET
    parameters: Annotated[
        Nothing | None, Meta(description="Vertex AI's parameters, of which there are none.")
    ] = None


class Predictions(Struct, frozen=True):
    """The probabilities of each photo, in the order of the classes.

    `predictions` if the request has instances, `outputs` if it has inputs.
    """

    predictions: list[list[float]] | UnsetType = UNSET
    outputs: list[list[float]] | UnsetType = UNSET


class ExamplesRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Photos to classify."""

    examples: Annotated[list[Instance], Meta(min_length=1)]
    signature_name: Signature = _SIGNATURE
    context: Nothing | None = None


class Classifications(Struct, frozen=True):
    """The classes of each photo with their probabilities, the most probable one first."""

    results: Sequence[Sequence[tuple[str, float]]]


class ServerStatus(Struct, frozen=True):
    """That the service runs, as KServe says it."""

    status: Literal["alive"]


class VersionStatus(Struct, frozen=True):
    """Whether a version of a model can be asked, as TensorFlow Serving says it."""

    version: str
    state: str
    status: dict[str, str]


class ModelStatus(Struct, frozen=True):
    """Whether a model can be asked, as KServe and TensorFlow Serving say it."""

    name: str
    ready: bool
    model_version_status: tuple[VersionStatus, ...]


class ModelSpec(Struct, frozen=True):
    """The model that is described."""

    name: str
    signature_name: str
    version: str


class ServingMetadata(Struct, frozen=True):
    """What goes into a model and what comes out; `metadata.classes` is the order of the classes."""

    model_spec: ModelSpec
    metadata: dict[str, Any]


def read_predict(request: HttpRequest) -> Question:
    """Return the question of a `:predict`, whose form is the key of its answer.

    Raises:
        Refusal: 400, it is not valid; 404, there is no such version.
    """
    require_version(request)
    body = read_body(request, PredictRequest)
    if (body.instances is UNSET) is (body.inputs is UNSET):
        raise Refusal(400, "the body has neither or both of instances and inputs", hint=_EXAMPLE)
    if body.instances is not UNSET:
        return _question(request, body.instances, "instances", "predictions")
    return _question(request, _column(body.inputs), "inputs", "outputs")


def write_predict(answer: Answer) -> HttpResponse:
    """Return the response for an answer to a `:predict`.

    Raises:
        Refusal: 422, the model has no single answer, or a photo can't be read.
    """
    model = one_model(answer.model)
    rows = [probabilities(each, model.classes) for each in readable_predictions(answer)]
    key: Column = answer.question.form
    return json_response(Predictions(**{key: rows}))


def read_classify(request: HttpRequest) -> Question:
    """Return the question of a `:classify`.

    Raises:
        Refusal: 400, it is not valid; 404, there is no such version.
    """
    require_version(request)
    return _question(request, read_body(request, ExamplesRequest).examples, "examples")


def write_classify(answer: Answer) -> HttpResponse:
    """Return the response for an answer to a `:classify`.

    Raises:
        Refusal: 422, the model has no single answer, or a photo can't be read.
    """
    one_model(answer.model)
    results = [list(each.top) for each in readable_predictions(answer)]
    return json_response(Classifications(results))


def _question(
    request: HttpRequest, instances: Sequence[Any], key: str, form: Column | None = None
) -> Question:
    found = enumerate(request.limited(instances))
    photos = [_photo(each, f"{key}[{index}]") for index, each in found]
    return Question(photos, request.path.get("model"), Options(top=ALL_CLASSES), form)


def _column(inputs: Any) -> Sequence[Any]:
    """Return the photos of a column, which may stand under a name."""
    if isinstance(inputs, dict) and len(inputs) == 1:
        (inputs,) = inputs.values()
    if not isinstance(inputs, list) or not inputs:
        raise Refusal(400, "inputs is not a list of photos", hint=_EXAMPLE)
    return inputs


def _photo(instance: Any, place: str) -> Photo:
    if isinstance(instance, list):
        raise Refusal(
            400,
            f"{place} holds numbers",
            hint=f"send the photo, which the model resizes and scales itself: {_EXAMPLE}",
        )
    content = instance
    if isinstance(instance, dict) and len(instance) == 1 and _B64 not in instance:
        (content,) = instance.values()
    if not isinstance(content, dict) or [*content] != [_B64] or not isinstance(content[_B64], str):
        raise Refusal(400, f"{place} is not a photo", hint=_EXAMPLE)
    return Photo(place, base64_content(content[_B64], place))


def _live(_request: HttpRequest, _status: Status) -> HttpResponse:
    return json_response(ServerStatus("alive"))


def _status(request: HttpRequest, status: Status) -> HttpResponse:
    name = described_model(request, status).name
    state = "AVAILABLE" if status.ready else "UNLOADING"
    version = VersionStatus(VERSION, state, {"error_code": "OK", "error_message": ""})
    return json_response(ModelStatus(name, status.ready, (version,)), status.code)


def _metadata(request: HttpRequest, status: Status) -> HttpResponse:
    model = described_model(request, status)
    spec = ModelSpec(model.name, "", VERSION)
    return json_response(ServingMetadata(spec, _signatures(one_model(model))))


def _signatures(model: ModelInfo) -> dict[str, Any]:
    signature = {
        "inputs": {_INPUT: _tensor(_INPUT, "DT_STRING", -1)},
        "outputs": {_OUTPUT: _tensor(_OUTPUT, "DT_FLOAT", -1, len(model.classes))},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "signature_def": {"signature_def": {_SIGNATURE: signature}},
        "classes": list(model.classes),
    }


def _tensor(name: str, kind: str, *shape: int) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in shape]
    return {
        "dtype": kind,
        "tensor_shape": {"dim": sizes, "unknown_rank": False},
        "name": f"{name}:0",
    }


_RowsOrColumns = Annotated[
    PredictRequest,
    Meta(extra_json_schema={"oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}]}),
]

PREDICT = Operation(
    "Return the probabilities of photos",
    model_paths("v1", ":predict"),
    _RowsOrColumns,
    Predictions,
    read_predict,
    write_predict,
)

TF_SERVING = Protocol(
    name="TensorFlow Serving and KServe v1",
    operations=(
        PREDICT,
        Operation(
            "Return the labels of photos",
            model_paths("v1", ":classify"),
            ExamplesRequest,
            Classifications,
            read_classify,
            write_classify,
        ),
    ),
    descriptions=(
        Description("Say that it runs", ("/",), ServerStatus, _live, public=True),
        Description("Say whether a model can be asked", model_paths("v1"), ModelStatus, _status),
        Description("Describe a model", model_paths("v1", "/metadata"), ServingMetadata, _metadata),
    ),
    error=ErrorText,
    refuse=refuse_as_text,
)
