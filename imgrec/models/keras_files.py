"""Load Keras model files, including those of Keras 2."""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from imgrec.errors import RunError
from imgrec.files import open_regular
from imgrec.json_documents import parse_json
from imgrec.models.errors import error_cause
from imgrec.models.files import check_config, check_keras
from imgrec.models.parameters import MAX_PARAMETERS, TooManyParameters, limited_parameters
from imgrec.models.refused_files import refusal
from imgrec.stderr import stdout_to_stderr
from imgrec.text import printable

EXPORT_HINT = (
    "where it can be loaded, write it with `tf.saved_model.save(model, 'folder')`, and import the "
    "folder with --trust"
)

# Arguments that Keras 3 has removed, with the only value that changes nothing; ANY of a layer that
# does not use it, or that only has an effect in training.
_ANY = object()
_WITHOUT_EFFECT = {
    "groups": 1,
    "kernel_constraint": _ANY,
    "kernel_initializer": _ANY,
    "kernel_regularizer": _ANY,
    "noise_shape": None,
    "rng_type": _ANY,
    "time_major": False,
    "trainable": _ANY,
}

_MODELS = ("Sequential", "Functional", "Model")
_ENDS = ("input_layers", "output_layers")


def load_keras(path: Path) -> Any:
    """Return the uncompiled model of a `.keras` file; TensorFlow must have been started.

    Raises:
        RunError: It does not load, or it would run code that it contains.
    """
    # Wrappers build the layers that they copy, whose parameters are not in the file.
    most = 4 * check_keras(path) + 1_000_000
    import keras

    try:
        with stdout_to_stderr(), limited_parameters(most):
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except TooManyParameters as error:
        raise refusal(path, printable(str(error))) from error
    except Exception as error:  # Keras raises whatever its layers raise.
        raise RunError(
            f"{printable(str(path))} does not load: {error}",
            hint="save the model again, with Keras 3",
        ) from error


def load_model_file(path: Path, *, trust: bool, max_parameters: int = MAX_PARAMETERS) -> Any:
    """Return the Keras model in the `.keras` or `.h5` file at `path`, which has been checked.

    Raises:
        RunError: It can't be loaded, or has more parameters than are allowed.
    """
    import keras

    try:
        with tempfile.TemporaryDirectory() as folder, stdout_to_stderr():
            file = _modernized(path, Path(folder))
            with limited_parameters(max_parameters):
                return keras.models.load_model(file, compile=False, safe_mode=not trust)
    except RunError:
        raise
    except TooManyParameters as error:
        raise refusal(path, printable(str(error)), "--max-parameters allows more") from error
    except Exception as error:  # Keras raises all kinds of exceptions
        raise RunError(
            f"{printable(str(path))} can't be loaded: {printable(error_cause(error))}",
            hint=EXPORT_HINT,
        ) from error


def refuse_weights(path: Path) -> None:
    """Raise RunError if the `.h5` file at `path` contains weights without a model."""
    import h5py

    try:
        with open_regular(path) as content, h5py.File(content, "r") as file:
            complete = "model_config" in file.attrs
    except OSError:  # what is not HDF5 is refused by the checks of its format
        return
    if not complete:
        raise RunError(
            f"{printable(str(path))} contains weights, but no model",
            hint="save the model with `model.save('model.keras')`; or train a config with the same "
            "layers that has the file as model.weights",
        )


def _modernized(path: Path, folder: Path) -> Path:
    """Return `path`, or a copy of it in `folder` that Keras 3 loads.

    Nothing is changed that has an effect on the model's answers.
    """
    read, write = _KERAS if path.suffix.lower() == ".keras" else _HDF5
    config = parse_json(read(path), finite=False)
    if unknown := _unknown_layer(config):
        raise RunError(
            f"{printable(str(path))} needs {printable(unknown)}, which is not a layer of Keras 3",
            hint=EXPORT_HINT,
        )
    modern = _modern_config(config)
    if modern == config:
        return path
    copy = folder / f"modernized{path.suffix.lower()}"
    if copy.suffix == ".keras":
        check_config(path, modern)
    write(path, copy, json.dumps(modern))
    return copy


