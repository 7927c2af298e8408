"""imgrec from Python: `from imgrec import load`."""

from imgrec.api.explained import Explained
from imgrec.api.model import Model, load
from imgrec.api.photos import Photo
from imgrec.api.predictions import Predictions

__all__ = ["Explained", "Model", "Photo", "Predictions", "load"]
