"""What this machine's processor is and has, by what Linux says; elsewhere only its name."""

from __future__ import annotations

import os
import platform
from pathlib import Path

INFORMATION = Path("/proc/cpuinfo")
"""Linux' description of the processor."""

# The kernel's flags of instructions that multiply bfloat16, with the names of their makers.
_BFLOAT16 = {"avx512_bf16": "AVX512_BF16", "amx_bf16": "AMX-BF16", "bf16": "Arm BF16"}


def processor_name() -> str:
    """Return the name of the processor."""
    return _entry("model name") or platform.processor() or platform.machine()


def has_avx512() -> bool:
    """Return whether the processor has AVX-512."""
    return "avx512f" in flags()


def bfloat16_instructions() -> tuple[str, ...]:
    """Return the processor's instructions for bfloat16, such as `AMX-BF16`.

    None are known outside Linux.
    """
    found = flags()
    return tuple(name for flag, name in _BFLOAT16.items() if flag in found)


def computes_bfloat16() -> bool:
    """Return whether TensorFlow uses such instructions: only oneDNN does."""
    return bool(bfloat16_instructions()) and os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"


def flags() -> frozenset[str]:
    """Return the kernel's names of what the processor has; none are known outside Linux."""
    return frozenset((_entry("flags") or _entry("Features")).split())  # x86, Arm


def _entry(name: str) -> str:
    """Return the first entry of this name; empty if there is none."""
    if not INFORMATION.is_file():
        return ""
    for line in INFORMATION.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
