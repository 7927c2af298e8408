"""A picture on its way through a network, as a page that loads nothing from the network."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.explanation.values import Explanation
from imgrec.report import layer_wording as wording
from imgrec.report import templates
from imgrec.report.pictures import bars_of, data_uri, map_picture, pixel_picture
from imgrec.rounding import short

# In pixels: maps and patches are not shown larger than that.
_LARGEST = 320
_BARS = 100


def layers_page(explanation: Explanation, model: str) -> str:
    """Return the page of an explanation by `layers`.

    Args:
        explanation: It.
        model: The name of the model.

    Raises:
        ValueError: It is of another method.
    """
    if explanation.walk is None:
        raise ValueError("the method has no layers")
    template = templates.template(
        "layers.html.j2", map=_map, picture=_picture, bars=_bars, number=short
    )
    return template.render(
        explanation=explanation,
        walk=explanation.walk,
        model=model,
        say=wording,
    )


def _map(values: NDArray[np.float32]) -> str:
    return _uri(map_picture(values))


def _picture(pixels: NDArray[np.uint8]) -> str:
    return _uri(pixel_picture(pixels))


def _uri(picture: Image.Image) -> str:
    if max(picture.size) > _LARGEST:
        picture = picture.convert("RGB")
        picture.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BOX)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return data_uri(content.getvalue(), "png")


def _bars(vector: NDArray[np.float32]) -> tuple[int, float, str]:
    """Return how many bars there are, where 0 is, and the path of the bars, from 0 to 100."""
    lengths, below = bars_of(vector, _BARS)
    zero = round(below, 1)
    bars = (f"M{x}.1 {zero}v{-length:.1f}h.8V{zero}z" for x, length in enumerate(lengths))
    return len(lengths), zero, "".join(bars)
