"""Convert SavedModels to LiteRT, and compare the answers of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.models.backbone import preprocess
from imgrec.models.errors import error_cause
from imgrec.models.importing import Adaptation, check_finite, check_image
from imgrec.stderr import stdout_to_stderr, suppress_native_stderr
from imgrec.text import join_few, printable

_SIGNATURE = "serving_default"
_BATCH = 16

Size: TypeAlias = tuple[int, int, int]


def write_saved_model_as_litert(
    folder: Path, file: Path, adaptation: Adaptation, images: Callable[[Size], NDArray[np.uint8]]
) -> None:
    """Convert the SavedModel in `folder` to the LiteRT `file`, with built-in operators only.

    Args:
        folder: The SavedModel.
        file: The LiteRT file.
        adaptation: Its preprocessing becomes a part of the file.
        images: Returns the images to compare the answers on, uint8 (images, height, width,
            channels), for a (height, width, channels).

    Raises:
        RunError: It can't be converted, or the file gives other answers.
    """
    import tensorflow as tf

    place = printable(str(folder))
    try:
        with stdout_to_stderr(), suppress_native_stderr():
            model = tf.saved_model.load(str(folder))
            pixels, answers = _from_pixels(_signature(model, place), adaptation)
            # A converter of the whole folder leaves out variables that only the model's own
            # attributes refer to.
            converter = tf.lite.TFLiteConverter.from_concrete_functions([answers], model)
            file.write_bytes(converter.convert())
            equal = _answers_agree(file, answers, pixels[0], images(pixels[1:]))
    except RunError:
        raise
    except Exception as error:  # TensorFlow raises all kinds of exceptions
        reason = printable(error_cause(error))
        raise RunError(f"{place} can't be converted: {reason}") from error
    if not equal:
        raise RunError(
            f"{place} can't be converted: the LiteRT file and the SavedModel give different "
            "answers for the same images",
            hint="save it with `model.save('model.keras')` where it was created, and import that",
        )


def _signature(model: Any, place: str) -> Any:
    signatures = dict(model.signatures)
    if _SIGNATURE not in signatures and len(signatures) != 1:
        there = join_few(sorted(signatures)) or "none"
        raise RunError(
            f"{place} has no signature {_SIGNATURE}; it has {there}",
            hint="save a Keras model with `model.export('folder')`",
        )
    found = signatures.get(_SIGNATURE) or next(iter(signatures.values()))
    inputs = found.structured_input_signature[1]
    if len(inputs) != 1:
        raise RunError(f"the model has {len(inputs)} inputs; an image classifier has one")
    return found


def _from_pixels(signature: Any, adaptation: Adaptation) -> tuple[tuple[int, int, int, int], Any]:
    """Return the shape of a batch, and the function from float32 pixels to the outputs by name."""
    import tensorflow as tf

    ((name, taken),) = signature.structured_input_signature[1].items()
    shape = [] if taken.shape.rank is None else taken.shape.as_list()
    size = check_image(shape, adaptation.image_size)

    @tf.function(input_signature=[tf.TensorSpec((shape[0], *size), tf.float32, name="pixels")])  # type: ignore[untyped-decorator]
    def answers(pixels: Any) -> Any:
        if adaptation.rescale is not None:
            pixels = pixels * adaptation.rescale
        if adaptation.preprocessing is not None:
            pixels = preprocess(adaptation.preprocessing, pixels)
        return signature(**{name: tf.cast(pixels, taken.dtype)})

    return (shape[0] or 0, *size), answers.get_concrete_function()


def _answers_agree(file: Path, answers: Any, batch: int, images: NDArray[np.uint8]) -> bool:
    """Return whether the answers are the same, for this many images at once; 0 for any number."""
    from ai_edge_litert.interpreter import Interpreter

    ask = Interpreter(str(file)).get_signature_runner(_SIGNATURE)
    batch = batch or _BATCH
    count = -(-len(images) // batch)
    filled = np.resize(images, (count * batch, *images.shape[1:]))  # repeats the first images
    return all(_same(ask, answers, part.astype(np.float32)) for part in np.split(filled, count))


def _same(ask: Any, answers: Any, pixels: NDArray[np.float32]) -> bool:
    import tensorflow as tf

    expected = answers(tf.constant(pixels))
    for output in expected.values():
        check_finite(np.asarray(output))
    # A second call shows whether the first one has changed a variable.
    return all(
        np.allclose(found[name], np.asarray(expected[name]), rtol=1e-3, atol=1e-4)
        for found in (ask(pixels=pixels), ask(pixels=pixels))
        for name in expected
    )
