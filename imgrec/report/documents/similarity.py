"""Similar photos for programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.evaluation.similarity import SimilarPhoto, SimilarPhotos
from imgrec.text import csv_cell

_COLUMNS = ("rank", "photo", "similarity", "identical", "duplicate_of")

_Sha256 = Annotated[str, Meta(description="The SHA-256 of the photo's content.")]


class SimilarDocument(Struct, frozen=True):
    """A photo that was found."""

    photo: Annotated[str, Meta(description="Its name; the first one by name if it has duplicates.")]
    sha256: _Sha256
    similarity: Annotated[
        float,
        Meta(ge=-1, le=1, description="The cosine of its features with those of the photo."),
    ]
    identical: Annotated[
        bool, Meta(description="Whether its content is that of the photo searched for.")
    ]
    duplicates: Annotated[
        tuple[str, ...], Meta(description="The other photos with the same content.")
    ]


class RefusedDocument(Struct, frozen=True):
    """A photo that can't be used."""

    photo: str
    error: Annotated[str, Meta(description="Why it can't be used.")]


class SimilarityDocument(Struct, frozen=True):
    """The photos that are most similar to one."""

    schema_version: Literal[1]
    photo: Annotated[str, Meta(description="The photo searched for, as it was named.")]
    sha256: _Sha256
    model: Annotated[
        str, Meta(description="The run or ImageNet classifier whose features are compared.")
    ]
    searched_in: Annotated[str, Meta(description="The folder, or the file of features.")]
    searched: Annotated[int, Meta(ge=1, description="How many photos were compared.")]
    similar: Annotated[
        tuple[SimilarDocument, ...],
        Meta(description="The most similar photos, each content once, the most similar first."),
    ]
    refused: Annotated[
        tuple[RefusedDocument, ...], Meta(description="The photos there that can't be used.")
    ]


def similarity_document(found: SimilarPhotos) -> SimilarityDocument:
    """Return the document of a search."""
    return SimilarityDocument(
        1,
        found.photo,
        found.identity,
        found.model,
        found.place,
        found.searched,
        tuple(map(_document, found.found)),
        tuple(RefusedDocument(*each) for each in found.refused),
    )


def similarity_csv(found: SimilarPhotos) -> str:
    """Return a line for each photo that was found, and one for each duplicate of it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for rank, photo in enumerate(found.found, 1):
        values = f"{photo.similarity:.9g}", "true" if photo.identical else "false"
        for name in (photo.name, *photo.duplicates):
            first = "" if name == photo.name else csv_cell(photo.name)
            writer.writerow([rank, csv_cell(name), *values, first])
    return text.getvalue()


def _document(photo: SimilarPhoto) -> SimilarDocument:
    return SimilarDocument(
        photo.name, photo.identity, photo.similarity, photo.identical, photo.duplicates
    )
