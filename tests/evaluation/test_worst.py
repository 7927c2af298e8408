"""The worst classes and the most confused pairs are the right ones."""

from __future__ import annotations

import numpy as np

from imgrec.evaluation.error_analysis import (
    ConfusedPair,
    most_confused,
    worst_classes,
    worst_mistakes,
)
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Evaluation
from imgrec.scores import Scores, one_hot


def evaluation(pairs: list[tuple[int, int]]) -> Evaluation:
    """Evaluate certain predictions, given as (truth, prediction), of classes a, b, c."""
    truth, predicted = np.array(pairs, dtype=np.int64).T
    names = tuple(str(i) for i in range(len(pairs)))
    return evaluate_scores(
        Scores(names, one_hot(truth, 3), np.eye(3, dtype=np.float32)[predicted], ("a", "b", "c"))
    )


def test_most_confused_come_by_their_images() -> None:
    """Pairs are ordered by images, right answers are left out, the limit holds."""
    found = evaluation([(0, 0), (0, 1), (2, 0), (2, 0), (1, 2), (1, 2), (1, 2)])
    assert most_confused(found, 2) == (("b", "c", 3), ("c", "a", 2))
    assert len(most_confused(found, 10)) == 3


def test_nothing_is_confused_by_a_perfect_model() -> None:
    """Without a wrong answer there is no pair."""
    assert most_confused(evaluation([(0, 0), (1, 1)]), 5) == ()


def test_worst_classes_have_images() -> None:
    """Classes come by F1, lowest first, and one without images is not blamed."""
    found = evaluation([(0, 0), (0, 0), (1, 0), (1, 1)])
    assert [result.name for result in worst_classes(found, 5)] == ["b", "a"]
    assert len(worst_classes(found, 1)) == 1


def test_the_worst_mistakes_have_the_highest_loss() -> None:
    """The least probable truth first; right answers never; of a pair, its own alone."""
    probabilities = np.array(
        [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.1, 0.3], [0.1, 0.8, 0.1]], np.float32
    )
    truth = one_hot(np.array([0, 0, 2, 0]), 3)
    scores = Scores(("r", "s", "t", "u"), truth, probabilities, ("a", "b", "c"))
    assert [mistake.name for mistake in worst_mistakes(scores, 5)] == ["u", "s", "t"]
    assert [mistake.name for mistake in worst_mistakes(scores, 2)] == ["u", "s"]
    (found,) = worst_mistakes(scores, 5, ConfusedPair("c", "a", 1))
    assert found[:3] == ("t", "c", "a")
    np.testing.assert_allclose(found[3:5], (0.3, 0.6), rtol=1e-6)


def test_without_truth_there_is_no_mistake() -> None:
    """Predictions alone are neither right nor wrong."""
    assert worst_mistakes(Scores(("a",), None, np.eye(2, dtype=np.float32), ("x", "y")), 3) == ()
