"""Requirements are judged by what was measured, and what was not measured meets none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from imgrec.errors import UsageError
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import (
    Comparison,
    Evaluation,
    MetricDifference,
    MetricValue,
    RequirementResult,
    Significance,
)
from imgrec.evaluation.slices import ImageSlice
from imgrec.evaluation.verdicts import check_drop, check_requirements
from imgrec.requirement import parse
from imgrec.scores import Decision, Scores, one_hot


def scores(hits: int, images: int) -> Scores:
    """Return `images` of class a, `hits` of them right, and none of class b."""
    right = np.arange(images) < hits
    probabilities = np.where(right[:, None], [0.75, 0.25], [0.25, 0.75]).astype(np.float32)
    names = tuple(f"{number}.png" for number in range(images))
    return Scores(names, one_hot(np.zeros(images, np.int64), 2), probabilities, ("a", "b"))


def verdict(evaluation: Evaluation, text: str) -> RequirementResult:
    """Return the verdict on one requirement."""
    (found,) = check_requirements(evaluation, [parse(text)])
    return found


def test_the_point_estimate_decides() -> None:
    """The value is compared with the limit, a bound of its interval where that is asked for."""
    found = evaluate_scores(scores(90, 100))
    assert verdict(found, "accuracy >= 0.9") == RequirementResult(
        "accuracy >= 0.9", 0.9, met=True, reason="accuracy is 90.0 %, at least 90 %"
    )
    assert verdict(found, "accuracy>0.9") == RequirementResult(
        "accuracy > 0.9", 0.9, met=False, reason="accuracy is 90.0 %, not more than 90 %"
    )
    low = verdict(found, "accuracy.low >= 0.9")
    assert (low.met, low.value) == (False, found.metrics["accuracy"].low)
    assert verdict(found, "recall[a].high > 0.9").met
    loss = verdict(found, "log_loss <= 1")
    assert (loss.met, loss.reason) == (True, "log_loss is 0.3975, at most 1")


@pytest.fixture
def nearly_all() -> Evaluation:
    """An accuracy just below 1."""
    found = evaluate_scores(scores(9, 10))
    return replace(found, metrics={"accuracy": MetricValue(0.99999)})


def test_near_misses_are_distinguished(nearly_all: Evaluation) -> None:
    """A value is never rounded to the limit it misses."""
    found = verdict(nearly_all, "accuracy >= 0.999991")
    assert found.reason == "accuracy is 99.9990 %, less than 99.9991 %"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("recall[b] >= 0", "recall[b] can't be measured: the class has no images"),
        ("recall[b] <= 1", "recall[b] can't be measured: the class has no images"),
        (
            "roc_auc >= 0",
            "roc_auc can't be measured: no ROC-AUC and average precision: "  # noqa: ISC004
            "all images are of one class",
        ),
        (
            "worst_slice.accuracy >= 0",
            "worst_slice.accuracy can't be measured: no slices were asked for",
        ),
    ],
)
def test_what_can_not_be_measured_is_not_met(text: str, reason: str) -> None:
    """It has no value, whatever the limit, and says why."""
    found = verdict(evaluate_scores(scores(9, 10)), text)
    assert (found.value, found.met, found.reason) == (None, False, reason)


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    """A requirement on it is not met, and says why; reports show a dash for it."""
    found = evaluate_scores(scores(10, 10))
    missed = verdict(found, "precision[b] >= 0")
    reason = "precision[b] can't be measured: the class is never predicted"
    assert (missed.value, missed.met, missed.reason) == (None, False, reason)


def test_nearly_all_is_not_all(nearly_all: Evaluation) -> None:
    """A value just below 1 is not shown as 1, whatever the limit."""
    found = verdict(nearly_all, "accuracy >= 0.9")
    assert found.reason == "accuracy is 99.999 %, at least 90 %"


def test_slices() -> None:
    """A slice is asked for by its name; the worst is the worst in that number, of 30 images."""
    parts = [("x=1", 40, 50), ("x=2", 30, 50), ("x=3", 0, 29)]
    slices = [ImageSlice(name, scores(hits, images)) for name, hits, images in parts]
    found = evaluate_scores(scores(90, 100), slices=slices)
    assert verdict(found, "slice[x=1].accuracy > 0.7").value == 0.8
    worst = verdict(found, "worst_slice.accuracy >= 0.7")
    assert (worst.value, worst.met) == (0.6, False)
    assert worst.reason == "worst_slice.accuracy is 60.0 % (x=2), less than 70 %"
    highest = max(each.metrics["log_loss"].value for each in found.slices[:2])
    assert verdict(found, "worst_slice.log_loss <= 1").value == highest
    small = evaluate_scores(scores(9, 10), slices=slices[2:])
    assert "no slice has 30 images" in verdict(small, "worst_slice.accuracy >= 0.7").reason


def test_names_that_are_not_there() -> None:
    """A class is not passed over; what is required of a slice is not met."""
    found = evaluate_scores(scores(9, 10), slices=[ImageSlice("x=1", scores(9, 10))])
    with pytest.raises(UsageError, match="did you mean a"):
        check_requirements(found, [parse("recall[aa] > 0")])
    missed = verdict(found, "slice[x=2].ece < 1")
    assert (missed.met, missed.value) == (False, None)
    assert missed.reason == "slice[x=2].ece can't be measured: there is no such slice"


def test_a_model_that_answers_everything_keeps_no_promise_of_its_answers() -> None:
    """Of one that may say "unknown", the answers that it gives can be required to be right."""
    given_scores = scores(9, 10)
    certain = Decision(float(given_scores.probabilities.max()) + 1e-3)
    silent = evaluate_scores(replace(given_scores, decision=certain))
    missed = verdict(evaluate_scores(given_scores), "selective_accuracy >= 0.9")
    assert "answers every image" in missed.reason
    assert "answers none" in verdict(silent, "selective_accuracy >= 0.9").reason
    assert verdict(silent, "coverage <= 0").met
    lower = evaluate_scores(replace(given_scores, decision=Decision(0.1)))
    assert verdict(lower, "selective_accuracy.low >= 0.5").met


def comparison(finding: Significance, value: float, name: str = "accuracy") -> Comparison:
    """Return a comparison of one metric, which is 0.8 in the baseline."""
    p = 0.01 if name == "accuracy" else None
    difference = MetricDifference(0.8 + value, 0.8, value, None, None, p, finding)
    differences: Mapping[str, MetricDifference] = {name: difference}
    return Comparison("new", "old", 400, 0.95, differences, (), ())


@pytest.mark.parametrize(
    ("finding", "value", "allowed", "met"),
    [
        ("worse", -0.05, 0.01, False),
        ("worse", -0.05, 0.1, True),
        ("worse", -0.05, 0.0, False),
        ("inconclusive", -0.05, 0.01, True),
        ("better", 0.05, 0.0, True),
        ("equal", 0.0, 0.0, True),
    ],
)
def test_a_drop_counts_where_it_is_too_large_and_no_chance(
    finding: Significance, value: float, allowed: float, *, met: bool
) -> None:
    """Both together: more than allowed, and worse beyond chance."""
    (found,) = check_drop(comparison(finding, value), {"accuracy": allowed})
    assert (found.met, found.value) == (met, value)


def test_drops_are_described_in_words() -> None:
    """What is required, what was found, and whether chance may have done it."""
    (worse,) = check_drop(comparison("worse", -0.05), {"accuracy": 0.01})
    assert worse.requirement == "accuracy not more than 1 point worse than old"
    assert (
        worse.reason
        == "accuracy is 75.0 %, 5.0 points worse than 80.0 % of old, statistically significant "
        "(p = 0.01)"
    )
    (unknown,) = check_drop(comparison("inconclusive", 0.05, "log_loss"), {"log_loss": 0})
    assert unknown.requirement == "log_loss not worse than old"
    assert unknown.reason == (
        "log_loss is 0.8500, 0.0500 worse than 0.8000 of old, which may be chance: "
        "inconclusive with 400 images"
    )
    (absent,) = check_drop(comparison("worse", -1), {"roc_auc": 0})
    assert (absent.met, absent.value) == (False, None)
