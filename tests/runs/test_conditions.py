"""Conditions on runs, as text."""

from __future__ import annotations

from typing import Any

import pytest

from imgrec.errors import UsageError
from imgrec.runs.conditions import parse

RUN: dict[str, Any] = {
    "accuracy": 0.95,
    "backbone": "VGG16",
    "tags": ("best", "june"),
    "complete": True,
    "model.layers[1].Dense.units": 128,
    "epochs": 3,
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('accuracy > 0.9 and backbone == "VGG16"', True),
        ("accuracy > 95.5 %", False),
        ("accuracy >= 95%", True),
        ("accuracy > 94 % and epochs in (3, 4)", True),
        ("90 % < accuracy <= 0.95", True),
        ('backbone == "95 %" or accuracy > 94.5 %', True),
        ("not complete", False),
        ('"best" in tags and "may" not in tags', True),
        ('"GG" in backbone', True),
        ("model.layers[1].Dense.units in (64, 128)", True),
        ("missing > 1", False),
        ("missing != 1", True),
        ("missing == none", True),
        ("backbone > 3", False),
        ("epochs == 3.0 and -epochs < 0", True),
        ("-backbone < 0", False),
        ("complete == true", True),
        ('backbone < "W" and backbone >= "VGG16"', True),
    ],
)
def test_what_holds(text: str, holds: bool) -> None:  # noqa: FBT001 - a row of the table
    """Numbers, texts, tags and flags are compared; what a run lacks is neither more nor less."""
    assert parse(text).holds(RUN.get) is holds


def test_names_are_collected() -> None:
    """Each once, so that a name which no run has can be reported."""
    assert parse("a > 1 and b.c[2] < a or not true").names == ("a", "b.c[2]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy = 0.9", "write `==` for equal"),
        ("accuracy >", "the mistake is at or after accuracy >"),
        ("name == small-1", "small-1 is neither"),
        ("", "an empty text: is not a condition"),
        ('__import__("os").system("ls")', r"os.* is neither a name, a number nor a text in quotes"),
        ("a.b().c", r"a\.b\(\) is neither"),
        ("[x for x in y]", r"\[x for x in y\] is neither"),
        ("a + 1 > 2", r"a \+ 1 is neither"),
        ("a % 2 == 1", "a % 2 is neither"),
        ("3 % 2 == 1", "is not a condition"),
        ("f'{a}' == 1", "f'{a}' is neither"),
        ("(lambda: 1) == 1", "lambda: 1 is neither"),
        ("a[b] == 1", r"a\[b\] is neither"),
        ("(" * 500 + "1" + ")" * 500, "nested too deeply|is not a condition"),
        ("a == 1 and " * 500, "more than 2,000 characters"),
        ("a == '\x00'", "is not a condition|not text"),
    ],
)
def test_nothing_else_is_possible(text: str, message: str) -> None:
    """Neither calls nor arithmetic: nothing is evaluated, whatever is written."""
    with pytest.raises(UsageError, match=message):
        parse(text)
