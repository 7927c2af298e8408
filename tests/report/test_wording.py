"""Numbers and names read as what they are."""

from __future__ import annotations

import datetime as dt

from imgrec.evaluation.results import MetricValue
from imgrec.metrics import format_difference, format_value
from imgrec.report.wording import format_bounds, interval, moment


def test_interval_is_empty_where_there_is_none() -> None:
    """A measure without an interval gets no words about one."""
    assert interval(MetricValue(0.5, 0.25, 0.75)) == "25.0 to 75.0 %"
    assert interval(MetricValue(0.5)) == ""


def test_differences_are_never_shown_as_none() -> None:
    """A difference that rounds to 0 keeps its sign and its size."""
    assert format_difference("accuracy", 0.0004) == "+0.04 points"
    assert format_difference("accuracy", -0.0004, 0.25) == "-0.04 to +25.0 points"
    assert format_difference("accuracy", 0.0) == "+0.0 points"
    assert format_difference("log_loss", 2e-6) == "+2e-06"


def test_values_and_bounds_are_never_rounded_to_a_limit() -> None:
    """Nothing but 0 is 0, nothing but all is all, in percent and in decimals."""
    nearly = MetricValue(0.99999, 1e-7, 1.0)
    assert format_value("accuracy", nearly.value) == "> 99.9 %"
    assert format_bounds("accuracy", nearly) == "< 0.1 to 100.0 %"
    assert format_value("roc_auc", nearly.value) == "> 0.9999"
    assert format_bounds("log_loss", nearly) == "< 0.0001 to 1.0000"


def test_a_time_is_written_for_people() -> None:
    """Day, month in words, year, minutes, and the time zone."""
    time = dt.datetime(2026, 3, 4, 5, 6, 7, 8, dt.UTC)
    assert moment(time) == "4 March 2026, 05:06 UTC"
