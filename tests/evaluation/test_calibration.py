"""A temperature that is found again, and thresholds that reach their target."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from imgrec.errors import RunError
from imgrec.evaluation.calibration import calibrated, fit_temperature, is_extreme
from imgrec.scores import Scores, one_hot
from tests.evaluation.made import any_label_sets, any_scores

CLASSES = ("a", "b", "c")


def scores(probabilities: object, truth: object) -> Scores:
    """Return scores of as many classes as there are columns."""
    rows = np.array(probabilities, np.float32)
    names = tuple(str(number) for number in range(len(rows)))
    labels = one_hot(np.array(truth, np.int64), rows.shape[1])
    return Scores(names, labels, rows, CLASSES[: rows.shape[1]])


def drawn(temperature: float, images: int = 20_000) -> Scores:
    """Return scores that are surer by `temperature` than the truth drawn from them allows."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (images, 3))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    truth = (random.random((images, 1)) > chances).sum(axis=1)
    return scores(softmax(logits * temperature, axis=1), np.minimum(truth, 2))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_is_found_again(temperature: float) -> None:
    """Logits too large by a factor are divided by it, as exactly as 20,000 images allow."""
    found = fit_temperature(drawn(temperature), "validation")

    assert found.temperature == pytest.approx(temperature, rel=0.03)
    assert (found.split, found.images) == ("validation", 20_000)
    assert found.loss_after <= found.loss_before


def test_the_loss_after_is_that_of_the_calibrated_scores() -> None:
    """What the card says of the loss is what the calibrated scores have."""
    before = drawn(3.0, 500)
    found = fit_temperature(before, "validation")
    after = calibrated(before, found.temperature)

    for given_scores, loss in ((before, found.loss_before), (after, found.loss_after)):
        of_truth = given_scores.probabilities[np.arange(500), given_scores.true_labels]
        assert -np.log(of_truth).mean() == pytest.approx(loss, rel=1e-5)


def test_a_model_without_a_mistake_on_few_images_does_not_become_certain() -> None:
    """Ten right answers of 60 % do not prove that the eleventh is certainly right."""
    found = fit_temperature(scores([[0.6, 0.4]] * 10, [0] * 10), "validation")

    sure = calibrated(scores([[0.6, 0.4]], [0]), found.temperature).probabilities[0, 0]
    assert 0.6 < sure < 0.95


def test_a_temperature_that_lowers_no_loss_is_1() -> None:
    """Where caution for few images would cost log loss on them, the model stays as it is."""
    found = fit_temperature(scores([[0.999, 0.001]] * 10, [0] * 10), "validation")
    assert (found.temperature, found.loss_after) == (1, found.loss_before)


@given(any_scores() | any_label_sets())
def test_the_loss_never_rises(given_scores: Scores) -> None:
    """On the images that it is fitted to, a temperature never does harm."""
    found = fit_temperature(given_scores, "validation")
    assert found.loss_after <= found.loss_before
    assert (found.temperature == 1) == (found.loss_after == found.loss_before)


@settings(max_examples=20)
@given(st.permutations(range(50)))
def test_the_order_of_the_images_changes_no_bit(order: list[int]) -> None:
    """Neither of the temperature, which is part of a model's weights, nor of the losses."""
    before = drawn(2.0, 50)
    assert fit_temperature(before.at(np.array(order)), "v") == fit_temperature(before, "v")


def test_certain_and_wrong_answers_have_a_temperature_too() -> None:
    """Probabilities of 0 and 1 are numbers to reckon with."""
    found = fit_temperature(scores([[1, 0], [1, 0], [0, 1]] * 4, [0, 1, 1] * 4), "validation")
    assert found.temperature > 1
    assert np.isfinite([found.loss_before, found.loss_after]).all()


def test_few_images_get_no_temperature() -> None:
    """Nine images are too few; ten whose probabilities mislead have the highest temperature."""
    wrong = [[0.999, 0.001], [0.001, 0.999], [0.8, 0.2]]
    found = fit_temperature(scores(wrong * 3, [1, 0, 1] * 3), "validation")
    assert (found.temperature, found.images, found.loss_after) == (1, 9, found.loss_before)
    found = fit_temperature(scores(wrong * 4, [1, 0, 1] * 4), "validation")
    assert found.temperature == pytest.approx(20, rel=0.01)
    assert is_extreme(found.temperature)


@pytest.mark.parametrize(
    ("temperature", "extreme"), [(0.05, True), (0.5, False), (1, False), (4, False), (17.8, True)]
)
def test_a_temperature_far_from_1_is_extreme(temperature: float, extreme: bool) -> None:  # noqa: FBT001
    """The model was much too sure of its answers, or much too unsure."""
    assert is_extreme(temperature) == extreme


def test_a_model_that_diverged_is_reported() -> None:
    """A probability that is not a number is an error of the model."""
    with pytest.raises(RunError, match="not finite"):
        fit_temperature(scores([[np.nan, 1]], [0]), "validation")


def test_calibrated_scores_keep_their_order() -> None:
    """A temperature changes how sure an answer is, never the answer."""
    before = drawn(1.0, 200)
    after = calibrated(before, 7.0)
    np.testing.assert_array_equal(np.argsort(after.probabilities), np.argsort(before.probabilities))
    np.testing.assert_allclose(after.probabilities.sum(axis=1), 1, rtol=1e-6)


def test_scores_without_truth_are_refused() -> None:
    """Nothing can be fitted to an unknown truth."""
    unknown = Scores(("a",), None, np.array([[1, 0]], np.float32), ("a", "b"))
    with pytest.raises(ValueError, match="true labels"):
        fit_temperature(unknown, "validation")
