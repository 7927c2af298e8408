"""Train, evaluate and use image classifiers, described by YAML configs.

From Python: `imgrec.load("runs/x-1").predict(["photo.jpg"])`.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = ["ExplanationResult", "Model", "Predictions", "load"]

if TYPE_CHECKING:
    from imgrec.api import ExplanationResult, Model, Predictions, load
else:

    def __getattr__(name: str) -> object:
        """Import what is public when it is first used: `import imgrec` alone loads nothing."""
        if name in __all__:
            import imgrec.api

            return getattr(imgrec.api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
