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


def litert_file(path: Path, *, operator: str | None = None, outside: bool = False) -> Path:
    """Write a LiteRT file of no tensors, with a custom operator or with weights outside of it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version = 3
    model.subgraphs = []
    if operator is not None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = operator
        model.operatorCodes = [code]
    if outside:
        model.externalBuffers = [schema.ExternalBufferT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path
