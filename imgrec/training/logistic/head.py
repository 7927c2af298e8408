"""The classifier behind a frozen backbone, as the exact solution of a convex problem.

A head is a function of a set of labelled photos: neither their order, nor the number of threads,
nor how the set came about changes a bit of it, on one machine with one set of versions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from imgrec.parallel import one_blas_thread
from imgrec.training.logistic.cross_validation import (
    STRENGTHS,
    CrossValidation,
    cross_validated,
)
from imgrec.training.logistic.folds import deal_folds
from imgrec.training.logistic.photos import LabelledPhotos
from imgrec.training.logistic.problem import Problem, Space
from imgrec.training.logistic.regressions import Check, Floats, softmax
from imgrec.training.logistic.solver import minimize

STEPS = len(STRENGTHS) + 1
"""The steps of `fit_head`, for showing its progress."""

_GRADIENT = 1e-12
_PREVIEW = 1e-7


@dataclass(frozen=True)
class LogisticHead:
    """A dense layer with softmax, fitted to features.

    kernel: float64 (features, classes); bias: (classes,). strength: of the regularisation, relative
    to the variance of the features. gradient: the norm of the gradient that is left.
    """

    kernel: Floats
    bias: Floats
    strength: float
    gradient: float
    cross_validation: CrossValidation
    space: Space = field(repr=False, compare=False)

    def probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Return the probabilities of photos, float64 (photos, classes)."""
        return softmax(features.astype(np.float64) @ self.kernel + self.bias)

    def divided(self, temperature: float) -> LogisticHead:
        """Return the head whose logits are divided by a temperature."""
        return replace(self, kernel=self.kernel / temperature, bias=self.bias / temperature)


class Preview:
    """About the head that `fit_head` would return; it only computes probabilities."""

    def __init__(self, kernel: Floats, bias: Floats) -> None:
        self.__kernel, self.__bias = kernel, bias

    def probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Return the probabilities of photos, float64 (photos, classes)."""
        return softmax(features.astype(np.float64) @ self.__kernel + self.__bias)


def fit_head(
    photos: LabelledPhotos,
    features: NDArray[np.float32],
    *,
    folds: int | None = None,
    strength: float | None = None,
    check: Check = lambda: None,
    advance: Callable[[int], None] = lambda _: None,
) -> LogisticHead:
    """Fit L2-regularised multinomial logistic regression to photos.

    It minimises the mean log loss plus `strength` / 2 times the squared coefficients, in units in
    which the photos' mean squared distance from their mean is 1; the bias is not regularised. It
    is solved from zero, in float64 and one thread, until the norm of the gradient is 1e-12.

    The strength is chosen by stratified cross-validation: the highest one whose mean log loss is
    within one standard error of the lowest. The accuracy of the cross-validation is not the one at
    the chosen strength: each fold is judged at the strength that the other folds choose.

    Args:
        photos: Their order does not matter, and copies of a photo count once.
        features: Of each photo, (photos, features). Equal photos have equal features.
        folds: 5 by default, or as many as the smallest class has photos, or groups of them.
        strength: Used in place of the one that cross-validation chooses.
        check: Called repeatedly. An exception that it raises ends the computation.
        advance: Called with a number of steps that are done, `STEPS` in all.

    Raises:
        DataError: A photo has two classes, a class has fewer photos or groups than there are folds,
            or fewer than two, there is only one class, or all features are equal.
        RunError: A feature is not a finite number.

    Example:
        >>> import hashlib
        >>> features = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
        >>> labels = np.arange(20) % 2
        >>> features[:, 0] += 4 * labels
        >>> hashes = [hashlib.sha256(row.tobytes()).hexdigest() for row in features]
        >>> photos = LabelledPhotos(labels, hashes, hashes, ["cat", "dog"])
        >>> fit_head(photos, features).cross_validation.correct
        20
    """
    known, labels = _canonical(photos, features)
    truth = np.eye(len(photos.classes))[labels]
    fold_of = deal_folds(photos, folds)
    with one_blas_thread():
        problem = Problem(known, truth, None, check)
        chosen, validated = cross_validated(problem, fold_of, advance)
        strength = chosen if strength is None else strength
        regression = problem.regression(strength)
        found, norms = minimize(regression, np.array([_GRADIENT]))
        kernel, bias = problem.space.dense_layer(found[:, 0] @ regression.contrasts)
        advance(1)
    return LogisticHead(kernel, bias, strength, float(norms[0]), validated, problem.space)


def preview_head(
    photos: LabelledPhotos, features: NDArray[np.float32], last: LogisticHead
) -> Preview:
    """Return about the head that `fit_head` would, at the strength of a similar set's head.

    It starts from that head, which is faster; its probabilities are within 1e-6 of those of the
    exact solution at that strength. Its coefficients depend on where it started, so it does not
    give them away: what is stored is from `fit_head`.

    Args:
        photos: Like the ones that `last` was fitted to, with some more or fewer.
        features: Of each photo, (photos, features).
        last: A head of the same classes.

    Raises:
        DataError, RunError: As `fit_head`.
    """
    known, labels = _canonical(photos, features)
    truth = np.eye(len(photos.classes))[labels]
    with one_blas_thread():  # several would mostly wait for each other
        problem = Problem(known, truth, last.space, lambda: None)
        regression = problem.regression(last.strength)
        start = problem.space.coefficients(last.kernel, last.bias) @ regression.contrasts.T
        enough = np.array([_PREVIEW * last.strength])
        found, _ = minimize(regression, enough, start[:, None])
        return Preview(*problem.space.dense_layer(found[:, 0] @ regression.contrasts))


def _canonical(
    photos: LabelledPhotos, features: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the features and labels of the different photos, sorted by SHA-256."""
    rows = photos.canonical_rows()
    photos.check_features(features)
    sorted_already = np.array_equal(rows, np.arange(len(features)))
    return features if sorted_already else features[rows], photos.labels[rows]
