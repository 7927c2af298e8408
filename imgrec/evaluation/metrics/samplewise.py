"""What is measured of each image by itself, so that a mean over images is the metric."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imgrec.evaluation.metrics.intervals import Floats
from imgrec.evaluation.metrics.proper_scores import brier_scores, known_truth, log_losses
from imgrec.evaluation.metrics.top_k import truth_ranks
from imgrec.scores import Scores

PROPORTIONS = frozenset({"accuracy", "top_k_accuracy"})
"""Those that are 0 or 1 for each image."""


def samplewise_metrics(scores: Scores, top_k: int) -> Mapping[str, Floats]:
    """Return each measure by the metric's name, float64 (images,) each."""
    own = _of_sets(scores) if scores.multi_label else _of_ranks(scores, top_k)
    return {**own, "log_loss": log_losses(scores), "brier": brier_scores(scores)}


def _of_ranks(scores: Scores, top_k: int) -> Mapping[str, Floats]:
    ranks = truth_ranks(scores.probabilities, known_truth(scores))
    return {
        "accuracy": (ranks < 1).astype(np.float64),
        "top_k_accuracy": (ranks < top_k).astype(np.float64),
    }


def _of_sets(scores: Scores) -> Mapping[str, Floats]:
    """Return how like the classes that an image is said to have are to those that it has.

    An image that is rightly said to have none has an F1 of 1.
    """
    answers, positives = scores.answers, scores.positives
    hits, named = (answers & positives).sum(axis=1), answers.sum(axis=1) + positives.sum(axis=1)
    return {
        "accuracy": scores.right.astype(np.float64),
        "hamming_loss": (answers != positives).mean(axis=1),
        "samples_f1": np.where(named > 0, 2 * hits / np.maximum(named, 1), 1.0),
    }
