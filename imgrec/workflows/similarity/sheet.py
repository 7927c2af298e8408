"""Contact sheets of similar photos: a page, or a picture."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import miniature
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import BadImage
from imgrec.evaluation.similarity import SimilarPhoto, SimilarPhotos
from imgrec.parallel import map_in_order, usable_cores
from imgrec.rounding import decimals

if TYPE_CHECKING:
    from imgrec.report.pictures import Thumbnail

_SIDE = 160


def similar_page(found: SimilarPhotos, max_megapixels: int = MAX_MEGAPIXELS) -> str:
    """Return the HTML page of a search; photos that are no longer there have no picture."""
    from imgrec.report.similar_page import similar_page as page

    names = _names(found)
    thumbnails = map_in_order(
        partial(_thumbnail, max_megapixels=max_megapixels), names, usable_cores(), len(names)
    )
    wanted, *pictures = thumbnails
    return page(found, wanted, pictures)


def similar_sheet(found: SimilarPhotos, max_megapixels: int = MAX_MEGAPIXELS) -> bytes:
    """Return a PNG of the photo searched for and those that were found; see `similar_page`."""
    from imgrec.report.pictures import contact_sheet

    names = _names(found)
    pixels = map_in_order(
        partial(_pixels, max_megapixels=max_megapixels), names, usable_cores(), len(names)
    )
    said = [_caption(each) for each in found.found]
    captions = [
        f"{caption} {Path(name).name}"
        for caption, name in zip(["searched for:", *said], names, strict=True)
    ]
    return contact_sheet(np.stack(list(pixels)), captions)


def _caption(photo: SimilarPhoto) -> str:
    copies = f" ×{1 + len(photo.duplicates)}" if photo.duplicates else ""
    return ("identical" if photo.identical else decimals(photo.similarity)) + copies


def _names(found: SimilarPhotos) -> Sequence[str]:
    return [found.photo, *(each.name for each in found.found)]


def _thumbnail(name: str, max_megapixels: int) -> Thumbnail | None:
    from imgrec.workflows.thumbnails import thumbnail_or_none

    return thumbnail_or_none(Path(name), name, max_megapixels)


def _pixels(name: str, max_megapixels: int) -> NDArray[np.uint8]:
    """Return a photo in the middle of a white square."""
    square = np.full((_SIDE, _SIDE, 3), 255, np.uint8)
    with contextlib.suppress(BadImage):
        found = miniature(Path(name), _SIDE, name, max_megapixels)
        height, width, _ = found.shape
        top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
        square[top : top + height, left : left + width] = found
    return square
