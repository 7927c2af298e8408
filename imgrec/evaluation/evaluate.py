"""From scores to an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imgrec.errors import DataError
from imgrec.evaluation.compute import MOST_RESAMPLED, ComputedMetrics, compute_metrics
from imgrec.evaluation.metrics import (
    Floats,
    coverage_curve,
    percentile,
    reliability,
    require_finite,
    wilson_interval,
)
from imgrec.evaluation.results import (
    FEWEST_IMAGES,
    ClassResult,
    Evaluation,
    MetricValue,
    SliceResult,
)
from imgrec.evaluation.slices import ImageSlice
from imgrec.scores import Scores
from imgrec.text import printable


def evaluate_scores(
    scores: Scores, top_k: int = 5, slices: Sequence[ImageSlice] = ()
) -> Evaluation:
    """Measure `scores` against their truth, and each of `slices` on its own.

    Raises DataError where there is no image or no truth, RunError where a probability is
    not finite.
    """
    _check(scores)
    k = min(top_k, len(scores.classes))
    found = compute_metrics(scores, k, thorough=True)
    return Evaluation(
        classes=scores.classes,
        images=len(scores.names),
        skipped=scores.skipped,
        top_k=k,
        metrics=found.metrics,
        per_class=tuple(_class_results(scores.classes, found)),
        confusion=found.confusion,
        reliability=reliability(scores),
        coverage_curve=None if scores.multi_label else coverage_curve(scores),
        slices=tuple(_slice_result(each, k) for each in slices),
        notes=tuple(_notes(scores, found, slices)),
        thresholds=scores.decision.class_thresholds,
    )


def _check(scores: Scores) -> None:
    if not scores.names:
        raise DataError(_no_images(scores), hint="name a folder of class folders")
    if scores.truth is None:
        raise DataError(
            f"the true class of {len(scores.names)} images is not known",
            hint="evaluate a folder of class folders; `imgrec predict` needs no truth",
        )
    require_finite(scores)


def _no_images(scores: Scores) -> str:
    if not scores.skipped:
        return "there are no images to evaluate"
    first = scores.skipped[0]
    return (
        f"none of the {len(scores.skipped)} images could be used; "
        f"the first: {printable(first.name)}: {printable(first.reason)}"
    )


def _class_results(classes: Sequence[str], found: ComputedMetrics) -> Iterator[ClassResult]:
    counts, ranking = found.counts, found.ranking
    f1 = counts.f1
    for index, name in enumerate(classes):
        hits, predicted, support = (
            int(each[0, index]) for each in (counts.hits, counts.predicted, counts.support)
        )
        yield ClassResult(
            name=name,
            precision=wilson_interval(hits, predicted),
            recall=wilson_interval(hits, support),
            f1=percentile(float(f1[0, index]), f1[1:, index]),
            roc_auc=_known(ranking.roc_auc[index]),
            average_precision=_known(ranking.average_precision[index]),
            support=support,
        )


def _known(samples: Floats) -> MetricValue | None:
    return percentile(float(samples[0]), samples[1:]) if np.isfinite(samples[0]) else None


def _slice_result(part: ImageSlice, top_k: int) -> SliceResult:
    _check(part.scores)
    found = compute_metrics(part.scores, top_k, thorough=False)
    return SliceResult(part.name, len(part.scores.names), found.metrics)


def _notes(scores: Scores, found: ComputedMetrics, slices: Sequence[ImageSlice]) -> Iterator[str]:
    images, classes = len(scores.names), len(scores.classes)
    present = int(np.isfinite(found.ranking.roc_auc[:, 0]).sum())
    yield from _multi_label_notes(found) if scores.multi_label else ()
    if present == 0:
        why = (
            "no class is in some images only"
            if scores.multi_label
            else "all images are of one class"
        )
        yield f"no roc_auc and average_precision: {why}"
    elif present < classes:
        which = "are in some images only" if scores.multi_label else "have images"
        yield (
            f"roc_auc and average_precision are means over the {present} of {classes} classes "
            f"that {which}"
        )
    if images == 1:
        yield "a single image: only proportions have an interval"
    elif scores.right.all():
        which = "F1" if scores.multi_label else "balanced_accuracy and F1"
        yield f"no image is wrong: the intervals of {which} have no width"
    if images > MOST_RESAMPLED:
        yield (
            "roc_auc, average_precision and ece have no interval: they get one up to "
            f"{MOST_RESAMPLED:,} images"
        )
    if slices:
        yield "roc_auc, average_precision and ece have no interval in slices"
    if slices and all(len(each.scores.names) < FEWEST_IMAGES for each in slices):
        yield f"no slice has {FEWEST_IMAGES} images, so none is called the worst"


def _multi_label_notes(found: ComputedMetrics) -> Iterator[str]:
    yield (
        "an image is right where it is said to have all of its classes and no other; "
        "there is no top_k_accuracy and balanced_accuracy of several classes"
    )
    missing = [
        name for name in ("micro_f1", "macro_f1", "weighted_f1") if name not in found.metrics
    ]
    if missing:
        yield f"no {' and '.join(missing)}: no image has a class"
