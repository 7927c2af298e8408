"""The best of several models: its value corrected for the choice, and which others tie."""

from __future__ import annotations

import numpy as np
import pytest

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.selection import corrected_mean, select, tied
from imgrec.scores import Scores, one_hot


def _equally_good(images: int, generator: np.random.Generator) -> np.ndarray:
    """Return 30 models that are right about 80 % of images; half of what they do is common."""
    shape = 30, images
    copied = generator.random(shape) < 0.5**0.5
    ease = np.where(copied, generator.random(images), generator.random(shape))
    return (ease < 0.8).astype(np.float64)


def test_the_best_of_equally_good_models_is_no_better() -> None:
    """On average over 25 sets of images, the best is overrated; corrected, it is not."""
    generator = np.random.default_rng(0)
    sets = [_equally_good(100, generator) for _ in range(25)]
    assert np.mean([values.mean(1).max() for values in sets]) > 0.84
    assert np.mean([corrected_mean(values) for values in sets]) == pytest.approx(0.8, abs=0.015)


def test_a_clear_winner_is_hardly_corrected() -> None:
    """It is chosen from any sample; images that are left out give its own value."""
    generator = np.random.default_rng(0)
    values = (generator.random((5, 400)) < [[0.9], [0.5], [0.5], [0.5], [0.5]]).astype(float)
    assert corrected_mean(values) == pytest.approx(values[0].mean(), abs=1e-3)
    assert tied(values) == ()
    assert corrected_mean(values[:1]) == values[0].mean()


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_models_are_selected_by_their_scores(metric: str) -> None:
    """The corrected value is on the worse side of the measured one, in its interval."""
    generator = np.random.default_rng(3)
    truth = one_hot(generator.integers(2, size=120), 2)
    first = np.clip(generator.normal(0.6, 0.2, (6, 120)), 0.01, 0.99).astype(np.float32)
    probabilities = np.stack([first, 1 - first], axis=-1)
    probabilities = np.where(truth[:, :1], probabilities, probabilities[..., ::-1])
    names = tuple(map(str, range(120)))
    scores = [Scores(names, truth, each, ("a", "b")) for each in probabilities]
    sign = 1 if metric == "accuracy" else -1
    measured = [evaluate_scores(each).metrics[metric] for each in scores]
    order = sorted(range(6), key=lambda place: -sign * measured[place].value)
    found = select([scores[place] for place in order], metric, measured[order[0]], 1)
    assert found.images == 120
    assert sign * (found.measured.value - found.corrected.value) > 0
    assert found.corrected.low is not None
    assert found.corrected.high is not None
    assert found.corrected.low < found.corrected.value < found.corrected.high
    assert set(found.tied) <= set(range(1, 6))
