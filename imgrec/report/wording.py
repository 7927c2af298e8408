"""How numbers and names are written for people."""

from __future__ import annotations

import datetime as dt
import math

from imgrec.data.parts import ALL
from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.metrics import Metric
from imgrec.text import shown


def percent(fraction: float) -> str:
    """Return a fraction in [0, 1] as percent; never 100.0 % or 0.0 % where it is only near."""
    if not math.isfinite(fraction):
        return "unknown"
    if 0 < fraction < 1:
        fraction = min(max(fraction, 0.001), 0.999)
    return f"{100 * fraction:.1f} %"


def interval(metric: Metric) -> str:
    """Return a proportion's 95 % interval as percent, nothing where it has none."""
    if metric.low is None or metric.high is None:
        return ""
    return f"{100 * metric.low:.1f} to {100 * metric.high:.1f} %"


def short(name: str, limit: int) -> str:
    """Return `name` as `shown`, cut to `limit` characters."""
    text = shown(name)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def verdict_line(assessment: Assessment) -> str:
    """Return what came of the gate, the accuracy where nothing was required."""
    verdicts = assessment.verdicts
    missed = sum(not verdict.met for verdict in verdicts)
    if not verdicts:
        return f"Accuracy {percent(assessment.evaluation.metrics['accuracy'].value)}"
    of_all = f"of {len(verdicts)} requirement{'s' if len(verdicts) > 1 else ''}"
    if missed:
        return f"Gate not met: {missed} {of_all} missed"
    return f"Gate met: {len(verdicts)} {of_all}"


def counted_images(assessment: Assessment) -> str:
    """Return how many images of which split were used: `1,000 test images`."""
    count = assessment.evaluation.images
    split = "" if assessment.split == ALL else f" {assessment.split}"
    return f"{count:,}{split} {'image' if count == 1 else 'images'}"


def moment(time: dt.datetime) -> str:
    """Return a time in UTC as people write it: `21 November 2026, 07:14 UTC`."""
    return f"{time.day} {time:%B %Y, %H:%M} UTC"
