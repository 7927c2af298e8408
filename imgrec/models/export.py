"""Export a Keras model to other formats."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from imgrec.errors import RunError
from imgrec.models.backend import require_tensorflow
from imgrec.stderr import stdout_to_stderr, suppress_native_stderr

FORMATS = ("litert", "onnx", "saved_model", "keras")


def export_model(model: Any, path: Path, form: str, precision: str = "float32") -> None:
    """Write a Keras model with its preprocessing to `path` as `form`, one of FORMATS.

    `precision` is that of the weights in a LiteRT file; int8 is dynamic-range quantization, which
    quantizes the weights in advance and the activations at run time. The batch size stays free.

    Raises:
        RunError: The model can't be converted.
    """
    with _conversion(form):
        if form == "litert":
            model.export(path, format="litert", verbose=False, **_settings(precision))
        elif form == "onnx":
            _hold_constants(model)
            model.export(path, format="onnx", verbose=False)
        elif form == "saved_model":
            model.export(path, format="tf_saved_model", verbose=False)
        else:
            model.save(path)


def require_onnx() -> None:
    """Raise RunError if TensorFlow or the packages that write and check ONNX files are missing."""
    require_tensorflow()
    for module in ("onnx", "onnxruntime", "tf2onnx"):
        if importlib.util.find_spec(module) is None:
            raise RunError(
                f"ONNX files need the module {module}", hint="`pip install 'imgrec[onnx]'`"
            )


def onnx_memory(model: Any) -> int:
    """Return about how many bytes of memory it takes to write a model as ONNX.

    Measured with tf2onnx 1.17: 44 times the weights of dense layers, 55 times those of
    convolutions, both with 40 and with 120 MB of weights.
    """
    return 55 * 4 * int(model.count_params())


def require_memory(model: Any, form: str, free: int) -> None:
    """Raise RunError if writing a model as `form` takes more than `free` bytes (0: unknown)."""
    needed = onnx_memory(model) if form == "onnx" else 0
    if 0 < free < needed:
        raise RunError(
            f"writing this model as onnx takes about {needed / 1e9:.1f} GB of memory, "
            f"but only {free / 1e9:.1f} GB are free",
            hint="export it as litert or saved_model, or on a machine with more memory",
        )


def _hold_constants(model: Any) -> None:
    """Convert constants of the model to NumPy: tf2onnx would turn tensors into inputs."""
    import keras

    for operation in model.operations:
        if isinstance(operation, keras.Model):
            _hold_constants(operation)
        elif isinstance(operation, keras.layers.Normalization):
            operation.mean = np.asarray(operation.mean)
            operation.variance = np.asarray(operation.variance)
        elif not isinstance(operation, keras.layers.Layer):  # arithmetic of a preprocess_input
            for node in operation._inbound_nodes:  # noqa: SLF001
                node.arguments.args = keras.tree.map_structure(_plain, node.arguments.args)


def _plain(argument: Any) -> Any:
    import tensorflow as tf

    return argument.numpy() if tf.is_tensor(argument) else argument


def _settings(precision: str) -> dict[str, Any]:
    import tensorflow as tf

    # Only LiteRT's built-in operations: ai-edge-litert has no others.
    target: dict[str, Any] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if precision == "float32":
        return {"target_spec": target}
    if precision == "float16":
        target["supported_types"] = [tf.float16]
    return {"target_spec": target, "optimizations": [tf.lite.Optimize.DEFAULT]}


@contextlib.contextmanager
def _conversion(form: str) -> Iterator[None]:
    try:
        with (
            warnings.catch_warnings(),
            stdout_to_stderr(),
            suppress_native_stderr(),
        ):
            warnings.simplefilter("ignore")
            yield
    except OSError:
        raise
    except Exception as error:  # Converters raise all kinds of exceptions.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RunError(f"the model can't be written as {form}: {reason}") from error
