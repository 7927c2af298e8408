"""Options of an explanation, checked before a model is opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from imgrec.backbones import BACKBONES
from imgrec.errors import UsageError
from imgrec.explanation.layers import LayeredNetwork
from imgrec.explanation.unit_patches import OwnPhotos
from imgrec.explanation.windows import WINDOWS
from imgrec.interface import option
from imgrec.models.backbone import check_classifier
from imgrec.models.backend import has_tensorflow
from imgrec.models.class_lists import imagenet_classes
from imgrec.models.packaged_weights import packaged_weights
from imgrec.rounding import percent
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, Engine, EngineOptions, open_engine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.merged_classes import (
    class_lists,
    lists_in_words,
    merge_classes,
    with_merged_classes,
)
from imgrec.runtime.model_file import decision_of
from imgrec.scores import DEFAULT_THRESHOLD, ONE_LABEL, Decision
from imgrec.text import count_of, did_you_mean, join_few, printable
from imgrec.workflows.explanation.explainer import (
    INSIDE,
    OF_ALL,
    CloserLook,
    Explainer,
    Method,
    needs_keras,
)
from imgrec.workflows.explanation.own_photos import no_photos, own_photos

# What the methods that look for every class do if no answer is "unknown".
_WITHOUT_UNKNOWN = {
    "windows": f"a box needs a probability of {percent(DEFAULT_THRESHOLD, 0)}",
    "dense": "each position shows its most probable class",
}

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class ExplainOptions:
    """What is explained.

    Args:
        class_name: The class to explain; None for the predicted one.
        threshold: The probability, 0 to 1, below which an answer is "unknown", or, if a photo may
            have several labels, from which it has a class. None for the run's own.
        windows: The largest number of windows per photo; None for 200.
        as_seen: Whether gradcam looks at exactly what `predict` shows the model. Otherwise it
            looks at the whole photo at its own size, if the model takes any size.
        method: `gradcam`, `occlusion`, `windows`, `dense` or `layers`; None for `fitting_method`.
        layer: The layer that `layers` looks at more closely; None for the deepest one whose units
            see no more than half of a picture's side.
        unit: The unit of it whose patches are shown, from 0; None for the strongest in the picture.
        names: The model's class for each other name; several, with commas in between, for one that
            is any of them.
    """

    class_name: str | None = None
    threshold: float | None = None
    windows: int | None = None
    as_seen: bool = False
    method: Method | None = None
    layer: str | None = None
    unit: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)


DEFAULT_OPTIONS = ExplainOptions()


def open_explainer(
    model: Run | str,
    options: ExplainOptions = DEFAULT_OPTIONS,
    engine_options: EngineOptions = DEFAULT_ENGINE,
) -> Explainer:
    """Open a model so that it can explain photos.

    Args:
        model: A run, or the name of a pretrained ImageNet classifier.
        options: What is explained.
        engine_options: Which engine runs the model.

    Raises:
        UsageError: The model does not know the class, a value is out of range, or the method can't
            be used with the engine or an option.
        RunError: The model can't be used.
    """
    method = options.method or fitting_method(model, engine_options)
    _check(method, options)
    if method == "layers":
        engine_options = _litert(model, engine_options)
    name, own_classes, decision = _described(model)
    lists = class_lists(options.names, own_classes, name, multi_label=decision.multi_label)
    classes = merge_classes(lists, own_classes, name).names
    wanted = (
        None if options.class_name is None else _index("class", options.class_name, classes, 10)
    )
    if said := lists_in_words(lists):
        log.info("%s", said)
    if options.threshold is not None:
        decision = decision.with_threshold(options.threshold)
    if method in INSIDE:
        engine_options = _inside(model, method, engine_options)
    if method in OF_ALL and decision == ONE_LABEL:
        log.info(
            '%s never answers "unknown"%s: %s; set a limit with %s',
            printable(name),
            " (evaluation.selective_prediction)" if isinstance(model, Run) else "",
            _WITHOUT_UNKNOWN[method],
            option("threshold"),
        )
    engine = _engine(model, engine_options)
    windows = WINDOWS if options.windows is None else options.windows
    closer = _closer_look(model, engine, options) if method == "layers" else None
    engine = with_merged_classes(engine, lists, name)
    return Explainer(
        name, method, engine, decision, wanted, windows, options.as_seen, closer, lists
    )


def fitting_method(model: Run | str, engine_options: EngineOptions = DEFAULT_ENGINE) -> Method:
    """Return gradcam if Keras, TensorFlow and the options allow it, else occlusion."""
    if _forbids_keras(engine_options):
        return "occlusion"
    in_keras = isinstance(model, str) or (model.path / BEST_MODEL).is_file()
    if in_keras and has_tensorflow():
        return "gradcam"
    name = printable(model if isinstance(model, str) else model.name)
    log.info("%s: no Keras model, or no TensorFlow: using occlusion", name)
    return "occlusion"


def _described(model: Run | str) -> tuple[str, tuple[str, ...], Decision]:
    """Return a model's name, its classes, and how its probabilities become labels."""
    if isinstance(model, Run):
        return model.name, model.card.classes, decision_of(model.card)
    check_classifier(model)
    return model, imagenet_classes().names, ONE_LABEL


