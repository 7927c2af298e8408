"""The photos that are most similar to one, as a page that loads nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence

from imgrec.evaluation.similarity import SimilarPhotos
from imgrec.report import templates
from imgrec.report.pictures import Thumbnail
from imgrec.rounding import decimals
from imgrec.text import count_of

_DUPLICATES = 5


def similar_page(
    found: SimilarPhotos, wanted: Thumbnail | None, pictures: Sequence[Thumbnail | None]
) -> str:
    """Return the page of a search.

    Args:
        found: The photos that were found.
        wanted: The picture of the photo searched for.
        pictures: The picture of each photo that was found; None without one.
    """
    template = templates.template("similar.html.j2", count_of=count_of, similarity=decimals)
    return template.render(
        found=found,
        wanted=wanted,
        tiles=[*zip(found.found, pictures, strict=True)],
        most=_DUPLICATES,
    )
