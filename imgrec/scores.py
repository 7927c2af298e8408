"""The output of a model for a list of images, and the decision that turns it into labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError, UsageError
from imgrec.interface import option
from imgrec.text import count_of, join_names, printable

DEFAULT_THRESHOLD = 0.5


class Skipped(NamedTuple):
    """An image that could not be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """How probabilities become labels: one label, several, or "unknown".

    Args:
        min_probability: The answer is "unknown" if the highest probability is lower; 0 to 1.
            Applies to images with one label.
        min_ood_similarity: The answer is "unknown" if the OOD similarity is lower; -1 to 1.
        class_thresholds: The probability from which an image has each class, in the order of the
            classes; None if an image has exactly one label, the most probable class.

    Example:
        >>> rows = np.array([[0.5, 0.25, 0.25], [0.0, 0.125, 0.875]], np.float32)
        >>> Decision(min_probability=0.75).decide(rows).tolist()
        [[False, False, False], [False, False, True]]
        >>> Decision(class_thresholds=(0.5, 0.25, 0.25)).decide(rows).tolist()
        [[True, True, True], [False, False, True]]
    """

    min_probability: float | None = None
    min_ood_similarity: float | None = None
    class_thresholds: tuple[float, ...] | None = None

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several labels, or none."""
        return self.class_thresholds is not None

    @property
    def abstains(self) -> bool:
        """Whether an answer can be "unknown"."""
        return self.min_probability is not None or self.min_ood_similarity is not None

    def decide(
        self, probabilities: NDArray[np.float32], ood_similarity: NDArray[np.float32] | None = None
    ) -> NDArray[np.bool_]:
        """Return the labels of each image, none where the answer is "unknown".

        Args:
            probabilities: float32 (images, classes).
            ood_similarity: float32 (images,); None if the model has no OOD score.

        Returns:
            bool (images, classes).
        """
        known = self.known(probabilities, ood_similarity)
        return self.labels(probabilities) & known[:, np.newaxis]

    def labels(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the labels of each image, bool (images, classes), as if none were unknown."""
        if self.class_thresholds is not None:
            # In float64: a threshold between two neighbours in float32 would be rounded to one.
            return probabilities >= np.array(self.class_thresholds, np.float64)
        return one_hot(probabilities.argmax(axis=1), probabilities.shape[1])

    def known(
        self, probabilities: NDArray[np.float32], ood_similarity: NDArray[np.float32] | None = None
    ) -> NDArray[np.bool_]:
        """Return which images have an answer other than "unknown", bool (images,)."""
        known = np.ones(len(probabilities), bool)
        if self.min_probability is not None and not self.multi_label:
            known &= probabilities.max(axis=1) >= np.float64(self.min_probability)
        if self.min_ood_similarity is not None and ood_similarity is not None:
            known &= ood_similarity >= np.float64(self.min_ood_similarity)
        return known

    def threshold(self, column: int) -> float:
        """Return the probability from which an image counts as having a class."""
        if self.class_thresholds is not None:
            return self.class_thresholds[column]
        return DEFAULT_THRESHOLD if self.min_probability is None else self.min_probability

    def for_columns(self, columns: Sequence[int]) -> Decision:
        """Return the decision for probabilities whose columns are in another order."""
        if self.class_thresholds is None:
            return self
        thresholds = tuple(self.class_thresholds[column] for column in columns)
        return replace(self, class_thresholds=thresholds)

    def with_threshold(self, threshold: float) -> Decision:
        """Return the decision with one threshold, 0 to 1, chosen by the user, as the only limit.

        It is the one of every class if an image may have several labels, otherwise the
        probability below which an answer is "unknown", whatever the OOD similarity.

        Raises:
            UsageError: It is not between 0 and 1.
        """
        if not 0 <= threshold <= 1:
            raise UsageError(
                f"threshold is {threshold}; it must be between 0 and 1",
                hint=f"use {option('threshold', 0.5)}, for example",
            )
        if self.class_thresholds is None:
            return Decision(min_probability=threshold)
        return Decision(class_thresholds=(threshold,) * len(self.class_thresholds))


ONE_LABEL = Decision()
"""The most probable class, never "unknown"."""


