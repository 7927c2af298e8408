"""At which size Grad-CAM looks at a picture.

At the size that a classifier takes, one of several things in a picture is a few places of the last
map, or is cropped away. A network that pools globally takes pictures of any size.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, cut
from imgrec.explanation.graph import traverse
from imgrec.explanation.values import Picture, View

# Larger, a thing that fills a picture is known by nothing but its parts.
_MOST = 2.0
_LONGEST = 4
# Sizes that differ by this are halved alike five times, which padding made for one size needs.
_STEP = 32


def takes_any_size(model: Any) -> bool:
    """Say whether a Keras model answers for larger pictures too, once for each."""
    import tensorflow as tf

    height, width, channels = model.input_shape[1:]
    larger = tf.zeros((1, height + _STEP, width + _STEP, channels))
    try:
        answers = traverse(model, larger, lambda layer, *given, **named: layer(*given, **named))
    except (AttributeError, ValueError, tf.errors.InvalidArgumentError):
        return False
    return tuple(answers.shape) == (1, *model.output_shape[1:])


def in_own_size(picture: Picture, spec: ImageSpec) -> tuple[NDArray[np.uint8], View]:
    """Return the pixels, uint8 (height, width, channels), of all of a picture, and what they show.

    They keep the picture's aspect ratio and, as far as it is not smaller than what the model takes
    nor over twice as large, its size. Where one side is over 4 times the other it is what the model
    takes: the whole would be tiny, or huge.
    """
    width, height = picture.image.size
    if max(width, height) > _LONGEST * min(width, height):
        return picture.pixels, View(picture.seen, (spec.width, spec.height))
    fitting = min(width / spec.width, height / spec.height)
    scale = min(max(fitting, 1.0), _MOST) / fitting
    size = _stepped(width * scale, spec.width), _stepped(height * scale, spec.height)
    pixels = cut(picture.image, replace(spec, width=size[0], height=size[1]), picture.whole)
    return pixels, View(picture.whole, size)


def _stepped(side: float, own: int) -> int:
    step = min(_STEP, own)
    return own + step * int(np.rint((side - own) / step))
