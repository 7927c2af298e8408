"""Show where in a photo a model sees a class."""

from imgrec.workflows.explanation.explain import ExplainOptions, fitting_method, open_explainer
from imgrec.workflows.explanation.explainer import Explainer, Method
from imgrec.workflows.explanation.files import (
    OutputFiles,
    WrittenFiles,
    explain_photos,
    photos_to_explain,
    picture_of,
    plan_outputs,
)

__all__ = [
    "ExplainOptions",
    "Explainer",
    "Method",
    "OutputFiles",
    "WrittenFiles",
    "explain_photos",
    "fitting_method",
    "open_explainer",
    "photos_to_explain",
    "picture_of",
    "plan_outputs",
]
