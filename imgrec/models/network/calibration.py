"""What is done to the end of a trained model: its last layer, temperature, OOD similarity.

The OOD similarity follows Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors",
2022: the features of an out-of-distribution image are far from those of all training images,
however confident the network is. It uses the nearest one, computed by ordinary layers, which every
export format supports.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.models.last_layer import (
    OOD_SIMILARITY,
    OUTPUT,
    logits_layer,
    without_ood_similarity,
)


def set_output(model: Any, kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    """Set the weights of the last layer of a model from `build`.

    kernel: (features, classes); bias: (classes,).
    """
    model.get_layer(OUTPUT).set_weights([kernel, bias])


def apply_temperature(model: Any, temperature: float) -> None:
    """Divide the logits of a classifier by `temperature`.

    They come from a dense layer or a convolution, so dividing kernel and bias divides them.

    Args:
        model: A Keras model whose output is probabilities. With an OOD similarity, it is one that
            `with_ood_similarity` returned.
        temperature: Above 0.

    Raises:
        RunError: The logits come from another layer.
    """
    last = logits_layer(without_ood_similarity(model))
    last.set_weights([weights / temperature for weights in last.get_weights()])


def reference_directions(model: Any) -> Any:
    """Return the model from pixels to normalized features, float32 (batch, features).

    The features are the input of the last layer of a model from `build`, scaled to length 1.
    """
    import keras

    unit = keras.layers.UnitNormalization(name="direction")
    return keras.Model(model.input, unit(model.get_layer(OUTPUT).input))


def with_ood_similarity(model: Any, known: NDArray[np.float32]) -> Any:
    """Return the model whose output has one more column: how familiar the picture is.

    model: of `build`. known: float32 (images, features), `directions` of training images.
    The output is float32 (batch, classes + 1): the probabilities, of both classes where the
    model has one sigmoid unit, then the cosine, -1 to 1, to the nearest of the known images.
    """
    import keras

    layers = keras.layers
    finding = reference_directions(model)
    cosines = layers.Dense(len(known), use_bias=False, name="known_images")(finding.output)
    nearest = layers.GlobalMaxPooling1D(name=OOD_SIMILARITY)(layers.Reshape((-1, 1))(cosines))
    columns = [model.output, nearest]
    if model.output.shape[-1] == 1:
        columns.insert(0, layers.Rescaling(-1.0, offset=1.0, name="first_class")(model.output))
    answers = layers.Concatenate(name="answers")(columns)
    result = keras.Model(model.input, answers, name=model.name)
    result.get_layer("known_images").set_weights([known.T])
    return result
