"""ImageDataGenerator's transforms on a whole batch at once, to the same pixels.

`ImageDataGenerator.apply_transform` moves an image, shifts its colours, mirrors and brightens
it. One program, compiled by XLA for a shape of batch, does the same in the same precision as
SciPy (float64), ten times as fast as TensorFlow's own operation for projective transforms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Transform = Mapping[str, Any]
"""What `ImageDataGenerator.get_random_transform` returns."""


def transformed(
    images: NDArray[np.uint8], transforms: Sequence[Transform], fill_mode: str, cval: float
) -> NDArray[np.float32]:
    """Return the images (n, height, width, channels) transformed, read-only float32 of 0 to 255.

    fill_mode: nearest, reflect, wrap or constant (which draws `cval`).
    """
    import tensorflow as tf

    flips = [_column(transforms, f"flip_{way}") > 0 for way in ("horizontal", "vertical")]
    # On the CPU always: the same pixels on every machine, and a GPU is left to the training.
    with tf.device("CPU:0"):
        matrices = moves(transforms, *images.shape[1:3])
        found = _program(_moved)(images, matrices, *flips, fill_mode, np.float32(cval))
        if transforms[0]["channel_shift_intensity"] is not None:
            # Outside the program: XLA's own code for a reduction on a CPU (YNNPACK) changes a list
            # without a lock, and crashed when two threads began at once (TensorFlow 2.21).
            limits = [
                edge(found, axis=(1, 2, 3), keepdims=True)
                for edge in (tf.reduce_min, tf.reduce_max)
            ]
            shifts = _factors(transforms, "channel_shift_intensity")
            found = _program(_channel_shifted)(found, shifts, *limits)
        if transforms[0]["brightness"] is not None:
            found = _program(_brightened)(found, _factors(transforms, "brightness"))
        return np.asarray(found)  # the tensor's own memory: `numpy()` would copy it


def moves(transforms: Sequence[Transform], height: int, width: int) -> NDArray[np.float64]:
    """Return each transform's matrix (n, 3, 3), as `apply_affine_transform` puts it together.

    It maps where a pixel goes, (x, y, 1), to where it comes from. As in Keras,
    `height_shift_range` moves along x and the middle is (height, width) / 2: what turns about
    its middle is a square image.
    """
    theta, shear = (np.deg2rad(_column(transforms, name)) for name in ("theta", "shear"))
    rotation, shift, shearing, zoom = (
        np.tile(np.eye(3), (len(transforms), 1, 1)) for _ in range(4)
    )
    rotation[:, 0, 0] = rotation[:, 1, 1] = np.cos(theta)
    rotation[:, 0, 1], rotation[:, 1, 0] = -np.sin(theta), np.sin(theta)
    shift[:, 0, 2], shift[:, 1, 2] = _column(transforms, "tx"), _column(transforms, "ty")
    shearing[:, 0, 1], shearing[:, 1, 1] = -np.sin(shear), np.cos(shear)
    zoom[:, 0, 0], zoom[:, 1, 1] = _column(transforms, "zx"), _column(transforms, "zy")
    middle, back = np.eye(3), np.eye(3)
    middle[:2, 2] = height / 2 - 0.5, width / 2 - 0.5
    back[:2, 2] = -middle[:2, 2]
    return middle @ (rotation @ shift @ shearing @ zoom) @ back


@functools.cache
def _program(function: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    compiled: Callable[..., Any] = tf.function(function, jit_compile=True)
    return compiled


def _moved(images: Any, matrices: Any, across: Any, down: Any, fill_mode: str, cval: Any) -> Any:
    """Move each image by its matrix, then mirror it."""
    import tensorflow as tf

    _, height, width, _ = images.shape
    # Mirrored in whole numbers: at a border, a rounding would decide.
    rows = _mirrored(tf.range(height, dtype=tf.float64), down)[:, :, None]
    columns = _mirrored(tf.range(width, dtype=tf.float64), across)[:, None, :]
    entry = matrices[:, :, :, None, None]
    y = (rows * entry[:, 1, 1] + columns * entry[:, 1, 0]) + entry[:, 1, 2]
    x = (rows * entry[:, 0, 1] + columns * entry[:, 0, 0]) + entry[:, 0, 2]
    inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
    place = _PLACES[fill_mode]
    found = tf.cast(_bilinear(images, place(y, height), place(x, width)), tf.float32)
    return tf.where(inside[..., None], found, cval) if fill_mode == "constant" else found


def _mirrored(places: Any, flags: Any) -> Any:
    import tensorflow as tf

    return tf.where(flags[:, None], places[::-1], places)


def _bilinear(images: Any, y: Any, x: Any) -> Any:
    """Interpolate between the four pixels around (y, x), float64; beyond an edge is the edge."""
    import tensorflow as tf

    count, height, width, channels = images.shape
    pixels = tf.reshape(images, (count * height * width, channels))
    first = tf.range(count)[:, None, None] * (height * width)
    top, left = tf.floor(y), tf.floor(x)
    total: Any = 0.0
    for row, high in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, wide in ((left, 1 - (x - left)), (left + 1, x - left)):
            place = first + _index(row, height) * width + _index(column, width)
            total += tf.cast(tf.gather(pixels, place), tf.float64) * (high * wide)[..., None]
    return total


def _index(place: Any, length: int) -> Any:
    import tensorflow as tf

    return tf.cast(tf.clip_by_value(place, 0, length - 1), tf.int32)


def _nearest(place: Any, length: int) -> Any:
    import tensorflow as tf

    return tf.clip_by_value(place, 0, length - 1)


def _reflected(place: Any, length: int) -> Any:
    """Mirror at the outer edges of the outermost pixels, as SciPy's `reflect`."""
    import tensorflow as tf

    place = tf.math.floormod(place, 2 * length)
    folded = tf.where(place > length - 0.5, 2 * length - 1 - place, place)
    return tf.clip_by_value(folded, 0, length - 1)


def _wrapped(place: Any, length: int) -> Any:
    """Start again at the first pixel after the last, like SciPy's `wrap`."""
    import tensorflow as tf

    period = max(length - 1, 1)
    before = place + period * (tf.floor(-place / period) + 1)
    after = place - period * tf.floor(place / period)
    found = tf.where(place < 0, before, tf.where(place > length - 1, after, place))
    return tf.clip_by_value(found, 0, length - 1)


_PLACES: Mapping[str, Callable[[Any, int], Any]] = {
    "nearest": _nearest,
    "constant": _nearest,
    "reflect": _reflected,
    "wrap": _wrapped,
}


def _channel_shifted(images: Any, intensity: Any, low: Any, high: Any) -> Any:
    """Add each image's intensity, staying between its own darkest and brightest."""
    import tensorflow as tf

    return tf.clip_by_value(images + intensity, low, high)


def _brightened(images: Any, factor: Any) -> Any:
    """Multiply as Pillow does it: in whole numbers, cut at 255."""
    import tensorflow as tf

    return tf.minimum(tf.floor(tf.floor(images) * factor), 255.0)


def _factors(transforms: Sequence[Transform], name: str) -> NDArray[np.float32]:
    return _column(transforms, name).astype(np.float32)[:, None, None, None]


def _column(transforms: Sequence[Transform], name: str) -> NDArray[np.float64]:
    return np.array([transform[name] for transform in transforms], np.float64)
