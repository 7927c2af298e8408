"""Model files: safety checks before loading, class lists, and embedded metadata."""

from imgrec.models.files.class_list import ClassList, imagenet_classes, read_classes
from imgrec.models.files.hdf5 import open_weights
from imgrec.models.files.litert import read_litert
from imgrec.models.files.litert_graph import (
    Graph,
    Operator,
    Window,
    ends_linear,
    read_graph,
    with_output,
)
from imgrec.models.files.metadata import DESCRIPTION, embed, read_description
from imgrec.models.files.refused import refusal
from imgrec.models.files.safety import check_keras, check_weights

__all__ = [
    "DESCRIPTION",
    "ClassList",
    "Graph",
    "Operator",
    "Window",
    "check_keras",
    "check_weights",
    "embed",
    "ends_linear",
    "imagenet_classes",
    "open_weights",
    "read_classes",
    "read_description",
    "read_graph",
    "read_litert",
    "refusal",
    "with_output",
]
