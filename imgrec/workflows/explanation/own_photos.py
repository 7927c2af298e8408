"""The images that a run was trained on, found again by its list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, content_of, decode, identity_of
from imgrec.errors import BadImage, RunError
from imgrec.explanation.unit_patches import OwnPhotos
from imgrec.parallel import map_in_order, usable_cores
from imgrec.runs.folder import Run
from imgrec.runs.image_list import IMAGES_FILE, recorded_images

_SPLIT = "train"


def own_photos(run: Run, spec: ImageSpec, most: int) -> OwnPhotos:
    """Return training images of a run, evenly spread over its list, which is sorted by class.

    Only files are found again, and only those with the content that the training saw.

    Args:
        run: The run.
        spec: What its model takes.
        most: The largest number of images.
    """
    if not (run.path / IMAGES_FILE).is_file():
        return no_photos(spec, "the run has no list of its training images")
    try:
        listed = recorded_images(run.path).get(_SPLIT, {})
    except RunError as error:
        return no_photos(spec, error.message)
    source = run.card.data.get(_SPLIT)
    if source is None or source.absolute is None or not listed:
        return no_photos(spec, "its training images are not files", len(listed))
    found = dict(_found(Path(source.absolute), _spread(listed, most), spec))
    if not found:
        reason = f"none of its training images is in {source.absolute} any more, as it was"
        return no_photos(spec, reason, len(listed))
    return OwnPhotos(tuple(found), np.stack([*found.values()]), len(listed))


def no_photos(spec: ImageSpec, reason: str, total: int = 0) -> OwnPhotos:
    """Return no images, and the reason why there are none of `total`."""
    empty = np.zeros((0, spec.height, spec.width, spec.channels), np.uint8)
    return OwnPhotos((), empty, total, reason)


def _spread(listed: Mapping[str, str], most: int) -> dict[str, str]:
    names = [*listed]
    places = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return {names[place]: listed[names[place]] for place in places.tolist()}


def _found(
    root: Path, wanted: Mapping[str, str], spec: ImageSpec
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    def read(name: str) -> NDArray[np.uint8] | None:
        for path in _places(root, name):
            try:
                content = content_of(path, name)
                if identity_of(content) == wanted[name]:
                    return decode(content, spec, name)
            except BadImage:
                continue
        return None

    workers = usable_cores()
    for name, pixels in zip(wanted, map_in_order(read, wanted, workers, 4 * workers), strict=True):
        if pixels is not None:
            yield name, pixels


def _places(root: Path, name: str) -> Iterator[Path]:
    """Yield where an image may be: a name may begin with the split's, or be beside a list."""
    yield root / name
    _, _, rest = name.partition("/")
    if rest:
        yield root / rest
    yield root.parent / name
