"""How much memory this process may take."""

from __future__ import annotations

from pathlib import Path

from imgrec.data.storage import read_bytes

_MAX_BYTES = 1 << 20
_CGROUPS = Path("/sys/fs/cgroup")

# Limit, use, and the part of the use that the system gives back when asked, by version.
_CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)

# Images may take one part in so many of the free memory: training needs some too.
_PARTS = 4


def fits_in_memory(needed: int) -> bool:
    """Return whether `needed` bytes are at most a quarter of what is free."""
    return needed * _PARTS <= available_memory()


def available_memory(cgroups: Path = _CGROUPS) -> int:
    """Return the bytes that can be taken without swapping.

    Args:
        cgroups: Where Linux has a container's limit, which counts if it is lower.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    limits = [left for files in _CGROUP_FILES if (left := _left(cgroups, *files)) is not None]
    return min([free, *limits])


def _left(cgroups: Path, limit: str, usage: str, statistics: str, field: str) -> int | None:
    """Return the bytes below a container's limit, or None if it has none."""
    try:
        free = int(_content(cgroups / limit)) - int(_content(cgroups / usage))
        return max(0, free + _field(cgroups / statistics, field))
    except (OSError, ValueError):  # `max` is not a number: no limit
        return None


def _field(file: Path, name: str) -> int:
    for line in _content(file).decode().splitlines():
        key, value, *_ = line.split()
        if key == name:
            return int(value)
    return 0


def _content(file: Path) -> bytes:
    return read_bytes(file, _MAX_BYTES)
