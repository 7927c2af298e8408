"""The classifier behind a frozen backbone, as the exact solution of a convex problem.

A head is a function of a set of labelled photos: neither their order, nor the number of threads,
nor how the set came about changes a bit of it, on one machine with one set of versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imgrec.training.logistic.folds import deal_folds
from imgrec.training.logistic.photos import LabelledPhotos
from imgrec.training.logistic.solver import (
    Check,
    Floats,
    Regressions,
    log_sum_exp,
    minimize,
    softmax,
)

STRENGTHS = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
"""The strengths of the regularisation that cross-validation chooses from."""

_GRADIENT = 1e-12
# Errors of the coefficients are at most the gradient's norm divided by the strength.
_CHOICE = 1e-3
_PREVIEW = 1e-8


@dataclass(frozen=True)
class CrossValidation:
    """How well heads did on photos that they were not fitted to, at each strength.

    losses: the mean log loss at each of `STRENGTHS`, in nats. correct: how many of the `images`
    were classified correctly, each by the strength that was chosen without its fold. logits: those
    of each image by that head, (images, classes); labels: (images,).
    """

    folds: int
    images: int
    losses: tuple[float, ...]
    correct: int
    logits: Floats = field(repr=False, compare=False)
    labels: NDArray[np.intp] = field(repr=False, compare=False)

    @property
    def accuracy(self) -> float:
        """The fraction of images that were classified correctly, 0 to 1."""
        return self.correct / self.images


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
    axes: Floats = field(repr=False, compare=False)

    def probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Return the probabilities of photos, float64 (photos, classes)."""
        return softmax(features.astype(np.float64) @ self.kernel + self.bias)


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
    with _one_thread():
        space = _Space.around(known, None)
        inputs = space.inputs(known)
        chosen, validated = _cross_validated(inputs, truth, fold_of, check)
        strength = chosen if strength is None else strength
        regression = _regression(inputs, truth, strength, check)
        found, norms = minimize(regression, np.array([_GRADIENT]))
        kernel, bias = space.dense_layer(found[:, 0] @ regression.contrasts)
    return LogisticHead(kernel, bias, strength, float(norms[0]), validated, space.axes)


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
    with _one_thread():  # several would mostly wait for each other
        space = _Space.around(known, last.axes)
        regression = _regression(space.inputs(known), truth, last.strength, lambda: None)
        start = space.coefficients(last.kernel, last.bias) @ regression.contrasts.T
        enough = np.array([_PREVIEW * last.strength])
        found, _ = minimize(regression, enough, start[:, None])
        return Preview(*space.dense_layer(found[:, 0] @ regression.contrasts))


def _canonical(
    photos: LabelledPhotos, features: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the features and labels of the different photos, sorted by SHA-256."""
    rows = photos.canonical_rows()
    photos.check_features(features)
    return features[rows], photos.labels[rows]


@dataclass(frozen=True)
class _Space:
    """Coordinates along the principal axes of features, in which the solver is fast.

    Rotating, moving and scaling the features changes neither the regularisation nor the solution.
    center: (features,); axes: (features, axes), orthonormal.
    """

    center: Floats
    axes: Floats
    scale: float

    @classmethod
    def around(cls, features: NDArray[np.float32], axes: Floats | None) -> _Space:
        """Return the space of these features; with axes of similar ones, if they span it."""
        rows = features.astype(np.float64)
        center = rows.mean(0)
        rows -= center
        scale = float(np.sqrt((rows**2).sum(1).mean()))
        if axes is None or axes.shape[1] < features.shape[1]:
            axes = _principal_axes(rows)
        return cls(center, axes, scale)

    def inputs(self, features: NDArray[np.float32]) -> Floats:
        """Return the inputs of the solver: coordinates, and a last column of ones."""
        found = np.ones((len(features), self.axes.shape[1] + 1))
        found[:, :-1] = (features - self.center) @ (self.axes / self.scale)
        return found

    def dense_layer(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Return kernel and bias for features, from coefficients (inputs, classes)."""
        kernel = self.axes @ (coefficients[:-1] / self.scale)
        return kernel, coefficients[-1] - self.center @ kernel

    def coefficients(self, kernel: Floats, bias: Floats) -> Floats:
        """Return the coefficients of a dense layer for features."""
        return np.vstack([self.axes.T @ kernel * self.scale, bias + self.center @ kernel])


def _principal_axes(centred: Floats) -> Floats:
    """Return an orthonormal basis (features, axes) that makes the coordinates uncorrelated."""
    if len(centred) >= centred.shape[1]:
        return np.linalg.eigh(centred.T @ centred)[1]
    span = np.linalg.qr(centred.T)[0]
    coordinates = centred @ span
    return span @ np.linalg.eigh(coordinates.T @ coordinates)[1]  # type: ignore[no-any-return]


def _regression(inputs: Floats, truth: Floats, strength: float, check: Check) -> Regressions:
    shares = np.full((len(inputs), 1), 1 / len(inputs))
    return Regressions(inputs, truth, shares, np.array([strength]), check)


def _cross_validated(
    inputs: Floats, truth: Floats, fold_of: NDArray[np.intp], check: Check
) -> tuple[float, CrossValidation]:
    """Return the strength that is chosen, and how all of them did.

    fold_of: the fold of each row.
    """
    folds, strengths = np.arange(fold_of.max() + 1), np.array(STRENGTHS)
    shares = (fold_of[:, None] != folds).astype(np.float64)
    shares = np.repeat(shares / shares.sum(0), len(strengths), axis=1)
    regressions = Regressions(inputs, truth, shares, np.tile(strengths, len(folds)), check)
    found, _ = minimize(regressions, _CHOICE * regressions.strengths)
    rows = np.arange(len(inputs))
    logits = regressions.logits(found).reshape(len(rows), len(folds), len(strengths), -1)
    logits = logits[rows, fold_of]  # (rows, strengths, classes), by the heads without this fold
    losses = log_sum_exp(logits) - np.einsum("rsk,rk->rs", logits, truth)
    judged = np.array([_one_standard_error(losses[fold_of != fold]) for fold in folds])[fold_of]
    held_out, labels = logits[rows, judged], truth.argmax(1)
    validated = CrossValidation(
        len(folds),
        len(rows),
        tuple(losses.mean(0).tolist()),
        int((held_out.argmax(1) == labels).sum()),
        held_out,
        labels,
    )
    return STRENGTHS[_one_standard_error(losses)], validated


def _one_standard_error(losses: Floats) -> int:
    """Return the place of the highest strength within one standard error of the best.

    losses: (rows, strengths), strengths ascending.
    """
    means = losses.mean(0)
    best = int(means.argmin())
    error = losses[:, best].std(ddof=1) / np.sqrt(len(losses))
    return int(np.flatnonzero(means <= means[best] + error)[-1])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: the number of threads changes the order of its sums."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        yield
