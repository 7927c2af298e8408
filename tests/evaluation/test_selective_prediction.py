"""When a model says "unknown": thresholds that reach their target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from imgrec.evaluation.ensemble import mean_decision
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.selective_prediction import best_guarantee, choose_threshold
from imgrec.metrics import SelectiveMetric, metrics_of
from imgrec.scores import ONE_LABEL, Decision, Scores, one_hot
from tools.simulations.selective import Setting, missed, outcomes


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


def ranked(wrong: Sequence[int], images: int) -> Scores:
    """Return scores of images with falling confidence, those at the places in `wrong` wrong."""
    sure = np.linspace(1, 0.6, images)
    return scored(np.stack([sure, 1 - sure], axis=1), np.isin(np.arange(images), wrong))


@given(
    answers=st.lists(st.tuples(st.floats(0.5, 1, width=32), st.booleans()), min_size=1),
    target=st.sampled_from(["precision", "coverage"]),
    share=st.floats(0.01, 0.99),
)
def test_a_threshold_says_what_it_does_to_the_images_that_chose_it(
    answers: list[tuple[float, bool]], target: Literal["precision", "coverage"], share: float
) -> None:
    """Coverage and precision are those of the answers; the best guarantee bounds the targets."""
    given_scores = scored([[sure, 1 - sure] for sure, _ in answers], [not ok for _, ok in answers])
    found = choose_threshold(given_scores, target, share, "validation")
    best = best_guarantee(given_scores, target)
    if found is None:
        assert best is None or best < 0.001 + share or target == "precision"
        return
    assert best is not None
    assert best > share - 0.001
    answered = given_scores.probabilities.max(axis=1) >= found.value
    assert answered.mean() == pytest.approx(found.coverage)
    assert given_scores.right[answered].mean() == pytest.approx(found.precision)
    assert found.confidence == 0.95
    assert (found.coverage if target == "coverage" else found.precision) > share


@pytest.mark.parametrize(
    ("wrong", "images", "answered"),
    [
        ([], 148, None),
        ([], 149, 149),
        ([148], 235, None),
        ([149], 235, 149),
        ([149], 236, 236),
        ([0], 1000, None),
        ([200, 300], 313, 313),
        ([200, 235, 300], 400, 149),
        ([200, 300], 350, 350),
        ([200, 300, 340], 350, 340),
        ([200, 300, 312], 385, 236),
        ([200, 300, 320], 1000, 1000),
    ],
)
def test_a_precision_needs_enough_answers(
    wrong: list[int], images: int, answered: int | None
) -> None:
    """0.98 needs 149, 236, 313 or 386 answers with up to 0, 1, 2 or 3 errors, one after another."""
    found = choose_threshold(ranked(wrong, images), "precision", 0.98, "validation")
    assert (found and round(found.coverage * images)) == answered


@pytest.mark.parametrize("precision", [0.5, 0.9, 0.95, 0.98, 0.995])
def test_a_precision_allows_as_many_errors_as_the_binomial_test(precision: float) -> None:
    """The fewest answers among which so few errors have a chance of 5 % at a lower precision."""
    answers = np.arange(1, 3000)
    fewest = [
        int(answers[binom.cdf(errors, answers, 1 - precision) <= 0.05][0]) for errors in range(6)
    ]
    for errors, images in enumerate(fewest):
        wrong = fewest[:errors]  # each right after the answers that support one error less
        found = choose_threshold(ranked(wrong, images), "precision", precision, "validation")
        assert found is not None
        assert found.coverage == 1
        found = choose_threshold(ranked(wrong, images - 1), "precision", precision, "validation")
        expected = fewest[errors - 1] if errors else None
        assert (found and round(found.coverage * (images - 1))) == expected


@pytest.mark.parametrize(
    ("images", "share", "answered"),
    [(28, 0.9, None), (29, 0.9, 29), (46, 0.9, 45), (400, 0.9, 371), (2000, 0.9, 1823)],
)
def test_a_coverage_needs_more_answers_than_its_share(
    images: int, share: float, answered: int | None
) -> None:
    """The answered images are the fewest whose share of new images is large enough at 95 %."""
    found = choose_threshold(ranked([], images), "coverage", share, "validation")
    assert (found and round(found.coverage * images)) == answered
    if answered:
        assert binom.sf(answered - 1, images, share) <= 0.05
        assert binom.sf(answered - 2, images, share) > 0.05


@pytest.mark.parametrize(
    ("wrong", "images", "target", "best"),
    [
        ([], 100, "precision", 0.97),
        ([50], 100, "precision", 0.941),
        ([0], 100, "precision", None),
        ([], 28, "coverage", 0.898),
        ([], 0, "coverage", None),
    ],
)
def test_the_best_guarantee_is_a_target_that_leads_to_a_threshold(
    wrong: list[int], images: int, target: Literal["precision", "coverage"], best: float | None
) -> None:
    """It is the precision that the answers before the first error support, to a thousandth."""
    found = ranked(wrong, images)
    assert best_guarantee(found, target) == best
    if best is not None:
        assert choose_threshold(found, target, best, "validation") is not None
        assert choose_threshold(found, target, best + 0.001, "validation") is None


def test_images_of_equal_confidence_are_answered_together() -> None:
    """The error among 200 equally sure images counts, wherever it stands in their order."""
    rows = [[0.99, 0.01]] * 200 + [[0.9, 0.1]] * 100
    for place in (0, 199):
        found = choose_threshold(
            scored(rows, np.arange(300) == place), "precision", 0.98, "validation"
        )
        assert found is None
    found = choose_threshold(scored(rows, np.arange(300) == 250), "precision", 0.98, "validation")
    assert found is not None
    assert round(found.coverage * 300) == 300


def test_the_last_digits_of_another_engine_change_no_answer() -> None:
    """The threshold stands between two images, not on one; below the last there is room too."""
    given_scores = scored([[0.9, 0.1]] * 40 + [[0.8, 0.2]] * 40, [0] * 80)
    for share, lowest in ((0.3, 0.9), (0.9, 0.8)):
        found = choose_threshold(given_scores, "coverage", share, "validation")
        assert found is not None
        assert lowest - 0.1 < found.value < lowest - 1e-5


def test_neighbours_in_float32_are_distinguished() -> None:
    """A threshold or limit between two of them is rounded to neither where it is applied."""
    upper = np.nextafter(np.float32(1), np.float32(0))
    lower = np.nextafter(upper, np.float32(0))
    sure = np.array([upper] * 20 + [lower])
    given_scores = scored(np.stack([sure, 1 - sure], axis=1), [0] * 20 + [1])
    found = choose_threshold(given_scores, "precision", 0.8, "validation")
    assert found is not None
    assert found.precision == 1.0
    assert known(given_scores, Decision(found.value)).tolist() == [True] * 20 + [False]
    familiar = scored([[0.9, 0.1]] * 21, [0] * 21, sure)
    assert known(familiar, Decision(None, found.value)).tolist() == [True] * 20 + [False]


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "coverage"),
    [
        (Setting("two Gaussians", 400, 300), 0.7),
        (Setting("hard images", 400, 300), 0.55),
        (Setting("hard images", 2000, 300), 0.8),
        (Setting("97.9 % right, whatever the confidence", 400, 300), 0),
        (Setting("two Gaussians", 400, 300, "coverage", 0.9), 0.9),
    ],
)
def test_the_target_is_kept_on_new_images(setting: Setting, coverage: float) -> None:
    """At most 5 % of the thresholds miss it, to within three standard errors of the simulation."""
    kept, reached = outcomes(setting)
    assert missed(kept, setting.target, setting.fraction) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert np.mean([each.coverage for each in kept]) >= coverage
    assert missed(reached, setting.target, setting.fraction) > 0.25


def test_what_is_strange_is_not_answered_however_sure() -> None:
    """Both limits count; without a ood_similarity, or a limit, the other one alone."""
    found = scored([[0.9, 0.1]] * 3, [0] * 3, [0.9, 0.5, 0.1])
    assert known(found, Decision(0.8, 0.5)).tolist() == [True, True, False]
    assert known(found, Decision(0.95, 0.5)).tolist() == [False] * 3
    assert known(found, Decision()).tolist() == [True] * 3
    assert known(scored([[0.9, 0.1]], [0]), Decision(None, 2.0)).tolist() == [True]


@pytest.mark.parametrize(
    ("target", "share", "familiar"),
    [("precision", 0.5, 381), ("coverage", 0.5, 381), ("coverage", 0.96, 396)],
)
def test_the_limit_of_ood_similarity_leaves_room_for_the_target(
    target: Literal["precision", "coverage"], share: float, familiar: int
) -> None:
    """At most 1 in 20 new images fails it, or half of those that need not be answered."""
    found = scored([[0.9, 0.1]] * 400, [0] * 400, np.linspace(0.01, 1, 400))
    threshold = choose_threshold(found, target, share, "validation")
    assert threshold is not None
    assert threshold.coverage == familiar / 400
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
