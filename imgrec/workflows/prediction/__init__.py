"""Classify photos."""

from imgrec.workflows.prediction.predict import (
    FailureSummary,
    Predicted,
    Predictor,
    Tta,
    collected,
    find_photos,
    open_models,
    predict_into,
)

__all__ = [
    "FailureSummary",
    "Predicted",
    "Predictor",
    "Tta",
    "collected",
    "find_photos",
    "open_models",
    "predict_into",
]
