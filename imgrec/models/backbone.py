"""Networks from `keras.applications` and EfficientNet-Lite, as backbones and as classifiers."""

from __future__ import annotations

import contextlib
import importlib
import urllib.error
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imgrec.backbones import BACKBONES
from imgrec.errors import RunError, UsageError
from imgrec.interface import setting
from imgrec.models.class_lists import imagenet_classes
from imgrec.models.downloads import require_weights
from imgrec.models.efficientnet_lite import OFFSET, SCALE, keras_network
from imgrec.models.files import check_weights
from imgrec.models.packaged_weights import check_installed, packaged_weights, read_packaged_weights
from imgrec.stderr import stdout_to_stderr
from imgrec.text import did_you_mean, printable

_OFFLINE = "its weights are downloaded once; without network access, use a run: `--model RUN`"


@dataclass(frozen=True)
class Classifier:
    """A pretrained ImageNet classifier, from float32 pixels from 0 to 255 to probabilities."""

    model: Any
    classes: tuple[str, ...]
    height: int
    width: int


def preprocess(name: str, pixels: Any) -> Any:
    """Apply the preprocessing of the network `name` to RGB pixels from 0 to 255."""
    if packaged_weights(name) is None:
        return _application(name).preprocess_input(pixels)
    import keras

    return keras.layers.Rescaling(SCALE, OFFSET, dtype="float32", name="rescale")(pixels)


def imagenet_layers(application: str) -> Mapping[str, list[NDArray[Any]]]:
    """Return a classifier's ImageNet weights by layer, in order; Keras may download them once.

    Raises:
        RunError: They can't be downloaded, or are not installed.
    """
    hint = f"give a local weights file: {setting('model.weights', 'FILE')}"
    with _weights_errors(application, "imagenet", hint):
        network = _network(application, "imagenet")
    return {layer.name: layer.get_weights() for layer in network.layers if layer.weights}


def named_network(name: str, shape: tuple[int, int, int], weights: str | None) -> Any:
    """Return the network `name` without its top, for preprocessed images of this shape.

    Args:
        name: One of BACKBONES.
        shape: Height, width and channels.
        weights: `imagenet`, a file, or None for random ones.

    Raises:
        RunError: Its weights can't be loaded.
    """
    hint = f"give a local weights file: {setting('model.backbone.weights', 'FILE')}"
    if weights != "imagenet":
        hint = f"give a weights file of {name} without its top, {_published(name)}"
    with _weights_errors(name, weights, hint):
        return _network(name, weights, shape)


def prepare_backbone(network: Any, *, trainable: bool, batch_norm_momentum: float | None) -> None:
    """Let the weights of a backbone learn or not.

    A frozen backbone runs in inference mode, and still does after `unfreeze`.

    Args:
        network: A Keras model.
        trainable: Whether its weights learn.
        batch_norm_momentum: Of its batch normalizations; None for the network's own.
    """
    if batch_norm_momentum is not None:
        for layer in batch_normalizations(network):
            layer.momentum = batch_norm_momentum
    network.trainable = trainable
    if not trainable:
        keep_inferring(network)


def batch_normalizations(network: Any) -> list[Any]:
    """Return the batch normalization layers of a backbone."""
    import keras

    return [each for each in network.layers if isinstance(each, keras.layers.BatchNormalization)]


def check_there(name: str, weights: str | None) -> None:
    """Raise RunError if the weights of the backbone `name` are not there, file or package."""
    if weights == "imagenet":
        check_installed(name)
    if weights not in (None, "imagenet") and not Path(str(weights)).is_file():
        raise RunError(
            f"the weights of {name} do not exist: {printable(str(weights))}",
            hint="`weights` is a file, `imagenet` (downloaded once), or null",
        )


def unfreeze(network: Any, first: str) -> None:
    """Make the layers of a backbone trainable from the one called `first` on, or `all` of them."""
    network.trainable = True
    if first != "all":
        names = [layer.name for layer in network.layers]
        for layer in network.layers[: names.index(first)]:
            layer.trainable = False


def keep_inferring(network: Any) -> None:
    """Run the network in inference mode, even within a model that is trained.

    `training=False` in a functional model is not enough: Keras overrides it in training.
    """
    call = network.call
    network.call = lambda inputs, **context: call(inputs, **{**context, "training": False})


def check_classifier(name: str) -> None:
    """Check that there is a classifier to use, without loading TensorFlow.

    Raises:
        UsageError: There is no classifier of that name.
        RunError: Its weights are not installed, or have to be downloaded, and can't be.
    """
    if name not in BACKBONES:
        raise _unknown(name)
    check_installed(name)
    if packaged_weights(name) is None:
        require_weights(name, top=True, hint=_OFFLINE)


def classifier(name: str) -> Classifier:
    """Return an ImageNet classifier; Keras downloads it once unless a package contains it.

    Args:
        name: That `check_classifier` accepts.

    Raises:
        RunError: Its weights can't be downloaded, or are not installed.
    """
    import keras

    with _weights_errors(name, "imagenet", _OFFLINE), stdout_to_stderr():
        network = _network(name, "imagenet")
    pixels = keras.Input(network.input_shape[1:], dtype="float32", name="pixels")
    model = keras.Model(pixels, network(preprocess(name, pixels)))
    height, width = network.input_shape[1:3]
    return Classifier(model, imagenet_classes().names, height, width)


def _application(name: str) -> Any:
    return importlib.import_module(f"keras.applications.{BACKBONES[name].module}")


def _unknown(name: str) -> UsageError:
    return UsageError(
        f"there is no pretrained classifier {printable(name)}{did_you_mean(name, BACKBONES)}",
        hint=f"choose one of {', '.join(sorted(BACKBONES))}",
    )


def _network(name: str, weights: str | None, shape: tuple[int, int, int] | None = None) -> Any:
    """Return a network without its top for images of `shape`; the whole classifier without one."""
    import keras

    top = shape is None
    if packaged_weights(name) is None:
        arguments = {} if top else {"include_top": False, "input_shape": shape}
        return getattr(keras.applications, name)(weights=weights, **arguments)
    tensors = read_packaged_weights(name) if weights == "imagenet" else None
    size = BACKBONES[name].size
    network = keras_network(name, shape or (size, size, 3), tensors, top=top)
    if weights not in (None, "imagenet"):
        network.load_weights(weights)
    return network


def _published(name: str) -> str:
    """Return where weights of the network `name` without its top come from."""
    imagenet = setting("model.backbone.weights", "imagenet")
    if packaged_weights(name) is None:
        return f"as keras.applications downloads it (`*_notop.h5`), or download it: {imagenet}"
    return f"as Keras saves it (`.weights.h5`), or the ImageNet weights: {imagenet}"


@contextlib.contextmanager
def _weights_errors(name: str, weights: str | None, hint: str) -> Iterator[None]:
    """Turn errors about weights into RunError; a failed download is a bare Exception in Keras."""
    check_there(name, weights)
    if weights not in (None, "imagenet"):
        check_weights(Path(str(weights)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about mismatched files; the error says the same
            yield
    except RunError:
        raise
    except Exception as error:
        if weights is None:
            raise
        lead = "no network, or the host can't be reached: " if _is_unreachable(error) else ""
        reason = str(error).partition("\n")[0]
        message = f"{lead}the weights {weights} of {name} can't be used: {reason}"
        raise RunError(message, hint=hint) from error


def _is_unreachable(error: BaseException | None) -> bool:
    if error is None:
        return False
    # An HTTPError is an answer from the host.
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return True
    return _is_unreachable(error.__cause__ or error.__context__)
