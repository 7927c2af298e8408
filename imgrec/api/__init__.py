"""imgrec from Python: `from imgrec import load`."""

from imgrec.api.explanations import ExplanationResult
from imgrec.api.model import Model, Photo, load
from imgrec.api.predictions import Predictions

__all__ = ["ExplanationResult", "Model", "Photo", "Predictions", "load"]
