"""The JSON schemas of the documents, for docs/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgrec.evaluation.prediction import PhotoDocument
from imgrec.json_documents import json_schema
from imgrec.report.documents.check import CheckDocument
from imgrec.report.documents.evaluation import EvaluationDocument, RunsDocument
from imgrec.report.documents.explanation import (
    ExplainedDocument,
    ExplanationDocument,
    ExplanationHead,
)
from imgrec.report.documents.prediction import (
    ClassificationDocument,
    PredictionDocument,
    PredictionHead,
)
from imgrec.report.documents.similarity import SimilarityDocument
from imgrec.runs.card import Card
from imgrec.runs.card_file import CardHead


def schemas() -> Mapping[str, Mapping[str, Any]]:
    """Return the JSON schema of each kind of document, by its name."""
    return {
        "card": json_schema(
            (CardHead, Card),
            title="imgrec card",
            description="What card.json, the description of a run, holds.",
        ),
        "check": json_schema(
            CheckDocument,
            title="imgrec check",
            description="What `imgrec check --json` prints and a run's check.json holds.",
        ),
        "classification": json_schema(
            ClassificationDocument,
            title="imgrec classification",
            description="What `POST /v1/classify` of `imgrec serve` answers: a prediction document "
            "with the identity of the model.",
        ),
        "comparison": json_schema(
            RunsDocument,
            title="imgrec comparison",
            description="What `imgrec runs compare --json` prints.",
        ),
        "evaluation": json_schema(
            EvaluationDocument,
            title="imgrec evaluation",
            description="What `imgrec evaluate --json` and `imgrec train --json` print and a run's "
            "metrics.json holds.",
        ),
        "explanation": json_schema(
            ExplanationDocument,
            (ExplanationHead, ExplainedDocument),
            title="imgrec explanation",
            description="What `imgrec explain` writes: one document with `--json`, a file for each "
            "photo with `--boxes`.",
        ),
        "prediction": json_schema(
            PredictionDocument,
            (PredictionHead, PhotoDocument),
            title="imgrec prediction",
            description="What `imgrec predict` writes: one document with `--format json`, a line "
            "for each photo with `--format jsonl`.",
        ),
        "similarity": json_schema(
            SimilarityDocument,
            title="imgrec similarity",
            description="What `imgrec similar --json` prints and `--output FILE.json` writes.",
        ),
    }
