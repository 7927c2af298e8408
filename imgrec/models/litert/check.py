"""Checks of LiteRT files, before LiteRT loads them.

LiteRT adds offsets in 64 bits, which can wrap around, and lets an operator write into constants.
Here, what a file says about its memory is checked with integers of any size. LiteRT itself verifies
the fields that are not read here, such as the options of the operators.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from mmap import mmap
from pathlib import Path

import numpy as np
from msgspec import Struct

from imgrec.errors import RunError
from imgrec.files import read_regular, reason_of
from imgrec.models.litert.flatbuffer import Flatbuffer, Table
from imgrec.models.refused_files import HINT, RefusedFile, check_file, refusal
from imgrec.text import count_of, printable

# Offsets in a flatbuffer have 32 bits; LiteRT does not verify what is beyond.
MAX_BYTES = 2 << 30

_MAX_RANK = 8  # of LiteRT's operators
# LiteRT divides by scales; the reciprocal of a smaller one can be infinite.
_LEAST_SCALE = np.finfo(np.float32).tiny
# LiteRT counts the elements of a tensor in 32 bits.
_MAX_CONSTANT_BYTES = 2**31 - 1
# LiteRT holds at least the input and the output of an operator at once.
_MAX_COMPUTED_BYTES = 1 << 29
# Each level takes a part of the stack, whose size is fixed.
_MAX_CALL_DEPTH = 16

# Fields of the tables in LiteRT's schema, and its numbers. Importing the schema's Python module
# would take longer than predicting a photo.
_OPERATOR_CODES, _GRAPHS, _BUFFERS, _METADATA_BUFFERS, _METADATA, _SIGNATURES = 1, 2, 4, 5, 6, 7
_EXTERNAL_GROUPS, _EXTERNAL_BUFFERS = 8, 9
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3

# The offset of the root and the name of the format.
_HEADER = 8

_CUSTOM = 32
_BITS = {
    **dict.fromkeys((17, 20), 4),
    **dict.fromkeys((3, 6, 9, 21, 22), 8),
    **dict.fromkeys((1, 7, 16, 18), 16),
    **dict.fromkeys((0, 2, 15), 32),
    **dict.fromkeys((4, 8, 10, 12), 64),
    11: 128,
    19: 2,
}
_STRING = 5
_HANDLES = (13, 14)  # of variables and of tensors of any type, whose data would be an address
# The types of quantised tensors, and the least and the greatest zero point.
_INTEGERS = {
    17: (-8, 7),
    9: (-128, 127),
    3: (0, 255),
    7: (-(2**15), 2**15 - 1),
    2: (-(2**31), 2**31 - 1),
}

# Operators that run other graphs: the field with the type of their options, which the options
# follow, that type, and the fields in them that have the number of a graph.
_CALLS = {
    118: (3, 92, (0, 1)),  # IF
    119: (3, 93, (0, 1)),  # WHILE
    129: (3, 103, (0,)),  # CALL_ONCE
    174: (11, 6, (1,)),  # STABLEHLO_REDUCE
    190: (11, 7, (6,)),  # STABLEHLO_SCATTER
    198: (11, 13, (5,)),  # STABLEHLO_REDUCE_WINDOW
    199: (11, 14, (2,)),  # STABLEHLO_SORT
    200: (11, 15, (0, 1)),  # STABLEHLO_WHILE
    206: (11, 21, (1,)),  # STABLEHLO_COMPOSITE
}
# CALL and STABLEHLO_CASE, for which LiteRT has no code.
_UNUSABLE_CALLS = (31, 209)

# Operators whose options have the number of their outputs in the first field; LiteRT relies on it.
_COUNTS = {49: 35, 102: 79, 88: 64}  # SPLIT, SPLIT_V, UNPACK; and the type of their options

# Operators with optional inputs, and the first of these.
_OPTIONAL = {
    3: 2,  # CONV_2D
    4: 2,  # DEPTHWISE_CONV_2D
    9: 2,  # FULLY_CONNECTED
    16: 1,  # LSTM
    27: 3,  # SVDF
    44: 1,  # UNIDIRECTIONAL_SEQUENCE_LSTM
    46: 1,  # BIDIRECTIONAL_SEQUENCE_RNN
    52: 1,  # BIDIRECTIONAL_SEQUENCE_LSTM
    67: 3,  # TRANSPOSE_CONV
    132: 2,  # CONV_3D
    141: 3,  # CONV_3D_TRANSPOSE
}
# Operators whose inputs LiteRT, or `read_graph`, reads without counting them; how many they need.
_REQUIRED_INPUTS = {
    3: 2,  # CONV_2D
    4: 3,  # DEPTHWISE_CONV_2D
    45: 4,  # STRIDED_SLICE
    65: 3,  # SLICE
    126: 2,  # BATCH_MATMUL
}
_NO_TENSOR = -1  # in the place of an optional input


def read_litert(path: Path, verify: Callable[[bytes], None] | None = None) -> bytes:
    """Return the content of a LiteRT file that is safe to load.

    Load the content, not the file: it may be replaced in between.

    Args:
        path: The file.
        verify: Called with the content, before its structure is checked.

    Raises:
        RunError: It has custom operators or TensorFlow's (`Flex…`), weights in other files, or a
            structure that could have LiteRT read or write outside its memory.
    """
    check_file(path, MAX_BYTES)
    try:
        content = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise RunError(f"{printable(str(path))} can't be read: {reason_of(error)}") from error
    if verify is not None:
        verify(content)
    check_litert(path, content)
    return content


def check_litert(path: Path, content: bytes | mmap) -> None:
    """Raise RunError, as `read_litert` does, unless the content of a file is safe to load."""
    if content[4:8] != b"TFL3":
        raise RunError(f"{printable(str(path))} is not a LiteRT model (.tflite)", hint=HINT)
    try:
        _check(Flatbuffer(content))
    except RefusedFile as error:
        raise refusal(path, str(error)) from error


class _Model(Struct, frozen=True):
    """What the graphs of a file share.

    Args:
        file: The file.
        operator_codes: The numbers of the built-in operators that the graphs use.
        buffers: Where the data of each buffer start, and their length; 0 if it has none.
    """

    file: Flatbuffer
    operator_codes: list[int]
    buffers: list[tuple[int, int]]


class _Tensor(Struct, frozen=True):
    is_constant: bool
    is_variable: bool
    is_empty: bool


def _check(file: Flatbuffer) -> None:
    root = file.root()
    if root.tables(_EXTERNAL_GROUPS) or root.tables(_EXTERNAL_BUFFERS):
        raise RefusedFile("its weights are in other files")
    codes = [_operator_code(each) for each in root.tables(_OPERATOR_CODES)]
    buffers = [_data(file, each) for each in root.tables(_BUFFERS)]
    model = _Model(file, codes, buffers)
    graphs = root.tables(_GRAPHS)
    tensors = [[_tensor(model, each) for each in graph.tables(_TENSORS)] for graph in graphs]
    if not graphs:
        raise RefusedFile("it has no graph")
    _check_calls([_check_graph(model, *each) for each in zip(graphs, tensors, strict=True)])
    for signature in root.tables(_SIGNATURES):
        _check_signature(signature, tensors)
    for each in root.tables(_METADATA):
        each.text(0)
        _check_index(each.scalar(1, "I"), buffers, "its metadata", "buffer")
    file.check_overlaps()


def _operator_code(code: Table) -> int:
    number, name = max(code.scalar(0, "b"), code.scalar(3, "i")), code.text(1)
    if name is not None or number == _CUSTOM:
        shown = printable((name or "")[:80])
        raise RefusedFile(f"it needs the operator {shown}, which is not a built-in of LiteRT")
    if number in _UNUSABLE_CALLS:
        raise RefusedFile(f"it needs the operator {number}, which LiteRT can't run")
    return number


def _data(file: Flatbuffer, buffer: Table) -> tuple[int, int]:
    """Return where the data of a buffer start, and their length; 0 if it has none."""
    data, offset, size = buffer.data(0), buffer.scalar(1, "Q"), buffer.scalar(2, "Q")
    if not offset and not size:
        return data
    if data[1] or not size or offset < _HEADER:
        raise RefusedFile("a buffer does not say where its data are")
    file.add_part(offset, size, is_data=True)
    return offset, size


def _tensor(model: _Model, tensor: Table) -> _Tensor:
    name = printable((tensor.text(3) or "")[:80])
    shape, kind, buffer = tensor.scalars(0, "i"), tensor.scalar(1, "b"), tensor.scalar(2, "I")
    signature = tensor.scalars(7, "i")
    if len(shape) > _MAX_RANK or min(shape, default=0) < 0 or len(signature) not in (0, len(shape)):
        raise RefusedFile(f"the tensor {name} has a wrong shape")
    if tensor.scalar(10, "I"):
        raise RefusedFile("its weights are in other files")
    _check_index(buffer, model.buffers, f"the tensor {name}", "buffer")
    _, length = data = model.buffers[buffer]
    if kind in _INTEGERS and (quantization := tensor.table(4)) is not None:
        _check_quantization(quantization, kind, name)
    is_variable = tensor.scalar(5, "B") != 0
    if length and (is_variable or kind in _HANDLES):
        raise RefusedFile(f"the tensor {name} has constant data, but is a variable or a handle")
    _check_size(_size(kind, shape), length, name)
    if length and tensor.table(6) is not None:
        raise RefusedFile(f"the tensor {name} is sparse, which can't be checked")
    if length and kind == _STRING:
        _check_strings(model.file, data, math.prod(shape), name)
    return _Tensor(length > 0, is_variable, 0 in shape)


def _check_size(size: int | None, length: int, name: str) -> None:
    """Refuse a tensor that is too large, or that does not fit its data."""
    most = _MAX_CONSTANT_BYTES if length else _MAX_COMPUTED_BYTES
    if size is not None and size > most:
        bound = f"at most {most >> 20} MiB can be used"
        raise RefusedFile(f"the tensor {name} takes {size} bytes; {bound}")
    if size is not None and length not in (0, size):
        raise RefusedFile(f"the tensor {name} has {length} bytes of data instead of {size}")


def _check_quantization(quantization: Table, kind: int, name: str) -> None:
    """Refuse scales and zero points that lead LiteRT's tables of integers astray."""
    scales, zero_points = quantization.array(2, "<f4"), quantization.array(3, "<i8")
    least, greatest = _INTEGERS[kind]
    if not (np.isfinite(scales) & (scales >= _LEAST_SCALE)).all():
        raise RefusedFile(f"the tensor {name} has a scale that is not positive, or too small")
    if not ((zero_points >= least) & (zero_points <= greatest)).all():
        raise RefusedFile(f"the tensor {name} has a zero point that its type does not have")


