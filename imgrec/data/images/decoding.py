"""Images decoded in several threads: Pillow releases Python's lock while it decodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images.decoder import ImageSpec, decode
from imgrec.data.records import Photo, Record
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order

HasName = TypeVar("HasName", Record, Photo)


def decode_in_order(
    records: Iterable[HasName], spec: ImageSpec, workers: int = 2, ahead: int = 64
) -> Iterator[tuple[HasName, NDArray[np.uint8] | BadImage]]:
    """Yield each record with its pixels, uint8 (height, width, channels), in order.

    A record that can't be decoded comes with the BadImage that says why. `records` may be
    endless: at most `ahead` images are in memory before the consumer asks for them.
    """
    return map_in_order(partial(_decoded, spec=spec), records, workers, ahead)


def try_decode(record: Record | Photo, spec: ImageSpec) -> NDArray[np.uint8] | BadImage:
    """Return the pixels of a record, uint8 (height, width, channels), or why there are none."""
    if isinstance(record.source, BadImage):
        return record.source
    try:
        return decode(record.source, spec, record.name)
    except BadImage as error:
        return error


def _decoded(record: HasName, spec: ImageSpec) -> tuple[HasName, NDArray[np.uint8] | BadImage]:
    return record, try_decode(record, spec)
