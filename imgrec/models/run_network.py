"""A part of a run's Keras model as one network: its layers from the pixels up to one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imgrec.errors import SettingError
from imgrec.models.keras_files import load_keras
from imgrec.models.last_layer import features_model, without_ood_similarity
from imgrec.sections.problems import shown_value
from imgrec.text import printable, similar_names

_BACKBONE = ("model", "backbone")


def run_network(
    path: Path, until: str | None, shape: tuple[int, int, int], policy: str = "float32"
) -> Any:
    """Return the first layers of a run's model, with their weights, as a Keras model.

    It takes pixels from 0 to 255, since the preprocessing of the run is among its layers. Models
    within the run's model are replaced by their layers.

    Args:
        path: The run's Keras file.
        until: The name of the last layer; None for the one before the layer that gives the logits.
        shape: Height, width and channels of the images, which may differ in size from the run's.
        policy: Keras' dtype policy of the layers from the first one with weights on.

    Raises:
        SettingError: There is no layer of that name, no weights come before it, or the weights
            don't fit images of this shape.
        RunError: The file can't be used, or its output comes from another layer than a dense one
            or a convolution.
    """
    import keras

    source = without_ood_similarity(load_keras(path))
    source = features_model(source) if until is None else source
    pixels = keras.Input(shape, dtype="float32", name="pixels")
    copies = _LayerCopies(policy)
    try:
        output = copies.applied(source, pixels)
    except ValueError as error:
        height, width, *_ = source.input_shape[1:]
        if (height, width) == shape[:2]:
            raise
        message = f"the backbone run only takes images of {height} x {width}"
        raise SettingError(("data", "image_size"), message) from error
    output = output if until is None else copies.output_of(until)
    network = keras.Model(pixels, output, name="backbone")
    if not network.weights:
        what = "its output layer" if until is None else shown_value(until)
        message = f"no layer with weights comes before {what}, so there is nothing to transfer"
        raise SettingError((*_BACKBONE, "run" if until is None else "until"), message)
    return network


class _LayerCopies:
    """Copies of layers with their weights, which are applied as the layers were.

    A name that occurs twice, in a model and in one within it, gets a suffix.
    """

    def __init__(self, policy: str) -> None:
        self._policy = policy
        self._copies: dict[int, Any] = {}
        self._names: set[str] = set()
        self._outputs: dict[str, Any] = {}
        self._weighted = False

    def applied(self, model: Any, *inputs: Any) -> Any:
        """Apply copies of all layers of a model."""
        graph = getattr(model, "_functional", model)  # of a Sequential
        return graph._run_through_graph(inputs, call_fn=self._apply)  # noqa: SLF001  # as clone_model

    def output_of(self, name: str) -> Any:
        """Return the output of the layer `name`; raise SettingError if there is none."""
        if name in self._outputs:
            return self._outputs[name]
        names = list(self._outputs)
        near = similar_names(name, names, close=3)[:3] or names[-3:]
        message = f"the model of the run has no layer {shown_value(name)}; it has layers such as "
        raise SettingError((*_BACKBONE, "until"), message + ", ".join(map(printable, near)))

    def _apply(self, layer: Any, *inputs: Any, **arguments: Any) -> Any:
        import keras

        if isinstance(layer, keras.Model):
            output = self.applied(layer, *inputs)
        elif id(layer) in self._copies:
            output = self._copies[id(layer)](*inputs, **arguments)
        else:
            copy = self._copies[id(layer)] = self._copy(layer)
            output = copy(*inputs, **arguments)
            _set_weights(copy, layer)
        self._outputs.setdefault(layer.name, output)
        return output

    def _copy(self, layer: Any) -> Any:
        """Return a layer, or another operation, without weights yet."""
        config = layer.get_config()
        self._weighted |= bool(getattr(layer, "weights", ()))
        if self._weighted and "dtype" in config and layer.dtype_policy.name == "float32":
            config["dtype"] = self._policy
        copy = type(layer).from_config(config)
        while copy.name in self._names:
            copy.name += "_again"
        self._names.add(copy.name)
        return copy


def _set_weights(copy: Any, layer: Any) -> None:
    if getattr(layer, "weights", ()):
        copy.set_weights(layer.get_weights())
    if hasattr(copy, "finalize_state"):  # a Normalization computes with numbers made of them
        copy.finalize_state()
