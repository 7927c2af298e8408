"""Numbers as text that never say more or less than is true: `< 0.1 %`, `> 99.9 %`."""

from __future__ import annotations

import math


def decimals(value: float, places: int = 4, *, most: float = 1.0) -> str:
    """Return a number with `places` decimals.

    If rounding would turn it into 0 or, from below, into `most`, it is given as a bound.

    Args:
        value: The number.
        places: How many decimals, at least 0.
        most: A value that means "all", such as 1 for a fraction and 100 for percent.

    Example:
        >>> decimals(0.25), decimals(1e-9), decimals(0.99999)
        ('0.2500', '< 0.0001', '> 0.9999')
    """
    text, step = f"{value:.{places}f}", 10.0**-places
    if value and float(text) == 0:
        return f"< {step:.{places}f}" if value > 0 else f"> -{step:.{places}f}"
    if value < most <= float(text):
        return f"> {most - step:.{places}f}"
    return text


def percent_number(fraction: float, places: int = 1) -> str:
    """Return a fraction as a number of percent, without the sign.

    Example:
        >>> percent_number(0.9), percent_number(0.9999)
        ('90.0', '> 99.9')
    """
    return decimals(100 * fraction, places, most=100)


def percent(fraction: float, places: int = 1) -> str:
    """Return a fraction as percent; `unknown` if it is not finite.

    Example:
        >>> percent(1.0), percent(0.9999), percent(5e-14)
        ('100.0 %', '> 99.9 %', '< 0.1 %')
    """
    return f"{percent_number(fraction, places)} %" if math.isfinite(fraction) else "unknown"


def short(value: float) -> str:
    """Return a number of any size with about three digits.

    Example:
        >>> short(0.01234), short(3.14159), short(12345.6)
        ('0.0123', '3.14', '12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def signed(value: float, places: int) -> str:
    """Return a number with its sign; with more decimals if it would look like 0.

    Example:
        >>> signed(1.25, 1), signed(-0.004, 1), signed(0, 1)
        ('+1.2', '-0.004', '+0.0')
    """
    text = f"{value:+.{places}f}"
    return f"{value:+.1g}" if value and float(text) == 0 else text


def p_value(p: float) -> str:
    """Return the p-value of a test with two digits.

    Example:
        >>> p_value(0.0312), p_value(0.998)
        ('p = 0.031', 'p > 0.99')
    """
    text = f"{p:.2g}"
    return "p > 0.99" if p < 1 <= float(text) else f"p = {text}"


def duration(seconds: float) -> str:
    """Return a time in the two units that matter.

    Example:
        >>> duration(0.1), duration(80), duration(7500)
        ('< 1 s', '1 min 20 s', '2 h 05 min')
    """
    if 0 < seconds < 0.5:
        return "< 1 s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size_in_words(count: int) -> str:
    """Return a number of bytes for people, with two figures or more.

    Example:
        >>> size_in_words(1_500_000), size_in_words(25_276_063_744)
        ('1.5 MB', '25 GB')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            amount = count / size
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{-(-count // 1000)} kB"
