"""When a model says "unknown": thresholds that keep their promise."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.selective_prediction import (
    Limits,
    choose_threshold,
    is_answered,
    joint_limits,
    run_limits,
)
from imgrec.requirement import SELECTIVE
from imgrec.runs.card import Threshold
from imgrec.scores import Scores


def scored(probabilities: object, truth: object, ood_similarity: object = None) -> Scores:
    """Return scores of two classes."""
    rows = np.array(probabilities, np.float32)
    return Scores(
        names=tuple(str(number) for number in range(len(rows))),
        truth=np.array(truth, np.int64),
        probabilities=rows,
        classes=("a", "b"),
        ood_similarity=None if ood_similarity is None else np.array(ood_similarity, np.float32),
    )


@given(
    answers=st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1),
    promise=st.sampled_from(["precision", "coverage"]),
    share=st.floats(0.01, 1),
)
def test_a_threshold_keeps_its_promise(
    answers: list[tuple[float, bool]], promise: Literal["precision", "coverage"], share: float
) -> None:
    """Whatever was answered, the images above the threshold are as many and as right as told."""
    given_scores = scored([[sure, 1 - sure] for sure, _ in answers], [not ok for _, ok in answers])
    found = choose_threshold(given_scores, promise, share, "validation")

    confidence = given_scores.probabilities.max(axis=1)
    right = given_scores.probabilities.argmax(axis=1) == given_scores.truth
    if found is None:
        assert promise == "precision"
        assert all(right[confidence >= level].mean() < share for level in set(confidence))
        return
    answered = confidence >= found.value
    assert answered.mean() == pytest.approx(found.coverage)
    assert right[answered].mean() == pytest.approx(found.precision)
    assert (found.coverage if promise == "coverage" else found.precision) >= share


def test_the_lowest_threshold_of_a_precision_is_taken() -> None:
    """A mistake among the unsure is left out, and no more than has to be."""
    given_scores = scored([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], [0, 0, 0, 1])
    found = choose_threshold(given_scores, "precision", 1.0, "validation")
    assert found is not None
    assert (found.promise, found.coverage, found.precision) == ("precision 1", 0.75, 1.0)
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
    assert is_answered(given_scores, run_limits(found)).tolist() == [True, False]
    familiar = scored([[0.9, 0.1]] * 2, [0, 0], sure)
    assert is_answered(familiar, Limits(None, found.value)).tolist() == [True, False]


def test_what_is_strange_is_not_answered_however_sure() -> None:
    """Both limits count; without a ood_similarity, or a limit, the other one alone."""
    found = scored([[0.9, 0.1]] * 3, [0] * 3, [0.9, 0.5, 0.1])
    assert is_answered(found, Limits(0.8, 0.5)).tolist() == [True, True, False]
    assert is_answered(found, Limits(0.95, 0.5)).tolist() == [False] * 3
    assert is_answered(found, Limits()).tolist() == [True] * 3
    assert is_answered(scored([[0.9, 0.1]], [0]), Limits(None, 2.0)).tolist() == [True]


@pytest.mark.parametrize(
    ("promise", "share", "familiar"),
    [("precision", 0.5, 95), ("coverage", 0.5, 95), ("coverage", 0.98, 99)],
)
def test_the_limit_of_familiarity_leaves_room_for_the_promise(
    promise: Literal["precision", "coverage"], share: float, familiar: int
) -> None:
    """Of 100 images 5 are strange; where 98 are to be answered, one is."""
    found = scored([[0.9, 0.1]] * 100, [0] * 100, np.linspace(0.01, 1, 100))
    threshold = choose_threshold(found, promise, share, "validation")
    assert threshold is not None
    assert threshold.coverage == familiar / 100
    assert is_answered(found, run_limits(threshold)).sum() == familiar


def test_a_card_without_a_threshold_has_no_limits() -> None:
    """A run that promised nothing answers everything."""
    assert run_limits(None) == Limits(None, None)
    assert run_limits(Threshold(0.5, "coverage 1", "x", 1, 1.0, 1.0, 0.25)) == Limits(0.5, 0.25)


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
    limits = Limits(threshold, ood_similarity)
    metrics = evaluate_scores(found, limits=limits).metrics
    if limits == Limits():
        assert not SELECTIVE & metrics.keys()
        return
    known = is_answered(found, limits)
    assert metrics["answered"].value == pytest.approx(known.mean())
    assert ("selective_accuracy" in metrics) == known.any()
    if known.any():
        assert metrics["selective_accuracy"].value == pytest.approx(found.right[known].mean())


def test_of_several_models_the_strictest_threshold_holds() -> None:
    """Familiarity is that of one model alone."""
    one, other = Limits(0.6, 0.3), Limits(0.8)
    assert joint_limits([one]) == one
    assert joint_limits([one, other]) == Limits(0.8)
    assert joint_limits([Limits(), Limits()]) == Limits()
