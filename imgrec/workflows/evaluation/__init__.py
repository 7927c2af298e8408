"""Evaluate a model, compare models."""

from imgrec.workflows.evaluation.evaluate import (
    Compared,
    EvaluationRequest,
    Evaluator,
    compare_runs,
    evaluate,
    evaluate_request,
)
from imgrec.workflows.evaluation.evaluation_data import (
    EvaluationData,
    ImageChoice,
    choose_images,
    find_leakage,
    selection_notes,
)

__all__ = [
    "Compared",
    "EvaluationData",
    "EvaluationRequest",
    "Evaluator",
    "ImageChoice",
    "choose_images",
    "compare_runs",
    "evaluate",
    "evaluate_request",
    "find_leakage",
    "selection_notes",
]
