"""From scores to an evaluation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from imgrec.errors import DataError
from imgrec.evaluation.comparison import accuracy_difference
from imgrec.evaluation.metrics import (
    MOST_RESAMPLED,
    ComputedMetrics,
    compute_metrics,
    coverage_curve,
    reliability,
)
from imgrec.evaluation.results import (
    FEWEST_IMAGES,
    ClassResult,
    Evaluation,
    SliceResult,
)
from imgrec.evaluation.slices import ImageSlice
from imgrec.metrics import (
    METRICS,
    CountMetric,
    SelectiveMetric,
    metrics_of,
)
from imgrec.scores import Scores, require_finite
from imgrec.text import count_of, join_few, printable


def evaluate_scores(
    scores: Scores, top_k: int = 5, slices: Sequence[ImageSlice] = ()
) -> Evaluation:
    """Evaluate scores against the true labels.

    Args:
        scores: At least one image whose labels are known.
        top_k: The k of `top_k_accuracy`; at most all classes count.
        slices: Parts of the images that are evaluated separately too.

    Raises:
        DataError: There are no images, or their labels are not known.
        RunError: A probability is NaN or infinite.

    Example:
        >>> import numpy as np
        >>> probabilities = np.array([[0.75, 0.25], [0.625, 0.375]], np.float32)
        >>> truth = np.array([[True, False], [False, True]])
        >>> scores = Scores(("a.png", "b.png"), truth, probabilities, ("cat", "dog"))
        >>> evaluate_scores(scores).metrics["accuracy"].value
        0.5
    """
    _check(scores)
    k = min(top_k, len(scores.classes))
    found = compute_metrics(scores, k, thorough=True)
    results = tuple(_slice_result(each, k, scores, found) for each in slices)
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
        slices=results,
        notes=tuple(_notes(scores, found, results)),
        thresholds=scores.decision.class_thresholds,
    )


def _check(scores: Scores) -> None:
    if not scores.names:
        raise DataError(_no_images(scores), hint="name a folder of class folders")
    if scores.truth is None:
        raise DataError(
            f"the true class of {count_of(len(scores.names), 'image')} is not known",
            hint="evaluate a folder of class folders; `imgrec predict` needs no truth",
        )
    require_finite(scores)


def _no_images(scores: Scores) -> str:
    if not scores.skipped:
        return "there are no images to evaluate"
    first = scores.skipped[0]
    return (
        "none of the images could be used; "
        f"the first: {printable(first.name)}: {printable(first.reason)}"
    )


def _class_results(classes: Sequence[str], found: ComputedMetrics) -> Iterator[ClassResult]:
    for name, metrics, support in zip(classes, found.by_class(), found.support, strict=True):
        yield ClassResult(name, metrics, support)


def _slice_result(
    part: ImageSlice, top_k: int, scores: Scores, whole: ComputedMetrics
) -> SliceResult:
    _check(part.scores)
    found = compute_metrics(part.scores, top_k, thorough=False).metrics
    difference = None
    if part.corruption:
        accuracies = found["accuracy"], whole.metrics["accuracy"]
        difference = accuracy_difference(part.scores, scores, accuracies)
    images = len(part.scores.names)
    return SliceResult(part.name, images, found, part.corruption, difference)


def _notes(scores: Scores, found: ComputedMetrics, slices: Sequence[SliceResult]) -> Iterator[str]:
    images, multi_label = len(scores.names), scores.multi_label
    yield from _multi_label_notes(found) if multi_label else ()
    yield from _ranking_notes(found)
    yield from _class_notes(scores, found)
    costly = {name for name, each in METRICS.items() if each.costly}
    without = {name for name, each in found.metrics.items() if each.low is None}
    if images > MOST_RESAMPLED:
        yield f"no interval of {_joined(costly)} above {MOST_RESAMPLED:,} images"
        without -= costly
    if without:
        reason = "a single image" if images == 1 else "it is the same for all images"
        yield f"no interval of {_joined(without)}: {reason}"
    if any(not each.corruption for each in slices):
        yield f"no interval of {_joined(costly)} in slices"
    if slices and all(each.images < FEWEST_IMAGES for each in slices):
        yield f"no slice has {FEWEST_IMAGES} images, so none is called the worst"


def _class_notes(scores: Scores, found: ComputedMetrics) -> Iterator[str]:
    """Say which numbers of classes can't be measured; reports show a dash for them."""
    support, predicted = found.counts.support[0], found.counts.predicted[0]
    missing = [name for name, count in zip(scores.classes, support, strict=True) if not count]
    if missing:
        yield f"recall and F1 can't be measured without images of the class: {join_few(missing)}"
    silent = [name for name, count in zip(scores.classes, predicted, strict=True) if not count]
    if silent:
        yield (
            f"precision can't be measured for a class that is never predicted: {join_few(silent)}"
        )


def _ranking_notes(found: ComputedMetrics) -> Iterator[str]:
    names = _joined(found.ranking)
    ranked, classes = sum(found.is_ranked), len(found.is_ranked)
    if ranked == 0:
        one_class, no_class = "all images are of one class", "no class is in some images only"
        yield f"no {names}: {no_class if found.multi_label else one_class}"
    elif ranked < classes:
        which = "are in some images only" if found.multi_label else "have images"
        yield f"{names} are means over the {ranked} of {classes} classes that {which}"


def _multi_label_notes(found: ComputedMetrics) -> Iterator[str]:
    single = _joined(
        {
            name
            for name, each in METRICS.items()
            if each.labels == "single" and not isinstance(each, SelectiveMetric)
        }
    )
    yield (
        "an image is right if its predicted labels are exactly the true ones; "
        f"{single} are for images with one label"
    )
    family = metrics_of(CountMetric, multi_label=True)
    missing = {each.name for each in family} - found.metrics.keys()
    if missing:
        yield f"no {_joined(missing)}: no image has a label"


def _joined(names: Collection[str]) -> str:
    """Return metrics in the order of METRICS, as in `ROC-AUC, average precision and F1`."""
    *first, last = (each.in_words for name, each in METRICS.items() if name in names)
    return f"{', '.join(first)} and {last}" if first else last
