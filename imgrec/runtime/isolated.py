"""What a child process does with a stranger's model file, before this process opens it.

The functions get and return values that `ChildProcess` transfers. `ask_litert` is called for each
LiteRT file that is imported: nothing here takes long to import.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode_in_order
from imgrec.data.records import Photo
from imgrec.errors import BadImage
from imgrec.models.importing import (
    Adaptation,
    check_image,
    in_float32,
    random_answers,
    random_images,
    tensor_shape,
)
from imgrec.parallel import usable_cores
from imgrec.runtime.litert_engine import LiteRTEngine

# Keras imports them, if they are installed, for functions that nothing here calls: that would be a
# quarter of the time.
_UNUSED = ("matplotlib", "sklearn")


def ask_litert(file: str, classes: list[str], output_name: str) -> dict[str, Any]:
    """Load a LiteRT file, and run it on random images."""
    unknown = ImageSpec(1, 1, 3)
    engine = LiteRTEngine(Path(file), tuple(classes), unknown, output_name=output_name)
    engine.outputs(random_images(check_image(engine.shapes[0], None, adaptable=False)))
    return {}


def ask_keras(
    file: str,
    image_size: list[int] | None,
    trust: bool,  # noqa: FBT001
    own: bool,  # noqa: FBT001
    max_parameters: int,
) -> dict[str, Any]:
    """Load a Keras file, and run it on random images."""
    from imgrec.models.keras_files import load_model_file

    _start()
    model = load_model_file(Path(file), trust=trust, max_parameters=max_parameters)
    size = check_image(tensor_shape(model, "input"), _pair(image_size), adaptable=not own)
    random_answers(in_float32(model), size)
    return {}


def convert_saved_model(
    folder: str,
    file: str,
    adaptation: dict[str, Any],
    photos: list[str],
    interpolation: str,
    fit: Any,
) -> dict[str, Any]:
    """Convert a SavedModel, and compare the answers of both for random images and photos."""
    from imgrec.models.saved_model import write_saved_model_as_litert

    _start()
    adaptation["image_size"] = _pair(adaptation["image_size"])
    images = partial(_images, [Photo(each, Path(each)) for each in photos], interpolation, fit)
    write_saved_model_as_litert(Path(folder), Path(file), Adaptation(**adaptation), images)
    return {}


def _start() -> None:
    """Start TensorFlow and Keras, which don't find the packages that are not used."""
    from imgrec.models.backend import start

    hidden: dict[str, Any] = dict.fromkeys(name for name in _UNUSED if name not in sys.modules)
    sys.modules.update(hidden)
    start("cpu")
    for name in hidden:
        del sys.modules[name]


def _pair(sizes: Sequence[int] | None) -> tuple[int, int] | None:
    return None if sizes is None else (sizes[0], sizes[1])


def _images(
    photos: Sequence[Photo], interpolation: str, fit: Any, size: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return random images and the photos, as a model of this size takes them."""
    spec = ImageSpec(*size, interpolation, fit)
    decoded = (found for _, found in decode_in_order(photos, spec, usable_cores()))
    usable = [found for found in decoded if not isinstance(found, BadImage)]
    return np.stack([*random_images(size), *usable])
