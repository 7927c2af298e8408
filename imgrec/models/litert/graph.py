"""The graph of a LiteRT file: its tensors, and the operators that compute them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from mmap import mmap
from typing import Any

import numpy as np
from msgspec import Struct

from imgrec.models.litert.flatbuffer import Flatbuffer, Table

# The numbers of operators in LiteRT's schema, whose Python module takes half a second to import.
_NAMES = {
    0: "ADD",
    1: "AVERAGE_POOL_2D",
    2: "CONCATENATION",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    18: "MUL",
    19: "RELU",
    21: "RELU6",
    22: "RESHAPE",
    25: "SOFTMAX",
    28: "TANH",
    34: "PAD",
    37: "BATCH_TO_SPACE_ND",
    38: "SPACE_TO_BATCH_ND",
    39: "TRANSPOSE",
    40: "MEAN",
    41: "SUB",
    42: "DIV",
    43: "SQUEEZE",
    45: "STRIDED_SLICE",
    53: "CAST",
    54: "PRELU",
    60: "PADV2",
    74: "SUM",
    76: "RSQRT",
    77: "SHAPE",
    82: "REDUCE_MAX",
    83: "PACK",
    98: "LEAKY_RELU",
    99: "SQUARED_DIFFERENCE",
    114: "QUANTIZE",
    117: "HARD_SWISH",
    126: "BATCH_MATMUL",
    150: "GELU",
}
# Fields of the tables in the schema.
_OPERATOR_CODES, _GRAPHS, _BUFFERS = 1, 2, 4
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3
_INTEGERS = {2: "<i4", 4: "<i8"}  # types of tensors
_RESULTS, _OPTIONS_TYPE, _OPTIONS = 2, 3, 4
_SOFTMAX_OPTIONS = 9
_BETA = struct.Struct("<f")
# The fields of a pooling's window, and of the dilation of a convolution; width before height.
_POOLING = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
_DILATION = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 5}

# The field of the activation that an operator applies, and its values that make negative numbers 0.
_ACTIVATION = {"ADD": 0, "FULLY_CONNECTED": 0, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "MUL": 0}
_RELU, _RELU6 = 1, 3

# They change the form of a tensor, not what it says.
_FORM = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE", "CAST")
# Of theirs, the inputs after the first say what shape the output has.
_SHAPED = (
    *("RESHAPE", "TRANSPOSE", "MEAN", "SUM", "REDUCE_MAX", "PAD", "PADV2"),
    *("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "STRIDED_SLICE"),
)
# Of shapes, they make shapes.
_OF_SHAPES = ("STRIDED_SLICE", "PACK")
_LINEAR = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_MATMUL")

_Sides = tuple[int, int]


class Window(Struct, frozen=True):
    """The window that a convolution or a pooling moves over a map: (height, width) of each.

    padded: whether zeros are added around the map, as with `padding: same`.
    """

    size: _Sides
    stride: _Sides
    dilation: _Sides = (1, 1)
    padded: bool = False


class Operator(Struct, frozen=True):
    """What computes tensors from tensors, both by their numbers.

    name: As in LiteRT's schema; the number of one that nothing here depends on. inputs: Without the
    optional ones that are missing. relu: Whether it makes negative numbers 0. relu6: Whether it
    also makes those above 6 a 6.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    window: Window | None = None
    relu: bool = False
    relu6: bool = False


