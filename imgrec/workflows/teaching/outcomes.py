"""What the verbs of a classifier return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imgrec.classifiers import StoredPhoto, StoredVersion
from imgrec.evaluation.results import RequirementResult
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
class Published:
    """What came of a publication; version: None if a requirement was not met."""

    version: StoredVersion | None
    verdicts: tuple[RequirementResult, ...]
