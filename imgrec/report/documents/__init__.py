"""What leaves imgrec for other programs: JSON documents, their schemas, CSV of predictions."""

from imgrec.report.documents.check import check_document
from imgrec.report.documents.evaluation import evaluation_document, runs_document
from imgrec.report.documents.explanation import explanation_document, photo_explanation
from imgrec.report.documents.prediction import (
    ClassificationDocument,
    IdentityDocument,
    LineForm,
    ServedDocument,
    WrittenLine,
    classification_document,
    header,
    lines,
    prediction_document,
    written_lines,
    written_name,
)
from imgrec.report.documents.schemas import schemas
from imgrec.report.documents.similarity import similarity_csv, similarity_document

__all__ = [
    "ClassificationDocument",
    "IdentityDocument",
    "LineForm",
    "ServedDocument",
    "WrittenLine",
    "check_document",
    "classification_document",
    "evaluation_document",
    "explanation_document",
    "header",
    "lines",
    "photo_explanation",
    "prediction_document",
    "runs_document",
    "schemas",
    "similarity_csv",
    "similarity_document",
    "written_lines",
    "written_name",
]
