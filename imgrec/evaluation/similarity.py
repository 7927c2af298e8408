"""The photos that are most similar to one, by the cosine of their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.scores import Skipped


@dataclass(frozen=True)
class SimilarPhoto:
    """A photo that was found.

    Args:
        name: Of the photo.
        identity: The SHA-256 of its content.
        similarity: The cosine of its features with those of the photo searched for, -1 to 1.
        identical: Whether its content is that of the photo searched for.
        duplicates: The names of the other photos with its content.
    """

    name: str
    identity: str
    similarity: float
    identical: bool
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True)
class SimilarPhotos:
    """The photos that are most similar to one.

    Args:
        photo: The name of the photo searched for.
        identity: The SHA-256 of its content.
        model: The name of the model whose features are compared.
        place: Where the photos were searched: a folder, or a file of features.
        searched: How many photos were compared.
        found: The most similar ones, each content once, the most similar first.
        refused: The photos there that can't be used, with the reasons.
    """

    photo: str
    identity: str
    model: str
    place: str
    searched: int
    found: tuple[SimilarPhoto, ...]
    refused: tuple[Skipped, ...] = ()


def most_similar(
    wanted: NDArray[np.float32],
    identity: str,
    values: NDArray[np.float32],
    names: Sequence[str],
    identities: Sequence[str],
    top: int,
) -> tuple[SimilarPhoto, ...]:
    """Return the photos whose features have the largest cosine with those of one.

    Photos with the same content are one result; equally similar ones are in the order given.

    Args:
        wanted: The features of the one, (features,).
        identity: The SHA-256 of its content.
        values: Those of the others, (photos, features).
        names: Of the others.
        identities: The SHA-256 of the content of each.
        top: How many to return at most.

    Example:
        >>> import numpy as np
        >>> east, north = np.eye(2, dtype=np.float32)
        >>> found = most_similar(east, "e", np.array([north, east, east]), "nab", "nee", 2)
        >>> [(each.name, each.similarity, each.identical, each.duplicates) for each in found]
        [('a', 1.0, True, ('b',)), ('n', 0.0, False, ())]
    """
    same = np.array([each == identity for each in identities], bool)
    similarity = np.where(same, 1.0, _cosines(wanted, values))
    groups: dict[str, list[int]] = {}
    for row in np.argsort(-similarity, kind="stable").tolist():
        if identities[row] in groups or len(groups) < top:
            groups.setdefault(identities[row], []).append(row)
    return tuple(
        SimilarPhoto(
            names[rows[0]],
            content,
            float(similarity[rows[0]]),
            content == identity,
            tuple(names[row] for row in sorted(rows)[1:]),
        )
        for content, rows in groups.items()
    )


def _cosines(wanted: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine of each row with `wanted`; 0 if one of them is zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float64))
    products = lengths * np.linalg.norm(wanted.astype(np.float64))
    dots = (values @ wanted).astype(np.float64)
    cosines = np.divide(dots, products, out=np.zeros(len(values)), where=products > 0)
    return np.asarray(cosines.clip(-1, 1))