class Graph(Struct, frozen=True):
    """The main graph of a file.

    names, shapes: Of the tensors, by number; a size that may vary is 1. operators: In the order in
    which they run.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]


def read_graph(content: bytes | mmap) -> Graph:
    """Return the main graph of a file.

    Args:
        content: What `read_litert` returned.
    """
    root = Flatbuffer(content).root()
    codes = [max(each.scalar(0, "b"), each.scalar(3, "i")) for each in root.tables(_OPERATOR_CODES)]
    graph = root.tables(_GRAPHS)[0]
    tensors = graph.tables(_TENSORS)
    shapes = [each.scalars(0, "i") for each in tensors]
    return Graph(
        tuple(each.text(3) or "" for each in tensors),
        tuple(shapes),
        graph.scalars(_INPUTS, "i"),
        graph.scalars(_OUTPUTS, "i"),
        tuple(_operator(each, codes, shapes) for each in graph.tables(_OPERATORS)),
    )


def has_fixed_shapes(graph: Graph) -> bool:
    """Return whether the shapes of all tensors follow from those of the inputs.

    If not, they may depend on the values of the inputs. A graph with an operator that is not in
    `_NAMES` counts as such.
    """
    computed = {*graph.inputs} | {each for made in graph.operators for each in made.outputs}
    for operator in graph.operators:
        name, inputs = operator.name, operator.inputs
        if name not in _NAMES.values():
            return False
        if name in _SHAPED and not computed.isdisjoint(inputs[1:]):
            return False
        if name == "SHAPE" or (name in _OF_SHAPES and computed.isdisjoint(inputs)):
            computed.difference_update(operator.outputs)
    return True


def constant_integers(content: bytes, tensors: Collection[int]) -> Mapping[int, Any]:
    """Return the values of constant tensors of integers by their numbers, as nested lists.

    Args:
        content: What `read_litert` returned.
        tensors: The numbers of tensors of the main graph; others than such are left out.
    """
    root = Flatbuffer(content).root()
    found, buffers = {}, root.tables(_BUFFERS)
    for number, tensor in enumerate(root.tables(_GRAPHS)[0].tables(_TENSORS)):
        kind = _INTEGERS.get(tensor.scalar(1, "b"))
        if number in tensors and kind is not None:
            start, length = buffers[tensor.scalar(2, "I")].data(0)
            values = np.frombuffer(content[start : start + length], kind)
            if values.size:
                found[number] = values.reshape(tensor.scalars(0, "i")).tolist()
    return found


def with_output(content: bytes, tensor: int) -> bytes:
    """Return a file whose first output is another tensor of the main graph.

    Args:
        content: What `read_litert` returned.
        tensor: The number of the tensor.
    """
    start, _ = Flatbuffer(content).root().tables(_GRAPHS)[0].data(_OUTPUTS)
    return b"".join((content[:start], struct.pack("<i", tensor), content[start + 4 :]))


def with_temperature(content: bytes, tensor: int, temperature: float) -> bytes | None:
    """Return a file whose logits are divided by `temperature`; None if it can't be put in.

    The operator SOFTMAX multiplies its input by its option `beta`.

    Args:
        content: What `read_litert` returned.
        tensor: The number of the tensor with the probabilities in the main graph.
        temperature: Above 0.
    """
    for operator in reversed(Flatbuffer(content).root().tables(_GRAPHS)[0].tables(_OPERATORS)):
        if tensor in operator.scalars(_RESULTS, "i"):
            options = operator.table(_OPTIONS)
            is_softmax = operator.scalar(_OPTIONS_TYPE, "B") == _SOFTMAX_OPTIONS
            place = options.place(0, _BETA.size) if is_softmax and options else 0
            if not place:
                return None
            (beta,) = _BETA.unpack_from(content, place)
            scaled = _BETA.pack(beta / temperature)
            return content[:place] + scaled + content[place + _BETA.size :]
    return None


def features_tensor(graph: Graph, output: int) -> int | None:
    """Return the number of the tensor that the last layer with weights takes: the features.

    None if no layer with weights comes before that one, or if there is none at all.

    Args:
        graph: The graph.
        output: The number of the tensor with the probabilities. If they are a part of it, they are
            its first part.
    """
    live = set(graph.inputs)
    makers: dict[int, Operator] = {}
    for operator in graph.operators:
        if live & {*operator.inputs}:
            live |= {*operator.outputs}
            makers |= dict.fromkeys(operator.outputs, operator)
    tensor = output
    while tensor in makers:
        operator = makers[tensor]
        entering = [each for each in operator.inputs if each in live]
        tensor = entering[0]
        if operator.name in _LINEAR and len(entering) < len(operator.inputs):
            return tensor if _has_weights(tensor, makers) else None
    return None


def ends_linear(content: bytes, tensor: int) -> bool:
    """Return whether a tensor is computed by a layer without activation, such as a dense one.

    Args:
        content: What `read_litert` returned.
        tensor: The number of the tensor in the main graph.
    """
    for operator in reversed(read_graph(content).operators):
        if tensor not in operator.outputs:
            continue
        if operator.name not in _FORM:
            return operator.name in _LINEAR
        tensor = operator.inputs[0]
    return False


def _has_weights(tensor: int, makers: Mapping[int, Operator]) -> bool:
    """Return whether a layer with weights is among what computes a tensor."""
    waiting, seen = [tensor], set()
    while waiting:
        operator = makers.get(waiting.pop())
        if operator is None or operator in seen:
            continue
        if operator.name in _LINEAR:
            return True
        seen.add(operator)
        waiting += operator.inputs
    return False


def _operator(table: Table, codes: list[int], shapes: list[tuple[int, ...]]) -> Operator:
    code = codes[table.scalar(0, "I")]
    name = _NAMES.get(code, str(code))
    inputs = tuple(each for each in table.scalars(1, "i") if each >= 0)
    options = table.table(_OPTIONS)
    window = None
    if options is not None and name in _POOLING:
        window = _window(options, _sides(options, 3))
    elif options is not None and name in _DILATION:
        _, height, width, _ = shapes[inputs[1]]
        window = _window(options, (height, width), _sides(options, _DILATION[name]))
    relu, relu6 = name in ("RELU", "RELU6"), name == "RELU6"
    if options is not None and name in _ACTIVATION:
        activation = options.scalar(_ACTIVATION[name], "b")
        relu, relu6 = activation in (_RELU, _RELU6), activation == _RELU6
    return Operator(name, inputs, table.scalars(2, "i"), window, relu, relu6)


def _window(options: Table, size: _Sides, dilation: _Sides = (1, 1)) -> Window:
    return Window(size, _sides(options, 1), dilation, padded=options.scalar(0, "b") == 0)


def _sides(options: Table, field: int) -> _Sides:
    """Return the height and the width in two fields, the width first; 1 is the default."""
    return options.scalar(field + 1, "i") or 1, options.scalar(field, "i") or 1
