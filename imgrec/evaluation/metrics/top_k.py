"""The order of classes by probability; of equal ones, the class listed first comes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.scores import Scores
from imgrec.text import printable


def require_finite(scores: Scores) -> None:
    """Raise RunError where a probability is NaN or infinite."""
    broken = np.flatnonzero(~np.isfinite(scores.probabilities).all(axis=1))
    if broken.size:
        raise RunError(
            f"the model's probabilities are not finite for {broken.size} of "
            f"{len(scores.names)} images, first for {printable(scores.names[broken[0]])}",
            hint="its training diverged: train again with a lower learning rate",
        )


def rank_classes(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the indices of one image's classes, most probable first, shape (classes,)."""
    return np.argsort(-probabilities, kind="stable")


def truth_ranks(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many classes stand before the true one in `ranking`, shape (images,)."""
    of_truth = probabilities[np.arange(len(truth)), truth][:, None]
    listed_before = np.arange(probabilities.shape[1]) < truth[:, None]
    before = (probabilities > of_truth) | ((probabilities == of_truth) & listed_before)
    ranks: NDArray[np.int64] = before.sum(axis=1, dtype=np.int64)
    return ranks
