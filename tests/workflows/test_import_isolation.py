"""A child process runs a stranger's model before it becomes a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.workflows import import_isolation
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tests.models.hostile import (
    add_litert_operator,
    litert_buffer,
    litert_file,
    litert_model,
)


def add_endless_loop(model: Any) -> None:
    """Add a WHILE whose condition is a constant."""
    from ai_edge_litert import schema_py_generated as schema

    condition, body = schema.SubGraphT(), schema.SubGraphT()
    model.buffers.append(litert_buffer(np.array([True])))
    looped, taken, given, true = (schema.TensorT() for _ in range(4))
    for tensor in (looped, taken, given):
        tensor.shape = [1, 2]
    true.shape, true.buffer, true.type = [1], 4, schema.TensorType.BOOL
    condition.tensors, condition.inputs, condition.outputs = [taken, true], [0], [1]
    body.tensors, body.inputs, body.outputs = [given], [0], [0]
    condition.operators, body.operators = [], []
    model.subgraphs += [condition, body]
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    graph = model.subgraphs[0]
    graph.tensors.append(looped)
    add_litert_operator(model, "WHILE", [6], [7], options)
    graph.outputs, model.signatureDefs[0].outputs[0].tensorIndex = [7], 7


def test_a_model_that_never_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file and the limit; no run is left."""
    monkeypatch.setattr(import_isolation, "_LITERT_SECONDS", 1)
    model, names, runs = litert_model(), tmp_path / "names.txt", tmp_path / "runs"
    add_endless_loop(model)
    names.write_text("a\nb\n")
    file = litert_file(tmp_path / "m.tflite", model)
    limit = "(more than 1 s of processor time|longer than 2 s)"
    with pytest.raises(RunError, match=rf"m\.tflite is refused: LiteRT took {limit}$"):
        import_model(ImportSpec(file, str(names)), runs_dir=runs)
    assert not runs.exists() or not list(runs.iterdir())
