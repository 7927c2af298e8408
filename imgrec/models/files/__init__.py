"""Model files: safety checks before loading, LiteRT files, class lists, and embedded metadata."""

from imgrec.models.files.class_list import ClassList, imagenet_classes, read_classes
from imgrec.models.files.hdf5 import open_weights
from imgrec.models.files.litert import read_litert
from imgrec.models.files.litert_graph import (
    Graph,
    Operator,
    Window,
    constant_integers,
    ends_linear,
    read_graph,
    with_output,
    with_temperature,
)
from imgrec.models.files.litert_writer import LiteRTWriter, with_head
from imgrec.models.files.metadata import (
    DESCRIPTION,
    embed,
    read_description,
    remove_description,
)
from imgrec.models.files.refused import RefusedFile, refusal
from imgrec.models.files.safety import check_config, check_keras, check_weights
from imgrec.models.files.torch_weights import read_torch_weights

__all__ = [
    "DESCRIPTION",
    "ClassList",
    "Graph",
    "LiteRTWriter",
    "Operator",
    "RefusedFile",
    "Window",
    "check_config",
    "check_keras",
    "check_weights",
    "constant_integers",
    "embed",
    "ends_linear",
    "imagenet_classes",
    "open_weights",
    "read_classes",
    "read_description",
    "read_graph",
    "read_litert",
    "read_torch_weights",
    "refusal",
    "remove_description",
    "with_head",
    "with_output",
    "with_temperature",
]
