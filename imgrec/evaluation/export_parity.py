"""Export parity: whether an exported file gives the same answers as the original model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.rounding import percent
from imgrec.runs.card import ExportParity
from imgrec.scores import Scores, require_finite
from imgrec.text import count_of, printable


@dataclass(frozen=True)
class ParityLimits:
    """How much the answers of an exported file may differ from the model's.

    Args:
        difference: The largest difference of a probability; None for any.
        flips: The fraction of images, 0 to 1, that may get another answer.
        near_tie: Another answer does not count as a flip if the model's two highest probabilities
            are at most this far apart, as either may come out on top. If an image may have several
            labels, the distance to the threshold of the class counts instead, and half as much.
    """

    difference: float | None
    flips: float
    near_tie: float


LIMITS: Mapping[str, ParityLimits] = {
    "float32": ParityLimits(difference=1e-4, flips=0.0, near_tie=2e-4),
    "float16": ParityLimits(difference=1e-2, flips=0.01, near_tie=2e-2),
    # Its probabilities may differ by any amount; a tie is the same as for float16.
    "int8": ParityLimits(difference=None, flips=0.02, near_tie=2e-2),
}


@dataclass(frozen=True)
class Parity:
    """How the probabilities of an exported file compare with those of the model.

    Args:
        images: The number of images compared.
        flipped: The images with another answer, without near-ties, the most different first.
        difference: The largest difference of a probability.
        worst: The image where that is.
    """

    images: int
    flipped: tuple[str, ...]
    difference: float
    worst: str

    @property
    def agreement(self) -> float:
        """The fraction of images, 0 to 1, that are not flipped."""
        return 1 - len(self.flipped) / self.images

    def on_card(self, file: str, form: str, precision: str) -> ExportParity:
        """Return what a card says of it."""
        return ExportParity(
            file, form, precision, self.images, self.agreement, self.difference, self.worst
        )

    def violation(self, limits: ParityLimits) -> str:
        """Return why the file must not be used, with the worst image; empty if it may."""
        if limits.difference is not None and self.difference > limits.difference:
            return (
                f"its probabilities differ by up to {self.difference:.2g}, "
                f"most for {printable(self.worst)}; at most {limits.difference:.0e} is allowed"
            )
        if len(self.flipped) > limits.flips * self.images:
            return (
                f"its answers differ for {len(self.flipped):,} of "
                f"{count_of(self.images, 'image')}, most for {printable(self.flipped[0])}; "
                f"at most {percent(limits.flips, 0)} is allowed"
            )
        return ""


def require_parity(
    file: str, model: Scores, exported: Scores, precision: str, hint: str = ""
) -> Parity:
    """Return how an exported file compares with the model; raise RunError if it must not be used.

    Args:
        file: What the error calls it.
        model: The scores of the model.
        exported: Those of the file, of the same images.
        precision: Of the file, a key of LIMITS.
        hint: What to do if it must not be used.
    """
    limits = LIMITS[precision]
    found = compare_outputs(model, exported, limits.near_tie)
    if violation := found.violation(limits):
        raise RunError(f"{printable(file)} is not written: {violation}", hint=hint)
    return found


def compare_outputs(model: Scores, exported: Scores, near_tie: float) -> Parity:
    """Compare the scores of an exported file with those of the model.

    Args:
        model: The scores of the model, of at least one image.
        exported: The scores of the file, for the same images. If its probabilities are not finite,
            the difference is infinite.
        near_tie: As in ParityLimits.

    Raises:
        RunError: The probabilities of the model are not finite.
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
    """Return which answers are not near-ties, bool (images, classes) or (images, 1)."""
    thresholds = scores.decision.class_thresholds
    if thresholds is not None:
        return np.asarray(np.abs(scores.probabilities - thresholds) > near_tie / 2)
    two = np.partition(scores.probabilities, -2, axis=1)[:, -2:]
    return np.asarray(two[:, 1:] - two[:, :1] > near_tie)
