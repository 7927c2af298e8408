"""An evaluation is whole, and says what it can't say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from sklearn.metrics import log_loss

from imgrec.corruption import Corruption
from imgrec.errors import DataError, RunError
from imgrec.evaluation.comparison import compare
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment
from imgrec.evaluation.slices import ImageSlice
from imgrec.metrics import METRICS
from imgrec.scores import Scores
from tests.evaluation.made import any_scores, population, scores


def test_metrics_come_by_name_in_a_fixed_order() -> None:
    """Ten numbers and those that were added since, in the order of the table."""
    found = list(evaluate_scores(population(50, 3)).metrics)
    ten = [
        "accuracy", "top_k_accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "roc_auc",
        "average_precision", "log_loss", "brier", "ece",
    ]  # fmt: skip
    assert [name for name in found if name in ten] == ten
    assert found == [name for name in METRICS if name in found]


def test_of_equal_probabilities_the_first_class_counts() -> None:
    """Three equal classes: the first is the prediction, the first two are the top 2."""
    evaluation = evaluate_scores(scores([0, 1, 2], [[1 / 3] * 3] * 3), top_k=2)
    assert evaluation.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert evaluation.metrics["top_k_accuracy"].value == pytest.approx(2 / 3)


def test_a_certain_wrong_answer_has_a_finite_loss() -> None:
    """A probability of 0 for the truth costs what scikit-learn's log_loss says in float64."""
    assert evaluate_scores(scores([1], [[1, 0]])).metrics["log_loss"].value == pytest.approx(
        log_loss([1], [[1.0, 0.0]], labels=[0, 1])
    )


def test_k_is_at_most_the_number_of_classes() -> None:
    """With two classes a top-5 accuracy is a top-2 accuracy and says so."""
    evaluation = evaluate_scores(scores([1], [[1, 0]], skipped=1))
    assert (evaluation.top_k, evaluation.metrics["top_k_accuracy"].value) == (2, 1)
    assert (evaluation.images, len(evaluation.skipped)) == (1, 1)


def test_rates_are_shares_of_the_truth() -> None:
    """Each row of the matrix is divided by its images; a class without any has no rates."""
    rates = evaluate_scores(scores([0, 0, 1, 1], [[1, 0, 0]] * 3 + [[0, 1, 0]])).rates
    np.testing.assert_array_equal(rates[:2], [[1, 0, 0], [0.5, 0.5, 0]])
    assert np.isnan(rates[2]).all()


def test_what_one_class_cannot_tell_is_absent_and_said() -> None:
    """Images of one class give no ROC-AUC; those of some classes give a mean over these."""
    alone = evaluate_scores(scores([1, 1], [[1, 0, 0], [0, 1, 0]]))
    assert not {"roc_auc", "average_precision"} & set(alone.metrics)
    assert alone.notes == (
        "no ROC-AUC and average precision: all images are of one class",
        "recall and F1 can't be measured without images of the class: a, c",
        "precision can't be measured for a class that is never predicted: c",
    )
    some = evaluate_scores(scores([0, 1], [[1, 0, 0], [0, 1, 0]]))
    assert some.metrics["roc_auc"].value == 1
    assert some.notes == (
        "ROC-AUC and average precision are means over the 2 of 3 classes that have images",
        "recall and F1 can't be measured without images of the class: c",
        "precision can't be measured for a class that is never predicted: c",
    )


@given(any_scores())
@example(population(300, 4))
def test_coverage_goes_from_the_surest_images_to_all(given_scores: Scores) -> None:
    """At each threshold coverage and accuracy are those of the images that reach it."""
    found = evaluate_scores(given_scores)
    confidence = given_scores.probabilities.max(axis=1)
    right = given_scores.probabilities.argmax(axis=1) == given_scores.true_labels
    curve = found.coverage_curve
    assert curve is not None
    for threshold, share, accuracy in zip(*vars(curve).values(), strict=True):
        answered = confidence >= threshold
        assert share == pytest.approx(answered.mean())
        assert accuracy == pytest.approx(right[answered].mean())
    assert (np.diff(curve.threshold) < 0).all()
    assert len(curve.threshold) <= 200
    assert (curve.coverage[-1], curve.accuracy[-1]) == (1, found.metrics["accuracy"].value)


def test_slices_are_measured_as_the_whole_is() -> None:
    """A slice of everything has the numbers of everything."""
    everything = population(40, 3)
    evaluation = evaluate_scores(everything, slices=[ImageSlice("all", everything)])
    (found,) = evaluation.slices
    assert (found.name, found.images) == ("all", 40)
    values = {name: metric.value for name, metric in evaluation.metrics.items()}
    assert {name: metric.value for name, metric in found.metrics.items()} == values
    assert found.metrics["accuracy"] == evaluation.metrics["accuracy"]
    assert evaluation.notes == ("no interval of calibration error in slices",)
    assert {name for name, metric in found.metrics.items() if metric.low is None} == {"ece"}


def test_corrupted_images_are_compared_as_a_model_with_another_one() -> None:
    """The difference of accuracies is the paired one of `compare`; a part of images has none."""
    unchanged, blurred = population(200, 3), population(200, 3, seed=1)
    blurred = replace(blurred, truth=unchanged.truth)
    corrupted = ImageSlice("blur=0.01", blurred, Corruption("blur", 0.01))
    found = evaluate_scores(unchanged, slices=[corrupted, ImageSlice("all", unchanged)])
    model, baseline = (
        Assessment("model", "test", "here", scores, evaluate_scores(scores))
        for scores in (blurred, unchanged)
    )
    assert found.corrupted[0].difference == compare(model, baseline).differences["accuracy"]
    assert [each.difference for each in found.parts] == [None]


def test_the_worst_slice_has_enough_images() -> None:
    """Of slices of 30 images the least accurate is the worst; one of 29 is not judged."""
    right, wrong = scores([0] * 30, [[1, 0]] * 30), scores([0] * 29, [[0, 1]] * 29)
    slices = [ImageSlice("good", right), ImageSlice("small", wrong)]
    worst = evaluate_scores(right, slices=slices).worst_slice
    assert worst is not None
    assert worst.name == "good"
    alone = evaluate_scores(right, slices=slices[1:])
    assert alone.worst_slice is None
    assert alone.notes[-1] == "no slice has 30 images, so none is called the worst"
    assert evaluate_scores(right).worst_slice is None


def test_no_image_is_an_error_that_names_a_cause() -> None:
    """Without an image there is nothing to say, whether none was given or none was readable."""
    nothing = np.empty((0, 2))
    with pytest.raises(DataError, match="there are no images to evaluate"):
        evaluate_scores(scores([], nothing))
    with pytest.raises(DataError, match=r"none of the images .* bad0\.png: is not an image"):
        evaluate_scores(scores([], nothing, skipped=3))


def test_unknown_truth_is_an_error() -> None:
    """Scores of photos without classes can't be evaluated."""
    with pytest.raises(DataError, match="true class of 1 image is not known"):
        evaluate_scores(scores(None, [[1, 0]]))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_probabilities_that_are_not_finite_are_an_error(broken: float) -> None:
    """A diverged model gets an error that counts and names the images, no measures."""
    with pytest.raises(RunError, match=r"not finite for 1 of 2 images, first for 1\.png") as error:
        evaluate_scores(scores([0, 1], [[1, 0], [broken, 0]]))
    assert "learning rate" in error.value.hint
