"""One look at an image: its bytes, its pixels, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images.decoder import ImageSpec, decode
from imgrec.data.images.files import ImageContent, content_of, identity_of
from imgrec.data.images.header import Traits, traits_of
from imgrec.data.records import HasName, Photo, Record
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order


@dataclass(frozen=True)
class InspectedImage:
    """What reading and decoding an image has shown.

    content: the encoded image, or the pixels or Pillow image that the source is; None if it can't
    be read. pixels: uint8 (height, width, channels), or why there are none.
    """

    content: ImageContent | None
    pixels: NDArray[np.uint8] | BadImage

    @property
    def identity(self) -> str:
        """The SHA-256 of the content in hexadecimal, empty if it can't be read. Takes a while."""
        return "" if self.content is None else identity_of(self.content)

    @property
    def fault(self) -> str:
        """Why there are no pixels, empty if there are some."""
        return self.pixels.reason if isinstance(self.pixels, BadImage) else ""

    @property
    def traits(self) -> Traits | None:
        """What the image is like before it is decoded, None if it can't be."""
        return None if self.fault or self.content is None else traits_of(self.content)


def inspect_image(image: Record | Photo, spec: ImageSpec) -> InspectedImage:
    """Read an image and decode it in the form `spec`."""
    content = None
    if isinstance(image.source, BadImage):
        return InspectedImage(None, image.source)
    try:
        content = content_of(image.source, image.name)
        return InspectedImage(content, decode(content, spec, image.name))
    except BadImage as error:
        return InspectedImage(content, error)


def decode_in_order(
    records: Iterable[HasName], spec: ImageSpec, workers: int = 2, ahead: int = 64
) -> Iterator[tuple[HasName, NDArray[np.uint8] | BadImage]]:
    """Yield each record with its pixels, uint8 (height, width, channels), in order.

    Pillow releases Python's lock while it decodes, so several threads do.

    Args:
        records: Maybe without end.
        spec: The form of the pixels.
        workers: How many threads decode.
        ahead: How many images are in memory at most before the consumer asks for them.

    Returns:
        Each record with its pixels, or with the BadImage that says why there are none.
    """
    return map_in_order(partial(_decoded, spec=spec), records, workers, ahead)


def _decoded(record: HasName, spec: ImageSpec) -> tuple[HasName, NDArray[np.uint8] | BadImage]:
    return record, inspect_image(record, spec).pixels
