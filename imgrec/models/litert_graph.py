"""The operators of a LiteRT file."""

from __future__ import annotations

# They change the form of a tensor, not what it says.
_FORM = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE", "CAST")
_LINEAR = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "BATCH_MATMUL")


def ends_linear(content: bytes, tensor: int) -> bool:
    """Return whether a tensor is computed by a layer without activation, such as a dense one.

    Args:
        content: What `read_litert` returned.
        tensor: The number of the tensor in the main graph.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(number) for number in range(graph.OperatorsLength())]
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
    for operator in reversed(operators):
        if tensor not in operator.OutputsAsNumpy():
            continue
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "")
        if name not in _FORM:
            return name in _LINEAR
        tensor = int(operator.Inputs(0))
    return False
