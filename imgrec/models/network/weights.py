"""First weights for a network written out in layers: from a file, or as published for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.backbones import application_of
from imgrec.errors import RunError
from imgrec.models.backbone import imagenet_layers
from imgrec.models.files import check_weights
from imgrec.text import printable

log = logging.getLogger("imgrec")

WeightsSource = Mapping[str, Sequence[NDArray[Any]]]
"""The arrays of each layer that has any, by its name, in the order of the network."""

_HINT = "model.weights takes an HDF5 file whose layers are called as the config calls them"


def load_weights(model: Any, source: str) -> None:
    """Give every layer of `model` the weights of its namesake in `source`.

    source: a file, or `imagenet/NAME`. Its output layer may be called anything; where it is for
    another number of classes, it is not taken. The log names what is not taken and what starts
    at random. Raises RunError where the source can't be read, or a layer of it has no namesake or
    another shape.
    """
    application = application_of(source)
    found = read_weights(Path(source)) if application is None else imagenet_layers(application)
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    given = dict(found)
    if answer := _answer(given, layers, model.layers[-1]):
        arrays = given.pop(answer)
        if _shapes(arrays) == _shapes(model.layers[-1].get_weights()):
            given[model.layers[-1].name] = arrays
        else:
            log.info(
                "%s: %s is for other classes, and not taken", printable(source), printable(answer)
            )
    for name, arrays in given.items():
        _assign(layers.get(name), name, arrays, source)
    if new := [name for name in layers if name not in given]:
        log.info("%s: nothing for %s; starting at random", printable(source), ", ".join(new))


def read_weights(path: Path) -> WeightsSource:
    """Return the weights in an HDF5 file of Keras: the older layout, by layer, or `.weights.h5`.

    Raises RunError where there is no such file, or it holds no weights, or not them alone.
    """
    import h5py

    check_weights(path)
    try:
        with h5py.File(path, "r") as file:
            found = _by_layer(file.get("model_weights", file)) or _by_variable(file)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{printable(str(path))} can't be read: {error}", hint=_HINT) from error
    if not found:
        raise RunError(f"{printable(str(path))} holds no weights of layers", hint=_HINT)
    return found


def _by_layer(group: Any) -> WeightsSource:
    names = [_text(name) for name in group.attrs.get("layer_names", ())]
    arrays = {
        name: [np.asarray(group[name][_text(each)]) for each in group[name].attrs["weight_names"]]
        for name in names
    }
    return {name: found for name, found in arrays.items() if found}


def _by_variable(file: Any) -> WeightsSource:
    layers = file.get("layers", {})
    arrays = {
        name: [np.asarray(group["vars"][key]) for key in sorted(group["vars"], key=int)]
        for name, group in layers.items()
        if "vars" in group
    }
    return {name: found for name, found in arrays.items() if found}


def _answer(given: WeightsSource, layers: Mapping[str, Any], output: Any) -> str | None:
    """Return the name of the source's output layer, where it has another name than ours."""
    strange = [name for name in given if name not in layers]
    features = output.kernel.shape[0]
    if len(strange) == 1 and given[strange[0]][0].shape[:-1] == (features,):
        return strange[0]
    return None


def _assign(layer: Any, name: str, arrays: Sequence[NDArray[Any]], source: str) -> None:
    if layer is None:
        raise RunError(
            f"{printable(source)} has a layer {printable(name)}, the config has none", hint=_HINT
        )
    if _shapes(arrays) != _shapes(layer.get_weights()):
        raise RunError(
            f"{printable(name)} has weights of {_shapes(layer.get_weights())}, "
            f"in {printable(source)} of {_shapes(arrays)}",
            hint="give the layer the arguments that the weights were trained with",
        )
    layer.set_weights(arrays)


def _shapes(arrays: Sequence[NDArray[Any]]) -> str:
    return " and ".join(" x ".join(map(str, array.shape)) for array in arrays)


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
