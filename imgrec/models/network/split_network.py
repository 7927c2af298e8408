"""A network in two: what stays as it is, up to the features, and what learns from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imgrec.models.backbone import keep_inferring


@dataclass(frozen=True)
class SplitNetwork:
    """Two models that together are a whole one, and share its layers.

    extractor: from pixels to features; head: from features to probabilities. place: where the
    cut is, as a name that no other place of the same network has.
    """

    extractor: Any
    head: Any
    place: str


@dataclass(frozen=True)
class Network:
    """A model, and where it may be cut in two.

    model: from pixels to probabilities. backbone: the model within it; inputs and outputs: the
    tensors that go into it and come out of it. features: what comes out, after a global pooling
    where one follows; pooling: the class of that one. All but the first are None without a
    backbone.
    """

    model: Any
    backbone: Any = None
    inputs: Any = None
    outputs: Any = None
    features: Any = None
    pooling: str | None = None

    def split(self, first: str | None) -> SplitNetwork | None:
        """Return the model cut right before what learns.

        first: the layer of the backbone from which on it learns, or `all`; None: none does. The
        cut goes through one tensor, so it is further ahead where connections skip a layer. None
        where there is nothing to cut off.
        """
        import keras

        if first is None:
            extractor = keras.Model(self.model.input, self.features)
            return SplitNetwork(
                extractor, keras.Model(self.features, self.model.output), f"end {self.pooling}"
            )
        layer = _last_alone(self.backbone, first)
        return None if layer is None else self._cut_behind(layer)

    def _cut_behind(self, layer: Any) -> SplitNetwork:
        import keras

        below = keras.Model(self.backbone.input, layer.output)
        above = keras.Model(layer.output, self.backbone.output)
        keep_inferring(above)
        rest = keras.Model(self.outputs, self.model.output)
        features = keras.Input(layer.output.shape[1:], dtype=layer.output.dtype)
        return SplitNetwork(
            keras.Model(self.model.input, below(self.inputs)),
            keras.Model(features, rest(above(features))),
            layer.name,
        )


def _last_alone(backbone: Any, first: str) -> Any:
    """Return the last layer ahead of `first` whose output alone reaches the layers behind it.

    None if no layer with weights is ahead of that.
    """
    operations = backbone.operations  # in the order in which they are computed
    names = [each.name for each in operations]
    for end in range(0 if first == "all" else names.index(first), 0, -1):
        sources = {
            id(tensor): each for each in operations[:end] for tensor in _tensors(each.output)
        }
        crossing = {id(tensor) for each in operations[end:] for tensor in _tensors(each.input)}
        crossing &= sources.keys()
        if len(crossing) == 1:
            learned = any(getattr(each, "weights", ()) for each in operations[:end])
            return sources[crossing.pop()] if learned else None
    return None


def _tensors(nested: Any) -> list[Any]:
    import keras

    found: list[Any] = keras.tree.flatten(nested)
    return found
