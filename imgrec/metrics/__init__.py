"""Every metric of an evaluation: its name, its formula, and where its interval comes from.

`--require`, the reports, the comparison of two models and docs/metrics.md read this table. To add a
metric, write its formula and its entry in `METRICS`; the family that the entry belongs to computes
its values and its interval in `imgrec.evaluation.metrics`.
"""

from imgrec.metrics.families import (
    ClassMetric,
    CountMetric,
    Counts,
    Floats,
    Metric,
    RankedImages,
    RankingMetric,
    SamplewiseMetric,
    SelectiveMetric,
    ratio,
)
from imgrec.metrics.table import METRICS, metric_names, metrics_of
from imgrec.metrics.values import format_difference, format_limit, format_value, is_proportion

__all__ = [
    "METRICS",
    "ClassMetric",
    "CountMetric",
    "Counts",
    "Floats",
    "Metric",
    "RankedImages",
    "RankingMetric",
    "SamplewiseMetric",
    "SelectiveMetric",
    "format_difference",
    "format_limit",
    "format_value",
    "is_proportion",
    "metric_names",
    "metrics_of",
    "ratio",
]
