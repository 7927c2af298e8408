"""LiteRT files that could make LiteRT read or write outside its memory are refused."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.models.files import embed
from imgrec.models.litert import read_litert
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from tests.conftest import PROJECT
from tests.models.hostile import add_litert_operator, litert_buffer, litert_file, litert_model

KERNEL_BYTES = 2 * 48 * 4


def outputs(path: Path) -> NDArray[np.float32]:
    """Return what a file of `litert_model` computes for a black and a white image."""
    images = np.stack([np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)])
    return LiteRTEngine(path, ("a", "b"), ImageSpec(4, 4, 3)).outputs(images)


def place_kernel(model: Any, offset: int, size: int = KERNEL_BYTES) -> None:
    """Let the data of the kernel lie at an offset in the file."""
    model.buffers[2].data, model.buffers[2].offset, model.buffers[2].size = None, offset, size


def add_graphs(model: Any, number: int, callee: Callable[[int], int]) -> None:
    """Add graphs; an operator of each one, and of the first, runs `callee` of its number."""
    from ai_edge_litert import schema_py_generated as schema

    first = model.subgraphs[0]
    for at in range(number):
        options = schema.CallOnceOptionsT()
        options.initSubgraphIndex = callee(at)
        add_litert_operator(model, "CALL_ONCE", [], [], options)
        caller = schema.SubGraphT() if at else first
        caller.tensors = caller.tensors or []
        caller.operators = [*(caller.operators or []), first.operators.pop()]
        model.subgraphs[at:] = [caller]
    last = schema.SubGraphT()
    last.tensors, last.operators = [], []
    model.subgraphs.append(last)


def test_a_file_that_gives_another_shape_than_it_declares(tmp_path: Path) -> None:
    """The softmax of 48 numbers is not that of 2 classes."""
    model = litert_model()
    model.subgraphs[0].operators[2].inputs = [4]
    litert_file(tmp_path / "model.tflite", model)
    with pytest.raises(RunError, match=r"its output has the shape \(1, 48\), not the one it"):
        outputs(tmp_path / "model.tflite")


def test_a_sound_file_computes(tmp_path: Path) -> None:
    """Also with labels in an archive behind it, and with data behind its tables."""
    file = litert_file(tmp_path / "m.tflite")
    expected = outputs(file)
    assert expected[0] == pytest.approx(0.5)
    assert expected[1, 0] != pytest.approx(0.5, abs=0.1)
    embed(file, "litert", ["a", "b"], "{}")
    np.testing.assert_array_equal(outputs(file), expected)

    model = litert_model()
    kernel = model.buffers[2].data.tobytes()
    place_kernel(model, 1 << 12)
    content = litert_file(tmp_path / "m.tflite", model).read_bytes()
    file.write_bytes(content.ljust(1 << 12, b"\0") + kernel)
    np.testing.assert_array_equal(outputs(file), expected)


def test_a_model_without_an_output_is_refused(tmp_path: Path) -> None:
    """Whatever it computes, it gives no answer."""
    model = litert_model()
    model.subgraphs[0].outputs, model.signatureDefs = [], []
    with pytest.raises(RunError, match="the model has 0 outputs; an image classifier has one"):
        outputs(litert_file(tmp_path / "m.tflite", model))


def test_optional_inputs_may_be_absent(tmp_path: Path) -> None:
    """A dense layer needs no bias."""
    expected, model = outputs(litert_file(tmp_path / "m.tflite")), litert_model()
    model.subgraphs[0].operators[1].inputs[2] = -1
    file = litert_file(tmp_path / "m.tflite", model)
    np.testing.assert_allclose(outputs(file), expected, rtol=1e-6)


def test_graphs_that_run_each_other_are_let_in(tmp_path: Path) -> None:
    """Operators may run other graphs, in a few levels."""
    model = litert_model()
    add_graphs(model, 3, lambda at: at + 1)
    read_litert(litert_file(tmp_path / "m.tflite", model))


def test_the_checked_content_is_loaded(tmp_path: Path) -> None:
    """A file that is replaced after it was read changes nothing."""
    file = litert_file(tmp_path / "m.tflite")
    expected, engine = outputs(file), LiteRTEngine(file, ("a", "b"), ImageSpec(4, 4, 3))
    os.truncate(file, 64)
    np.testing.assert_array_equal(engine.outputs(np.zeros((1, 4, 4, 3), np.uint8)), expected[:1])


def _tensor(number: int, **fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].tensors[number], name, value)

    return change


def _operator(number: int, **fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].operators[number], name, value)

    return change


def _code(number: int, kind: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        code = model.operatorCodes[number]
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)

    return change


def _constant(number: int, values: NDArray[Any], kind: str = "FLOAT32") -> Callable[[Any], None]:
    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        model.buffers.append(litert_buffer(values))
        tensor = model.subgraphs[0].tensors[number]
        tensor.buffer, tensor.type = len(model.buffers) - 1, getattr(schema.TensorType, kind)

    return change


def _split_into(number: int) -> Callable[[Any], None]:
    """Add an operator that writes one tensor, and this number as its options say."""

    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        options, output = schema.SplitOptionsT(), schema.TensorT()
        options.numSplits, output.shape = number, [1, 2]
        model.subgraphs[0].tensors.append(output)
        add_litert_operator(model, "SPLIT", [3, 6], [7], options)

    return change


def _add_if_without_options(model: Any) -> None:
    add_litert_operator(model, "IF", [0], [])


def _make_sparse(model: Any) -> None:
    from ai_edge_litert import schema_py_generated as schema

    model.subgraphs[0].tensors[2].sparsity = schema.SparsityParametersT()


def _quantised(number: int, scale: float, zero_point: int) -> Callable[[Any], None]:
    """Change a tensor to integers of 32 bits that stand for other numbers."""

    def change(model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        tensor = model.subgraphs[0].tensors[number]
        tensor.type, tensor.quantization = 2, schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero_point]

    return change


def _set_signature(graph: int, tensor: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        model.signatureDefs[0].subgraphIndex = graph
        model.signatureDefs[0].outputs[0].tensorIndex = tensor

    return change


FLAT = np.zeros(48, np.float32)
ONE_STRING = np.frombuffer(struct.pack("<3i", 1, 12, 1 << 20), np.uint8)
WRAPPED = 2**64 - (1 << 40)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: place_kernel(model, 1 << 40, WRAPPED + 2000), "lies outside the file"),
        (lambda model: place_kernel(model, 1 << 16, 2**64 - (1 << 16) + 999), "outside the file"),
        (lambda model: place_kernel(model, 1 << 40), "a part lies outside the file"),
        (lambda model: place_kernel(model, 64), "its data overlap its tables"),
        (lambda model: place_kernel(model, 1), "a buffer does not say where its data are"),
        (lambda model: place_kernel(model, 1 << 40, 0), "a buffer does not say where"),
        (lambda model: setattr(model.buffers[2], "offset", 64), "a buffer does not say where"),
        (_constant(4, FLAT), "operator 0 writes into tensor 4, which is constant"),
        (_constant(0, FLAT), "the input writes into tensor 0, which is constant"),
        (_tensor(2, isVariable=True), "the tensor kernel has constant data, but is a variable"),
        (_constant(3, FLAT), "the tensor bias has 192 bytes of data instead of 8"),
        (_tensor(2, shape=[2, 47]), "the tensor kernel has 384 bytes of data instead of 376"),
        (_tensor(2, shape=[2, -48]), "the tensor kernel has a wrong shape"),
        (_tensor(4, shapeSignature=[-1]), "the tensor flat has a wrong shape"),
        (_tensor(4, shape=[1 << 20, 1 << 20]), "the tensor flat takes 4398046511104 bytes"),
        (_tensor(4, shape=[1 << 20, 200]), "takes 838860800 bytes; at most 512 MiB can be used"),
        (_tensor(4, type=99), "a tensor of the unknown type 99"),
        (_tensor(4, buffer=99), "the tensor flat needs buffer 99; the file has 4"),
        (_tensor(4, externalBuffer=1), "its weights are in other files"),
        (
            _constant(3, np.zeros(2, np.int64), "VARIANT"),
            "the tensor bias has constant data, but is a",
        ),
        (_constant(3, ONE_STRING, "STRING"), "the tensor bias has strings that lie outside"),
        (_quantised(3, -2.0, 0), "the tensor bias has a scale that is not positive"),
        (_quantised(3, float("nan"), 0), "the tensor bias has a scale that is not positive"),
        (_quantised(3, 1e-39, 0), "the tensor bias has a scale that is not positive, or too small"),
        (_quantised(3, 0.5, 2**31), "the tensor bias has a zero point that its type does not"),
        (_make_sparse, "the tensor kernel is sparse, which can't be checked"),
        (_operator(0, inputs=[7, 1]), "operator 0 needs tensor 7; the file has 7"),
        (_code(0, "DEPTHWISE_CONV_2D"), "operator 0 has 2 inputs instead of 3"),
        (_code(0, "SLICE"), "operator 0 has 2 inputs instead of 3"),
        (_code(0, "STRIDED_SLICE"), "operator 0 has 2 inputs instead of 4"),
        (_code(2, "CONV_2D"), "operator 2 has 1 inputs instead of 2"),
        (_code(2, "BATCH_MATMUL"), "operator 2 has 1 inputs instead of 2"),
        (_operator(0, inputs=[-2, 1]), "operator 0 needs tensor -2"),
        (_operator(0, inputs=[0, -1]), "operator 0 needs tensor -1"),
        (_operator(0, outputs=[-1]), "operator 0 needs tensor -1"),
        (_operator(0, intermediates=[9]), "operator 0 needs tensor 9"),
        (_operator(0, opcodeIndex=3), "operator 0 needs code 3; the file has 3"),
        (_operator(0, inputs=[6, 1]), "operator 0 reads tensor 6 before it is computed"),
        (_operator(0, inputs=[4, 1]), "operator 0 reads tensor 4 before it is computed"),
        (_operator(1, outputs=[4]), "operator 1 writes into tensor 4, which has a value already"),
        (_operator(1, outputs=[0]), "operator 1 writes into tensor 0, which has a value already"),
        (_operator(2, outputs=[]), "the output reads tensor 6 before it is computed"),
        (_set_signature(1, 6), "a signature needs graph 1; the file has 1"),
        (_set_signature(0, 7), "a signature needs tensor 7; the file has 7"),
        (lambda model: setattr(model.metadata[0], "buffer", 4), "its metadata needs buffer 4"),
        (_split_into(3), "operator 3 has 1 output instead of 3"),
        (_add_if_without_options, "operator 3 does not say which graph it runs"),
        (lambda model: add_graphs(model, 1, lambda _: 0), "it has a graph that runs itself"),
        (lambda model: add_graphs(model, 1, lambda _: 2), "an operator needs graph 2"),
        (lambda model: add_graphs(model, 20, lambda at: at + 1), "in more than 16 levels"),
        (lambda model: setattr(model, "subgraphs", []), "it has no graph"),
        (_tensor(4, shape=np.ones(500_001, np.int32)), "more than 500000 tables and numbers"),
    ],
)
def test_a_file_that_would_leave_its_memory_is_refused(
    tmp_path: Path, change: Callable[[Any], None], reason: str
) -> None:
    """The reason is given, when it is imported and in a run that somebody sent."""
    model, names = litert_model(), tmp_path / "names.txt"
    change(model)
    file = litert_file(tmp_path / "m.tflite", model)
    with pytest.raises(RunError, match=rf"m\.tflite is refused: .*{reason}"):
        outputs(file)
    names.write_text("a\nb\n")
    with pytest.raises(RunError, match=reason):
        import_model(ImportSpec(file, str(names)), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_foreign_operators_and_files_are_refused(tmp_path: Path) -> None:
    """An operator that LiteRT does not have is named; so are weights in another file."""
    from ai_edge_litert import schema_py_generated as schema

    for operator in ("FlexReadFile", "Mine\x1b"):
        with pytest.raises(
            RunError, match=r"the operator (FlexReadFile|Mine\\x1b), which is not a built-in"
        ):
            read_litert(litert_file(tmp_path / "m.tflite", operator=operator))
    model = litert_model()
    model.externalBuffers = [schema.ExternalBufferT()]
    with pytest.raises(RunError, match="its weights are in other files"):
        read_litert(litert_file(tmp_path / "m.tflite", model))


MUTATIONS = """
import random, sys
from pathlib import Path
from imgrec.errors import RunError
from tests.models.test_litert import outputs

file, counts = Path(sys.argv[1]), [0, 0]
content = file.read_bytes()
for seed in range(400):
    generator, mutated = random.Random(seed), bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 4))):
        size = generator.choice((1, 1, 2, 4, 8))
        number = generator.choice((-1, 0, 1, 4, 255, 256, 2**31, generator.getrandbits(63)))
        place = generator.randrange(8, len(content) - size)
        mutated[place : place + size] = number.to_bytes(9, "little", signed=True)[:size]
    file.write_bytes(mutated)
    try:
        counts[outputs(file).shape == (2, 2)] += 1
    except RunError:
        counts[0] += 1
print(counts)
"""


def test_damaged_files_compute_or_are_refused(tmp_path: Path) -> None:
    """400 files with a few other bytes are loaded by a process, which survives them all."""
    process = subprocess.run(
        [sys.executable, "-c", MUTATIONS, litert_file(tmp_path / "m.tflite")],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    refused, computed = (int(each) for each in process.stdout.splitlines()[-1][1:-1].split(","))
    assert refused > 200
    assert computed > 50