@dataclass(frozen=True)
class Scores:
    """The output of a model for a list of images.

    Args:
        names: The images, as the user wrote them or as their path below the root of the data.
        truth: Whether an image has a class, bool (images, classes); None if that is not known.
        probabilities: float32 (images, classes). Each row sums to 1, unless images may have
            several labels: then each probability is independent.
        classes: The class names, in the order of the columns.
        skipped: The images that could not be read; they are in none of the other fields.
        ood_similarity: How similar each image is to the training images, float32 (images,), -1 to
            1; None if the model has no OOD score.
        decision: How the probabilities become labels.
        rows: The position of each image in the list that was scored, int64 (images,). Default:
            the images in order, then those skipped.
    """

    names: tuple[str, ...]
    truth: NDArray[np.bool_] | None
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    ood_similarity: NDArray[np.float32] | None = None
    decision: Decision = ONE_LABEL
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        """Number the images where the caller did not."""
        if not self.rows.size:
            object.__setattr__(self, "rows", np.arange(len(self.names)))

    @property
    def multi_label(self) -> bool:
        """Whether an image may have several labels, or none."""
        return self.decision.multi_label

    @property
    def answers(self) -> NDArray[np.bool_]:
        """The predicted labels of each image, bool (images, classes); "unknown" is ignored."""
        return self.decision.labels(self.probabilities)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which images have an answer other than "unknown", bool (images,)."""
        return self.decision.known(self.probabilities, self.ood_similarity)

    @property
    def positives(self) -> NDArray[np.bool_]:
        """The true labels of each image, bool (images, classes).

        Raises:
            ValueError: They are not known.
        """
        if self.truth is None:
            raise ValueError("the true labels of these scores are not known")
        return self.truth

    @property
    def true_labels(self) -> NDArray[np.int64]:
        """The index of each image's one true class, int64 (images,).

        Raises:
            ValueError: It is not known.
        """
        labels: NDArray[np.int64] = self.positives.argmax(axis=1)
        return labels

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the predicted labels of each image are exactly the true ones, bool (images,)."""
        right: NDArray[np.bool_] = (self.answers == self.positives).all(axis=1)
        return right

    @property
    def choices(self) -> NDArray[Any]:
        """The probability of each option of each choice, (choices, options).

        An image with one label is a choice between all classes. With multiple labels each class of
        each image is a choice between not having and having it.
        """
        if not self.multi_label:
            return self.probabilities
        having = self.probabilities.ravel().astype(np.float64)
        return np.stack([1 - having, having], axis=1)

    @property
    def true_choices(self) -> NDArray[np.int64]:
        """The index of the true option of each choice, int64 (choices,).

        Raises:
            ValueError: The true labels are not known.
        """
        return self.positives.ravel().astype(np.int64) if self.multi_label else self.true_labels

    @property
    def skipped_rows(self) -> NDArray[np.int64]:
        """The position of each skipped image in the list that was scored, int64 (skipped,)."""
        skipped = np.ones(len(self.names) + len(self.skipped), bool)
        skipped[self.rows] = False
        return np.flatnonzero(skipped)

    def named(self, which: NDArray[np.bool_]) -> str:
        """Return the names of some classes, bool (classes,), as one text."""
        return join_names(self.classes[index] for index in np.flatnonzero(which))

    def where(self, mask: NDArray[np.bool_]) -> Scores:
        """Return the scores of the images where `mask`, bool (images,), is true; none skipped."""
        return self.at(np.flatnonzero(mask))

    def at(self, places: NDArray[np.int64]) -> Scores:
        """Return the scores of the images at `places`, in that order; none skipped."""
        return Scores(
            names=tuple(self.names[place] for place in places),
            truth=None if self.truth is None else self.truth[places],
            probabilities=self.probabilities[places],
            classes=self.classes,
            ood_similarity=None if self.ood_similarity is None else self.ood_similarity[places],
            decision=self.decision,
            rows=self.rows[places],
        )


def one_hot(labels: NDArray[np.int64], classes: int) -> NDArray[np.bool_]:
    """Return whether each image has each class, bool (images, classes).

    Args:
        labels: The index of each image's class, int (images,).
        classes: The number of classes.
    """
    found: NDArray[np.bool_] = np.arange(classes) == np.asarray(labels)[:, np.newaxis]
    return found


def rank_classes(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the indices of the classes of one image, most probable first, int64 (classes,).

    Of classes with the same probability, the one listed first comes first.

    Example:
        >>> rank_classes(np.array([0.25, 0.5, 0.25], np.float32)).tolist()
        [1, 0, 2]
    """
    return np.argsort(-probabilities, kind="stable")


def require_finite(scores: Scores) -> None:
    """Check that every probability is a number.

    Raises:
        RunError: A probability is NaN or infinite.
    """
    broken = np.flatnonzero(~np.isfinite(scores.probabilities).all(axis=1))
    if broken.size:
        raise RunError(
            f"the model's probabilities are not finite for {broken.size} of "
            f"{count_of(len(scores.names), 'image')}, "
            f"first for {printable(scores.names[broken[0]])}",
            hint="if its training diverged, train again with a lower learning rate; if it was "
            "imported, `imgrec import` may need --rescale or --preprocessing",
        )
