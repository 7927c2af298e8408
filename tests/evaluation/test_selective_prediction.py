"""When a model says "unknown": thresholds that reach their target."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.evaluation.ensemble import mean_decision
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.selective_prediction import choose_threshold
from imgrec.metrics import SelectiveMetric, metrics_of
from imgrec.scores import ONE_LABEL, Decision, Scores, one_hot


def scored(probabilities: object, truth: object, ood_similarity: object = None) -> Scores:
    """Return scores of two classes."""
    rows = np.array(probabilities, np.float32)
    return Scores(
        names=tuple(str(number) for number in range(len(rows))),
        truth=one_hot(np.array(truth, np.int64), 2),
        probabilities=rows,
        classes=("a", "b"),
        ood_similarity=None if ood_similarity is None else np.array(ood_similarity, np.float32),
    )


def known(found: Scores, decision: Decision) -> NDArray[np.bool_]:
    """Return which images are answered with another decision."""
    return replace(found, decision=decision).known


@given(
    answers=st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1),
    target=st.sampled_from(["precision", "coverage"]),
    share=st.floats(0.01, 1),
)
def test_a_threshold_keeps_its_promise(
    answers: list[tuple[float, bool]], target: Literal["precision", "coverage"], share: float
) -> None:
    """Whatever was answered, the images above the threshold are as many and as right as told."""
    given_scores = scored([[sure, 1 - sure] for sure, _ in answers], [not ok for _, ok in answers])
    found = choose_threshold(given_scores, target, share, "validation")

    confidence = given_scores.probabilities.max(axis=1)
    right = given_scores.probabilities.argmax(axis=1) == given_scores.true_labels
    if found is None:
        assert target == "precision"
        assert all(right[confidence >= level].mean() < share for level in set(confidence))
        return
    answered = confidence >= found.value
    assert answered.mean() == pytest.approx(found.coverage)
    assert right[answered].mean() == pytest.approx(found.precision)
    assert (found.coverage if target == "coverage" else found.precision) >= share


def test_the_lowest_threshold_of_a_precision_is_taken() -> None:
    """A mistake among the unsure is left out, and no more than has to be."""
    given_scores = scored([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], [0, 0, 0, 1])
    found = choose_threshold(given_scores, "precision", 1.0, "validation")
    assert found is not None
    assert (found.target, found.coverage, found.precision) == ("precision 1", 0.75, 1.0)
    assert found.value == pytest.approx(0.65)


def test_the_last_digits_of_another_engine_change_no_answer() -> None:
    """The threshold stands between two images, not on one; below the last there is room too."""
    given_scores = scored([[0.9, 0.1], [0.8, 0.2]], [0, 0])
    for share, lowest in ((0.5, 0.9), (1.0, 0.8)):
        found = choose_threshold(given_scores, "coverage", share, "validation")
        assert found is not None
        assert found.value < lowest - 1e-5


def test_neighbours_in_float32_are_told_apart() -> None:
    """A threshold or limit between two of them is rounded to neither where it is applied."""
    upper = np.nextafter(np.float32(1), np.float32(0))
    lower = np.nextafter(upper, np.float32(0))
    sure = np.array([upper, lower])
    given_scores = scored(np.stack([sure, 1 - sure], axis=1), [0, 1])
    found = choose_threshold(given_scores, "precision", 0.9, "validation")
    assert found is not None
    assert found.precision == 1.0
    assert known(given_scores, Decision(found.value)).tolist() == [True, False]
    familiar = scored([[0.9, 0.1]] * 2, [0, 0], sure)
    assert known(familiar, Decision(None, found.value)).tolist() == [True, False]


def test_what_is_strange_is_not_answered_however_sure() -> None:
    """Both limits count; without a ood_similarity, or a limit, the other one alone."""
    found = scored([[0.9, 0.1]] * 3, [0] * 3, [0.9, 0.5, 0.1])
    assert known(found, Decision(0.8, 0.5)).tolist() == [True, True, False]
    assert known(found, Decision(0.95, 0.5)).tolist() == [False] * 3
    assert known(found, Decision()).tolist() == [True] * 3
    assert known(scored([[0.9, 0.1]], [0]), Decision(None, 2.0)).tolist() == [True]


@pytest.mark.parametrize(
    ("target", "share", "familiar"),
    [("precision", 0.5, 95), ("coverage", 0.5, 95), ("coverage", 0.98, 99)],
)
def test_the_limit_of_familiarity_leaves_room_for_the_promise(
    target: Literal["precision", "coverage"], share: float, familiar: int
) -> None:
    """Of 100 images 5 are strange; where 98 are to be answered, one is."""
    found = scored([[0.9, 0.1]] * 100, [0] * 100, np.linspace(0.01, 1, 100))
    threshold = choose_threshold(found, target, share, "validation")
    assert threshold is not None
    assert threshold.coverage == familiar / 100
    assert known(found, Decision(threshold.value, threshold.ood_similarity)).sum() == familiar


@given(
    images=st.lists(
        st.tuples(st.floats(0.5, 1, width=32), st.booleans(), st.floats(-1, 1, width=32)),
        min_size=1,
    ),
    threshold=st.none() | st.floats(0, 1),
    ood_similarity=st.none() | st.floats(-1, 1),
)
def test_what_is_answered_is_measured(
    images: list[tuple[float, bool, float]], threshold: float | None, ood_similarity: float | None
) -> None:
    """How many images are answered, and how many of those rightly; nothing without limits."""
    rows = [[sure, 1 - sure] for sure, _, _ in images]
    found = scored(rows, [not right for _, right, _ in images], [near for *_, near in images])
    found = replace(found, decision=Decision(threshold, ood_similarity))
    metrics = evaluate_scores(found).metrics
    if found.decision == ONE_LABEL:
        family = metrics_of(SelectiveMetric, multi_label=False)
        assert not {each.name for each in family} & metrics.keys()
        return
    answered = found.known
    assert metrics["coverage"].value == pytest.approx(answered.mean())
    assert ("selective_accuracy" in metrics) == answered.any()
    if answered.any():
        assert metrics["selective_accuracy"].value == pytest.approx(found.right[answered].mean())


def test_of_several_models_the_strictest_threshold_holds() -> None:
    """OOD similarity is that of one model alone."""
    one, other, classes = Decision(0.6, 0.3), Decision(0.8), ("a", "b")
    assert mean_decision([(classes, one)]) == one
    assert mean_decision([(classes, one), (classes, other)]) == Decision(0.8)
    assert mean_decision([(classes, ONE_LABEL), (classes, ONE_LABEL)]) == ONE_LABEL
