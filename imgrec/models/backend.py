"""TensorFlow's start: quiet, fast on this machine, on the devices that were asked for."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgrec.errors import RunError, UsageError
from imgrec.stderr import suppress_native_stderr

log = logging.getLogger("imgrec")

# oneDNN is off by default on CPUs without AVX-512, where it is about twice as fast too.
_ENVIRONMENT = {"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class Devices:
    """The devices that a training or a prediction runs on.

    kind: `cpu` or `gpu`; names: TensorFlow's names; strategy: the `tf.distribute` strategy.
    """

    kind: str
    names: tuple[str, ...]
    strategy: Any


@dataclass(frozen=True)
class Machine:
    """What `imgrec info` tells of this machine."""

    processor: str
    cores: int
    avx512: bool
    onednn: bool
    gpus: tuple[str, ...]


def import_tensorflow() -> Any:
    """Import TensorFlow without its start-up messages, and return the module.

    Raises RunError where it is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ["KERAS_BACKEND"] = "tensorflow"
    return _quiet_import()


def require_tensorflow() -> None:
    """Raise RunError where TensorFlow or Keras is not installed; neither is loaded."""
    for module in ("keras", "tensorflow"):
        if importlib.util.find_spec(module) is None:
            raise _not_installed(module)


@functools.cache
def start(device: str = "auto") -> Devices:
    """Choose the devices: `auto`, `cpu`, `gpu`, or `gpu:0,1` by number.

    Raises UsageError where a GPU is asked for and not found. GPUs get memory growth; more
    than one get a `MirroredStrategy`.
    """
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    chosen = _choose(device, gpus)
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, enable=True)
    except RuntimeError:
        # The devices are in use already: a process can choose them once.
        log.debug("TensorFlow has started already; its devices stay as they are")
    with suppress_native_stderr():
        devices = _devices(tf, chosen)
    _announce(_in_words(devices))
    return devices


def make_reproducible(seed: int, devices: Devices, *, deterministic: bool) -> None:
    """Seed every generator; on the CPU always, elsewhere if asked, make ops deterministic."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    if devices.kind == "cpu" or deterministic:
        tf.config.experimental.enable_op_determinism()


def describe() -> Machine:
    """Return what is fast on this machine; without TensorFlow no GPU is found."""
    tf = import_tensorflow() if importlib.util.find_spec("tensorflow") else None
    gpus = tf.config.list_physical_devices("GPU") if tf else []
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        avx512="avx512f" in _cpu_flags(),
        onednn=os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1",
        gpus=tuple(_gpu_name(tf, gpu) for gpu in gpus),
    )


@functools.cache
def _quiet_import() -> Any:
    try:
        with suppress_native_stderr():
            import keras
            import tensorflow as tf
    except ModuleNotFoundError as error:
        raise _not_installed(error.name) from error
    tf.get_logger().setLevel("ERROR")
    # A user's ~/.keras/keras.json may say otherwise.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    return tf


def _not_installed(module: str | None) -> RunError:
    return RunError(
        f"this needs TensorFlow and Keras, and there is no module {module}",
        hint="install imgrec with all it asks for; to predict and to evaluate, a run's LiteRT "
        "file is enough",
    )


@functools.cache
def _announce(devices: str) -> None:
    """Say it once: a training comes back for its final evaluation."""
    log.info("device: %s", devices)


def _choose(device: str, gpus: list[Any]) -> list[Any]:
    if device == "cpu":
        return []
    if device == "auto":
        return gpus
    if not gpus:
        raise UsageError(
            f"--device {device}: TensorFlow finds no GPU here",
            hint="use --device cpu, or see `imgrec info`",
        )
    numbers = device.removeprefix("gpu").removeprefix(":")
    if not numbers:
        return gpus
    wanted = [int(number) for number in numbers.split(",")]
    if max(wanted) >= len(gpus):
        raise UsageError(f"--device {device}: the GPUs here are 0 to {len(gpus) - 1}")
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
        return f"CPU ({os.cpu_count()} cores)"
    return ", ".join(devices.names)


def _gpu_name(tf: Any, gpu: Any) -> str:
    number = gpu.name.rsplit(":", 1)[-1]
    name = tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return f"GPU {number} ({name})"


def _processor() -> str:
    for line in _cpu_information():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cpu_flags() -> frozenset[str]:
    for line in _cpu_information():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def _cpu_information() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []
