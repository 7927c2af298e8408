"""Files of models and weights: safety checks before loading, and embedded metadata."""

from imgrec.models.files.hdf5 import open_weights
from imgrec.models.files.metadata import (
    DESCRIPTION,
    embed,
    read_description,
    remove_description,
)
from imgrec.models.files.safety import check_config, check_keras, check_weights
from imgrec.models.files.torch_weights import read_torch_weights

__all__ = [
    "DESCRIPTION",
    "check_config",
    "check_keras",
    "check_weights",
    "embed",
    "open_weights",
    "read_description",
    "read_torch_weights",
    "remove_description",
]
