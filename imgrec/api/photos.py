"""What may be asked about from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data import records
from imgrec.data.expand import expand

Photo: TypeAlias = str | Path | bytes | NDArray[np.uint8] | Image.Image
"""What can be asked about: see `Model.predict`."""


def named_photos(given: Photo | Iterable[Photo]) -> Iterator[records.Photo]:
    """Yield what is asked about, in order; raise TypeError for what is no photo.

    Paths are those of files, of folders or patterns; what comes without a name gets a number.
    """
    for number, photo in enumerate(_listed(given), start=1):
        if isinstance(photo, str | Path):
            yield from expand([str(photo)], None)
        elif isinstance(photo, bytes | np.ndarray | Image.Image):
            yield records.Photo(f"image {number}", photo)
        else:
            kind = type(photo).__name__
            raise TypeError(
                f"a photo is a path, bytes, a NumPy array or a Pillow image, not {kind}"
            )


def _listed(given: Photo | Iterable[Photo]) -> Iterable[Photo]:
    if isinstance(given, np.ndarray):
        return given if given.ndim > 3 else [given]
    return [given] if isinstance(given, str | Path | bytes | Image.Image) else given
