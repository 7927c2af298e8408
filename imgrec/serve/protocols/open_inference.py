"""The Open Inference Protocol, version 2, in JSON: KServe's and Triton's.

A tensor of photos goes in; tensors of probabilities, labels and whether they are known come out.
Tensors in binary and in shared memory are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from imgrec import __version__
from imgrec.data.records import Photo
from imgrec.evaluation.prediction import ModelInfo, Prediction
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
from imgrec.text import either, printable

_BINARY_LENGTH = "inference-header-content-length"
_INPUT, _PHOTOS, _PIXELS = "image", "BYTES", "UINT8"
_PROBABILITIES, _LABEL, _KNOWN = _OUTPUTS = ("probabilities", "label", "known")
_SHARED_MEMORY = "shared_memory_region"
_HEADERS = {1: b"P5", 3: b"P6"}

Size = Annotated[int, Meta(ge=0, lt=1 << 31)]
Parameters = dict[str, Any]


class InputTensor(Struct, frozen=True):
    """Photos, or the pixels of photos."""

    name: str
    shape: Annotated[tuple[Size, ...], Meta(min_length=1, max_length=4)]
    datatype: Annotated[
        str,
        Meta(
            description="BYTES for files in base64, of shape [n] or [n, 1]; UINT8 for pixels of "
            "shape [height, width, channels] or [n, height, width, channels], 1 or 3 channels.",
            extra_json_schema={"enum": [_PHOTOS, _PIXELS]},
        ),
    ]
    data: Annotated[list[Any], Meta(description="The values, row by row, flat or nested.")]
    parameters: Parameters = {}


class RequestedOutput(Struct, frozen=True):
    """An output that is wanted."""

    name: Annotated[str, Meta(extra_json_schema={"enum": _OUTPUTS})]
    parameters: Annotated[
        Parameters,
        Meta(
            description="`classification`, with probabilities: the number of most probable classes "
            "that are listed as `probability:index:label`."
        ),
    ] = {}


class InferRequest(Struct, frozen=True):
    """Photos to classify."""

    inputs: Annotated[tuple[InputTensor, ...], Meta(min_length=1, max_length=1)]
    outputs: Annotated[
        tuple[RequestedOutput, ...],
        Meta(max_length=len(_OUTPUTS), description="All, if none is named."),
    ] = ()
    id: str | None = None
    parameters: Parameters = {}


class OutputTensor(Struct, frozen=True):
    """What the model says of each photo."""

    name: str
    datatype: str
    shape: tuple[Size, ...]
    data: list[Any]


class InferResponse(Struct, frozen=True):
    """The outputs that were asked for."""

    model_name: str
    model_version: str
    outputs: tuple[OutputTensor, ...]
    id: str | UnsetType = UNSET


class Live(Struct, frozen=True):
    """Whether the process runs."""

    live: bool


class Ready(Struct, frozen=True):
    """Whether questions are answered."""

    ready: bool


class ModelReady(Struct, frozen=True):
    """Whether a model answers questions."""

    name: str
    ready: bool


class ModelNames(Struct, frozen=True):
    """The models that are served, the default one first."""

    models: tuple[str, ...]


class ServerMetadata(Struct, frozen=True):
    """What serves."""

    name: str
    version: str
    extensions: tuple[str, ...]


class TensorMetadata(Struct, frozen=True):
    """A tensor of a model; -1 is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(Struct, frozen=True):
    """What goes into a model and what comes out."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


class InferForm(NamedTuple):
    """The identifier of a request, and the outputs it asks for."""

    id: str | None
    outputs: Sequence[RequestedOutput]


def read(request: HttpRequest) -> Question:
    """Return the question of a request, whose form is an InferForm.

    Raises:
        Refusal: 400, it is not valid; 404, there is no such version; 422, the tensor is not one of
            photos.
    """
    require_version(request)
    if _BINARY_LENGTH in request.headers:
        raise Refusal(
            400, "tensors in binary are not supported", hint="send them as JSON: binary_data=False"
        )
    body = read_body(request, InferRequest)
    form = InferForm(body.id, body.outputs or [RequestedOutput(name) for name in _OUTPUTS])
    for output in form.outputs:
        _check_output(output)
    (tensor,) = body.inputs
    photos = _photos(tensor, request)
    return Question(photos, request.path["model"], Options(top=ALL_CLASSES), form)


def write(answer: Answer) -> HttpResponse:
    """Return the response for an answer.

    Raises:
        Refusal: 422, the model has no single answer, or a photo can't be read.
    """
    model, form = one_model(answer.model), answer.question.form
    predictions = readable_predictions(answer)
    outputs = tuple(_output(each, predictions, model) for each in form.outputs)
    identifier = UNSET if form.id is None else form.id
    return json_response(InferResponse(answer.model.name, VERSION, outputs, identifier))


def _photos(tensor: InputTensor, request: HttpRequest) -> list[Photo]:
    parameters = tensor.parameters
    if "binary_data_size" in parameters or _SHARED_MEMORY in parameters:
        raise Refusal(
            422, "the input is not in the JSON", hint="send it as JSON: binary_data=False"
        )
    values = _flat(tensor.data, len(tensor.shape))
    if not values:
        raise Refusal(422, "there is no photo in the request")
    if len(values) != math.prod(tensor.shape):
        shape = list(tensor.shape)
        raise Refusal(422, f"the shape {shape} does not fit the number of values, {len(values):,}")
    if tensor.datatype == _PHOTOS:
        return _files(tensor, request.limited(values))
    if tensor.datatype == _PIXELS:
        return _pixels(tensor, values, request)
    raise Refusal(
        400,
        f"the datatype {printable(tensor.datatype)} is not supported",
        hint="send photos as files in base64, BYTES, or their pixels from 0 to 255, UINT8; "
        "the model resizes and scales them",
    )


def _flat(data: list[Any], rank: int) -> list[Any]:
    for _ in range(1, rank):
        data = [value for each in data for value in (each if isinstance(each, list) else [each])]
    return data


def _files(tensor: InputTensor, values: Sequence[Any]) -> list[Photo]:
    if len(tensor.shape) > 2 or tensor.shape[1:] not in ((), (1,)):
        raise Refusal(422, f"the shape {list(tensor.shape)} is not [n] or [n, 1]")
    return [_file(_place(index), value) for index, value in enumerate(values)]


def _file(place: str, value: Any) -> Photo:
    if not isinstance(value, str):
        raise Refusal(422, f"{place} is not text in base64")
    return Photo(place, base64_content(value, place))


def _pixels(tensor: InputTensor, values: Sequence[Any], request: HttpRequest) -> list[Photo]:
    """Return pixels as photos in the formats PGM and PPM, which are decoded as any other."""
    *batch, height, width, channels = tensor.shape if len(tensor.shape) > 2 else (0, 0, 0)
    if len(batch) > 1 or channels not in _HEADERS:
        raise Refusal(
            422,
            f"the shape {list(tensor.shape)} is not that of photos",
            hint="use [n, height, width, channels], with 1 or 3 channels",
        )
    try:
        content = bytes(values)
    except (TypeError, ValueError):
        raise Refusal(422, "a pixel is not an integer from 0 to 255") from None
    head = b"%s %d %d 255\n" % (_HEADERS[channels], width, height)
    size = height * width * channels
    starts = request.limited(range(0, len(content), size))
    return [
        Photo(_place(index), head + content[start : start + size])
        for index, start in enumerate(starts)
    ]


def _place(index: int) -> str:
    return f"photo {index + 1}"


def _check_output(output: RequestedOutput) -> None:
    if output.name not in _OUTPUTS:
        raise Refusal(
            400, f"there is no output {printable(output.name)}", hint=f"use {either(_OUTPUTS)}"
        )
    if _SHARED_MEMORY in output.parameters:
        raise Refusal(422, "outputs in shared memory are not supported", hint="leave it out")
    count = output.parameters.get("classification")
    if count is None:
        return
    if output.name != _PROBABILITIES or type(count) is not int or count < 1:
        raise Refusal(422, "classification is a number from 1 on, for the output probabilities")


def _output(
    wanted: RequestedOutput, predictions: Sequence[Prediction], model: ModelInfo
) -> OutputTensor:
    rows = len(predictions)
    if wanted.name == _LABEL:
        labels = [each.label or "" for each in predictions]
        return OutputTensor(_LABEL, "BYTES", (rows,), labels)
    if wanted.name == _KNOWN:
        return OutputTensor(_KNOWN, "BOOL", (rows,), [each.known for each in predictions])
    count = wanted.parameters.get("classification")
    if count is not None:
        listed = [text for each in predictions for text in _ranked(each, model, count)]
        return OutputTensor(_PROBABILITIES, "BYTES", (rows, len(listed) // rows), listed)
    values = [value for each in predictions for value in probabilities(each, model.classes)]
    return OutputTensor(_PROBABILITIES, "FP32", (rows, len(model.classes)), values)


def _ranked(prediction: Prediction, model: ModelInfo, count: int) -> Iterator[str]:
    for name, probability in prediction.top[:count]:
        yield f"{probability!r}:{model.classes.index(name)}:{name}"


def _server(_request: HttpRequest, _status: Status) -> HttpResponse:
    return json_response(ServerMetadata("imgrec", __version__, ("classification",)))


def _live(_request: HttpRequest, _status: Status) -> HttpResponse:
    return json_response(Live(live=True))


def _ready(_request: HttpRequest, status: Status) -> HttpResponse:
    return json_response(Ready(status.ready), status.code)


def _models(_request: HttpRequest, status: Status) -> HttpResponse:
    return json_response(ModelNames(tuple(each.name for each in status.models)))


def _model(request: HttpRequest, status: Status) -> HttpResponse:
    model = described_model(request, status)
    outputs = (
        TensorMetadata(_PROBABILITIES, "FP32", (-1, len(one_model(model).classes))),
        TensorMetadata(_LABEL, "BYTES", (-1,)),
        TensorMetadata(_KNOWN, "BOOL", (-1,)),
    )
    inputs = (TensorMetadata(_INPUT, _PHOTOS, (-1,)),)
    return json_response(ModelMetadata(model.name, (VERSION,), "imgrec", inputs, outputs))


def _model_ready(request: HttpRequest, status: Status) -> HttpResponse:
    name = described_model(request, status).name
    return json_response(ModelReady(name, status.ready), status.code)


READY = Description("Say whether it answers", ("/v2/health/ready",), Ready, _ready, public=True)

OPEN_INFERENCE = Protocol(
    name="Open Inference Protocol",
    operations=(
        Operation(
            "Classify photos",
            model_paths("v2", "/infer"),
            InferRequest,
            InferResponse,
            read,
            write,
        ),
    ),
    descriptions=(
        Description("Describe the service", ("/v2",), ServerMetadata, _server),
        Description("Say that it runs", ("/v2/health/live",), Live, _live, public=True),
        READY,
        Description("List the models", ("/v2/models",), ModelNames, _models),
        Description("Describe a model", model_paths("v2"), ModelMetadata, _model),
        Description(
            "Say whether a model answers", model_paths("v2", "/ready"), ModelReady, _model_ready
        ),
    ),
    error=ErrorText,
    refuse=refuse_as_text,
)
