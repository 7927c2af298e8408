"""What the verbs of a classifier return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgrec.classifiers import StoredPhoto, StoredVersion
from imgrec.evaluation.results import Assessment, MetricValue, RequirementResult
from imgrec.workflows.teaching.standing import PhotoOfClass

Outcome = Literal["added", "known", "elsewhere", "relabelled", "refused"]
"""`known`: it was there with this label. `elsewhere`: it is there with another one, and stays;
`relabelled`: it was, and has this one now."""


@dataclass(frozen=True)
class AddedPhoto:
    """What became of a photo that was to be added.

    name: as it was given. photo: None if it was refused; reason: why. near_duplicates: other photos
    that show the same, of whatever class.
    """

    name: str
    outcome: Outcome
    photo: StoredPhoto | None = None
    reason: str = ""
    near_duplicates: tuple[PhotoOfClass, ...] = ()


@dataclass(frozen=True)
class Forgotten:
    """What the deletion of photos did.

    withdrawn: the versions that knew one. published: the version that answers now, if any.
    """

    photos: int
    withdrawn: tuple[int, ...]
    published: StoredVersion | None


@dataclass(frozen=True)
class Judgement:
    """What a version was judged by.

    accuracy: with its exact 95 % interval. photos: how many it was measured on. split: those of the
    cross-validation of a head, or the test or validation images of a run. not_compared: why it was
    not compared with the published version; empty if it was, or if there is none.
    """

    verdicts: tuple[RequirementResult, ...]
    accuracy: MetricValue
    photos: int
    split: str
    not_compared: str = ""

    @property
    def met(self) -> bool:
        """Whether all requirements are met."""
        return all(each.met for each in self.verdicts)


def judgement_of(
    assessment: Assessment, verdicts: tuple[RequirementResult, ...], not_compared: str
) -> Judgement:
    """Return a judgement by the answers of an assessment."""
    accuracy, photos = assessment.evaluation.metrics["accuracy"], len(assessment.scores.names)
    return Judgement(verdicts, accuracy, photos, assessment.split, not_compared)


@dataclass(frozen=True)
class Published:
    """What came of a publication; version: None if a requirement was not met."""

    version: StoredVersion | None
    judgement: Judgement

    @property
    def verdicts(self) -> tuple[RequirementResult, ...]:
        """What came of each requirement, and of the comparison with the published version."""
        return self.judgement.verdicts
