"""An assessment with a value in every field, and a background."""

from __future__ import annotations

import dataclasses
import datetime as dt

from imgrec.corruption import Corruption
from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    Comparison,
    MetricDifference,
    RequirementResult,
    SliceResult,
)
from imgrec.network_summary import NetworkLayer, NetworkSummary
from imgrec.report.html import DataCheck, Remark, ReportContext

BACKGROUND = ReportContext(
    history={"loss": [1.0, 0.5], "accuracy": [0.5, 1.0]},
    best_epoch=2,
    data_check=DataCheck(
        (Remark("warning", "same file twice in a split", 2, "images", ("a.jpg", "b.jpg")),),
        "duplicates",
        ("not checked: near duplicates: no pixels",),
    ),
    config="name: digits\nseed: 0\n",
    network=NetworkSummary(
        (
            NetworkLayer("pixels", "InputLayer", (8, 8, 1), 0, 0),
            NetworkLayer("<b>", "Conv2D", (6, 6, 4), 40, 1296),
            NetworkLayer("flat", "A & <B>", (144,), 0, None),
            NetworkLayer("probabilities", "Dense", (2,), 290, 288),
        ),
        330,
        290,
    ),
)


def everything(found: Assessment) -> Assessment:
    """Return the assessment with a value in every field."""
    accuracy = found.evaluation.metrics["accuracy"]
    worse = MetricDifference(0.75, 0.85, -0.1, -0.2, -0.01, 0.04, "worse")
    slices = (
        SliceResult("camera=front", 40, {"accuracy": accuracy}),
        SliceResult("blur=0.01", 8, {"accuracy": accuracy}, Corruption("blur", 0.01), worse),
    )
    flips = (ChangedAnswer("a.jpg", "cat", "dog", "cat"),)
    return dataclasses.replace(
        found,
        evaluation=dataclasses.replace(found.evaluation, slices=slices, notes=("No AUC.",)),
        verdicts=(
            RequirementResult(
                "accuracy >= 0.7", 0.75, met=True, reason="accuracy is 75.0 %, at least 70 %"
            ),
            RequirementResult(
                "accuracy >= 0.9", 0.75, met=False, reason="accuracy is 75.0 %, less than 90 %"
            ),
        ),
        comparison=Comparison("digits-1", "digits-0", 8, 0.95, {"accuracy": worse}, flips, flips),
        facts=(("fingerprint", "abc"),),
        test_looks=7,
        measured=dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC),
    )
