"""Intervals say what they promise: the truth is in them about as often as they claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.evaluation import evaluate
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.metrics import compute
from imgrec.evaluation.metrics.intervals import exact_interval
from imgrec.evaluation.metrics.means import mean_interval
from imgrec.evaluation.results import Evaluation, MetricValue
from imgrec.metrics import METRICS, metric_names
from imgrec.scores import Scores
from tests.evaluation.made import any_label_sets, any_scores, population, scores
from tools.simulations import intervals
from tools.simulations.promises import Cell, passed_gates

TRIALS = 240


@pytest.mark.long
def test_intervals_cover_the_truth_at_about_their_rate() -> None:
    """Of samples drawn from a known population, about 95 % have its value in their interval.

    The calibration error, which chance alone makes larger, stays a little below that.
    """
    everything = population(20_000, 3)
    truth = dict(numbers(evaluate_scores(everything, top_k=2)))
    generator = np.random.default_rng(1)
    covered: Counter[str] = Counter()
    for _ in range(TRIALS):
        sample = evaluate_scores(drawn(everything, generator.integers(20_000, size=200)), top_k=2)
        covered.update(name for name, metric in numbers(sample) if holds(metric, truth[name].value))
    shares = {name: covered[name] / TRIALS for name in truth}
    of_all = [each for each in METRICS.values() if "whole" in each.scopes and each.name in truth]
    assert len(shares) == len(of_all) + 3 * len(metric_names("class")) >= 10 + 3 * 5
    assert {name: share for name, share in shares.items() if share < 0.87 and name != "ece"} == {}
    assert 0.8 <= shares["ece"] <= 0.99
    assert 0.9 <= np.mean(list(shares.values())) <= 0.98


@given(any_scores(), st.integers(1, 6))
def test_every_interval_holds_its_value(given_scores: Scores, k: int) -> None:
    """An interval lies around its value, within the limits of the metric; not that of ece."""
    for name, metric in numbers(evaluate_scores(given_scores, k)):
        assert (metric.low is None) == (metric.high is None)
        if metric.low is not None and metric.high is not None:
            assert metric.low <= metric.value <= metric.high < np.inf
            lowest, highest = METRICS[name.partition("[")[0]].limits
            assert lowest <= metric.low
            assert metric.high <= highest or name == "ece"


def test_exact_interval_of_a_known_case() -> None:
    """8 of 10 have Clopper's and Pearson's 95 % interval of 0.444 to 0.975, as in the tables."""
    accuracy = evaluate_scores(scores([0] * 10, [[1, 0]] * 8 + [[0, 1]] * 2)).metrics["accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx(
        (0.8, 0.444, 0.975), abs=1e-3
    )


def test_the_mean_of_losses_has_the_interval_of_the_normal_law() -> None:
    """With many images the bootstrap of a mean comes near 1.96 standard errors."""
    sample = population(4000, 3)
    loss = evaluate_scores(sample).metrics["log_loss"]
    losses = -np.log(sample.probabilities[np.arange(4000), sample.true_labels])
    half = 1.96 * losses.std() / np.sqrt(4000)
    assert (loss.low, loss.high) == pytest.approx((loss.value - half, loss.value + half), rel=0.02)


def test_intervals_come_again() -> None:
    """The same scores have the same intervals, to the last bit."""
    first, second = (evaluate_scores(population(100, 3)) for _ in range(2))
    assert first.metrics == second.metrics
    assert first.per_class == second.per_class


@given(any_scores() | any_label_sets(), st.randoms(use_true_random=False))
def test_intervals_do_not_depend_on_the_order_of_the_images(
    given_scores: Scores, random: Random
) -> None:
    """Images under other names, in another order, have the same numbers to the last bit."""
    places = list(range(len(given_scores.names)))
    random.shuffle(places)
    shuffled = given_scores.at(np.array(places))
    first, second = evaluate_scores(given_scores), evaluate_scores(shuffled)
    assert first.metrics == second.metrics
    assert first.per_class == second.per_class


def test_a_single_image_has_no_interval_of_its_log_loss() -> None:
    """Only a loss without a limit and what compares images have none, and a note says so."""
    evaluation = evaluate_scores(scores([1], [[0.25, 0.75]]))
    without = {name for name, each in evaluation.metrics.items() if each.low is None}
    assert without == {"log_loss", "ece"}
    assert "no interval of log loss and calibration error: a single image" in evaluation.notes


def test_many_images_go_without_the_costly_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number of images the calibration error has none, and a note says so."""
    monkeypatch.setattr(compute, "MOST_RESAMPLED", 99)
    monkeypatch.setattr(evaluate, "MOST_RESAMPLED", 99)
    evaluation = evaluate_scores(population(100, 3))
    assert {name for name, each in evaluation.metrics.items() if each.low is None} == {"ece"}
    assert "no interval of calibration error above 99 images" in evaluation.notes


