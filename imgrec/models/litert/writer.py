"""LiteRT files, written by the schema that LiteRT's package contains, without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.models.refused_files import RefusedFile
from imgrec.text import count_of

_SCHEMA_VERSION = 3

# LiteRT's schema asks for it; the code that is generated from the schema does not align data.
_ALIGNMENT = 16

_Array = NDArray[np.floating[Any]]


class LiteRTWriter:
    """A model in float32 to which operators are appended, with any number of images in a batch.

    A method that appends an operator takes tensors by their numbers, and returns that of its
    output. Importing the schema takes half a second.
    """

    def __init__(self, content: bytes | None = None) -> None:
        """Start a new model, or extend the content of a file that `read_litert` returned."""
        from ai_edge_litert import schema_py_generated as schema

        self._schema: Any = schema
        if content is not None:
            self._model = schema.ModelT.InitFromPackedBuf(content)
            self._graph = self._model.subgraphs[0]
            return
        self._graph = schema.SubGraphT([], [], [], [], "main")
        self._model = schema.ModelT(_SCHEMA_VERSION, [], [self._graph], "imgrec")
        self._model.buffers = [schema.BufferT()]  # of tensors without constant data
        self._model.signatureDefs = [schema.SignatureDefT([], [], "serving_default")]

    @property
    def outputs(self) -> tuple[int, ...]:
        """The tensors that the model returns."""
        return tuple(map(int, self._graph.outputs))

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Return the shape of a tensor, with a batch of 1 if any number of images fits."""
        return tuple(map(int, self._graph.tensors[tensor].shape))

    def is_float32(self, tensor: int) -> bool:
        """Return whether a tensor consists of float32 numbers."""
        return bool(self._graph.tensors[tensor].type == self._schema.TensorType.FLOAT32)

    def input(self, shape: Sequence[int], name: str) -> int:
        """Append an input of `shape`, without the batch."""
        tensor = self._tensor(shape, name)
        self._graph.inputs.append(tensor)
        entry = self._schema.TensorMapT(name, tensor)
        self._model.signatureDefs[0].inputs.append(entry)
        return tensor

    def multiply(self, tensor: int, factor: float, name: str) -> int:
        """Append a product of each number and a constant."""
        constant = self._constant(np.float32(factor), f"{name}/factor")
        return self._elementwise("MUL", (tensor, constant), name)

    def add_constant(self, tensor: int, addend: float, name: str) -> int:
        """Append a sum of each number and a constant."""
        return self.add(tensor, self._constant(np.float32(addend), f"{name}/addend"), name)

    def add(self, tensor: int, other: int, name: str) -> int:
        """Append the sum of two tensors."""
        return self._elementwise("ADD", (tensor, other), name)

    def convolution(
        self, tensor: int, kernel: _Array, bias: _Array, stride: int, name: str, *, relu6: bool
    ) -> int:
        """Append a convolution with padding `same`.

        Args:
            tensor: (batch, height, width, channels).
            kernel: (filters, height, width, channels).
            bias: (filters,).
            stride: In both directions.
            name: Of the output.
            relu6: Whether ReLU6 is applied to the output.
        """
        options = self._schema.Conv2DOptionsT(strideW=stride, strideH=stride)
        return self._convolution("CONV_2D", options, tensor, (kernel, bias), name, relu6=relu6)

    def depthwise_convolution(
        self, tensor: int, kernel: _Array, bias: _Array, stride: int, name: str, *, relu6: bool
    ) -> int:
        """Append a convolution of each channel on its own: see `convolution`.

        kernel: (1, height, width, channels).
        """
        options = self._schema.DepthwiseConv2DOptionsT(
            strideW=stride, strideH=stride, depthMultiplier=1
        )
        parameters = kernel, bias
        return self._convolution(
            "DEPTHWISE_CONV_2D", options, tensor, parameters, name, relu6=relu6
        )

    def mean(self, tensor: int, name: str) -> int:
        """Append the mean over height and width: (batch, channels)."""
        axes = self._constant(np.array([1, 2], np.int32), f"{name}/axes")
        output = self._tensor(self.shape(tensor)[-1:], name)
        return self._operator("MEAN", (tensor, axes), output, self._schema.ReducerOptionsT())

    def dense(self, tensor: int, kernel: _Array, bias: _Array, name: str) -> int:
        """Append a dense layer: (batch, units).

        kernel: (units, features); bias: (units,).
        """
        inputs = (tensor, *self._parameters(kernel, bias, name))
        output = self._tensor(bias.shape, name)
        return self._operator(
            "FULLY_CONNECTED", inputs, output, self._schema.FullyConnectedOptionsT()
        )

    def softmax(self, tensor: int, name: str) -> int:
        """Append softmax over the units of a dense layer."""
        output = self._tensor(self.shape(tensor)[1:], name)
        return self._operator("SOFTMAX", (tensor,), output, self._schema.SoftmaxOptionsT(beta=1.0))

    def normalize(self, tensor: int, name: str) -> int:
        """Append the numbers of each image, (batch, numbers), scaled to length 1."""
        output = self._tensor(self.shape(tensor)[1:], name)
        options = self._schema.L2NormOptionsT()
        return self._operator("L2_NORMALIZATION", (tensor,), output, options)

    def largest(self, tensor: int, name: str) -> int:
        """Append the largest number of each image: (batch, 1)."""
        axis = self._constant(np.array([1], np.int32), f"{name}/axis")
        options = self._schema.ReducerOptionsT(keepDims=True)
        return self._operator("REDUCE_MAX", (tensor, axis), self._tensor((1,), name), options)

    def concatenate(self, tensors: tuple[int, int], name: str) -> int:
        """Append the numbers of two tensors, (batch, numbers), side by side."""
        columns = sum(self.shape(each)[1] for each in tensors)
        options = self._schema.ConcatenationOptionsT(axis=1)
        return self._operator("CONCATENATION", tensors, self._tensor((columns,), name), options)

    def content(self, output: int) -> bytes:
        """Return the content of a file that returns the tensor `output`, in place of others."""
        previous, self._graph.outputs = self.outputs, [output]
        for signature in self._model.signatureDefs or ():
            if signature.subgraphIndex == 0:
                name = signature.outputs[0].name if previous else self._name(output)
                signature.outputs = [self._schema.TensorMapT(name, output)]
        return _packed(self._model)

    def _name(self, tensor: int) -> str:
        return str(self._graph.tensors[tensor].name)

    def _convolution(
        self,
        kind: str,
        options: Any,
        tensor: int,
        parameters: tuple[_Array, _Array],
        name: str,
        *,
        relu6: bool,
    ) -> int:
        functions = self._schema.ActivationFunctionType
        options.padding = self._schema.Padding.SAME
        options.fusedActivationFunction = functions.RELU6 if relu6 else functions.NONE
        _, height, width, _ = self.shape(tensor)
        sides = [-(-side // options.strideH) for side in (height, width)]
        output = self._tensor((*sides, *parameters[1].shape), name)
        return self._operator(kind, (tensor, *self._parameters(*parameters, name)), output, options)

    def _elementwise(self, kind: str, tensors: tuple[int, int], name: str) -> int:
        options = {"ADD": self._schema.AddOptionsT, "MUL": self._schema.MulOptionsT}[kind]()
        return self._operator(
            kind, tensors, self._tensor(self.shape(tensors[0])[1:], name), options
        )

    def _parameters(self, kernel: _Array, bias: _Array, name: str) -> tuple[int, int]:
        return self._constant(kernel, f"{name}/kernel"), self._constant(bias, f"{name}/bias")

    def _tensor(self, shape: Sequence[int], name: str) -> int:
        """Append a tensor of `shape`, without the batch; one that an operator computes."""
        sizes = list(shape)
        added = self._schema.TensorT(
            [1, *sizes], self._schema.TensorType.FLOAT32, name=name, shapeSignature=[-1, *sizes]
        )
        return _append(self._graph.tensors, added)

    def _constant(self, values: Any, name: str) -> int:
        """Append a tensor of int32 numbers, or of float32 ones."""
        types = self._schema.TensorType
        whole = values.dtype == np.int32
        content = np.ascontiguousarray(values, np.int32 if whole else np.float32)
        data = content.reshape(-1).view(np.uint8)
        buffer = _append(self._model.buffers, self._schema.BufferT(data))
        kind = types.INT32 if whole else types.FLOAT32
        added = self._schema.TensorT(list(values.shape), kind, buffer, name)
        return _append(self._graph.tensors, added)

    def _operator(self, kind: str, inputs: Sequence[int], output: int, options: Any) -> int:
        name = type(options).__name__.removesuffix("T")
        added = self._schema.OperatorT(
            self._code(kind),
            list(inputs),
            [output],
            getattr(self._schema.BuiltinOptions, name),
            options,
        )
        self._graph.operators.append(added)
        return output

    def _code(self, kind: str) -> int:
        """Return the place of an operator in the list of those that the model uses."""
        number = getattr(self._schema.BuiltinOperator, kind)
        added = self._schema.OperatorCodeT(number, None, 1, number)
        for place, code in enumerate(self._model.operatorCodes):
            if (code.builtinCode, code.version) == (number, added.version):
                return place
        return _append(self._model.operatorCodes, added)


def with_head(
    content: bytes,
    kernel: _Array,
    bias: _Array,
    name: str = "probabilities",
    known: NDArray[np.float32] | None = None,
) -> bytes:
    """Return a LiteRT file whose output goes through a dense layer and softmax.

    Args:
        content: What `read_litert` returned; of a model with one output, float32
            (batch, features).
        kernel: (features, classes).
        bias: (classes,).
        name: Of the new output.
        known: Features of length 1, (images, features). The output then has one more column: the
            cosine to the nearest of them, the OOD similarity.

    Raises:
        RefusedFile: The output of the model does not fit.
    """
    model = LiteRTWriter(content)
    if len(model.outputs) != 1:
        raise RefusedFile(f"it has {count_of(len(model.outputs), 'output')}, not one")
    (features,) = model.outputs
    if not model.is_float32(features) or model.shape(features)[1:] != kernel.shape[:1]:
        shown = " x ".join(map(str, model.shape(features)[1:]))
        raise RefusedFile(f"its output is {shown}, not {kernel.shape[0]} float32 numbers")
    logits = model.dense(features, kernel.T, bias, f"{name}/logits")
    output = model.softmax(logits, name)
    if known is not None:
        output = _with_ood_similarity(model, features, output, known)
    return model.content(output)


def _with_ood_similarity(
    model: LiteRTWriter, features: int, output: int, known: NDArray[np.float32]
) -> int:
    direction = model.normalize(features, "direction")
    cosines = model.dense(direction, known, np.zeros(len(known), np.float32), "known_images")
    return model.concatenate((output, model.largest(cosines, "ood_similarity")), "answers")


def read_head(content: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the kernel and the bias of a file that `with_head` returned.

    If `with_temperature` divided its logits, they are divided by it.

    Returns:
        (features, classes) and (classes,).

    Raises:
        RefusedFile: It does not end with such a head.
    """
    model = _Parsed(content)
    softmax = model.last("SoftmaxOptionsT")
    dense = None if softmax is None else model.source(softmax, 0, "FullyConnectedOptionsT")
    if softmax is None or dense is None:
        raise RefusedFile("it does not end with a dense layer and softmax")
    kernel, bias = (model.numbers(each) for each in dense.inputs[1:])
    beta = float(softmax.builtinOptions.beta)
    return kernel.T * beta, bias * beta


def read_known(content: bytes) -> NDArray[np.float32] | None:
    """Return the features that `with_head` got as `known`; None if the file has none."""
    model = _Parsed(content)
    joined = model.last("ConcatenationOptionsT")
    largest = None if joined is None else model.source(joined, 1, "ReducerOptionsT")
    dense = None if largest is None else model.source(largest, 0, "FullyConnectedOptionsT")
    return None if dense is None else model.numbers(dense.inputs[1]).astype(np.float32)


class _Parsed:
    """The main graph of a file, by the schema."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._model: Any = schema.ModelT.InitFromPackedBuf(content)
        self._graph = self._model.subgraphs[0]

    def last(self, options: str) -> Any:
        """Return the last operator with options of this type; None if there is none."""
        return self._found(lambda _each: True, options)

    def source(self, operator: Any, place: int, options: str) -> Any:
        """Return the operator that computes an input of another one, if it has these options."""
        wanted = operator.inputs[place]
        return self._found(lambda each: wanted in each.outputs, options)

    def numbers(self, tensor: int) -> NDArray[np.float64]:
        """Return the values of a constant tensor of float32 numbers."""
        found = self._graph.tensors[tensor]
        values: NDArray[np.float32] = self._model.buffers[found.buffer].data.view(np.float32)
        return values.reshape(found.shape).astype(np.float64)

    def _found(self, wanted: Callable[[Any], bool], options: str) -> Any:
        for each in reversed(self._graph.operators):
            if wanted(each) and type(each.builtinOptions).__name__ == options:
                return each
        return None


def _append(items: list[Any], item: Any) -> int:
    items.append(item)
    return len(items) - 1


def _packed(model: Any) -> bytes:
    import flatbuffers

    class Builder(flatbuffers.Builder):  # type: ignore[misc]
        def CreateNumpyVector(self, values: NDArray[Any]) -> int:  # noqa: N802
            """Append an array without the two copies that flatbuffers makes of it."""
            self.StartVector(values.itemsize, values.size, _ALIGNMENT)
            self.head -= values.nbytes
            place = slice(self.head, self.head + values.nbytes)
            memoryview(self.Bytes)[place] = values.data.cast("B")
            self.vectorNumElems = values.size
            return int(self.EndVector())

    size = sum(0 if each.data is None else len(each.data) + 64 for each in model.buffers)
    builder = Builder(size + (1 << 20))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(memoryview(builder.Bytes)[builder.Head() :])
