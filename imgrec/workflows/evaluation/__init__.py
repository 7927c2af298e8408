"""Evaluate a model, compare models."""

from imgrec.workflows.evaluation.evaluate import (
    Compared,
    EvaluationRequest,
    Evaluator,
    compare_runs,
    evaluate,
    evaluate_request,
)
from imgrec.workflows.evaluation.evaluation_data import EvaluationData, ImageChoice

__all__ = [
    "Compared",
    "EvaluationData",
    "EvaluationRequest",
    "Evaluator",
    "ImageChoice",
    "compare_runs",
    "evaluate",
    "evaluate_request",
]
