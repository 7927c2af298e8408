"""LiteRT files: the check before LiteRT loads one, its graph, and a writer."""

from imgrec.models.litert.check import check_litert, read_litert
from imgrec.models.litert.graph import (
    Graph,
    Operator,
    Window,
    constant_integers,
    ends_linear,
    features_tensor,
    has_fixed_shapes,
    read_graph,
    with_output,
    with_temperature,
)
from imgrec.models.litert.writer import LiteRTWriter, read_head, read_known, with_head

__all__ = [
    "Graph",
    "LiteRTWriter",
    "Operator",
    "Window",
    "check_litert",
    "constant_integers",
    "ends_linear",
    "features_tensor",
    "has_fixed_shapes",
    "read_graph",
    "read_head",
    "read_known",
    "read_litert",
    "with_head",
    "with_output",
    "with_temperature",
]
