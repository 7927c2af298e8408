"""Every number equals scikit-learn's own, on random and on degenerate scores."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
    top_k_accuracy_score,
)

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.metrics.calibration import BINS
from imgrec.scores import Scores
from tests.evaluation.made import any_scores, population, scores

CLASS_METRICS = ("precision", "recall", "f1")
RANKING = {"roc_auc": roc_auc_score, "average_precision": average_precision_score}

ONE_IMAGE = scores([1], [[0.25, 0.5, 0.25]])
ONE_CLASS = scores([1, 1, 1], [[0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]])
ALL_TIED = scores([0, 1, 2], [[1 / 3] * 3] * 3)
NEVER_PREDICTED = scores([0, 1, 1], [[1, 0, 0]] * 3)
SURE_AND_WRONG = scores([0, 1], [[0, 1], [1, 0]])


@given(any_scores())
@example(ONE_IMAGE)
@example(ONE_CLASS)
@example(ALL_TIED)
@example(NEVER_PREDICTED)
@example(SURE_AND_WRONG)
@example(population(300, 4))
def test_metrics_equal_scikit_learn(given_scores: Scores) -> None:
    """Each metric of the whole is what scikit-learn's function of that name says."""
    found = {name: metric.value for name, metric in evaluate_scores(given_scores).metrics.items()}
    assert found == pytest.approx(expected(given_scores), rel=1e-5, abs=1e-6)


@given(any_scores())
@example(ONE_IMAGE)
@example(ONE_CLASS)
@example(ALL_TIED)
@example(NEVER_PREDICTED)
def test_measures_of_classes_equal_scikit_learn(given_scores: Scores) -> None:
    """Each class has scikit-learn's measures; what it doesn't define is absent."""
    truth, probabilities = given_scores.true_labels, given_scores.probabilities
    assert truth is not None
    labels = np.arange(len(given_scores.classes))
    predicted = probabilities.argmax(axis=1)
    evaluation = evaluate_scores(given_scores)
    expected_measures = precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    found = [[each.metrics[name] for name in CLASS_METRICS] for each in evaluation.per_class]
    for place, values in enumerate(expected_measures[:3]):
        assert [each[place].value for each in found] == pytest.approx(values)
    assert [each.support for each in evaluation.per_class] == list(expected_measures[3])
    assert (evaluation.confusion == confusion_matrix(truth, predicted, labels=labels)).all()
    for label, result in enumerate(evaluation.per_class):
        positive = truth == label
        defined = positive.any() and not positive.all()
        for name, measure in RANKING.items():
            assert (name in result.metrics) == defined
            if defined:
                wanted = measure(positive, probabilities[:, label])
                assert result.metrics[name].value == pytest.approx(wanted)


@given(any_scores())
@example(population(300, 4))
def test_reliability_equals_scikit_learn(given_scores: Scores) -> None:
    """The bins that hold images are calibration_curve's, and all images are in one."""
    bins = [each for each in evaluate_scores(given_scores).reliability if each.images]
    confidence, right = confident(given_scores)
    accuracy, mean = calibration_curve(right, confidence, n_bins=BINS)
    assert [each.accuracy for each in bins] == pytest.approx(accuracy)
    assert [each.confidence for each in bins] == pytest.approx(mean)
    assert sum(each.images for each in bins) == len(right)


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_top_k_equals_scikit_learn_without_ties(seed: int, k: int) -> None:
    """Where no two probabilities are equal there is one top-k accuracy, scikit-learn's."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(5), 40).astype(np.float32)
    truth = generator.integers(0, 5, 40)
    value = top_k_accuracy_score(truth, probabilities, k=k, labels=range(5))
    assert evaluate_scores(scores(truth, probabilities), k).metrics["top_k_accuracy"].value == value


def expected(given_scores: Scores) -> Mapping[str, float]:
    """Return what scikit-learn says; ROC-AUC and average precision over the classes it can."""
    truth, probabilities = given_scores.true_labels, given_scores.probabilities
    assert truth is not None
    predicted, labels = probabilities.argmax(axis=1), np.arange(len(given_scores.classes))
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    found = {
        "accuracy": accuracy_score(truth, predicted),
        "top_k_accuracy": _top_k(given_scores),
        "macro_f1": f1_score(truth, predicted, average="macro", zero_division=0),
        "weighted_f1": f1_score(truth, predicted, average="weighted", zero_division=0),
        "log_loss": log_loss(truth, exact, labels=labels),
        "brier": brier_score_loss(truth, exact if len(labels) > 2 else exact[:, 1], labels=labels),
        "ece": _calibration_error(given_scores),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes predicted that no image has
        found["balanced_accuracy"] = balanced_accuracy_score(truth, predicted)
    present = np.unique(truth)
    if len(present) > 1:
        for name, measure in RANKING.items():
            found[name] = np.mean([measure(truth == one, probabilities[:, one]) for one in present])
    return found


def confident(given_scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    """Return each image's highest probability, and whether that class is right."""
    probabilities = given_scores.probabilities
    right = probabilities.argmax(axis=1) == given_scores.true_labels
    return probabilities.max(axis=1).astype(np.float64), right


def _top_k(given_scores: Scores) -> float:
    """Return how often the truth is among the first five, ties in the order of the classes."""
    first = np.argsort(-given_scores.probabilities, axis=1, kind="stable")[:, :5]
    return float((first == given_scores.true_labels[:, None]).any(axis=1).mean())


def _calibration_error(given_scores: Scores) -> float:
    """Return Guo's sum, bin by bin."""
    confidence, right = confident(given_scores)
    edges = np.linspace(0, 1, BINS + 1)
    total = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return total
