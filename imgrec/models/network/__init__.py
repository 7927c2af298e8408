"""Build Keras models from configs."""

from imgrec.models.network.assembly import NetworkSpec, assemble, build, unfuse_biases
from imgrec.models.network.calibration import (
    apply_temperature,
    reference_directions,
    set_output,
    with_ood_similarity,
)
from imgrec.models.network.preprocessing import fixed_numbers
from imgrec.models.network.split_network import SplitNetwork
from imgrec.models.network.summary import summarize

__all__ = [
    "NetworkSpec",
    "SplitNetwork",
    "apply_temperature",
    "assemble",
    "build",
    "fixed_numbers",
    "reference_directions",
    "set_output",
    "summarize",
    "unfuse_biases",
    "with_ood_similarity",
]
