"""Show where in a photo a model sees a class."""

from imgrec.workflows.explanation.explain import ExplainOptions, open_explainer
from imgrec.workflows.explanation.explainer import Explainer, Method
from imgrec.workflows.explanation.files import (
    WrittenFiles,
    explain_files,
    explained_photo,
    picture_of,
)

__all__ = [
    "ExplainOptions",
    "Explainer",
    "Method",
    "WrittenFiles",
    "explain_files",
    "explained_photo",
    "open_explainer",
    "picture_of",
]
