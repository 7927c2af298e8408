"""Set up TensorFlow: quiet, fast on this machine, on the selected devices."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import re
from typing import Any

from msgspec import Struct

from imgrec.errors import RunError, UsageError
from imgrec.garbage import without_collections
from imgrec.interface import option
from imgrec.models.processor import bfloat16_instructions, has_avx512, processor_name
from imgrec.stderr import suppress_native_stderr
from imgrec.text import count_of

log = logging.getLogger("imgrec")

# oneDNN is off by default on CPUs without AVX-512, although it is about twice as fast there too.
_ENVIRONMENT = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Devices(Struct, frozen=True):
    """The devices that a training or a prediction runs on.

    Attributes:
        kind: `cpu` or `gpu`.
        names: TensorFlow's names.
        strategy: The `tf.distribute` strategy.
    """

    kind: str
    names: tuple[str, ...]
    strategy: Any


class Machine(Struct, frozen=True):
    """What `imgrec info` shows about this machine; onednn is None without TensorFlow.

    bfloat16: the processor's instructions for it.
    """

    processor: str
    cores: int
    avx512: bool
    bfloat16: tuple[str, ...]
    onednn: bool | None
    gpus: tuple[str, ...]


def import_tensorflow() -> Any:
    """Import TensorFlow without its start-up messages, and return the module.

    Raises:
        RunError: It is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    return _quiet_import()


def require_tensorflow() -> None:
    """Raise RunError if TensorFlow or Keras is not installed, without loading them."""
    if (missing := _missing()) is not None:
        raise _not_installed(missing)


def has_tensorflow() -> bool:
    """Return whether TensorFlow and Keras are installed, without loading them."""
    return _missing() is None


def check_device(device: str) -> None:
    """Raise UsageError unless `device` is `auto`, `cpu`, `gpu`, or one such as `gpu:0,1`."""
    if not re.fullmatch(r"auto|cpu|gpu|gpu:\d+(,\d+)*", device):
        raise UsageError(
            f"{option('device', device)}: there is no such device",
            hint="use auto, cpu, gpu, or the numbers of GPUs such as gpu:0,1",
        )


@functools.cache
def start(device: str = "auto") -> Devices:
    """Select the devices: `auto`, `cpu`, `gpu`, or `gpu:0,1` by number.

    GPUs get memory growth, and several of them a `MirroredStrategy`.

    Raises:
        UsageError: There is no such device.
    """
    check_device(device)
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    chosen = _choose(device, gpus)
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
    except RuntimeError:
        # The devices are already in use: a process can only choose them once.
        log.debug("TensorFlow is already running; its devices can't be changed")
    with suppress_native_stderr():
        devices = _devices(tf, chosen)
    _announce(_in_words(devices))
    return devices


def make_reproducible(seed: int, devices: Devices, *, deterministic: bool) -> None:
    """Seed every generator; make ops deterministic, on a GPU only if requested."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    if devices.kind == "cpu" or deterministic:
        tf.config.experimental.enable_op_determinism()


def describe() -> Machine:
    """Return what this machine supports; without TensorFlow, no GPU is found."""
    tf = import_tensorflow() if has_tensorflow() else None
    gpus = tf.config.list_physical_devices("GPU") if tf else []
    return Machine(
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        avx512=has_avx512(),
        bfloat16=bfloat16_instructions(),
        onednn=os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1" if tf else None,
        gpus=tuple(_gpu_name(tf, gpu) for gpu in gpus),
    )


@functools.cache
def _quiet_import() -> Any:
    try:
        with suppress_native_stderr(), without_collections():
            import keras
            import tensorflow as tf
    except ModuleNotFoundError as error:
        raise _not_installed(error.name) from error
    tf.get_logger().setLevel("ERROR")
    # ~/.keras/keras.json may set other values.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    return tf


def _not_installed(module: str | None) -> RunError:
    return RunError(
        f"this needs TensorFlow and Keras, and the module {module} is not installed",
        hint="`pip install imgrec` installs them; predicting and evaluating only need a run's "
        "LiteRT file",
    )


def _missing() -> str | None:
    modules = ("keras", "tensorflow")
    return next((each for each in modules if importlib.util.find_spec(each) is None), None)


@functools.cache
def _announce(devices: str) -> None:
    """Log it only once: a training selects devices again for its final evaluation."""
    log.info("device: %s", devices)


def _choose(device: str, gpus: list[Any]) -> list[Any]:
    if device == "cpu":
        return []
    if device == "auto":
        return gpus
    if not gpus:
        raise UsageError(
            f"{option('device', device)}: TensorFlow finds no GPU",
            hint=f"use {option('device', 'cpu')}, or see `imgrec info`",
        )
    numbers = device.removeprefix("gpu").removeprefix(":")
    if not numbers:
        return gpus
    wanted = [int(number) for number in numbers.split(",")]
    if max(wanted) >= len(gpus):
        raise UsageError(
            f"{option('device', device)}: there is no such GPU here",
            hint="use " + " or ".join(option("device", f"gpu:{n}") for n in range(len(gpus))),
        )
    return [gpus[number] for number in wanted]


def _devices(tf: Any, chosen: list[Any]) -> Devices:
    if not chosen:
        tf.constant(0)
        return Devices("cpu", ("CPU",), tf.distribute.get_strategy())
    names = tuple(_gpu_name(tf, gpu) for gpu in chosen)
    several = len(chosen) > 1
    strategy = tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
    return Devices("gpu", names, strategy)


def _in_words(devices: Devices) -> str:
    if devices.kind == "cpu":
        return f"CPU ({count_of(os.cpu_count() or 1, 'core')})"
    return ", ".join(devices.names)


def _gpu_name(tf: Any, gpu: Any) -> str:
    number = gpu.name.rsplit(":", 1)[-1]
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return f"GPU {number} ({name})"
