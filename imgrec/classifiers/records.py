"""What a store knows of classes, photos and versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.text import either, printable

PhotoStatus = Literal["labelled", "unsure", "none"]
"""`unsure`: its class is not known yet. `none`: it shows none of the classes."""


def check_status(status: str) -> None:
    """Raise UsageError unless photos can have this status."""
    known = get_args(PhotoStatus)
    if status not in known:
        raise UsageError(
            f"there is no status {printable(str(status))}", hint=f"use {either(known)}"
        )


@dataclass(frozen=True)
class Quotas:
    """How large a classifier may become.

    size: the bytes of all photos; photo_size: those of one.
    """

    classes: int = 1_000
    photos: int = 50_000
    size: int = 50 << 30
    photo_size: int = 64 << 20


@dataclass(frozen=True)
class StoredClass:
    """A class.

    photos: how many it has. changed: the revision of the classifier in which it last changed.
    """

    name: str
    photos: int
    changed: int


@dataclass(frozen=True)
class StoredPhoto:
    """A photo.

    class_name: None if it is not `labelled`. name: what its file was called; anyone's text.
    suffix: of its format, such as `jpg`. size: in bytes. added: ISO 8601 in UTC. changed: the
    revision of the classifier in which it, or its class, last changed.
    """

    sha256: str
    class_name: str | None
    status: PhotoStatus
    name: str
    suffix: str
    size: int
    width: int
    height: int
    added: str
    changed: int


@dataclass(frozen=True)
class NewPhoto:
    """A photo to add, which was decoded.

    features: float32 (features,). grey: uint8 (32, 32), for finding near-duplicates.
    """

    sha256: str
    content: bytes = field(repr=False)
    name: str
    suffix: str
    width: int
    height: int
    features: NDArray[np.float32] = field(repr=False)
    grey: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class VersionPhoto:
    """A photo that a version knows: its class, and the answer that the version was judged by.

    probabilities: float32 (classes,); empty if it was not judged by this photo.
    """

    sha256: str
    class_name: str
    probabilities: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class StoredVersion:
    """A version of the model.

    folder: the name of its run below `versions`. created: ISO 8601 in UTC. accuracy: of the
    cross-validation, 0 to 1, with its 95 % interval; None if it was not measured. classes: their
    names. fingerprint: of the photos, empty once it is withdrawn. withdrawn: whether it knew a
    photo that was deleted since, so that its run is gone. published: whether it answers.
    """

    number: int
    folder: str
    created: str
    photos: int
    classes: Sequence[str]
    accuracy: float | None
    low: float | None
    high: float | None
    fingerprint: str
    withdrawn: bool = False
    published: bool = False
