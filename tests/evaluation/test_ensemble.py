"""Several models are one where they know the same classes, in whatever order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.evaluation.ensemble import mean_scores
from imgrec.scores import Scores, Skipped, one_hot


def scores(
    rows: object,
    classes: tuple[str, ...] = ("cat", "dog", "owl"),
    names: tuple[str, ...] = ("a", "b"),
    truth: list[int] | None = None,
    skipped: tuple[Skipped, ...] = (),
) -> Scores:
    """Return the scores of a model that says `rows` of the images `names`."""
    known = None if truth is None else one_hot(np.array(truth, np.int64), len(classes))
    probabilities = np.array(rows, np.float32).reshape(len(names), len(classes))
    return Scores(names, known, probabilities, classes, skipped)


def test_classes_are_aligned_by_name() -> None:
    """A model that lists the classes in another order says the same; the first's order stays."""
    first = scores([[0.5, 0.25, 0.25], [0, 0, 1]], truth=[0, 2])
    second = scores([[0.75, 0, 0.25], [0.5, 0.5, 0]], ("owl", "cat", "dog"), truth=[1, 0])
    mean = mean_scores([first, second])
    assert mean.classes == ("cat", "dog", "owl")
    assert mean.probabilities.dtype == np.float32
    np.testing.assert_array_equal(mean.probabilities, [[0.25, 0.25, 0.5], [0.25, 0, 0.75]])
    assert mean.true_labels.tolist() == [0, 2]


def test_an_image_that_one_model_skipped_is_skipped() -> None:
    """The mean is over images that every model answered for, wherever they stand."""
    one = (Skipped("b", "broken"),)
    first = scores([[1, 0, 0], [0, 1, 0]], truth=[0, 1])
    second = scores([[1, 0, 0]], names=("a",), truth=[0], skipped=one)
    for order in ([first, second], [second, first]):
        mean = mean_scores(order)
        assert (mean.names, mean.skipped) == (("a",), one)
        assert mean.true_labels.tolist() == [0]


def test_an_image_named_twice_stays_twice() -> None:
    """Its rows are of one image, and so is its reason where it can't be read."""
    twice = (Skipped("x", "broken"), Skipped("x", "broken"))
    first = scores([[1, 0, 0], [1, 0, 0]], names=("a", "a"), skipped=twice)
    mean = mean_scores([first, first])
    assert (mean.names, mean.skipped) == (("a", "a"), twice)


def test_no_images_have_a_mean_of_none() -> None:
    """Where nothing could be read, what is left is why."""
    nothing = scores([], names=(), truth=[], skipped=(Skipped("x", "broken"),))
    mean = mean_scores([nothing, nothing])
    assert mean.probabilities.shape == (0, 3)
    assert mean.skipped == nothing.skipped


def test_other_classes_are_refused() -> None:
    """What only one of two models knows is named, and nothing that could steer a terminal."""
    known = scores([[1, 0, 0]], names=("a",))
    other = scores([[1, 0, 0]], ("cat", "dog", "wo\x1blf"), names=("a",))
    with pytest.raises(UsageError) as caught:
        mean_scores([known, known, other])
    assert caught.value.message == (
        "model 1 and model 3 know different classes: only model 1 has owl; "
        "only model 3 has wo\\x1blf"
    )


@given(arrays(np.float32, (3, 2, 3), elements=st.floats(0, 1, width=32)))
def test_the_mean_is_that_of_float64(rows: NDArray[np.float32]) -> None:
    """It is rounded once, and one model's mean is its own answer."""
    found = mean_scores([scores(each) for each in rows]).probabilities
    np.testing.assert_array_equal(found, rows.astype(np.float64).mean(axis=0).astype(np.float32))
    np.testing.assert_array_equal(mean_scores([scores(rows[0])]).probabilities, rows[0])