def _engine(model: Run | str, options: EngineOptions) -> Engine:
    if isinstance(model, Run):
        return open_engine(model, options)
    from imgrec.runtime.pretrained import pretrained_engine

    return pretrained_engine(model, options)


def _check(method: Method, options: ExplainOptions) -> None:
    if method not in get_args(Method):
        raise UsageError(
            f"there is no method {printable(str(method))}",
            hint=f"use one of {', '.join(get_args(Method))}",
        )
    if options.windows is not None and options.windows < 1:
        raise UsageError(
            f"windows is {options.windows}; it must be at least 1",
            hint=f"use {option('windows', WINDOWS)}, for example",
        )
    if options.as_seen and method in OF_ALL:
        raise UsageError(
            f"{option('as-seen')}: {method} looks at all of a photo, whatever predict sees",
            hint=f"it goes with {option('method', 'gradcam')}, and occlusion never looks at more",
        )
    if options.windows is not None and method != "windows":
        raise UsageError(
            f"{option('windows')}: {method} uses no windows",
            hint=f"it goes with {option('method', 'windows')}",
        )
    for name, given in (("class", options.class_name is not None), ("map", bool(options.names))):
        if method == "layers" and given:
            raise UsageError(
                f"{option(name)}: layers follows the photo, whatever class is asked for",
                hint=f"leave it out; {option('layer', 'NAME')} chooses a layer",
            )
    for name, value in (("layer", options.layer), ("unit", options.unit)):
        if value is not None and method != "layers":
            raise UsageError(
                f"{option(name)}: {method} has no choice of layer or unit",
                hint=f"it goes with {option('method', 'layers')}",
            )


def _litert(model: Run | str, engine_options: EngineOptions) -> EngineOptions:
    if engine_options.engine == "keras" or engine_options.device.startswith("gpu"):
        asked = (
            option("engine", "keras")
            if engine_options.engine == "keras"
            else option("device", engine_options.device)
        )
        raise UsageError(
            f"{asked}: layers looks into the model's LiteRT file, on the CPU", hint="leave it out"
        )
    if isinstance(model, str) and model in BACKBONES and packaged_weights(model) is None:
        raise UsageError(
            f"{option('method', 'layers')} reads a LiteRT file, and {model} has none",
            hint=f"use {option('pretrained', 'EfficientNetLite0')}, or another method",
        )
    return replace(engine_options, engine="litert")


def _closer_look(model: Run | str, engine: Engine, options: ExplainOptions) -> CloserLook:
    if not isinstance(engine, LiteRTEngine):
        raise ValueError("layers looks into LiteRT models")

    def photos(most: int) -> OwnPhotos:
        if isinstance(model, Run):
            return own_photos(model, engine.spec, most)
        return no_photos(engine.spec, "those of ImageNet don't come with the classifier")

    network = LayeredNetwork(engine, photos)
    layer = network.usual
    if options.layer is not None:
        layer = _index("layer", options.layer, [each.name for each in network.stages], 40)
    units = 0 if layer is None else network.stages[layer].units
    if options.unit is not None and options.unit not in range(units):
        asked = option("unit", options.unit)
        if layer is None:
            raise UsageError(f"{asked}: the model has no layers with units", hint="leave it out")
        name = printable(network.stages[layer].name)
        raise UsageError(
            f"{asked}: {name} has {count_of(units, 'unit')}",
            hint=f"use 0 to {units - 1}; {option('layer', 'NAME')} chooses another layer",
        )
    return CloserLook(network, layer, options.unit)


def _inside(model: Run | str, method: Method, engine_options: EngineOptions) -> EngineOptions:
    if _forbids_keras(engine_options):
        raise UsageError(
            f"{option('method', method)} looks into the Keras model",
            hint=f"leave {option('engine')} and {option('precision')} out, "
            f"or take {option('method', 'occlusion')} or windows",
        )
    if isinstance(model, Run) and not (model.path / BEST_MODEL).is_file():
        raise needs_keras(method, model.name)
    return replace(engine_options, engine="keras")


def _forbids_keras(engine_options: EngineOptions) -> bool:
    return engine_options.engine == "litert" or engine_options.precision != "float32"


def _index(what: Literal["class", "layer"], name: str, names: Sequence[str], shown: int) -> int:
    """Return the index of a name; if it is not there, the hint shows so many."""
    if name in names:
        return names.index(name)
    raise UsageError(
        f"{option(what, name)}: the model has no such {what}"
        f"{did_you_mean(name, names, cutoff=0.5)}",
        hint=f"it has {join_few(names, shown)}",
    )
