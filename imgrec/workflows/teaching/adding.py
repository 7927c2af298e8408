"""Photos that are added: how they are given, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from imgrec import text
from imgrec.classifiers import NewPhoto, PhotoStatus, Store, check_status
from imgrec.data.photo_arguments import expand_photos
from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.workflows.teaching.backbone import DecodedPhoto
from imgrec.workflows.teaching.learner import Learner
from imgrec.workflows.teaching.neighbours import look_alikes
from imgrec.workflows.teaching.outcomes import AddedPhoto, Outcome
from imgrec.workflows.teaching.standing import PhotoOfClass

NewPhotoLike: TypeAlias = Photo | DecodedPhoto | str | Path | bytes
"""Photos to add: the path of a file, of a folder or a pattern; content, or what was decoded."""


def checked_label(class_name: str | None, status: PhotoStatus) -> tuple[str | None, PhotoStatus]:
    """Return a class in NFC and a status; raise UsageError unless they fit together."""
    check_status(status)
    if (class_name is None) == (status == "labelled"):
        raise UsageError(
            "a photo has a class, or it is unsure or shows none of them",
            hint="name a class, or say which of the two",
        )
    return None if class_name is None else text.class_name(class_name), status


def named_photos(given: NewPhotoLike | Iterable[NewPhotoLike]) -> Iterator[Photo | DecodedPhoto]:
    """Yield one photo, or several in order, each with a name for messages.

    Paths are those of `expand_photos`. Raises TypeError for anything else.
    """
    listed = [given] if isinstance(given, NewPhotoLike) else given
    for number, each in enumerate(listed, 1):
        if isinstance(each, Photo | DecodedPhoto):
            yield each
        elif isinstance(each, bytes):
            yield Photo(f"photo {number}", each)
        elif isinstance(each, str | Path):
            yield from expand_photos([str(each)], None)
        else:
            raise TypeError(f"a photo to add is a path or bytes, not {type(each).__name__}")


def add_photos(
    store: Store,
    learner: Learner,
    photos: Sequence[Photo | DecodedPhoto],
    label: tuple[str | None, PhotoStatus],
    *,
    relabel: bool,
) -> list[AddedPhoto]:
    """Add photos, all that can be used or none, and return what became of each.

    label: their class, which is created if it is missing and gets a photo, and their status.
    relabel: whether those that are there with another label get this one.
    """
    read = list(learner.backbone.read(photos, store.quotas.photo_size))
    with store.unchanged():  # of each photo that is there, the features are known
        features = learner.features
        read = _without_deleted(store, read)
        new = [each for each in read if isinstance(each, NewPhoto)]
        alike = look_alikes(new, features.all(), store.grey)
        added = store.add_photos(new, *label)
        features.add(each for each in new if each.sha256 in added)
        changes: dict[str, Outcome] = dict.fromkeys(added, "added")
        if relabel:
            others = [each.sha256 for each in new if each.sha256 not in added]
            if others and label[0] is not None:
                store.add_class(label[0])
            changes |= dict.fromkeys(
                (each.sha256 for each in store.label(others, *label)), "relabelled"
            )
        return [
            replace(_outcome_of(store, found, changes, alike, label), name=given.name)
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
    changes: dict[str, Outcome],
    alike: Mapping[str, Sequence[str]],
    wanted: tuple[str | None, PhotoStatus],
) -> AddedPhoto:
    """Return what became of a photo.

    changes: what was done to photos; this one is removed, as nothing was done to a copy of it.
    alike: the near-duplicates of each. wanted: the class and status that it was to have.
    """
    if isinstance(read, BadImage):
        return AddedPhoto(read.name, "refused", reason=read.reason)
    photo = store.photo(read.sha256)
    outcome = changes.pop(read.sha256, None)
    if outcome is None:
        outcome = "known" if (photo.class_name, photo.status) == wanted else "elsewhere"
    found = (store.find(each) for each in alike.get(read.sha256, ()))
    near = tuple(
        PhotoOfClass(each.sha256, each.class_name or each.status) for each in found if each
    )
    return AddedPhoto(read.name, outcome, photo, near_duplicates=near)
