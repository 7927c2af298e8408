"""Measures have a name and numbers that people read."""

from __future__ import annotations

import pytest

from imgrec.evaluation.metrics import Metric
from imgrec.report.measures import bounds, difference, is_proportion, number, title


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("accuracy", ("Accuracy", "50.0 %", "25.0 to 75.0 %", "-12.5 points")),
        ("top_k_accuracy", ("Top-3 accuracy", "50.0 %", "25.0 to 75.0 %", "-12.5 points")),
        ("log_loss", ("Log loss", "0.5000", "0.2500 to 0.7500", "-0.1250")),
        ("ece", ("Calibration error", "0.5000", "0.2500 to 0.7500", "-0.1250")),
        ("new", ("new", "0.5000", "0.2500 to 0.7500", "-0.1250")),
    ],
)
def test_a_measure_is_written_as_what_it_is(name: str, written: tuple[str, ...]) -> None:
    """Shares are percent and differ by points, others are decimals; an unknown one has its name."""
    metric = Metric(0.5, 0.25, 0.75)
    assert written == (
        title(name, 3),
        number(name, metric.value),
        bounds(name, metric),
        difference(name, -0.125),
    )
    assert is_proportion(name) == ("%" in number(name, 0.5))


def test_what_has_no_interval_shows_none() -> None:
    """Nothing stands where there is nothing."""
    assert bounds("accuracy", Metric(0.5)) == bounds("ece", Metric(0.5)) == ""


def test_an_interval_of_a_difference_has_one_unit() -> None:
    """From how much to how much, the unit once."""
    assert difference("accuracy", -0.2, 0.01) == "-20.0 to +1.0 points"
