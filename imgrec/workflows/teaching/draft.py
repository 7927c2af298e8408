"""The model of a classifier as it is now, and how good it is: nothing of it is stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.evaluation.calibration import calibrated, fit_temperature
from imgrec.runs.card import Calibration, Threshold
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Decision, Scores
from imgrec.training.logistic import LogisticHead, fit_head, preview_head
from imgrec.workflows.teaching.backbone import Backbone
from imgrec.workflows.teaching.examples import Examples
from imgrec.workflows.training import (
    CROSS_VALIDATED,
    cross_validated_scores,
    held_out_similarities,
    references,
    similarities,
    threshold_of,
)

PRECISION = 0.98
"""The precision that is promised, if the photos support it."""


@dataclass(frozen=True)
class Solved:
    """The exact head of a set of photos.

    scores: the calibrated answers of the cross-validation, and leave-one-out similarities, of the
    examples in their order. known: what photos are compared with.
    """

    examples: Examples
    head: LogisticHead
    calibration: Calibration
    threshold: Threshold
    scores: Scores
    known: NDArray[np.float32] = field(repr=False)

    @property
    def decision(self) -> Decision:
        """When the answer is "unknown"."""
        return Decision(self.threshold.value, self.threshold.ood_similarity)

    @property
    def calibrated(self) -> LogisticHead:
        """The head with the temperature."""
        return self.head.divided(self.calibration.temperature)


def solve(examples: Examples, check: Callable[[], None], advance: Callable[[int], None]) -> Solved:
    """Solve the head, and find out how good it is.

    Args:
        examples: The labelled photos.
        check: Called repeatedly. An exception that it raises ends the computation.
        advance: Called with a number of steps that are done, `STEPS` in all.

    Raises:
        DataError: The photos give no head, as all of them have the same features.
    """
    head = fit_head(examples.labelled(), examples.features, check=check, advance=advance)
    known = references(examples.features)
    alike = held_out_similarities(examples.features, known)
    scores = cross_validated_scores(head, examples.names, examples.classes, alike)
    calibration = fit_temperature(scores, CROSS_VALIDATED)
    scores = calibrated(scores, calibration.temperature)
    threshold, _ = threshold_of(scores, ("precision", PRECISION))
    solved = Solved(examples, head, calibration, threshold, scores, known)
    return dataclasses.replace(solved, scores=dataclasses.replace(scores, decision=solved.decision))


class _Head(Protocol):
    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities of photos, float64 (photos, classes)."""


@dataclass(frozen=True)
class Draft:
    """The engine of a classifier as it is now; its fields are those of `Solved`.

    exact: whether the head is the exact one, and no preview.
    """

    backbone: Backbone
    classes: tuple[str, ...]
    decision: Decision
    head: _Head
    temperature: float
    known: NDArray[np.float32] = field(repr=False)
    exact: bool

    @property
    def spec(self) -> ImageSpec:
        """The size and form of the images that it takes."""
        return self.backbone.spec

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        features = np.stack([self.backbone.features(each) for each in images])
        names = tuple(map(str, range(len(images))))
        probabilities = self.head.probabilities(features).astype(np.float32)
        found = calibrated(Scores(names, None, probabilities, self.classes), self.temperature)
        return ModelOutput(found.probabilities, similarities(features, self.known))


def draft_of(backbone: Backbone, examples: Examples, last: Solved) -> Draft:
    """Return what classifies photos as the examples teach, fast.

    Args:
        backbone: That of the classifier.
        examples: The photos as they are now, which give a head.
        last: The exact head of these, or of similar ones with the same classes: the preview then
            starts from it.
    """
    same = last.examples is examples
    head = last.head if same else preview_head(examples.labelled(), examples.features, last.head)
    known = last.known if same else references(examples.features)
    temperature = last.calibration.temperature
    return Draft(backbone, examples.classes, last.decision, head, temperature, known, same)
