"""Two models on the same images: better, worse, equal, or inconclusive."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.errors import DataError, UsageError
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment, MetricDifference
from imgrec.scores import Scores, one_hot


def assessment(
    name: str, truth: NDArray[np.int64], probabilities: NDArray[np.float64]
) -> Assessment:
    """Return the assessment of images called 0, 1, 2, ..."""
    names = tuple(map(str, range(len(truth))))
    classes = tuple("abcdefgh"[: probabilities.shape[1]])
    labels = one_hot(truth, len(classes))
    scores = Scores(names, labels, probabilities.astype(np.float32), classes)
    return Assessment(name, "test", "data", scores, evaluate_scores(scores, top_k=2))


def drawn(name: str, seed: int, truth: NDArray[np.int64], skill: float) -> Assessment:
    """Return a model of three classes that is the better the more skill it has."""
    logits = np.random.default_rng(seed).normal(size=(len(truth), 3)) + skill * np.eye(3)[truth]
    odds = np.exp(logits)
    return assessment(name, truth, odds / odds.sum(axis=1, keepdims=True))


def deciding(name: str, right: NDArray[np.bool_]) -> Assessment:
    """Return a model of two classes that gets these images right, all of class a."""
    truth = np.zeros(len(right), np.int64)
    return assessment(name, truth, np.where(right[:, None], [0.75, 0.25], [0.25, 0.75]))


TRUTH = np.arange(300) % 3


def test_better_and_worse_are_mirror_images() -> None:
    """What is better one way is worse the other, with the same numbers."""
    good, bad = drawn("good", 1, TRUTH, 3), drawn("bad", 2, TRUTH, 1)
    up, down = compare(good, bad), compare(bad, good)
    for name in ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "brier", "roc_auc"):
        ours, theirs = up.differences[name], down.differences[name]
        assert (ours.finding, theirs.finding) == ("better", "worse")
        assert ours.value == -theirs.value
        assert ours.low is not None
        assert ours.high is not None
        assert ours.low <= ours.value <= ours.high
        assert theirs.low == pytest.approx(-ours.high)
    assert up.fixed
    assert [flip.name for flip in up.fixed] == [flip.name for flip in down.broken]


def test_intervals_do_not_depend_on_the_order_of_the_images() -> None:
    """The same images in another order have the same differences, to the last bit."""
    one, other = drawn("one", 1, TRUTH, 2), drawn("other", 2, TRUTH, 2)
    places = np.random.default_rng(0).permutation(len(TRUTH))
    shuffled = compare(_in_order(one, places), _in_order(other, places))
    assert shuffled.differences == compare(one, other).differences


def _in_order(found: Assessment, places: NDArray[np.int64]) -> Assessment:
    scores = found.scores.at(places)
    return dataclasses.replace(found, scores=scores, evaluation=evaluate_scores(scores, top_k=2))


def test_a_model_equals_itself() -> None:
    """Nothing differs, and nothing that was drawn makes it seem so."""
    one = drawn("one", 1, TRUTH, 2)
    found = compare(one, dataclasses.replace(one, run="other"))
    assert {(each.value, each.finding) for each in found.differences.values()} == {(0, "equal")}
    assert found.differences["accuracy"].p == 1
    assert (found.fixed, found.broken) == ((), ())


def test_values_are_those_of_the_evaluations() -> None:
    """Every metric that both have is compared."""
    one, other = drawn("one", 1, TRUTH, 2), drawn("other", 2, TRUTH, 2)
    found = compare(one, other)
    assert list(found.differences) == list(one.evaluation.metrics)
    for name, each in found.differences.items():
        assert each.model == one.evaluation.metrics[name].value
        assert each.baseline == other.evaluation.metrics[name].value


@given(st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=30)
def test_accuracy_is_judged_by_mcnemar(fixed: int, broken: int) -> None:
    """The p-value is the exact binomial one of the images on which the two differ."""
    from scipy.stats import binomtest

    model = np.r_[np.ones(fixed, bool), np.zeros(broken, bool), np.ones(10, bool)]
    baseline = np.r_[np.zeros(fixed, bool), np.ones(broken, bool), np.ones(10, bool)]
    difference = compare(deciding("m", model), deciding("b", baseline)).differences["accuracy"]
    p = binomtest(fixed, fixed + broken).pvalue if fixed + broken else 1.0
    assert difference.p == pytest.approx(p)
    assert (difference.finding in ("better", "worse")) == (p < 0.05)


@given(st.integers(1, 5), st.integers(0, 40))
@settings(max_examples=30)
def test_a_few_images_tell_nothing(differing: int, same: int) -> None:
    """Up to five images all in one's favour are chance, for resampled metrics as for McNemar."""
    model = np.ones(differing + same, bool)
    baseline = np.arange(differing + same) >= differing
    found = compare(deciding("m", model), deciding("b", baseline)).differences
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier"):
        assert found[name].finding == "inconclusive", name
    low, high = _bounds(found["accuracy"])
    assert low < 0 < found["accuracy"].value <= high


