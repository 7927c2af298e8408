"""Measures equal scikit-learn's, and say what they can't say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from imgrec.errors import DataError, RunError
from imgrec.evaluation.evaluate import evaluate
from imgrec.evaluation.metrics import Metric
from imgrec.scores import Scores, Skipped


def scores(
    truth: NDArray[np.int64] | list[int] | None, probabilities: object, skipped: int = 0
) -> Scores:
    """Return scores of images `0.png`, `1.png`, ..., classes `a`, `b`, ..."""
    rows = np.asarray(probabilities, dtype=np.float32)
    return Scores(
        names=tuple(f"{i}.png" for i in range(len(rows))),
        truth=None if truth is None else np.asarray(truth, dtype=np.int64),
        probabilities=rows,
        classes=tuple("abcdefghij"[: rows.shape[1]]),
        skipped=tuple(Skipped(f"bad{i}.png", "is no image") for i in range(skipped)),
    )


@st.composite
def any_scores(draw: st.DrawFn) -> Scores:
    """Draw scores whose rows hold ties, ones and zeros; some classes have no image."""
    classes, images = draw(st.integers(2, 6)), draw(st.integers(1, 30))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = generator.integers(0, draw(st.sampled_from([2, 4, 10**6])), (images, classes)) + 1e-9
    truth = generator.integers(0, draw(st.integers(1, classes)), images)
    return scores(truth, weights / weights.sum(axis=1, keepdims=True))


@given(any_scores())
def test_measures_equal_scikit_learn(given_scores: Scores) -> None:
    """Every measure is scikit-learn's, with ties, missing classes and single images."""
    truth, probabilities = given_scores.truth, given_scores.probabilities
    predicted = probabilities.argmax(axis=1)
    labels = np.arange(len(given_scores.classes))
    evaluation = evaluate(given_scores)

    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=labels, zero_division=0
    )
    per_class = evaluation.per_class
    assert evaluation.metrics["accuracy"].value == pytest.approx(accuracy_score(truth, predicted))
    assert [result.precision.value for result in per_class] == pytest.approx(precision)
    assert [result.recall.value for result in per_class] == pytest.approx(recall)
    assert [result.f1.value for result in per_class] == pytest.approx(f1)
    assert [result.support for result in per_class] == list(support)
    assert (evaluation.confusion == confusion_matrix(truth, predicted, labels=labels)).all()
    exact = probabilities.astype(np.float64)
    expected_loss = log_loss(truth, exact / exact.sum(axis=1, keepdims=True), labels=labels)
    assert evaluation.metrics["log_loss"].value == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)


@given(any_scores(), st.integers(1, 6))
def test_intervals_hold_their_value(given_scores: Scores, k: int) -> None:
    """An interval lies in [0, 1] around its value, and top-k grows from top-1 to 1."""
    one, some, every = (evaluate(given_scores, top_k) for top_k in (1, k, 6))
    for metric in (
        some.metrics["accuracy"],
        some.metrics["top_k_accuracy"],
        one.per_class[0].recall,
    ):
        if metric.low is not None and metric.high is not None:
            assert 0 <= metric.low <= metric.value <= metric.high <= 1
    assert one.metrics["top_k_accuracy"] == one.metrics["accuracy"]
    assert (
        one.metrics["accuracy"].value
        <= some.metrics["top_k_accuracy"].value
        <= every.metrics["top_k_accuracy"].value
        == 1
    )


@given(st.integers(0, 2**32), st.integers(2, 4))
def test_top_k_equals_scikit_learn_without_ties(seed: int, k: int) -> None:
    """Where no two probabilities are equal there is one top-k accuracy, scikit-learn's."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(5), 40).astype(np.float32)
    truth = generator.integers(0, 5, 40)
    expected = top_k_accuracy_score(truth, probabilities, k=k, labels=range(5))
    assert evaluate(scores(truth, probabilities), k).metrics["top_k_accuracy"].value == expected


def test_of_equal_probabilities_the_first_class_counts() -> None:
    """Three equal classes: the first is the prediction, the first two are the top 2."""
    evaluation = evaluate(scores([0, 1, 2], [[1 / 3] * 3] * 3), top_k=2)
    assert evaluation.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert evaluation.metrics["top_k_accuracy"].value == pytest.approx(2 / 3)


def test_wilson_interval_of_a_known_case() -> None:
    """8 of 10 have Wilson's 95 % interval of 0.490 to 0.943, as in the tables."""
    evaluation = evaluate(scores([0] * 10, [[1, 0]] * 8 + [[0, 1]] * 2))
    accuracy = evaluation.metrics["accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high) == pytest.approx(
        (0.8, 0.490, 0.943), abs=1e-3
    )


def test_what_cannot_be_measured_has_no_interval() -> None:
    """A class that is never predicted and one without images have a 0 and no interval."""
    evaluation = evaluate(scores([0, 1], [[1, 0, 0], [1, 0, 0]]))
    _, never_predicted, without_images = evaluation.per_class
    assert never_predicted.precision == without_images.recall == Metric(0.0, None, None)
    assert never_predicted.recall.low is not None


def test_a_certain_wrong_answer_has_a_finite_loss() -> None:
    """A probability of 0 for the truth costs what scikit-learn's log_loss says in float64."""
    assert evaluate(scores([1], [[1, 0]])).metrics["log_loss"].value == pytest.approx(
        log_loss([1], [[1.0, 0.0]], labels=[0, 1])
    )


def test_k_is_at_most_the_number_of_classes() -> None:
    """With two classes a top-5 accuracy is a top-2 accuracy and says so."""
    evaluation = evaluate(scores([1], [[1, 0]], skipped=1))
    assert (evaluation.top_k, evaluation.metrics["top_k_accuracy"].value) == (2, 1)
    assert list(evaluation.metrics) == [
        "accuracy", "top_k_accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "log_loss",
        "brier", "ece",
    ]  # fmt: skip
    assert (evaluation.images, len(evaluation.skipped)) == (1, 1)


def test_no_image_is_an_error_that_names_a_cause() -> None:
    """Without an image there is nothing to say, whether none was given or none was readable."""
    nothing = np.empty((0, 2))
    with pytest.raises(DataError, match="there are no images to evaluate"):
        evaluate(scores([], nothing))
    with pytest.raises(DataError, match=r"none of the 3 images .* bad0\.png: is no image"):
        evaluate(scores([], nothing, skipped=3))


def test_unknown_truth_is_an_error() -> None:
    """Scores of photos without classes can't be evaluated."""
    with pytest.raises(DataError, match="true class of 1 images is not known"):
        evaluate(scores(None, [[1, 0]]))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_are_an_error(broken: float) -> None:
    """A diverged model gets an error that counts and names the images, no measures."""
    with pytest.raises(RunError, match=r"not finite for 1 of 2 images, first for 1\.png") as error:
        evaluate(scores([0, 1], [[1, 0], [broken, 0]]))
    assert "learning rate" in error.value.hint