def test_no_interval_has_no_width() -> None:
    """A classifier that is always or never right about a class may be so by chance."""
    always_first = evaluate_scores(scores([0] * 40 + [1] * 3, [[1, 0]] * 43))
    perfect = evaluate_scores(scores([0, 1] * 6, [[1, 0], [0, 1]] * 6))
    for found in (always_first, perfect):
        widths = {
            name: each.high - each.low
            for name, each in numbers(found)
            if each.low is not None and each.high is not None
        }
        assert {"balanced_accuracy", "macro_f1", "average_precision", "f1[a]"} <= widths.keys()
        assert min(widths.values()) > 0.05
    balanced = always_first.metrics["balanced_accuracy"]
    assert (balanced.low, balanced.high) == pytest.approx((0.385, 0.856), abs=1e-3)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=6))
def test_means_of_classes_have_wider_intervals_than_the_classes_allow(
    counts: list[tuple[int, int]],
) -> None:
    """An interval of a mean contains it; with one class it is that of the class."""
    hits, trials = (np.array(each, np.float64) for each in zip(*counts, strict=True))
    trials = np.maximum(hits, trials)
    found = mean_interval(float((hits / trials).mean()), hits, trials)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.01
    if len(hits) == 1:
        exact = exact_interval(hits[0], trials[0])
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(
    "cell",
    [
        intervals.Cell(10, 2, rare=True, kind="0.9", draws=150),
        intervals.Cell(10, 10, rare=False, kind="half", draws=150),
        intervals.Cell(43, 2, rare=True, kind="first half", draws=150),
        intervals.Cell(100, 20, rare=True, kind="ranked", draws=150),
        intervals.Cell(60, 5, rare=False, kind="labels", draws=150),
    ],
)
def test_intervals_of_few_images_cover(cell: intervals.Cell) -> None:
    """With a single image of a class, or none of its images right, the truth is in the interval.

    The intervals are not needlessly wide: at most 1.5 times exact binomial ones.
    """
    found = intervals.measure(cell)
    # 13 misses or more of 150 at 5 % come 4 times in 100, 18 or more once in 2,000 times.
    assert {name for name, (covered, _) in found.items() if covered < 0.88} == set()
    assert {name for name, (_, wide) in found.items() if wide > 1.5} == set()


def test_what_cannot_be_measured_has_no_interval() -> None:
    """A class that is never predicted and one without images have a 0 and no interval."""
    evaluation = evaluate_scores(scores([0, 1], [[1, 0, 0], [1, 0, 0]]))
    _, never_predicted, without_images = evaluation.per_class
    nothing = MetricValue(0.0, None, None)
    assert never_predicted.metrics["precision"] == without_images.metrics["recall"] == nothing
    assert never_predicted.metrics["recall"].low is not None


def drawn(everything: Scores, chosen: np.ndarray) -> Scores:
    """Return the scores of the chosen images, as if they were others."""
    names = tuple(map(str, range(len(chosen))))
    probabilities = everything.probabilities[chosen]
    return Scores(names, everything.positives[chosen], probabilities, everything.classes)


def numbers(evaluation: Evaluation) -> Iterator[tuple[str, MetricValue]]:
    """Yield every metric of an evaluation, those of its classes too, by name."""
    yield from evaluation.metrics.items()
    for each in evaluation.per_class:
        for name, metric in each.metrics.items():
            yield f"{name}[{each.name}]", metric


def holds(metric: MetricValue, value: float) -> bool:
    """Return whether the metric's interval holds `value`."""
    assert metric.low is not None
    assert metric.high is not None
    return metric.low <= value <= metric.high


@pytest.mark.long
def test_a_gate_on_a_bound_is_rarely_passed_by_a_model_that_just_meets_it() -> None:
    """With 50 images and few errors or none, too, a loss is not taken for smaller than it is."""
    passed = passed_gates(Cell(2, 0.97, 50, 200))
    for name in ("accuracy", "log_loss", "brier"):
        assert passed[name] <= 0.025 + 3 * (0.025 * 0.975 / 200) ** 0.5
