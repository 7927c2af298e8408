"""Train, evaluate and use image classifiers, described by YAML configs.

From Python: `imgrec.train("photos/")`, and then
`imgrec.load("last").predict("photo.jpg")`. See docs/python.md.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "ExplanationResult",
    "Model",
    "Predictions",
    "TrainedRun",
    "TrainingObserver",
    "check",
    "evaluate",
    "load",
    "train",
]

if TYPE_CHECKING:
    from imgrec.api import (
        Classifier,
        ExplanationResult,
        Model,
        Predictions,
        TrainedRun,
        TrainingObserver,
        check,
        evaluate,
        load,
        train,
    )
else:

    def __getattr__(name: str) -> object:
        """Import what is public when it is first used: `import imgrec` alone loads nothing."""
        if name in __all__:
            import imgrec.api

            return getattr(imgrec.api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
