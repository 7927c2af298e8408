"""What each place of a picture shows, by a fully convolutional network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from imgrec.data.images import ImageSpec, cut
from imgrec.errors import BadImage
from imgrec.explanation.dense import FullyConvolutional, no_map
from imgrec.explanation.regions import regions
from imgrec.explanation.unknown import Least, largest_window
from imgrec.explanation.values import Area, Found, Heat, Picture, Segments
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.outputs import answers_of

ENLARGED = 2.0
"""How many times as large as what the model takes the picture is at least: what fills half of its
shorter side fills a window."""

_LONGEST = 16


def segments(
    network: FullyConvolutional, engine: KerasEngine, picture: Picture, least: Least
) -> Segments:
    """Return what each place of a picture shows; `least` tells what is unknown.

    network: of the engine's model. The picture keeps its aspect ratio. Beyond the middle of the
    outermost windows their answers go on.
    Raises BadImage for a picture that is smaller than half of what the model takes, or 16 times as
    long as the other side; RunError for a network that answers once for any picture.
    """
    spec, larger = engine.spec, enlarged(picture, engine.spec)
    answers = network(cut(picture.image, larger, picture.whole))
    rows, columns, _ = answers.shape
    if rows == columns == 1:
        raise no_map()
    told = answers_of(answers.reshape(rows * columns, -1), len(engine.classes))
    named = least.named(told, engine.classes)
    (left, right, across), (top, bottom, down) = (
        _reach(columns, spec.width / larger.width),
        _reach(rows, spec.height / larger.height),
    )
    pad = (down, down), (across, across)
    width, height = picture.image.size
    return Segments(
        np.pad(told.probabilities.reshape(rows, columns, -1), (*pad, (0, 0)), "edge"),
        np.pad(named.reshape(rows, columns, -1), (*pad, (0, 0)), "edge"),
        Area(left * width, top * height, right * width, bottom * height),
    )


def enlarged(picture: Picture, spec: ImageSpec) -> ImageSpec:
    """Return the form in which the network sees the picture; raises BadImage as `segments`."""
    width, height = picture.image.size
    if max(width, height) > _LONGEST * min(width, height):
        reason = f"{width}x{height} pixels: one side is over {_LONGEST} times the other"
        raise BadImage(picture.name, reason)
    scale = ENLARGED / largest_window((width, height), spec, picture.name)
    return replace(spec, width=round(width * scale), height=round(height * scale))


def things(found: Segments, classes: Sequence[str], size: tuple[int, int]) -> Iterator[Found]:
    """Yield each connected region of a class, the largest of a class first.

    size: (width, height) of the picture. The score is the highest probability in the region's box
    where the class is.
    """
    for column in found.columns:
        mask = found.named[..., column]
        shown = Heat(np.where(mask, found.probabilities[..., column], 0), found.area)
        for area in regions(Heat(mask.astype(np.float32), found.area), size, 0.5):
            yield Found(classes[column], float(shown.part(area).max()), area)


def shares(found: Segments, classes: Sequence[str], size: tuple[int, int]) -> dict[str, float]:
    """Return the share of the picture that shows each class, 0 to 1, the largest first."""
    measured = {classes[column]: found.share(column, size) for column in found.columns}
    falling = sorted(measured.items(), key=lambda each: -each[1])
    return {name: share for name, share in falling if share}


def _reach(cells: int, window: float) -> tuple[float, float, int]:
    """Return from where to where cells reach along a side, as shares of it, and how many more.

    cells: of the network's map; window: the window's share of the side. The middles of the first
    and the last cell are those of the outermost windows; on each side as many more are needed to
    reach the picture's edge.
    """
    if cells == 1:
        return 0.0, 1.0, 0
    cell = (1 - window) / (cells - 1)
    more = math.ceil((window - cell) / 2 / cell)
    first = window / 2 - (more + 0.5) * cell
    return first, 1 - first, more
