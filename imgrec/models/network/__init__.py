"""Build Keras models from configs."""

from imgrec.models.network.assembly import NetworkSpec, assemble, build
from imgrec.models.network.calibration import (
    apply_temperature,
    reference_directions,
    set_output,
    with_ood_similarity,
)
from imgrec.models.network.preprocessing import fixed_numbers
from imgrec.models.network.rearrangement import pool_before_relu, unfuse_biases
from imgrec.models.network.split_network import SplitNetwork
from imgrec.models.network.summary import summarize

__all__ = [
    "NetworkSpec",
    "SplitNetwork",
    "apply_temperature",
    "assemble",
    "build",
    "fixed_numbers",
    "pool_before_relu",
    "reference_directions",
    "set_output",
    "summarize",
    "unfuse_biases",
    "with_ood_similarity",
]
