"""Images with several labels, or none: every number is scikit-learn's; what follows from them."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    hamming_loss,
    log_loss,
    multilabel_confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
)

from imgrec.errors import UsageError
from imgrec.evaluation.calibration import calibrated, fit_temperature
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.ensemble import mean_scores
from imgrec.evaluation.error_analysis import ConfusedPair, most_confused, worst_mistakes
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.export_parity import LIMITS, compare_outputs
from imgrec.evaluation.label_thresholds import choose_thresholds
from imgrec.evaluation.metrics.calibration import BINS
from imgrec.evaluation.results import Assessment
from imgrec.evaluation.slices import ImageSlice
from imgrec.evaluation.verdicts import check_requirements
from imgrec.metrics import METRICS
from imgrec.requirement import parse
from imgrec.scores import ONE_LABEL, Decision, Scores
from tests.evaluation.made import any_label_sets, label_sets, population, population_of_sets
from tests.evaluation.test_intervals import drawn, holds, numbers

CLASS_METRICS = ("precision", "recall", "f1")
RANKING = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}

ONE_IMAGE = label_sets([[0, 1]], [[0.25, 0.75]])
NO_LABEL = label_sets([[0, 0], [0, 0]], [[0.25, 0.25], [0.5, 0]])
NOTHING_AT_ALL = label_sets([[0, 0], [0, 0]], [[0.25, 0.25], [0.25, 0]])
EVERY_LABEL = label_sets([[1, 1], [1, 1]], [[1, 1], [1, 0]])
SURE_AND_WRONG = label_sets([[1, 0], [0, 1]], [[0, 1], [1, 0]])
ALL_TIED = label_sets([[1, 0], [0, 1]], [[0.5, 0.5], [0.5, 0.5]])


def with_thresholds(scores: Scores, thresholds: Iterable[float]) -> Scores:
    """Return the scores with another threshold of each class."""
    decision = Decision(class_thresholds=tuple(thresholds))
    return dataclasses.replace(scores, decision=decision)


FOUND = label_sets([[1, 1, 0], [0, 0, 0], [0, 0, 1]], [[0.9, 0.2, 0], [0.7, 0, 0], [0, 0.1, 1]])


@given(any_label_sets())
@example(ONE_IMAGE)
@example(NO_LABEL)
@example(NOTHING_AT_ALL)
@example(EVERY_LABEL)
@example(SURE_AND_WRONG)
@example(ALL_TIED)
@example(population_of_sets(200, 4))
@pytest.mark.long
def test_metrics_equal_scikit_learn(given_scores: Scores) -> None:
    """Each metric of the whole is what scikit-learn says, and absent where that is undefined."""
    found = {name: metric.value for name, metric in evaluate_scores(given_scores).metrics.items()}
    wanted = {name: value for name, value in expected(given_scores).items() if np.isfinite(value)}
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@given(any_label_sets())
@example(NO_LABEL)
@example(EVERY_LABEL)
@example(ALL_TIED)
@pytest.mark.long
def test_measures_of_classes_equal_scikit_learn(given_scores: Scores) -> None:
    """Precision, recall, F1, support and the four counts of each class; ROC-AUC where it is."""
    truth, answers = given_scores.positives, given_scores.answers
    evaluation = evaluate_scores(given_scores)
    wanted = precision_recall_fscore_support(truth, answers, zero_division=0)
    found = [[each.metrics[name] for name in CLASS_METRICS] for each in evaluation.per_class]
    for place, values in enumerate(wanted[:3]):
        assert [each[place].value for each in found] == pytest.approx(values)
    assert [each.support for each in evaluation.per_class] == list(wanted[3])
    assert (evaluation.confusion == multilabel_confusion_matrix(truth, answers)).all()
    for label, result in enumerate(evaluation.per_class):
        one = truth[:, label]
        defined = one.any() and not one.all()
        for name, measure in RANKING.items():
            assert (name in result.metrics) == defined
            if defined:
                wanted_value = measure(one, given_scores.probabilities[:, label])
                assert result.metrics[name].value == pytest.approx(wanted_value)


@given(any_label_sets())
@example(population_of_sets(200, 4))
def test_reliability_is_of_all_answers(given_scores: Scores) -> None:
    """The bins that hold answers are calibration_curve's of all classes and images."""
    bins = [each for each in evaluate_scores(given_scores).reliability if each.images]
    of_classes = given_scores.probabilities.ravel().astype(np.float64)
    share, mean = calibration_curve(given_scores.positives.ravel(), of_classes, n_bins=BINS)
    assert [each.accuracy for each in bins] == pytest.approx(share)
    assert [each.confidence for each in bins] == pytest.approx(mean)
    assert sum(each.images for each in bins) == given_scores.probabilities.size


@given(any_label_sets(), st.integers(1, 4))
def test_every_interval_holds_its_value(given_scores: Scores, top_k: int) -> None:
    """An interval lies around its value, finite, not below 0, and of proportions not above 1."""
    for name, metric in numbers(evaluate_scores(given_scores, top_k)):
        assert (metric.low is None) == (metric.high is None)
        if metric.low is not None and metric.high is not None:
            assert metric.low <= metric.value <= metric.high < np.inf
            lowest, highest = METRICS[name.partition("[")[0]].limits
            assert lowest <= metric.low
            assert metric.high <= (1 if name == "brier" else highest) or name == "ece"


