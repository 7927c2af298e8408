"""Whether an exported file answers as the model does that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import require_finite
from imgrec.scores import Scores
from imgrec.text import printable


@dataclass(frozen=True)
class ParityLimits:
    """How far an exported file's answers may be from the model's.

    difference: the largest between two probabilities of one class (None: any). flips: the share
    of images, 0 to 1, that may get another answer. near_tie: where the model's own two highest
    probabilities are no further apart than this, another answer is no flip: each of the two may
    move by half of it, so that either may come out on top. So it is where a class's own
    probability is no further than half of it from the class's threshold.
    """

    difference: float | None
    flips: float
    near_tie: float


LIMITS: Mapping[str, ParityLimits] = {
    "float32": ParityLimits(difference=1e-4, flips=0.0, near_tie=2e-4),
    "float16": ParityLimits(difference=1e-2, flips=0.01, near_tie=2e-2),
    # It has no largest difference of its own; a tie for float16 is one for int8.
    "int8": ParityLimits(difference=None, flips=0.02, near_tie=2e-2),
}


@dataclass(frozen=True)
class Parity:
    """How near the probabilities of an exported file are to those of the model.

    images: how many went through both. flipped: those with another answer, near-ties left out,
    the most different first. difference: the largest between two
    probabilities of one class, and `worst`, the image where it is.
    """

    images: int
    flipped: tuple[str, ...]
    difference: float
    worst: str

    @property
    def agreement(self) -> float:
        """The share of images, 0 to 1, that are not flipped."""
        return 1 - len(self.flipped) / self.images

    def objection(self, limits: ParityLimits) -> str:
        """Return why the file must not be used, naming the worst image; empty: it may."""
        if limits.difference is not None and self.difference > limits.difference:
            return (
                f"its probabilities are up to {self.difference:.2g} away, "
                f"most for {printable(self.worst)}; at most {limits.difference:.0e} is allowed"
            )
        if len(self.flipped) > limits.flips * self.images:
            return (
                f"it answers otherwise for {len(self.flipped)} of {self.images} images, "
                f"most for {printable(self.flipped[0])}; at most {limits.flips:.0%} is allowed"
            )
        return ""


def compare_outputs(model: Scores, exported: Scores, near_tie: float) -> Parity:
    """Return how near two scores of the same images, at least one, are to each other.

    Raises RunError where the model's probabilities are not finite; an exported file whose
    are not is infinitely far away.
    """
    require_finite(model)
    gaps = np.nan_to_num(np.abs(model.probabilities - exported.probabilities), nan=np.inf)
    by_image = gaps.max(axis=1)
    other = model.answers != exported.answers
    flipped = np.flatnonzero((other & _sure(model, near_tie)).any(axis=1))
    order = flipped[np.argsort(-by_image[flipped], kind="stable")]
    worst = int(by_image.argmax())
    return Parity(
        images=len(model.names),
        flipped=tuple(model.names[image] for image in order),
        difference=float(by_image[worst]),
        worst=model.names[worst],
    )


def _sure(scores: Scores, near_tie: float) -> NDArray[np.bool_]:
    """Return which answers are no near-ties, bool (images, classes) or (images, 1)."""
    thresholds = scores.decision.class_thresholds
    if thresholds is not None:
        return np.asarray(np.abs(scores.probabilities - thresholds) > near_tie / 2)
    two = np.partition(scores.probabilities, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1:] - two[:, :1] > near_tie)
