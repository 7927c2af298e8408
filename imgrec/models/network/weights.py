"""Initial weights of a network from its layers: from a file, or published by Keras."""

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
from imgrec.models.files import check_weights, open_weights
from imgrec.text import join_few, plural, printable

log = logging.getLogger("imgrec")

WeightsSource = Mapping[str, Sequence[NDArray[Any]]]
"""Layer name -> its arrays, in the order of the network; layers without weights are left out."""

_HINT = (
    "model.weights is a .weights.h5, .h5 or .keras file of Keras whose layers have the same names "
    "as in the config"
)


def load_weights(model: Any, source: str) -> None:
    """Load the weights of every layer of `model` from the layer of the same name in `source`.

    `source` is a file, or `imagenet/NAME`. Its output layer may have any name, and is skipped if it
    has another number of classes. The log lists what is skipped and what starts at random.

    Raises:
        RunError: The source can't be read, or a layer of it is missing in the model or has another
            shape.
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
            log.info("%s: %s is for other classes, skipped", printable(source), printable(answer))
    _refuse_other_network(given, layers, source)
    for name, arrays in given.items():
        _assign(layers[name], name, arrays, source)
    if new := [name for name in layers if name not in given]:
        log.info("%s: no weights for %s; starting at random", printable(source), ", ".join(new))


def read_weights(path: Path) -> WeightsSource:
    """Return the weights in a file of Keras: `.keras`, `.weights.h5`, or the legacy `.h5`.

    Raises:
        RunError: There is no such file, or it contains no weights, or something else too.
    """
    import h5py

    check_weights(path)
    try:
        with open_weights(path) as part, h5py.File(part, "r") as file:
            found = _by_layer(file.get("model_weights", file)) or _by_variable(file)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(
            f"{printable(str(path))} can't be read: {printable(str(error))}", hint=_HINT
        ) from error
    if not found:
        raise RunError(f"{printable(str(path))} contains no weights of layers", hint=_HINT)
    return found


def _by_layer(group: Any) -> WeightsSource:
    names = [_text(name) for name in group.attrs.get("layer_names", ())]
    arrays = {
        name: [np.asarray(group[name][_text(each)]) for each in group[name].attrs["weight_names"]]
        for name in names
    }
    return {name: found for name, found in arrays.items() if found}


def _by_variable(group: Any) -> dict[str, list[NDArray[Any]]]:
    """Return the arrays by layer, of nested models too.

    The groups are named after the classes of the layers; newer Keras adds the names of the layers.
    """
    found: dict[str, list[NDArray[Any]]] = {}
    for key, layer in _members(group, "layers").items():
        variables = _members(layer, "vars")
        if arrays := [np.asarray(variables[each]) for each in sorted(variables, key=int)]:
            found[_text(variables.attrs.get("name", key))] = arrays
        found.update(_by_variable(layer))
    return found


def _members(group: Any, name: str) -> Any:
    """Return the group `name` in a group, a mapping; empty if there is none."""
    import h5py

    if not isinstance(group, h5py.Group) or isinstance(group.get(name), h5py.Dataset):
        place = group.name if isinstance(group, h5py.Dataset) else f"{group.name}/{name}"
        raise ValueError(f"{printable(place)} is a data set in place of a group")
    return group.get(name, {})


def _answer(given: WeightsSource, layers: Mapping[str, Any], output: Any) -> str | None:
    """Return the name of the source's output layer if it differs from that of the model."""
    strange = [name for name in given if name not in layers]
    features = output.kernel.shape[0]
    if len(strange) == 1 and given[strange[0]][0].shape[:-1] == (features,):
        return strange[0]
    return None


def _refuse_other_network(given: WeightsSource, layers: Mapping[str, Any], source: str) -> None:
    """Raise RunError if the source has weights of layers that the model lacks."""
    missing = [name for name in given if name not in layers]
    if missing:
        raise RunError(
            f"{printable(source)} has weights of another network: the config lacks "
            f"{plural('layer', len(missing))} {join_few(missing)}; its layers with weights are "
            f"{join_few(list(layers))}",
            hint="give the layers the names that they have in the file, such as "
            f"`name: {printable(missing[0])}`, or use the config of that network; "
            "the weights of a network from keras.applications are for model.backbone.weights",
        )


def _assign(layer: Any, name: str, arrays: Sequence[NDArray[Any]], source: str) -> None:
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
