"""Similar photos for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from imgrec.evaluation.similarity import SimilarPhoto, SimilarPhotos
from imgrec.rounding import decimals
from imgrec.text import count_of, join_few


def similarity_rows(found: SimilarPhotos) -> Sequence[tuple[str, str, str]]:
    """Return the header and the rows of a table: similarity, photo, and what is the same."""
    rows = ((decimals(each.similarity), each.name, _said(each)) for each in found.found)
    return [("similarity", "photo", ""), *rows]


def _said(photo: SimilarPhoto) -> str:
    said = ["identical"] if photo.identical else []
    if photo.duplicates:
        names = join_few(photo.duplicates)
        said.append(f"{count_of(len(photo.duplicates), 'duplicate')}: {names}")
    return ", ".join(said)
