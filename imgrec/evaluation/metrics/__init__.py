"""The values of all metrics, and their intervals; `imgrec.metrics` says what each metric is."""

from imgrec.evaluation.metrics.calibration import coverage_curve, reliability
from imgrec.evaluation.metrics.compute import (
    MOST_RESAMPLED,
    ComputedMetrics,
    compute_metrics,
    samplewise_values,
)
from imgrec.evaluation.metrics.intervals import (
    around,
    bootstrap_draws,
    canonical_order,
    exact_interval,
)
from imgrec.evaluation.metrics.paired import PairedDifference, paired_differences

__all__ = [
    "MOST_RESAMPLED",
    "ComputedMetrics",
    "PairedDifference",
    "around",
    "bootstrap_draws",
    "canonical_order",
    "compute_metrics",
    "coverage_curve",
    "exact_interval",
    "paired_differences",
    "reliability",
    "samplewise_values",
]
