"""imgrec from Python: what `import imgrec` offers."""

from imgrec.api.classifier import Classifier
from imgrec.api.model import Model, PhotoLike, load
from imgrec.api.results import ExplanationResult, Predictions
from imgrec.api.training import TrainedRun, check, evaluate, train
from imgrec.training.observers import TrainingObserver

__all__ = [
    "Classifier",
    "ExplanationResult",
    "Model",
    "PhotoLike",
    "Predictions",
    "TrainedRun",
    "TrainingObserver",
    "check",
    "evaluate",
    "load",
    "train",
]
