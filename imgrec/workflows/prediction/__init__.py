"""Classify photos."""

from imgrec.workflows.prediction.page import page_sink
from imgrec.workflows.prediction.predict import (
    FailureSummary,
    PredictedBatch,
    Sink,
    document_sink,
    file_sink,
    line_sink,
    predict_photos,
    table_sink,
)
from imgrec.workflows.prediction.predictor import Predictor, Tta, open_models
from imgrec.workflows.prediction.sidecars import SidecarCounts, sidecar_sink

__all__ = [
    "FailureSummary",
    "PredictedBatch",
    "Predictor",
    "SidecarCounts",
    "Sink",
    "Tta",
    "document_sink",
    "file_sink",
    "line_sink",
    "open_models",
    "page_sink",
    "predict_photos",
    "sidecar_sink",
    "table_sink",
]
