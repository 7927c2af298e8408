"""Measures have a name and numbers that people read."""

from __future__ import annotations

import pytest

from imgrec.evaluation.results import MetricValue
from imgrec.metrics import format_difference, format_value, is_proportion
from imgrec.report.wording import format_bounds, metric_title


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("accuracy", ("Accuracy", "50.0 %", "25.0 to 75.0 %", "-12.5 points")),
        ("top_k_accuracy", ("Top-3 accuracy", "50.0 %", "25.0 to 75.0 %", "-12.5 points")),
        ("log_loss", ("Log loss", "0.5000", "0.2500 to 0.7500", "-0.1250")),
        ("ece", ("Calibration error", "0.5000", "0.2500 to 0.7500", "-0.1250")),
        ("coverage", ("Coverage", "50.0 %", "25.0 to 75.0 %", "-12.5 points")),
    ],
)
def test_a_measure_is_written_as_what_it_is(name: str, written: tuple[str, ...]) -> None:
    """Shares are percent and differ by points, others are decimals."""
    metric = MetricValue(0.5, 0.25, 0.75)
    assert written == (
        metric_title(name, 3),
        format_value(name, metric.value),
        format_bounds(name, metric),
        format_difference(name, -0.125),
    )
    assert is_proportion(name) == ("%" in format_value(name, 0.5))


def test_what_has_no_interval_shows_none() -> None:
    """Nothing stands where there is nothing."""
    assert (
        format_bounds("accuracy", MetricValue(0.5)) == format_bounds("ece", MetricValue(0.5)) == ""
    )


def test_an_interval_of_a_difference_has_one_unit() -> None:
    """From how much to how much, the unit once."""
    assert format_difference("accuracy", -0.2, 0.01) == "-20.0 to +1.0 points"
