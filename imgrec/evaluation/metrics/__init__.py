"""Every metric of an evaluation, with its interval."""

from imgrec.evaluation.metrics.counts import (
    Counts,
    count_measures,
    count_metrics,
    draw_counts,
    resampled,
    sum_counts,
)
from imgrec.evaluation.metrics.intervals import (
    Floats,
    bootstrap_draws,
    canonical_order,
    percentile,
    reflected_interval,
    wilson_interval,
)
from imgrec.evaluation.metrics.proper_scores import (
    calibration_gaps,
    coverage_curve,
    known_truth,
    options,
    reliability,
    true_options,
)
from imgrec.evaluation.metrics.ranking import (
    RankingMetrics,
    SampleWeights,
    mean_of_known,
    ranking_metrics,
)
from imgrec.evaluation.metrics.samplewise import PROPORTIONS, samplewise_metrics
from imgrec.evaluation.metrics.top_k import rank_classes, require_finite

__all__ = [
    "PROPORTIONS",
    "Counts",
    "Floats",
    "RankingMetrics",
    "SampleWeights",
    "bootstrap_draws",
    "calibration_gaps",
    "canonical_order",
    "count_measures",
    "count_metrics",
    "coverage_curve",
    "draw_counts",
    "known_truth",
    "mean_of_known",
    "options",
    "percentile",
    "rank_classes",
    "ranking_metrics",
    "reflected_interval",
    "reliability",
    "require_finite",
    "resampled",
    "samplewise_metrics",
    "sum_counts",
    "true_options",
    "wilson_interval",
]
