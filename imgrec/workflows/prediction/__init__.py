"""Classify photos."""

from imgrec.workflows.prediction.predict import (
    FailureSummary,
    Sink,
    document_sink,
    file_sink,
    line_sink,
    predict_photos,
    table_sink,
)
from imgrec.workflows.prediction.predictor import Predictor, Tta, open_models

__all__ = [
    "FailureSummary",
    "Predictor",
    "Sink",
    "Tta",
    "document_sink",
    "file_sink",
    "line_sink",
    "open_models",
    "predict_photos",
    "table_sink",
]
