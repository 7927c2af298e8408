"""Photos that are added: how they are given, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from imgrec.classifiers import NewPhoto, PhotoStatus, Store
from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.workflows.teaching.backbone import DecodedPhoto
from imgrec.workflows.teaching.learner import Learner
from imgrec.workflows.teaching.neighbours import look_alikes
from imgrec.workflows.teaching.outcomes import AddedPhoto, Outcome
from imgrec.workflows.teaching.standing import PhotoOfClass


def checked_label(class_name: str | None, status: PhotoStatus) -> tuple[str | None, PhotoStatus]:
    """Return a class and a status; raise UsageError if they contradict each other."""
    if (class_name is None) == (status == "labelled"):
        raise UsageError(
            "a photo has a class, or it is unsure or shows none of them",
            hint="name a class, or say which of the two",
        )
    return class_name, status


def named_photo(
    given: Photo | DecodedPhoto | str | Path | bytes, number: int
) -> Photo | DecodedPhoto:
    """Return a photo with a name, for messages."""
    if isinstance(given, Photo | DecodedPhoto):
        return given
    if isinstance(given, bytes):
        return Photo(f"photo {number}", given)
    return Photo(str(given), Path(given))


def add_photos(
    store: Store,
    learner: Learner,
    photos: Sequence[Photo | DecodedPhoto],
    label: tuple[str | None, PhotoStatus],
) -> list[AddedPhoto]:
    """Add photos, all that can be used or none, and return what became of each.

    label: their class, which must be there, and their status.
    """
    read = list(learner.backbone.read(photos, store.quotas.photo_size))
    features = learner.features
    with store.unchanged():  # of each photo that is there, the features are known
        read = _without_deleted(store, read)
        new = [each for each in read if isinstance(each, NewPhoto)]
        alike = look_alikes(new, features.all())
        added = store.add_photos(new, *label)
        features.add(each for each in new if each.sha256 in added)
        return [
            replace(_outcome_of(store, found, added, alike, label), name=given.name)
            for given, found in zip(photos, read, strict=True)
        ]


def _without_deleted(
    store: Store, read: Sequence[NewPhoto | BadImage]
) -> list[NewPhoto | BadImage]:
    """Return photos, with a reason in place of those whose deletion is not finished."""
    doomed = set(store.forgetting())
    return [
        BadImage(each.name, "is being deleted; add it again when that is done")
        if isinstance(each, NewPhoto) and each.sha256 in doomed
        else each
        for each in read
    ]


def _outcome_of(
    store: Store,
    read: NewPhoto | BadImage,
    added: set[str],
    alike: Mapping[str, Sequence[str]],
    wanted: tuple[str | None, PhotoStatus],
) -> AddedPhoto:
    """Return what became of a photo.

    added: those that were added; this one is removed, as a copy of it was not. alike: the
    near-duplicates of each. wanted: the class and status that it was to have.
    """
    if isinstance(read, BadImage):
        return AddedPhoto(read.name, "refused", reason=read.reason)
    photo = store.photo(read.sha256)
    outcome: Outcome = "added"
    if read.sha256 in added:
        added.remove(read.sha256)
    else:
        outcome = "known" if (photo.class_name, photo.status) == wanted else "elsewhere"
    found = (store.find(each) for each in alike.get(read.sha256, ()))
    near = tuple(
        PhotoOfClass(each.sha256, each.class_name or each.status) for each in found if each
    )
    return AddedPhoto(read.name, outcome, photo, near_duplicates=near)
