"""The JSON documents of evaluations, of a run's metrics.json, and of `runs compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from imgrec.corruption import CorruptionKind
from imgrec.evaluation.prediction import MergedDocument, Share
from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    ClassResult,
    Comparison,
    CoverageCurve,
    Evaluation,
    MetricDifference,
    MetricValue,
    ReliabilityBin,
    RequirementResult,
    SliceResult,
)
from imgrec.metrics import metric_names

_VERSION: Literal[2] = 2

_Count = Annotated[int, Meta(ge=0)]


class MetricDocument(Struct, frozen=True):
    """A number with its 95 % confidence interval, null if it has none."""

    value: float | None
    low: float | None
    high: float | None


_Metrics = Annotated[
    Mapping[str, MetricDocument],
    Meta(description="By name, see docs/metrics.md; a metric that can't be computed is absent."),
]


class SkippedDocument(Struct, frozen=True):
    """An image that could not be used, and why."""

    name: str
    reason: str


class EvaluatedImages(Struct, frozen=True):
    """How many images were used, and which were skipped."""

    used: Annotated[int, Meta(ge=1)]
    skipped: tuple[SkippedDocument, ...]


class ClassDocument(Struct, frozen=True):
    """How well one class is recognized.

    The last five keys are there with multi_label only: the threshold from which on an image has
    the class, and how many images with and without the class are above and below it.
    """

    name: str
    precision: MetricDocument
    recall: MetricDocument
    f1: MetricDocument
    roc_auc: Annotated[
        MetricDocument | None,
        Meta(description="Null for a class that no image has, or every image."),
    ]
    average_precision: MetricDocument | None
    support: Annotated[_Count, Meta(description="How many images have the class.")]
    threshold: Share | UnsetType = UNSET
    true_positives: _Count | UnsetType = UNSET
    false_positives: _Count | UnsetType = UNSET
    false_negatives: _Count | UnsetType = UNSET
    true_negatives: _Count | UnsetType = UNSET


class ConfusionDocument(Struct, frozen=True):
    """A row for each true class, a column for each predicted one."""

    classes: tuple[str, ...]
    rows: Annotated[tuple[tuple[_Count, ...], ...], Meta(description="Images.")]
    rates: Annotated[
        tuple[tuple[Share | None, ...], ...],
        Meta(description="Fractions of the row; null for a class without images."),
    ]


class CoverageCurveDocument(Struct, frozen=True):
    """Accuracy and coverage at falling thresholds, point by point."""

    threshold: tuple[Share, ...]
    coverage: Annotated[
        tuple[Share, ...], Meta(description="The fraction of the images that is answered.")
    ]
    accuracy: Annotated[tuple[Share, ...], Meta(description="The fraction of those that is right.")]


class CorruptionDocument(Struct, frozen=True):
    """How all images were changed."""

    kind: CorruptionKind
    level: float


class SliceDocument(Struct, frozen=True):
    """How good the model is on some of the images, or on all of them, changed."""

    name: str
    images: Annotated[int, Meta(ge=1)]
    metrics: _Metrics
    corruption: Annotated[
        CorruptionDocument | None, Meta(description="Null for images as they are.")
    ]
    difference: Annotated[
        MetricDifference | None,
        Meta(
            description="The accuracy minus that on the unchanged images, `baseline`, with its "
            "95 % interval; null without a corruption."
        ),
    ]


class ComparisonDocument(Struct, frozen=True):
    """Two models on the same images."""

    model: str
    baseline: str
    images: Annotated[int, Meta(ge=1)]
    confidence: Annotated[float, Meta(description="Of the intervals of the differences.")]
    differences: Annotated[
        Mapping[str, MetricDifference],
        Meta(description="By the metric's name: the model's value minus the baseline's."),
    ]
    fixed: Annotated[
        tuple[ChangedAnswer, ...],
        Meta(description="Images that the baseline gets wrong and the model right."),
    ]
    broken: Annotated[tuple[ChangedAnswer, ...], Meta(description="The reverse.")]


class EvaluationDocument(Struct, frozen=True, kw_only=True):
    """How good a model is on some images, and whether it passed its gate."""

    schema_version: Literal[2]
    run: Annotated[str, Meta(description="The model's name.")]
    split: Annotated[
        str, Meta(description="The part of the data: train, validation, test, or all.")
    ]
    data: Annotated[str, Meta(description="Where the images are, as it was written.")]
    images: EvaluatedImages
    multi_label: Annotated[
        bool,
        Meta(
            description="Whether an image may have several classes, or none. Each class is then "
            "decided separately: accuracy is the fraction of images with every class right; "
            "log_loss, brier and ece are over all classes and images; roc_auc and "
            "average_precision are means over the classes."
        ),
    ]
    top_k: Annotated[
        int,
        Meta(ge=1, description="The k of top_k_accuracy, at most the number of classes."),
    ]
    metrics: _Metrics
    per_class: Annotated[
        tuple[ClassDocument, ...], Meta(description="In the order of the classes.")
    ]
    confusion: Annotated[ConfusionDocument | None, Meta(description="Null with multi_label.")]
    reliability: Annotated[
        tuple[ReliabilityBin, ...],
        Meta(
            description="Images by their highest probability in (low, high]: its mean, and the "
            "fraction that is right. With multi_label: all classes of all images, by the class's "
            "probability, and the fraction that has the class."
        ),
    ]
    coverage_curve: Annotated[
        CoverageCurveDocument | None, Meta(description="Null with multi_label.")
    ]
    slices: tuple[SliceDocument, ...]
    worst_slice: Annotated[
        str | None, Meta(description="The slice of at least 30 images with the lowest accuracy.")
    ]
    notes: Annotated[
        tuple[str, ...],
        Meta(description="What could not be computed and why, and other remarks on the numbers."),
    ]
    leakage: Annotated[
        int,
        Meta(
            ge=0,
            description="How many of the images the model or its baseline was trained on; above 0 "
            "with --allow-leakage only.",
        ),
    ]
    test_looks: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="How often these images were looked at as a test set, this time included: "
            "the more models are compared by them, the less they prove. Null for other splits, in "
            "metrics.json, and if it is not known.",
        ),
    ]
    requirements: Annotated[
        tuple[RequirementResult, ...],
        Meta(
            description="What was required, the comparison with the baseline last. A value is what "
            "was measured, against a baseline the difference; null if it can't be measured."
        ),
    ]
    passed: Annotated[bool, Meta(description="Whether every requirement is met.")]
    comparison: Annotated[
        ComparisonDocument | None, Meta(description="With the baseline; null without one.")
    ]
    path: Annotated[
        str | UnsetType, Meta(description="The run's folder; with `imgrec train` only.")
    ] = UNSET
    merged: MergedDocument | UnsetType = UNSET


class RunDocument(Struct, frozen=True):
    """The numbers of one of several runs."""

    run: str
    metrics: _Metrics
    notes: tuple[str, ...]


class RunsDocument(Struct, frozen=True):
    """Several runs on the same images."""

    schema_version: Literal[2]
    split: str
    data: str
    leakage: Annotated[
        int, Meta(ge=0, description="How many of the images one of the runs was trained on.")
    ]
    runs: tuple[RunDocument, ...]
    comparisons: Annotated[
        tuple[ComparisonDocument, ...],
        Meta(description="Of each run after the first with the first."),
    ]
    settings: Annotated[
        Mapping[str, tuple[str, ...]],
        Meta(description="The settings that differ, by their key: each run's value."),
    ]


def evaluation_document(assessment: Assessment, *, path: str | None = None) -> EvaluationDocument:
    """Return the document of an assessment; `path` is the folder of the run just trained."""
    evaluation = assessment.evaluation
    skipped = tuple(SkippedDocument(each.name, each.reason) for each in evaluation.skipped)
    worst = evaluation.worst_slice
    return EvaluationDocument(
        schema_version=_VERSION,
        run=assessment.run,
        split=assessment.split,
        data=assessment.source,
        images=EvaluatedImages(evaluation.images, skipped),
        multi_label=evaluation.multi_label,
        top_k=evaluation.top_k,
        metrics=_metrics(evaluation.metrics),
        per_class=tuple(
            _class(result, _decisions(evaluation, index))
            for index, result in enumerate(evaluation.per_class)
        ),
        confusion=_confusion(evaluation),
        reliability=evaluation.reliability,
        coverage_curve=_coverage_curve(evaluation.coverage_curve),
        slices=tuple(map(_slice, evaluation.slices)),
        worst_slice=None if worst is None else worst.name,
        notes=evaluation.notes,
        leakage=assessment.leakage,
        test_looks=assessment.test_looks,
        requirements=assessment.verdicts,
        passed=assessment.passed,
        comparison=None if assessment.comparison is None else _comparison(assessment.comparison),
        path=UNSET if path is None else path,
        merged=assessment.merged or UNSET,
    )


def runs_document(
    assessments: Sequence[Assessment],
    comparisons: Sequence[Comparison],
    settings: Mapping[str, Sequence[str]],
) -> RunsDocument:
    """Return the document of several runs that were measured on the same images.

    Args:
        assessments: Of each run.
        comparisons: Of each run after the first with the first.
        settings: What differs in the configs: each run's value by key.
    """
    first = assessments[0]
    return RunsDocument(
        schema_version=_VERSION,
        split=first.split,
        data=first.source,
        leakage=first.leakage,
        runs=tuple(
            RunDocument(each.run, _metrics(each.evaluation.metrics), each.evaluation.notes)
            for each in assessments
        ),
        comparisons=tuple(map(_comparison, comparisons)),
        settings={key: tuple(values) for key, values in settings.items()},
    )


def _metrics(metrics: Mapping[str, MetricValue]) -> dict[str, MetricDocument]:
    return {name: _metric(value) for name, value in metrics.items()}


def _metric(metric: MetricValue) -> MetricDocument:
    return MetricDocument(metric.value, metric.low, metric.high)


def _class(result: ClassResult, decisions: Mapping[str, Any]) -> ClassDocument:
    found = _metrics(result.metrics)
    metrics: dict[str, Any] = {name: found.get(name) for name in metric_names("class")}
    return ClassDocument(name=result.name, support=result.support, **metrics, **decisions)


def _decisions(evaluation: Evaluation, index: int) -> dict[str, Any]:
    """Return the threshold and the counts of one class where an image may have several."""
    if evaluation.thresholds is None:
        return {}
    (true_negatives, false_positives), (false_negatives, true_positives) = evaluation.confusion[
        index
    ].tolist()
    return {
        "threshold": evaluation.thresholds[index],
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": true_negatives,
    }


def _confusion(evaluation: Evaluation) -> ConfusionDocument | None:
    if evaluation.multi_label:
        return None
    return ConfusionDocument(
        evaluation.classes, evaluation.confusion.tolist(), evaluation.rates.tolist()
    )


def _coverage_curve(found: CoverageCurve | None) -> CoverageCurveDocument | None:
    if found is None:
        return None
    return CoverageCurveDocument(
        found.threshold.tolist(), found.coverage.tolist(), found.accuracy.tolist()
    )


def _slice(result: SliceResult) -> SliceDocument:
    found = result.corruption
    corruption = None if found is None else CorruptionDocument(found.kind, found.level)
    metrics = _metrics(result.metrics)
    return SliceDocument(result.name, result.images, metrics, corruption, result.difference)


def _comparison(comparison: Comparison) -> ComparisonDocument:
    return ComparisonDocument(
        model=comparison.model,
        baseline=comparison.baseline,
        images=comparison.images,
        confidence=comparison.confidence,
        differences=comparison.differences,
        fixed=comparison.fixed,
        broken=comparison.broken,
    )