@pytest.mark.parametrize(("images", "most"), [(1, 0.975), (6, 0.459), (100, 0.036)])
def test_the_same_answers_prove_little_for_other_images(images: int, most: float) -> None:
    """With 97.5 % confidence, fewer than `most` of other images are right with one model only."""
    right = np.arange(images) > 0
    found = compare(deciding("m", right), deciding("b", right)).differences
    assert _bounds(found["accuracy"]) == pytest.approx((-most, most), abs=0.001)
    for name in ("balanced_accuracy", "log_loss", "ece"):
        assert (found[name].low, found[name].high, found[name].finding) == (None, None, "equal")


def _bounds(difference: MetricDifference) -> tuple[float, float]:
    assert difference.low is not None
    assert difference.high is not None
    return difference.low, difference.high


def test_intervals_of_few_differing_images_contain_the_truth() -> None:
    """At most 2.5 % of all sets of 7 images have one without it, whatever the truth is."""
    from scipy.stats import multinomial

    outcomes = [each for each in itertools.product(range(6), repeat=2) if sum(each) <= 5]
    bounds = []
    for won, lost in outcomes:
        image = np.arange(7)
        model, baseline = (image < won) | (image >= won + lost), image >= won
        found = compare(deciding("m", model), deciding("b", baseline)).differences["accuracy"]
        bounds.append(_bounds(found))
    low, high = np.array(bounds).T
    counts = [(won, lost, 7 - won - lost) for won, lost in outcomes]
    steps = np.linspace(0.01, 0.99, 30)
    for gained, broken in ((p, q) for p in steps for q in steps if p + q < 1):
        often = multinomial.pmf(counts, 7, (gained, broken, 1 - gained - broken))
        assert often[(gained - broken < low) | (gained - broken > high)].sum() <= 0.025


def test_models_that_always_answer_the_same_are_not_called_equal() -> None:
    """They differ on every image; of 3 images of a class the samples learn nothing."""
    truth = np.array([0] * 40 + [1] * 3)
    first = assessment("a", truth, np.tile([0.75, 0.25], (43, 1)))
    second = assessment("b", truth, np.tile([0.25, 0.75], (43, 1)))
    found = compare(first, second).differences["balanced_accuracy"]
    assert (found.value, found.finding) == (0, "inconclusive")
    assert found.low is not None
    assert found.high is not None
    assert found.low < -0.1
    assert found.high > 0.1


def test_a_class_that_one_model_always_knows_has_an_interval() -> None:
    """Of 12 images that all change sides the difference is significant, and may be smaller."""
    truth = np.array([0] * 40 + [1] * 12)
    good = assessment("good", truth, np.where(truth[:, None] == 0, [0.75, 0.25], [0.25, 0.75]))
    bad = assessment("bad", truth, np.tile([0.75, 0.25], (52, 1)))
    found = compare(good, bad).differences["balanced_accuracy"]
    assert (found.value, found.finding) == (0.5, "better")
    assert found.low is not None
    assert 0 < found.low < 0.45


@pytest.mark.long
def test_equal_models_seldom_seem_to_differ() -> None:
    """Of models of the same skill, about 1 in 20 is called better or worse, in any metric."""
    wrong = dict.fromkeys(("accuracy", "macro_f1", "log_loss", "brier", "roc_auc"), 0)
    random = np.random.default_rng(3)
    rounds = 40
    for number in range(rounds):
        truth = random.integers(3, size=90)
        model, baseline = (drawn("m", 2 * number + side, truth, 1.5) for side in (0, 1))
        found = compare(model, baseline).differences
        for name in wrong:
            wrong[name] += found[name].finding in ("better", "worse")
    # Ten or more of 40 at 5 % come once in 50,000 times.
    assert max(wrong.values()) < 10, wrong


def test_confidence_widens() -> None:
    """At 99.9 % the interval is wider than at 80 %."""
    one, other = drawn("one", 1, TRUTH, 2), drawn("other", 2, TRUTH, 1.5)
    found = [compare(one, other, sure).differences["log_loss"] for sure in (0.8, 0.999)]
    narrow, wide = (
        each.high - each.low for each in found if each.high is not None and each.low is not None
    )
    assert wide > narrow


def test_flips_name_the_images() -> None:
    """Each with its truth and what either model says."""
    found = compare(deciding("m", np.array([True, False])), deciding("b", np.array([False, True])))
    assert [dataclasses.astuple(flip) for flip in found.fixed] == [("0", "a", "a", "b")]
    assert [dataclasses.astuple(flip) for flip in found.broken] == [("1", "a", "b", "a")]


def test_other_images_and_classes_are_refused() -> None:
    """They are named: a comparison of unlike things would look like any other."""
    one = deciding("m", np.array([True, False]))
    with pytest.raises(DataError, match="b was measured on other images, such as 2"):
        compare(one, deciding("b", np.array([True, False, True])))
    flipped = dataclasses.replace(one.scores, truth=~one.scores.positives)
    with pytest.raises(DataError, match="with other labels"):
        compare(one, dataclasses.replace(one, scores=flipped))
    other = dataclasses.replace(one.scores, classes=("b", "a"))
    with pytest.raises(UsageError, match="has other classes"):
        compare(one, dataclasses.replace(one, scores=other))


@pytest.mark.parametrize("images", [1, 2])
def test_hardly_any_images(images: int) -> None:
    """The result is inconclusive, without a warning."""
    right = np.arange(images) == 0
    found = compare(deciding("m", right), deciding("b", ~right)).differences
    assert {found[name].finding for name in ("accuracy", "log_loss")} == {"inconclusive"}
