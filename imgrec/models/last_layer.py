"""The last layer with weights of a Keras classifier, and what enters it."""

from __future__ import annotations

from typing import Any

from imgrec.errors import RunError

OUTPUT = "probabilities"
"""The name of the output layer, which is dense, of a model that imgrec built."""

OOD_SIMILARITY = "ood_similarity"
"""The name of the layer that adds the OOD similarity."""

# Between the weights that give logits and the output; logits that are divided pass them unchanged.
_PASSING = (
    "Activation",
    "AveragePooling2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "Reshape",
    "Softmax",
)


def without_ood_similarity(model: Any) -> Any:
    """Return a model without the column that `with_ood_similarity` added; it shares the weights."""
    import keras

    if OOD_SIMILARITY not in {each.name for each in model.layers}:
        return model
    return keras.Model(model.input, model.get_layer(OUTPUT).output, name=model.name)


def logits_layer(model: Any) -> Any:
    """Return the layer whose weights give the logits, inside of nested models too.

    Args:
        model: A Keras classifier without OOD similarity.

    Raises:
        RunError: They come from another layer than a dense one or a convolution.
    """
    import keras

    tensor = model.outputs[0]
    while True:
        layer = tensor._keras_history.operation  # noqa: SLF001  # model.layers has no operations
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
            return layer
        if getattr(layer, "outputs", None):
            tensor = layer.outputs[0]
        elif type(layer).__name__ in _PASSING:
            tensor = layer.input
        else:
            raise RunError(
                f"the probabilities come from the layer {layer.name} ({type(layer).__name__}), and "
                "a temperature can only be put into a dense layer or a convolution",
            )


def features_model(model: Any) -> Any:
    """Return the model from pixels to the input of the layer whose weights give the logits.

    Args:
        model: A Keras classifier, perhaps with an OOD similarity.

    Raises:
        RunError: The logits come from another layer than a dense one or a convolution.
    """
    import keras

    plain = without_ood_similarity(model)
    return keras.Model(plain.input, _entering_last(plain))


def _entering_last(model: Any) -> Any:
    """Return the input of the layer whose weights give the logits, in the graph of `model`."""
    import keras

    tensor = model.outputs[0]
    while True:
        layer, node, _ = tensor._keras_history  # noqa: SLF001  # as above
        last = isinstance(layer, keras.layers.Dense | keras.layers.Conv2D)
        nested = bool(getattr(layer, "outputs", None))
        if not (last or nested or type(layer).__name__ in _PASSING):
            raise RunError(
                f"the features of the model are not known: its output comes from the layer "
                f"{layer.name} ({type(layer).__name__}), not from a dense layer or a convolution"
            )
        (tensor,) = layer._inbound_nodes[node].input_tensors  # noqa: SLF001  # layers can be shared
        if last:
            return tensor
        if nested:
            return features_model(layer)(tensor)