def _size(kind: int, shape: Sequence[int]) -> int | None:
    """Return how many bytes a tensor takes; None for strings and handles."""
    if kind in _BITS:
        return -(-math.prod(shape) * _BITS[kind] // 8)
    if kind in (_STRING, *_HANDLES):
        return None
    raise RefusedFile(f"it has a tensor of the unknown type {kind}")


def _check_strings(file: Flatbuffer, data: tuple[int, int], number: int, name: str) -> None:
    """Refuse strings that do not lie, one after the other, in the data behind their limits."""
    start, length = data
    first = 4 * (number + 2)
    if first <= length:
        found, *limits = file.scalars("i", start, number + 2)
        ordered = [first, *limits, length]
        if found == number and ordered == sorted(ordered):
            return
    raise RefusedFile(f"the tensor {name} has strings that lie outside its data")


def _check_graph(model: _Model, graph: Table, tensors: Sequence[_Tensor]) -> set[int]:
    """Check the operators of a graph, which run in their order; return the graphs that they run."""
    graph.text(4)
    ready = {at for at, each in enumerate(tensors) if each.is_constant or each.is_variable}
    calls = set[int]()
    _write(graph.scalars(_INPUTS, "i"), ready, tensors, "the input")
    for number, operator in enumerate(graph.tables(_OPERATORS)):
        place = f"operator {number}"
        index = operator.scalar(0, "I")
        _check_index(index, model.operator_codes, place, "code")
        code, outputs = model.operator_codes[index], operator.scalars(2, "i")
        _read(_inputs(operator, code, place), ready, tensors, place)
        _write(outputs, ready, tensors, place)
        _check_count(operator, code, len(outputs), place)
        for each in operator.scalars(8, "i"):  # intermediate results
            _check_index(each, tensors, place, "tensor")
        calls |= _calls(operator, code, place)
    _read(graph.scalars(_OUTPUTS, "i"), ready, tensors, "the output")
    return calls


def _inputs(operator: Table, code: int, place: str) -> list[int]:
    """Return the inputs of an operator without the optional ones that it does not have."""
    inputs = operator.scalars(1, "i")
    if len(inputs) < (required := _REQUIRED_INPUTS.get(code, 0)):
        raise RefusedFile(f"{place} has {len(inputs)} inputs instead of {required}")
    optional = _OPTIONAL.get(code, len(inputs))
    return [each for at, each in enumerate(inputs) if each != _NO_TENSOR or at < optional]


def _read(numbers: Iterable[int], ready: set[int], tensors: Sequence[_Tensor], place: str) -> None:
    for number in numbers:
        _check_index(number, tensors, place, "tensor")
        if number not in ready and not tensors[number].is_empty:
            raise RefusedFile(f"{place} reads tensor {number} before it is computed")


def _write(numbers: Iterable[int], ready: set[int], tensors: Sequence[_Tensor], place: str) -> None:
    for number in numbers:
        _check_index(number, tensors, place, "tensor")
        if tensors[number].is_constant:
            raise RefusedFile(f"{place} writes into tensor {number}, which is constant")
        if number in ready:
            raise RefusedFile(f"{place} writes into tensor {number}, which has a value already")
        ready.add(number)


def _check_count(operator: Table, code: int, outputs: int, place: str) -> None:
    if code in _COUNTS:
        options = _options(operator, 3, _COUNTS[code])
        count = 0 if options is None else options.scalar(0, "i")
        if count != outputs:
            raise RefusedFile(f"{place} has {count_of(outputs, 'output')} instead of {count}")


def _calls(operator: Table, code: int, place: str) -> set[int]:
    """Return the graphs that an operator runs."""
    if code not in _CALLS:
        return set()
    field, kind, fields = _CALLS[code]
    if (options := _options(operator, field, kind)) is None:
        raise RefusedFile(f"{place} does not say which graph it runs")
    return {options.scalar(each, "i") for each in fields}


def _options(operator: Table, field: int, kind: int) -> Table | None:
    """Return the options of an operator if they are of a type, which a field says."""
    return operator.table(field + 1) if operator.scalar(field, "B") == kind else None


def _check_calls(calls: Sequence[set[int]]) -> None:
    """Refuse graphs that run themselves, or each other in too many levels."""
    from graphlib import CycleError, TopologicalSorter

    for each in set().union(*calls):
        _check_index(each, calls, "an operator", "graph")
    levels: dict[int, int] = {}
    try:
        for number in TopologicalSorter(dict(enumerate(calls))).static_order():
            levels[number] = 1 + max((levels[each] for each in calls[number]), default=0)
    except CycleError as error:
        raise RefusedFile("it has a graph that runs itself") from error
    if max(levels.values()) > _MAX_CALL_DEPTH:
        raise RefusedFile(f"its graphs run each other in more than {_MAX_CALL_DEPTH} levels")


def _check_signature(signature: Table, graphs: Sequence[Sized]) -> None:
    signature.text(2)
    graph = signature.scalar(4, "I")
    _check_index(graph, graphs, "a signature", "graph")
    for each in (*signature.tables(0), *signature.tables(1)):
        each.text(0)
        _check_index(each.scalar(1, "I"), graphs[graph], "a signature", "tensor")


def _check_index(number: int, items: Sized, place: str, kind: str) -> None:
    if not 0 <= number < len(items):
        raise RefusedFile(f"{place} needs {kind} {number}; the file has {len(items)}")
