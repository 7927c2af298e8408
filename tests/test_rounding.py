"""Numbers are never shown as more or less than they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.rounding import decimals, p_value, percent, signed


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.5, "50.0 %"),
        (1.0, "100.0 %"),
        (0.99999, "> 99.9 %"),
        (1 - 2**-53, "> 99.9 %"),
        (0.9994, "99.9 %"),
        (0.0, "0.0 %"),
        (5e-14, "< 0.1 %"),
        (0.0006, "0.1 %"),
        (float("nan"), "unknown"),
    ],
)
def test_only_a_whole_is_all_and_only_nothing_is_none(fraction: float, text: str) -> None:
    """What rounding would turn into 0 % or 100 % is shown as a bound."""
    assert percent(fraction) == text


@given(st.floats(0, 1))
def test_what_is_shown_is_true(fraction: float) -> None:
    """A bound holds, a number is within half of its last digit, 0 and 100 are exact."""
    text = percent(fraction).removesuffix(" %")
    if text[0] in "<>":
        bound = float(text[2:])
        assert 100 * fraction < bound if text[0] == "<" else 100 * fraction > bound
    else:
        assert abs(float(text) - 100 * fraction) <= 0.05 + 1e-9
        assert (float(text) in (0, 100)) == (fraction in (0, 1))


def test_small_numbers_keep_their_sign() -> None:
    """A negative one is above a negative bound; signed numbers get more decimals."""
    assert decimals(-1e-9) == "> -0.0001"
    assert (signed(-0.0004, 1), signed(3e-9, 4), signed(0.0, 1)) == ("-0.0004", "+3e-09", "+0.0")


def test_a_p_value_below_1_is_not_1() -> None:
    """Only two models without any difference have p = 1."""
    assert (p_value(1.0), p_value(0.9999), p_value(1e-30)) == ("p = 1", "p > 0.99", "p = 1e-30")
