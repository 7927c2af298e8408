"""JSON documents, JSON lines and CSV for programs."""

from imgrec.report.documents.check import check_document, check_json
from imgrec.report.documents.evaluation import assessment_json, comparison_document, run_document
from imgrec.report.documents.explanation import (
    ExplainedPhoto,
    ExplanationQuery,
    explanation_json,
    explanation_line,
    explanations_json,
)
from imgrec.report.documents.prediction import LineForm, header, lines, predictions_json

__all__ = [
    "ExplainedPhoto",
    "ExplanationQuery",
    "LineForm",
    "assessment_json",
    "check_document",
    "check_json",
    "comparison_document",
    "explanation_json",
    "explanation_line",
    "explanations_json",
    "header",
    "lines",
    "predictions_json",
    "run_document",
]
