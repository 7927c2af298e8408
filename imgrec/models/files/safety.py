"""Safety checks of Keras' model files, before Keras loads them.

They are stricter than Keras' safe mode and don't rely on it. A file may contain only names from an
allow-list, and numbers that are in the file itself.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imgrec.archives import check_directory
from imgrec.errors import RunError
from imgrec.json_documents import parse_json
from imgrec.models.files.hdf5 import (
    ALWAYS_ALLOWED_BYTES,
    MAX_WEIGHTS_EXPANSION,
    WEIGHTS,
    count_numbers,
)
from imgrec.models.files.metadata import DESCRIPTION, LABELS
from imgrec.models.refused_files import RefusedFile, check_file, refusing
from imgrec.text import printable

# Not here: Lambda (code); TFSMLayer, JaxLayer, FlaxLayer, TorchModuleWrapper (other programs);
# StringLookup, IntegerLookup, TextVectorization (they read files); Wrapper, Layer, InputSpec (not
# usable by themselves).
LAYERS = frozenset((
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add", "AdditiveAttention", "AlphaDropout",
    "Attention", "AugMix", "AutoContrast", "Average", "AveragePooling1D", "AveragePooling2D",
    "AveragePooling3D", "BatchNormalization", "Bidirectional", "CategoryEncoding", "CenterCrop",
    "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D",
    "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Cropping1D", "Cropping2D",
    "Cropping3D", "CutMix", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Discretization",
    "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Equalization", "Flatten", "GRU",
    "GRUCell", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention",
    "Identity", "InputLayer", "LSTM", "LSTMCell", "LayerNormalization", "LeakyReLU", "Masking",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "MixUp",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "Pipeline",
    "RMSNormalization", "RNN", "RandAugment", "RandomBrightness", "RandomColorDegeneration",
    "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
    "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing", "SeparableConv1D",
    "SeparableConv2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "Solarization",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization",
    "StackedRNNCells", "Subtract", "TimeDistributed", "UnitNormalization", "UpSampling1D",
    "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
))  # fmt: skip

_CLASS = re.compile(r"[A-Z][A-Za-z0-9]{0,60}")
_FUNCTION = re.compile(r"[a-z][a-z0-9_]{0,60}")

# Modules that contain only arithmetic.
_ARITHMETIC = frozenset(
    {"keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies"}
    | {"keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math"}
)
# These take a function or a module of the user.
_NO_ARITHMETIC = frozenset({"Vectorize"})
_OTHERS = frozenset(
    {
        ("keras", "Sequential"),
        ("keras", "Functional"),
        ("keras", "Model"),
        ("keras.models", "Sequential"),
        ("keras.models", "Model"),
        ("keras.src.models.functional", "Functional"),
        ("keras.src.models.sequential", "Sequential"),
        ("keras", "DTypePolicy"),
        # As Keras 2 called them.
        ("keras.engine.functional", "Functional"),
        ("keras.src.engine.functional", "Functional"),
        ("tf_keras.src.engine.functional", "Functional"),
        ("keras.mixed_precision", "Policy"),
        # Layers defined in keras.applications.
        ("keras.src.applications.convnext", "LayerScale"),
        ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
    }
)
# How Keras writes values that JSON has no type for. `__lambda__` and `__typespec__` are code and
# classes.
_VALUES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
)
_FUNCTION_HOMES = frozenset({"builtins", "keras.activations"})
# They create objects from their arguments.
_NO_FUNCTIONS = frozenset({"get", "serialize", "deserialize"})


def check_layer_names(config: Any) -> None:
    """Raise RefusedFile unless every object in a `config.json` is on the list.

    The compile config is ignored, since models are loaded uncompiled.
    """
    if not isinstance(config, dict):
        raise RefusedFile("its config.json is not an object")
    architecture = {key: value for key, value in config.items() if key != "compile_config"}
    for named in _named(architecture):
        _check(named)


def _named(config: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _check(named: Mapping[str, Any]) -> None:
    name, module, registered = (
        named.get(key) for key in ("class_name", "module", "registered_name")
    )
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise RefusedFile("its config.json has a name that is not a string")
    if name in ("Lambda", "__lambda__"):
        raise RefusedFile("it contains a Lambda layer, which is code")
    if name in _VALUES and module is None:
        return
    if name == "function":
        _check_function(named)
    elif registered not in (None, name):
        raise RefusedFile(f"it needs the custom object {_shown(registered)}, which is code")
    elif not _is_known(module, name):
        full_name = f"{module}.{name}" if module else name
        raise RefusedFile(f"it needs {_shown(full_name)}{_why(module)}")


def _check_function(named: Mapping[str, Any]) -> None:
    name = named.get("config")
    known = isinstance(name, str) and _FUNCTION.fullmatch(name) and name not in _NO_FUNCTIONS
    if not known or named.get("module") not in _FUNCTION_HOMES:
        raise RefusedFile(f"it needs the function {_shown(name)}, which is code")


def _is_known(module: str | None, name: str) -> bool:
    if module == "keras.layers":
        return name in LAYERS
    if module in _ARITHMETIC:
        return name not in _NO_ARITHMETIC and _CLASS.fullmatch(name) is not None
    return (module, name) in _OTHERS


def _why(module: str | None) -> str:
    known = module == "keras.layers"
    return ", a layer that is not allowed" if known else ", which is not one of Keras' layers"


def _shown(name: object) -> str:
    return printable(str(name)[:80])


MAX_BYTES = 16 << 30
# The longest one in keras.applications, NASNetLarge's, has 1.4 MB.
MAX_CONFIG_BYTES = 32 << 20

_CONFIG, _METADATA = "config.json", "metadata.json"
_MEMBERS = (_CONFIG, WEIGHTS, _METADATA, LABELS, DESCRIPTION)


def check_keras(path: Path) -> int:
    """Return how many numbers the weights in the `.keras` file at `path` have.

    Raises RunError unless it contains known layers and plain weights. Refused are unknown members,
    absurd sizes, Lambda layers, layers that read files, custom objects and functions, and weights
    outside the file.
    """
    check_file(path, MAX_BYTES)
    with refusing(path, _CONFIG), path.open("rb") as file:
        check_directory(file)
    with refusing(path, _CONFIG), zipfile.ZipFile(path) as archive:
        _check_members(archive)
        check_layer_names(parse_json(archive.read(_CONFIG), finite=False))
    return count_numbers(path)


def check_config(path: Path, config: Any) -> None:
    """Raise RunError unless every object in the `config.json` of a `.keras` file is known."""
    with refusing(path, _CONFIG):
        check_layer_names(config)


def check_weights(path: Path) -> None:
    """Raise RunError unless the weights file at `path` (.h5, .keras) contains all its numbers.

    Refused: links to other files, data sets that lie outside the file or claim more than it has.
    """
    if path.suffix == ".keras":
        check_keras(path)
        return
    if path.suffix not in (".h5", ".hdf5"):
        raise RunError(
            f"{printable(str(path))} is not a weights file: its name does not end in .h5 or .keras",
            hint="Keras saves weights with `model.save_weights('x.weights.h5')`",
        )
    check_file(path, MAX_BYTES)
    count_numbers(path)


def _check_members(archive: zipfile.ZipFile) -> None:
    """Refuse unknown and repeated members, and those that expand to far more than their size.

    No more than the declared size is read of a member, so the sizes are reliable.
    """
    names = [member.filename for member in archive.infolist()]
    surplus = [name for name in names if name not in _MEMBERS]
    if surplus:
        raise RefusedFile(f"it contains {printable(surplus[0][:80])}, which no model needs")
    for name in (_CONFIG, WEIGHTS):
        if names.count(name) != 1:
            raise RefusedFile(f"it contains {names.count(name)} files {name}, expected one")
    for member in archive.infolist():
        size, packed = member.file_size, member.compress_size
        if size > ALWAYS_ALLOWED_BYTES and size > MAX_WEIGHTS_EXPANSION * packed:
            raise RefusedFile(f"its {member.filename} would expand from {packed} to {size} bytes")
    if archive.getinfo(_CONFIG).file_size > MAX_CONFIG_BYTES:
        raise RefusedFile(f"its {_CONFIG} is larger than {MAX_CONFIG_BYTES >> 20} MiB")
