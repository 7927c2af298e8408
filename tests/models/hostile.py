"""Model files as strangers may make them."""

from __future__ import annotations

import base64
import io
import json
import marshal
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


def layer(kind: str, module: str | None = "keras.layers", /, **config: Any) -> dict[str, Any]:
    """Return the config of a layer, as a `.keras` file holds it."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a model of these layers on eight numbers."""
    first = layer("InputLayer", batch_shape=[None, 8], dtype="float32", name="numbers")
    return layer("Sequential", "keras", name="model", layers=[first, *layers])


def weights() -> bytes:
    """Return an HDF5 file with a few numbers."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2, 3), np.float32)
    return content.getvalue()


def keras_file(path: Path, members: Mapping[str, bytes] | None = None, config: Any = None) -> Path:
    """Write a `.keras` file with this config, and these members in place of or beside its own."""
    document = sequential() if config is None else config
    whole = {
        "metadata.json": b"{}",
        "config.json": json.dumps(document).encode(),
        "model.weights.h5": weights(),
        **(members or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in whole.items():
            archive.writestr(name, content)
    return path


def program(path: Path) -> dict[str, Any]:
    """Return the config of a Lambda layer that makes the file `path` where it is called."""
    function = eval(f"lambda x: (open({str(path)!r}, 'w').close(), x)[1]")  # noqa: S307  # ours
    code = base64.encodebytes(marshal.dumps(function.__code__)).decode("ascii")
    value = {"code": code, "defaults": None, "closure": None}
    return layer("Lambda", name="program", function={"class_name": "__lambda__", "config": value})


def litert_model() -> Any:
    """Return a LiteRT model of two classes for images of 4 x 4 pixels, as objects of its schema.

    Its operators are a reshape (of tensor 0 to 4, by 1), a dense layer (to 5, with 2 and 3) and a
    softmax (to 6); the data of tensors 1, 2 and 3 are in the buffers of the same numbers.
    """
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs = 3, [graph]
    kernel = np.linspace(-0.01, 0.01, 96, dtype=np.float32)
    constants = (np.array([-1, 48], np.int32), kernel, np.zeros(2, np.float32))
    model.buffers = [litert_buffer(), *map(litert_buffer, constants)]
    model.metadata, model.signatureDefs = [schema.MetadataT()], [_litert_signature()]
    graph.inputs, graph.outputs = [0], [6]
    graph.tensors = [
        litert_tensor("pixels", [1, 4, 4, 3]),
        litert_tensor("shape", [2], 1, schema.TensorType.INT32),
        litert_tensor("kernel", [2, 48], 2),
        litert_tensor("bias", [2], 3),
        litert_tensor("flat", [1, 48]),
        litert_tensor("logits", [1, 2]),
        litert_tensor("probabilities", [1, 2]),
    ]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    model.operatorCodes, graph.operators = [], []
    for kind, inputs, outputs, options in (
        ("RESHAPE", [0, 1], [4], schema.ReshapeOptionsT()),
        ("FULLY_CONNECTED", [4, 2, 3], [5], schema.FullyConnectedOptionsT()),
        ("SOFTMAX", [5], [6], softmax),
    ):
        add_litert_operator(model, kind, inputs, outputs, options)
    return model


def litert_buffer(data: NDArray[Any] | None = None) -> Any:
    """Return a buffer of a LiteRT model."""
    from ai_edge_litert import schema_py_generated as schema

    buffer = schema.BufferT()
    buffer.data = None if data is None else np.frombuffer(data.tobytes(), np.uint8)
    return buffer


def litert_tensor(name: str, shape: list[int], buffer: int = 0, kind: int = 0) -> Any:
    """Return a tensor of a LiteRT model."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer, tensor.type = name, shape, buffer, kind
    return tensor


def add_litert_operator(
    model: Any, kind: str, inputs: list[int], outputs: list[int], options: Any = None
) -> None:
    """Add an operator to the first graph of a LiteRT model."""
    from ai_edge_litert import schema_py_generated as schema

    code, operator = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode, code.version = getattr(schema.BuiltinOperator, kind), 1
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    operator.opcodeIndex = len(model.operatorCodes)
    operator.inputs, operator.outputs, operator.builtinOptions = inputs, outputs, options
    if options is not None:
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
    model.operatorCodes.append(code)
    model.subgraphs[0].operators.append(operator)


def litert_file(path: Path, model: Any = None, *, operator: str | None = None) -> Path:
    """Write a LiteRT file, of `litert_model` if none is given, with a custom operator beside."""
    import flatbuffers

    model = litert_model() if model is None else model
    if operator is not None:
        add_litert_operator(model, "CUSTOM", [6], [])
        model.operatorCodes[-1].customCode = operator
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def _litert_signature() -> Any:
    from ai_edge_litert import schema_py_generated as schema

    signature, taken, given = schema.SignatureDefT(), schema.TensorMapT(), schema.TensorMapT()
    signature.signatureKey, signature.inputs, signature.outputs = "serve", [taken], [given]
    taken.name, given.name, given.tensorIndex = "pixels", "probabilities", 6
    return signature
