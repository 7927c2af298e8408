"""Numbers and names read as what they are."""

from __future__ import annotations

import datetime as dt

import pytest

from imgrec.evaluation.results import MetricValue
from imgrec.report.wording import interval, moment, percent, shorten


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.5, "50.0 %"),
        (1.0, "100.0 %"),
        (0.99999, "99.9 %"),
        (0.0, "0.0 %"),
        (1e-7, "0.1 %"),
        (float("nan"), "unknown"),
    ],
)
def test_percent_never_rounds_to_certainty(fraction: float, text: str) -> None:
    """Only a whole is 100 % and only nothing is 0 %."""
    assert percent(fraction) == text


def test_interval_is_empty_where_there_is_none() -> None:
    """A measure without an interval gets no words about one."""
    assert interval(MetricValue(0.5, 0.25, 0.75)) == "25.0 to 75.0 %"
    assert interval(MetricValue(0.5)) == ""


def test_short_names_are_cut_after_being_made_harmless() -> None:
    """The limit counts what is shown, escapes included."""
    assert shorten("cat", 3) == "cat"
    assert shorten("caterpillar", 5) == "cate…"
    assert shorten("a\nb", 3) == "a\\…"


def test_a_time_is_written_for_people() -> None:
    """Day, month in words, year, minutes, and the time zone."""
    time = dt.datetime(2026, 3, 4, 5, 6, 7, 8, dt.UTC)
    assert moment(time) == "4 March 2026, 05:06 UTC"