def _modern_config(config: Any) -> Any:
    """Return the config of a model without what only Keras 2 knows."""
    return _modern(config, {name for name in _names(config) if "/" in name})


def _unknown_layer(config: Any) -> str:
    """Return the first class of a layer that Keras does not have; empty if there is none."""
    import keras

    waiting = [config]
    while waiting:
        layer = waiting.pop()
        if not isinstance(layer, dict) or not isinstance(name := layer.get("class_name"), str):
            continue
        inner = layer.get("config")
        if name in _MODELS:
            # The oldest files have a list in place of a mapping.
            waiting += inner.get("layers", []) if isinstance(inner, dict) else inner or []
        elif not hasattr(keras.layers, name) and not _is_own(layer):
            return name
    return ""


def _is_own(layer: dict[str, Any]) -> bool:
    # Layers of keras.applications are in the modules of its models.
    return str(layer.get("module")).startswith("keras.src.")


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, list):
        for each in config:
            yield from _layers(each)
    elif isinstance(config, dict):
        if isinstance(config.get("config"), dict) and "class_name" in config:
            yield config
        for each in config.values():
            yield from _layers(each)


def _names(config: Any) -> Iterator[str]:
    for layer in _layers(config):
        if isinstance(name := layer["config"].get("name"), str):
            yield name


def _modern(value: Any, slashed: set[str]) -> Any:
    if isinstance(value, str):
        return value.replace("/", "_") if value in slashed else value
    if isinstance(value, list):
        return [_modern(each, slashed) for each in value]
    if not isinstance(value, dict):
        return value
    value = {key: _modern(each, slashed) for key, each in value.items()}
    if value.get("class_name") == "Policy":
        return value.get("config", {}).get("name")
    if not isinstance(value.get("config"), dict) or "class_name" not in value:
        return value
    if value["class_name"] not in _MODELS:
        value["config"] = _modern_arguments(value, value["config"])
    elif "module" not in value or value["module"].endswith(".engine.functional"):
        ends = {key: _single(each) for key, each in value["config"].items() if key in _ENDS}
        value["config"] = value["config"] | ends
        if "module" in value:
            value["module"] = "keras.src.models.functional"
    return value


def _modern_arguments(layer: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    accepted = _accepted(layer["class_name"])
    if accepted is None:
        return config
    kept = {
        key: value
        for key, value in config.items()
        if key in accepted or not _is_without_effect(key, value)
    }
    if layer["class_name"] == "BatchNormalization" and isinstance(kept.get("axis"), list):
        kept["axis"] = kept["axis"][0] if len(kept["axis"]) == 1 else kept["axis"]
    # In the older form of a config, the first layer of a Sequential says the shape of the input.
    if "module" in layer and layer["class_name"] != "InputLayer":
        kept.pop("batch_input_shape", None)
    return kept


def _single(ends: Any) -> Any:
    """Return the one input or output of a model without the list around it."""
    one = isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list)
    return ends[0] if one else ends


def _is_without_effect(key: str, value: Any) -> bool:
    return key in _WITHOUT_EFFECT and _WITHOUT_EFFECT[key] in (_ANY, value)


def _accepted(name: str) -> set[str] | None:
    """Return the arguments of a layer of Keras; None for another class."""
    import keras

    layer = getattr(keras.layers, name, None)
    if not inspect.isclass(layer):
        return None
    parameters = inspect.signature(layer.__init__).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    more = keras.layers.Layer if inspect.Parameter.VAR_KEYWORD in kinds else None
    return {*parameters, *(inspect.signature(more.__init__).parameters if more else ())}


def _read_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read("config.json")


def _write_zip(path: Path, copy: Path, config: str) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            new.writestr(name, config if name == "config.json" else old.read(name))


def _read_hdf5(path: Path) -> str | bytes:
    import h5py

    with h5py.File(path, "r") as file:
        config: str | bytes = file.attrs["model_config"]
        return config


def _write_hdf5(path: Path, copy: Path, config: str) -> None:
    import h5py

    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = config


_Read = Callable[[Path], str | bytes]
_Write = Callable[[Path, Path, str], None]
_KERAS: tuple[_Read, _Write] = (_read_zip, _write_zip)
_HDF5: tuple[_Read, _Write] = (_read_hdf5, _write_hdf5)
