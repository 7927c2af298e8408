"""The features of images: what the last layer of a model with weights takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.models.litert import features_tensor, read_graph
from imgrec.runtime.engine import Engine, litert_missing
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.text import printable

_HINT = "use a run with more layers, or an ImageNet classifier: --pretrained EfficientNetLite0"


class FeatureExtractor(Protocol):
    """A model up to its last layer."""

    @property
    def spec(self) -> ImageSpec:
        """The size and form of the images that the model takes."""

    @property
    def size(self) -> int:
        """How many features an image has."""

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features of uint8 images (batch, height, width, channels).

        They are float32 (batch, features). A feature map is averaged over its places.
        """


def feature_extractor(engine: Engine, name: str) -> FeatureExtractor:
    """Return the model of an engine up to its last layer.

    Args:
        engine: Of LiteRT or of Keras.
        name: What errors call the model.

    Raises:
        RunError: No layer with weights comes before its last one.
    """
    if isinstance(engine, LiteRTEngine):
        graph = read_graph(engine.content)
        tensor = features_tensor(graph, engine.output.index)
        if tensor is None:
            raise _no_features(name)
        return _LiteRTFeatures(engine.inner(tensor), graph.shapes[tensor][-1])
    if isinstance(engine, KerasEngine):
        from imgrec.models.last_layer import features_model

        model = features_model(engine.model)
        if all(len(each.shape) < 2 for each in model.variables):
            raise _no_features(name)
        return _KerasFeatures(model, engine.spec)
    raise TypeError(f"{type(engine).__name__} has no features")


def litert_extractor(content: bytes, spec: ImageSpec) -> FeatureExtractor:
    """Return the extractor of a LiteRT file from pixels to features.

    Args:
        content: That of the file.
        spec: The size and form of its images.

    Raises:
        RunError: LiteRT is not installed.
    """
    try:
        engine = LiteRTEngine(content, (), spec)
    except ImportError as error:
        raise litert_missing(error) from error
    return _LiteRTFeatures(engine, int(engine.output.shape[-1] or 0))


@dataclass(frozen=True)
class _LiteRTFeatures:
    engine: LiteRTEngine
    size: int

    @property
    def spec(self) -> ImageSpec:
        return self.engine.spec

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return _vectors(self.engine.outputs(images))


@dataclass(frozen=True)
class _KerasFeatures:
    model: Any
    spec: ImageSpec

    @property
    def size(self) -> int:
        return int(self.model.output.shape[-1])

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = np.asarray(self.model.predict_on_batch(images.astype(np.float32)), np.float32)
        return _vectors(found)


def _vectors(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean over all places of maps (batch, height, width, channels)."""
    places = tuple(range(1, values.ndim - 1))
    return values.mean(axis=places) if places else values


def _no_features(name: str) -> RunError:
    return RunError(
        f"{printable(name)} has no features: its output layer is the first one with weights",
        hint=_HINT,
    )