@pytest.mark.long
def test_intervals_cover_the_truth_at_about_their_rate() -> None:
    """Of samples drawn from a known population, about 95 % have its value in their interval."""
    everything = population_of_sets(10_000, 3)
    truth = dict(numbers(evaluate_scores(everything)))
    generator = np.random.default_rng(1)
    trials, covered = 60, dict.fromkeys(truth, 0)
    for _ in range(trials):
        chosen = generator.integers(10_000, size=200)
        sample = evaluate_scores(with_thresholds(drawn(everything, chosen), (0.5,) * 3))
        for name, metric in numbers(sample):
            covered[name] += holds(metric, truth[name].value)
    shares = {name: count / trials for name, count in covered.items()}
    assert {name: share for name, share in shares.items() if share < 0.85 and name != "ece"} == {}
    assert 0.9 <= np.mean(list(shares.values())) <= 0.99


def test_notes_say_what_is_right_and_what_is_missing() -> None:
    """What an image has to have to be right; which numbers there are not, and why."""
    assert "exactly the true ones" in evaluate_scores(FOUND).notes[0]
    notes = " ".join(evaluate_scores(NOTHING_AT_ALL).notes)
    assert "no macro F1, micro F1 and weighted F1: no image has a label" in notes
    assert "no ROC-AUC and average precision: no class is in some images only" in notes
    assert evaluate_scores(FOUND).coverage_curve is None


def test_slices_and_requirements() -> None:
    """Slices are measured as the whole is; a gate may require metrics of several labels."""
    everything = population_of_sets(80, 3)
    half = np.arange(80) < 40
    parts = [
        ImageSlice("half", everything.where(half)),
        ImageSlice("rest", everything.where(~half)),
    ]
    found = evaluate_scores(everything, slices=parts)
    assert (
        found.slices[0].metrics["macro_f1"].value
        == evaluate_scores(parts[0].scores).metrics["macro_f1"].value
    )
    asked = ("micro_f1 > 0.1", "hamming_loss.high <= 1 %", "worst_slice.accuracy > 0.01")
    verdicts = check_requirements(found, [*map(parse, asked), parse("recall[class 2] >= 0")])
    assert [each.met for each in verdicts] == [True, False, True, True]


def test_mistakes_are_single_answers() -> None:
    """A class that was missed, and one that is not there, the worst first; counted as pairs."""
    missed, wrong = worst_mistakes(FOUND, 5)
    assert missed[:3] == ("0.png", "b", "not b")
    assert missed[3:5] == pytest.approx((0.2, 0.8))
    assert wrong[:3] == ("1.png", "not a", "a")
    assert wrong[3:5] == pytest.approx((0.3, 0.7))
    pair = ConfusedPair("not a", "a", 1)
    assert most_confused(evaluate_scores(FOUND), 5) == (pair, ConfusedPair("b", "not b", 1))
    assert [each.name for each in worst_mistakes(FOUND, 5, pair)] == ["1.png"]


def test_models_are_compared_by_whole_images() -> None:
    """McNemar counts images with all labels right; the others are paired on the same samples."""
    good, poor = population_of_sets(150, 3, skill=3), population_of_sets(150, 3, skill=0.5)
    comparison = compare(_assessment("good", good), _assessment("poor", poor))
    differences = comparison.differences
    for name in ("accuracy", "hamming_loss", "micro_f1", "samples_f1", "macro_f1", "log_loss"):
        assert differences[name].finding == "better", name
    assert differences["accuracy"].p is not None
    flip = comparison.fixed[0]
    row = good.names.index(flip.name)
    assert flip.truth == flip.model == good.named(good.positives[row])
    again = compare(_assessment("good", good), _assessment("again", good))
    assert {each.finding for name, each in again.differences.items() if name != "ece"} == {"equal"}
    one = dataclasses.replace(population(150, 3), classes=good.classes)
    with pytest.raises(UsageError, match="gives an image several classes"):
        compare(_assessment("good", good), _assessment("one", one))


def test_the_mean_of_models_has_the_mean_of_their_thresholds() -> None:
    """Classes are aligned by name; a model of one label has no mean with one of several."""
    first = with_thresholds(FOUND, (0.25, 0.5, 0.75))
    turned = dataclasses.replace(
        FOUND,
        probabilities=FOUND.probabilities[:, ::-1],
        classes=FOUND.classes[::-1],
        decision=Decision(class_thresholds=(0.25, 0.5, 0.25)),
    )
    mean = mean_scores([first, turned])
    np.testing.assert_array_equal(mean.probabilities, FOUND.probabilities)
    assert mean.decision.class_thresholds == (0.25, 0.5, 0.5)
    with pytest.raises(UsageError, match="some of the models give an image several labels"):
        mean_scores([first, dataclasses.replace(turned, decision=ONE_LABEL)])


