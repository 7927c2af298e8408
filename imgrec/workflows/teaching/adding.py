"""Photos that are added: how they are given, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imgrec.classifiers import NewPhoto, PhotoStatus, Store, StoredPhoto
from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.workflows.teaching.backbone import DecodedPhoto
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


def outcome_of(
    store: Store,
    read: NewPhoto | BadImage,
    added: dict[str, StoredPhoto],
    alike: Mapping[str, Sequence[str]],
    wanted: tuple[str | None, PhotoStatus],
) -> AddedPhoto:
    """Return what became of a photo.

    Args:
        store: The photos, with those that were added.
        read: The photo, or why it can't be read.
        added: Those that were added; this one is removed, as a copy of it was not.
        alike: Its near-duplicates, by SHA-256.
        wanted: The class and status that it was to have.
    """
    if isinstance(read, BadImage):
        return AddedPhoto(read.name, "refused", reason=read.reason)
    photo = store.photo(read.sha256)
    outcome: Outcome = "added"
    if added.pop(read.sha256, None) is None:
        outcome = "known" if (photo.class_name, photo.status) == wanted else "elsewhere"
    found = (store.find(each) for each in alike.get(read.sha256, ()))
    near = tuple(
        PhotoOfClass(each.sha256, each.class_name or each.status) for each in found if each
    )
    return AddedPhoto(read.name, outcome, photo, near_duplicates=near)
