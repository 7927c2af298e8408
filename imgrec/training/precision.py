"""Which number format a training computes in."""

from __future__ import annotations

import logging

from imgrec.models.backend import Devices
from imgrec.models.processor import bfloat16_instructions, computes_bfloat16

log = logging.getLogger("imgrec")


def keras_precision(precision: str, devices: Devices) -> str:
    """Return the Keras policy that `training.precision` means on these devices."""
    if precision != "auto":
        return precision
    return "mixed_float16" if devices.kind == "gpu" else "float32"


def computing_facts(precision: str, devices: Devices) -> dict[str, str]:
    """Return what a step's numbers depend on besides config and versions: see Card.computing."""
    return {
        "device": devices.kind,
        "precision": keras_precision(precision, devices),
        "replicas": str(devices.strategy.num_replicas_in_sync),
    }


def log_precision(precision: str, devices: Devices) -> None:
    """Log the precision that `training.precision` means; warn if it is slow on these devices."""
    policy = keras_precision(precision, devices)
    if devices.kind != "cpu" or "bfloat16" not in policy:
        log.info("precision: %s", policy)
    elif computes_bfloat16():
        log.info("precision: %s (the CPU has %s)", policy, ", ".join(bfloat16_instructions()))
    else:
        log.warning(
            "precision: %s, in which this CPU is slower than in float32: it has no instructions "
            "for bfloat16, or TensorFlow does not use them",
            policy,
        )
