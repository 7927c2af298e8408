"""Photos are answered in the order they were given, best class first."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.errors import RunError
from imgrec.evaluation.prediction import (
    Answer,
    ModelInfo,
    Prediction,
    Ranked,
    combined_model,
    joint_predictions,
    predictions,
)
from imgrec.scores import ONE_LABEL, Decision, Scores, Skipped


def scores(photos: list[str], rows: object = None, decision: Decision = ONE_LABEL) -> Scores:
    """Return scores of the classes cat, dog and owl, 0.5, 0.25 and 0.25 unless given.

    A photo whose name begins with "bad" can't be read.
    """
    good = [row for row, name in enumerate(photos) if not name.startswith("bad")]
    probabilities = [[0.5, 0.25, 0.25]] * len(good) if rows is None else rows
    return Scores(
        names=tuple(photos[row] for row in good),
        truth=None,
        probabilities=np.array(probabilities, dtype=np.float32).reshape(len(good), 3),
        classes=("cat", "dog", "owl"),
        skipped=tuple(
            Skipped(name, f"{name} is not an image") for name in photos if name.startswith("bad")
        ),
        decision=decision,
        rows=np.array(good, np.int64),
    )


def test_best_classes_come_first_and_ties_by_class() -> None:
    """The most probable class leads; of equal ones the class listed first does."""
    (found,) = predictions(scores(["a.jpg"], [[0.25, 0.5, 0.25]]), top=2)
    top = (Ranked("dog", 0.5), Ranked("cat", 0.25))
    assert found == Prediction("a.jpg", top, None, labels=("dog",))


def test_top_is_at_most_the_number_of_classes() -> None:
    """Asking for more classes than there are gives them all."""
    (found,) = predictions(scores(["a.jpg"]), top=10)
    assert [ranked.class_name for ranked in found.top] == ["cat", "dog", "owl"]


def test_photos_keep_the_order_they_were_given_in() -> None:
    """A photo that failed stands where the user named it, and one named twice twice."""
    given_order = ["b.jpg", "bad.jpg", "a.jpg", "b.jpg", "bad.jpg"]
    found = predictions(scores(given_order))
    assert [prediction.name for prediction in found] == given_order
    assert [bool(prediction.error) for prediction in found] == [False, True, False, False, True]
    assert found[1] == Prediction("bad.jpg", (), "bad.jpg is not an image", known=False)


def test_without_rows_failed_photos_come_last() -> None:
    """Nothing is left out where the positions of the photos are not known."""
    found = predictions(dataclasses.replace(scores(["bad.jpg", "a.jpg"]), rows=np.arange(1)))
    assert [prediction.name for prediction in found] == ["a.jpg", "bad.jpg"]


@given(st.lists(st.sampled_from(["a", "b", "bad", "bad too"])))
def test_any_order_is_kept(photos: list[str]) -> None:
    """Whatever is readable, photos come back as given, each with its own answer or error."""
    found = predictions(scores(photos))
    assert [prediction.name for prediction in found] == photos
    assert [each.error is not None for each in found] == [name[:3] == "bad" for name in photos]


def test_probabilities_that_are_not_finite_are_an_error() -> None:
    """A diverged model predicts nothing, rather than the first class."""
    with pytest.raises(RunError, match="not finite for 1 of 1 image"):
        predictions(scores(["a.jpg"], [[np.nan] * 3]))


def test_below_the_threshold_it_is_not_known() -> None:
    """What reaches the threshold is known; what stays below still lists its classes."""
    rows = [[0.5, 0.25, 0.25], [0.25, 0.75, 0]]
    found = predictions(scores(["a", "b"], rows, Decision(0.5)))
    assert [each.known for each in found] == [True, True]
    found = predictions(scores(["a", "b"], rows, Decision(0.6)))
    assert [each.known for each in found] == [False, True]
    assert found[0].top[0] == Ranked("cat", 0.5)


def member(name: str, *classes: str, threshold: float | None = None) -> ModelInfo:
    """Return a model of `classes`, cat, dog and owl unless given."""
    return ModelInfo(name, classes or ("cat", "dog", "owl"), Decision(threshold))


def test_several_models_and_their_mean() -> None:
    """Each answers with its own threshold, the mean with the highest; they are compared."""
    photos = ["bad", "b", "a"]
    members = [member("m", threshold=0.5), member("n", threshold=0.75)]
    first = scores(photos, [[0.5, 0.5, 0], [0.75, 0.25, 0]], members[0].decision)
    second = scores(photos, [[1, 0, 0], [0.25, 0.75, 0]], members[1].decision)
    bad, b, a = joint_predictions([first, second], members, 1)
    assert (bad.error, bad.agree) == ("bad is not an image", None)
    assert (b.top, b.known, b.agree) == ((Ranked("cat", 0.75),), True, True)
    assert (a.top, a.known, a.agree) == ((Ranked("cat", 0.5),), False, False)
    assert a.answers == (
        Answer("m", (Ranked("cat", 0.75),), labels=("cat",)),
        Answer("n", (Ranked("dog", 0.75),), labels=("dog",)),
    )


def test_models_of_other_classes_have_no_mean() -> None:
    """Each answers, and nothing is said for all."""
    other = dataclasses.replace(scores(["a"]), classes=("dog", "owl", "mouse"))
    members = [member("m"), member("n", "dog", "owl", "mouse")]
    assert combined_model(members) is None
    (found,) = joint_predictions([scores(["a"]), other], members, 1)
    assert (found.top, found.known, found.agree) == ((), False, None)
    assert [answer.top[0].class_name for answer in found.answers] == ["cat", "dog"]


def test_what_stands_for_several_models() -> None:
    """One for itself; of the same classes, in any order, the mean."""
    one, turned = member("m", threshold=0.2), member("n", "owl", "cat", "dog")
    assert combined_model([one]) is one
    assert combined_model([one, turned]) == member("mean", threshold=0.2)
