"""Engines of pretrained ImageNet classifiers."""

from __future__ import annotations

from imgrec.backbones import BACKBONES, PackagedWeights
from imgrec.data.cache_files import cached_bytes
from imgrec.data.images import ImageSpec
from imgrec.errors import UsageError
from imgrec.files import sha256
from imgrec.interface import option
from imgrec.models.backbone import check_classifier, classifier
from imgrec.models.backend import start
from imgrec.models.class_lists import imagenet_classes
from imgrec.models.efficientnet_lite import litert_classifier
from imgrec.models.packaged_weights import packaged_weights, read_packaged_weights
from imgrec.runtime.engine import Engine, EngineOptions, litert_missing
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine

# To be increased when the same weights give another LiteRT file.
_FORM = 1


def pretrained_engine(name: str, options: EngineOptions) -> Engine:
    """Return the engine of an ImageNet classifier.

    One whose weights come in a package runs in LiteRT, without TensorFlow, unless the options ask
    for Keras or a GPU. Its LiteRT file is written into the cache folder when it is first used.

    Raises:
        UsageError: There is no classifier of that name, or not in that precision or engine.
        RunError: Its weights can't be downloaded, or are not installed.
    """
    weights = packaged_weights(name)
    if name in BACKBONES and weights is None and options.litert_option:
        raise UsageError(
            f"{name} only runs in Keras, not with {options.litert_option}",
            hint=f"leave it out, or use {option('pretrained', 'EfficientNetLite0')}",
        )
    check_classifier(name)
    if weights and options.engine != "keras" and not options.device.startswith("gpu"):
        try:
            return _litert(name, weights, options.precision)
        except ImportError as error:
            raise litert_missing(error) from error
    start(options.device)
    found = classifier(name)
    spec = ImageSpec(found.height, found.width, 3) if weights is None else _spec(name)
    return KerasEngine(found.model, found.classes, spec)


def _litert(name: str, weights: PackagedWeights, precision: str) -> LiteRTEngine:
    if precision != "float32":
        raise UsageError(
            f"{name} is in float32, not {precision}", hint=f"leave out {option('precision')}"
        )
    return LiteRTEngine(_content(name, weights), imagenet_classes().names, _spec(name))


def _content(name: str, weights: PackagedWeights) -> bytes:
    """Return the content of a classifier's LiteRT file, which is kept in the cache folder."""
    size, megabytes = BACKBONES[name].size, BACKBONES[name].megabytes or 0

    def make() -> bytes:
        return litert_classifier(name, size, read_packaged_weights(name))

    key = sha256(f"{_FORM} {name} {weights.sha256}".encode())[:32]
    return cached_bytes(f"{key}.model", megabytes << 20, make)


def _spec(name: str) -> ImageSpec:
    """Return how photos are shown to a classifier whose weights come in a package."""
    return ImageSpec(BACKBONES[name].size, BACKBONES[name].size, 3, "bicubic", "crop")
