"""What is required is read as it is written, and what can't be read is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.errors import UsageError
from imgrec.metrics import metric_names
from imgrec.requirement import (
    MetricTarget,
    Quantity,
    Requirement,
    check_names,
    other_top_k,
    parse,
)
from imgrec.text import class_name

METRICS, CLASS_METRICS = metric_names("whole"), metric_names("class")
BOUNDS = st.sampled_from(["value", "low", "high"])
QUANTITIES = st.one_of(
    st.builds(Quantity, st.sampled_from(METRICS), st.just(MetricTarget.WHOLE), st.just(""), BOUNDS),
    st.builds(
        Quantity, st.sampled_from(METRICS), st.just(MetricTarget.WORST_SLICE), st.just(""), BOUNDS
    ),
    st.builds(
        Quantity,
        st.sampled_from(CLASS_METRICS),
        st.just(MetricTarget.CLASS),
        st.text().map(class_name),
        BOUNDS,
    ),
    st.builds(Quantity, st.sampled_from(METRICS), st.just(MetricTarget.SLICE), st.text(), BOUNDS),
)
REQUIREMENTS = st.builds(
    Requirement, QUANTITIES, st.sampled_from([">=", ">", "<=", "<"]), st.floats(0, 1)
)


@given(REQUIREMENTS)
def test_what_is_written_is_read_again(requirement: Requirement) -> None:
    """Any name of a class or slice, brackets, operators and line breaks in it, comes through."""
    assert parse(str(requirement)) == requirement


def test_the_k_of_a_top_k_accuracy() -> None:
    """The name in tables, with its k, is the metric's; the k has to be the one measured."""
    requirement = parse("worst_slice.top_5_accuracy >= 0.9")
    assert requirement.quantity.metric == "top_k_accuracy"
    assert other_top_k(requirement.quantity, 5) == other_top_k("top_k_accuracy", 3) == ""
    reason = "evaluation.top_k is 3, so that top_3_accuracy is measured"
    assert other_top_k(requirement.quantity, 3) == reason


@given(st.text())
def test_anything_else_is_refused_in_words(text: str) -> None:
    """No text makes the parser fail otherwise than by saying so, on one line."""
    with pytest.raises(UsageError) as caught:
        parse(f"accurate {text}")
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy>=0.95", "accuracy >= 0.95"),
        ("  ece <=5 % ", "ece <= 0.05"),
        ("accuracy >= 99.9%", "accuracy >= 0.999"),
        ("log_loss < 1.5", "log_loss < 1.5"),
        ("recall[cats] .low>= .9", "recall[cats].low >= 0.9"),
        ("worst_slice.accuracy >= 0.85", "worst_slice.accuracy >= 0.85"),
        ("slice[camera=front].accuracy.high > 5e-1", "slice[camera=front].accuracy.high > 0.5"),
        ("recall[a]b >= 3] > 1", "recall[a]b >= 3] > 1"),
        ("top_5_accuracy >= 90 %", "top_5_accuracy >= 0.9"),
        ("slice[a].top_3_accuracy.low>.5", "slice[a].top_3_accuracy.low > 0.5"),
    ],
)
def test_blanks_and_percent(text: str, expected: str) -> None:
    """However it is laid out, it is shown in one form."""
    assert str(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("acuracy >= 0.9", "unknown metric acuracy; did you mean accuracy?"),
        ("recal[cats] >= 0.9", "unknown metric recal; did you mean recall?"),
        ("recall >= 0.9", r"recall is per class: write recall\[CLASS\]"),
        ("accuracy[cats] >= 0.9", "accuracy is only for all images, not for a class"),
        ("recall[cats].lo > 0.5", r"\.lo after the brackets is neither \.low nor \.high"),
        ("recall[cats > 0.5", "has a bracket that does not close"),
        ("accuracy >= 95", "accuracy is from 0 to 1, or from 0 % to 100 %"),
        ("brier <= 3", "brier is from 0 to 2"),
        ("log_loss >= -1", "log_loss is at least 0"),
        ("accuracy >= nan", "does not have the form"),
        ("accuracy == 0.9", "does not have the form"),
        ("accuracy => 0.9", "does not have the form"),
        ("log_loss < 1e400", "the limit is too large"),
        ("", "an empty text: does not have the form"),
    ],
)
def test_what_can_not_be_meant(text: str, reason: str) -> None:
    """The text is quoted, with what is wrong and the nearest name."""
    with pytest.raises(UsageError, match=reason) as caught:
        parse(text)
    assert "accuracy >= 0.95" in caught.value.hint


def test_names_that_are_not_there() -> None:
    """An unknown class, or slice once they are known, is reported with the nearest one."""
    check_names([parse("recall[cats] > 0"), parse("slice[x].ece < 1")], ["cats"])
    with pytest.raises(UsageError, match=r"no class cast; did you mean cats\? there are cats, dog"):
        check_names([parse("recall[cast] > 0")], ["cats", "dogs"])
    with pytest.raises(UsageError, match="no slice x; there are none"):
        check_names([parse("slice[x].ece < 1")], ["cats"], [])


@given(REQUIREMENTS, st.floats(0, 1))
def test_a_limit_is_kept_or_not(requirement: Requirement, value: float) -> None:
    """The four operators are arithmetic's, and no number meets nothing."""
    expected = {
        ">=": value >= requirement.limit,
        ">": value > requirement.limit,
        "<=": value <= requirement.limit,
        "<": value < requirement.limit,
    }
    assert requirement.met_by(value) == expected[requirement.operator]
    assert not requirement.met_by(float("nan"))


def test_a_requirement_is_not_searched_for_ever() -> None:
    """A million blanks would take days; the message shows the beginning."""
    with pytest.raises(UsageError, match="does not have the form") as caught:
        parse(f"{' ' * 1_000_000}accuracy")
    assert len(caught.value.message) < 3000
