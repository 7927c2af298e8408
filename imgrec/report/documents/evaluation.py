"""The JSON document of an evaluation: `evaluate --json`, and a run's metrics.json."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from imgrec.evaluation.results import (
    Assessment,
    ClassResult,
    Comparison,
    CoverageCurve,
    Evaluation,
    MetricValue,
    RequirementResult,
    SliceResult,
)
from imgrec.report.json import json_number, json_text


def assessment_json(assessment: Assessment) -> str:
    """Return the document of an assessment, with what came of the gate."""
    return evaluation_json(
        assessment.evaluation,
        run=assessment.run,
        split=assessment.split,
        data=assessment.source,
        gate=assessment,
    )


def evaluation_json(
    evaluation: Evaluation, *, run: str, split: str, data: str, gate: Assessment | None = None
) -> str:
    """Return the document; `run`, `split` and `data` say what was evaluated on what.

    gate: the verdicts and the comparison with a baseline; none where nothing was required.
    """
    return json_text(
        {
            "schema_version": 2,
            "run": run,
            "split": split,
            "data": data,
            "images": {
                "used": evaluation.images,
                "skipped": [{"name": s.name, "reason": s.reason} for s in evaluation.skipped],
            },
            "multi_label": evaluation.multi_label,
            "top_k": evaluation.top_k,
            "metrics": _metrics(evaluation.metrics),
            "per_class": [
                {**_class(result), **_decisions(evaluation, index)}
                for index, result in enumerate(evaluation.per_class)
            ],
            "confusion": _confusion(evaluation),
            "reliability": [dataclasses.asdict(each) for each in evaluation.reliability],
            "coverage_curve": _coverage_curve(evaluation.coverage_curve),
            "slices": [_slice(each) for each in evaluation.slices],
            "worst_slice": evaluation.worst_slice and evaluation.worst_slice.name,
            "notes": list(evaluation.notes),
            "leakage": gate.leakage if gate else 0,
            "requirements": [_verdict(each) for each in gate.verdicts] if gate else [],
            "passed": gate.passed if gate else True,
            "comparison": comparison_document(gate.comparison) if gate else None,
        }
    )


def comparison_document(comparison: Comparison | None) -> dict[str, object] | None:
    """Return a comparison before it is text; None stays None."""
    if comparison is None:
        return None
    return {
        "model": comparison.model,
        "baseline": comparison.baseline,
        "images": comparison.images,
        "confidence": comparison.confidence,
        "differences": {
            name: dataclasses.asdict(each) for name, each in comparison.differences.items()
        },
        "fixed": [dataclasses.asdict(each) for each in comparison.fixed],
        "broken": [dataclasses.asdict(each) for each in comparison.broken],
    }


def run_document(assessment: Assessment) -> dict[str, object]:
    """Return the name and the numbers of one of several runs."""
    return {
        "run": assessment.run,
        "metrics": _metrics(assessment.evaluation.metrics),
        "notes": list(assessment.evaluation.notes),
    }


def _verdict(verdict: RequirementResult) -> dict[str, object]:
    return {**dataclasses.asdict(verdict), "value": json_number(verdict.value)}


def _metrics(metrics: Mapping[str, MetricValue]) -> dict[str, object]:
    return {name: _metric(value) for name, value in metrics.items()}


def _decisions(evaluation: Evaluation, index: int) -> dict[str, object]:
    """Return the counts of one class where an image may have several, and its threshold."""
    if evaluation.thresholds is None:
        return {}
    ((right_without, wrong_with), (wrong_without, right_with)) = evaluation.confusion[
        index
    ].tolist()
    return {
        "threshold": evaluation.thresholds[index],
        "true_positives": right_with,
        "false_positives": wrong_with,
        "false_negatives": wrong_without,
        "true_negatives": right_without,
    }


def _confusion(evaluation: Evaluation) -> dict[str, object] | None:
    if evaluation.multi_label:
        return None
    return {
        "classes": list(evaluation.classes),
        "rows": evaluation.confusion.tolist(),
        "rates": [_rates(row) for row in evaluation.rates.tolist()],
    }


def _coverage_curve(found: CoverageCurve | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "threshold": found.threshold.tolist(),
        "coverage": found.coverage.tolist(),
        "accuracy": found.accuracy.tolist(),
    }


def _rates(row: list[float]) -> list[float | None]:
    return [json_number(rate) for rate in row]


def _slice(result: SliceResult) -> dict[str, object]:
    return {
        "name": result.name,
        "images": result.images,
        "metrics": _metrics(result.metrics),
    }


def _class(result: ClassResult) -> dict[str, object]:
    return {
        "name": result.name,
        "precision": _metric(result.precision),
        "recall": _metric(result.recall),
        "f1": _metric(result.f1),
        "roc_auc": _metric(result.roc_auc),
        "average_precision": _metric(result.average_precision),
        "support": result.support,
    }


def _metric(metric: MetricValue | None) -> dict[str, float | None] | None:
    if metric is None:
        return None
    return {
        "value": json_number(metric.value),
        "low": json_number(metric.low),
        "high": json_number(metric.high),
    }