def test_a_certificate_counts_answers_beyond_their_thresholds() -> None:
    """An image flips where one class does; a probability near its threshold may go either way."""
    model = label_sets([[0, 0]] * 2, [[0.9, 0.1], [0.3, 0.50005]])
    other = dataclasses.replace(
        model, probabilities=np.array([[0.9, 0.6], [0.3, 0.49998]], np.float32)
    )
    found = compare_outputs(model, other, LIMITS["float32"].near_tie)
    assert found.flipped == ("0.png",)
    assert compare_outputs(model, model, 0).agreement == 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.long
def test_a_temperature_is_found_again(temperature: float) -> None:
    """Of logits that were made too sure or too unsure, it is what they were multiplied with."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(6000, 2)) * 2
    truth = generator.random(logits.shape) < 1 / (1 + np.exp(-logits))
    scores = label_sets(truth, 1 / (1 + np.exp(-logits * temperature)))
    found = fit_temperature(scores, "validation")
    assert found.temperature == pytest.approx(temperature, rel=0.06)
    better = calibrated(scores, found.temperature)
    assert found.images == 6000
    assert found.loss_before == pytest.approx(
        evaluate_scores(scores).metrics["log_loss"].value, rel=1e-4
    )
    assert found.loss_after == pytest.approx(
        evaluate_scores(better).metrics["log_loss"].value, rel=1e-4
    )


@given(any_label_sets())
def test_no_threshold_has_a_higher_f1(given_scores: Scores) -> None:
    """Of all thresholds there could be, scikit-learn knows no better one for any class."""
    chosen, without = choose_thresholds(given_scores, "f1", 1, "validation")
    found = with_thresholds(given_scores, chosen.values.values())
    for label, name in enumerate(found.classes):
        one = found.positives[:, label]
        assert (name in without) == (not one.any())
        if one.any():
            levels = found.probabilities[:, label].astype(np.float64)
            precision, recall, _ = precision_recall_curve(one, levels)
            best = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
            measured = f1_score(one, found.answers[:, label], zero_division=0)
            assert measured == pytest.approx(best.max())


@given(any_label_sets(), st.sampled_from([0.5, 0.8, 1.0]))
def test_thresholds_keep_their_promise(given_scores: Scores, share: float) -> None:
    """The precision, or the recall, of each class is what was promised; else it is named."""
    for target in ("precision", "recall"):
        chosen, without = choose_thresholds(given_scores, target, share, "validation")
        found = with_thresholds(given_scores, chosen.values.values())
        for result in evaluate_scores(found).per_class:
            if result.name in without:
                assert chosen.values[result.name] == 0.5
            else:
                assert result.metrics[target].value >= share


@pytest.mark.parametrize("target", ["f1", "precision"])
def test_neighbours_in_float32_are_distinguished(target: Literal["f1", "precision"]) -> None:
    """A threshold between two of them is rounded to neither where it is applied."""
    upper = np.nextafter(np.float32(1), np.float32(0))
    lower = np.nextafter(upper, np.float32(0))
    truth = [[True], [False]]
    given_scores = label_sets(truth, [[upper], [lower]])
    chosen, _ = choose_thresholds(given_scores, target, 0.9, "validation")
    found = with_thresholds(given_scores, chosen.values.values())
    np.testing.assert_array_equal(found.answers, truth)


def expected(given_scores: Scores) -> Mapping[str, float]:
    """Return what scikit-learn says; NaN where it has nothing to say."""
    truth, answers = given_scores.positives, given_scores.answers
    each = given_scores.probabilities.astype(np.float64)
    found = {
        "accuracy": accuracy_score(truth, answers),
        "hamming_loss": hamming_loss(truth, answers),
        "samples_f1": f1_score(truth, answers, average="samples", zero_division=1),
        "log_loss": log_loss(truth.ravel(), each.ravel(), labels=[0, 1]),
        "brier": brier_score_loss(truth.ravel(), each.ravel(), labels=[False, True]),
        "ece": _calibration_error(given_scores),
        "micro_f1": np.nan,
        "macro_f1": np.nan,
        "weighted_f1": np.nan,
    }
    if truth.any() or answers.any():
        found["micro_f1"] = f1_score(truth, answers, average="micro")
        found["macro_f1"] = f1_score(truth, answers, average="macro", zero_division=np.nan)
    if truth.any():
        found["weighted_f1"] = f1_score(truth, answers, average="weighted", zero_division=0)
    defined = truth.any(axis=0) & ~truth.all(axis=0)
    for name, measure in RANKING.items():
        values = [measure(truth[:, one], each[:, one]) for one in np.flatnonzero(defined)]
        found[name] = float(np.mean(values)) if values else np.nan
    return found


def _calibration_error(given_scores: Scores) -> float:
    """Return the sum over the bins of the distance of probabilities and shares."""
    each, truth = given_scores.probabilities.ravel().astype(np.float64), given_scores.positives
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], each)
    gaps = [abs((each - truth.ravel())[bins == one].sum()) for one in range(BINS)]
    return float(sum(gaps) / each.size)


def _assessment(name: str, scores: Scores) -> Assessment:
    return Assessment(name, "test", "data", scores, evaluate_scores(scores))
