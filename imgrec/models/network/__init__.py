"""Build Keras models from configs."""

from imgrec.models.network.assembly import NetworkSpec, assemble, build, summary
from imgrec.models.network.calibration import (
    apply_temperature,
    reference_directions,
    with_ood_similarity,
)
from imgrec.models.network.preprocessing import fixed_numbers
from imgrec.models.network.split_network import SplitNetwork
from imgrec.models.network.unfused_bias import unfuse_biases

__all__ = [
    "NetworkSpec",
    "SplitNetwork",
    "apply_temperature",
    "assemble",
    "build",
    "fixed_numbers",
    "reference_directions",
    "summary",
    "unfuse_biases",
    "with_ood_similarity",
]
