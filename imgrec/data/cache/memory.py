"""How much memory this process may take."""

from __future__ import annotations

import contextlib
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
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


# The share of the free memory that images may take: training needs some too.
_SHARE = 4


def fits_in_memory(needed: int) -> bool:
    """Say whether so many bytes are at most a quarter of what is free."""
    return needed * _SHARE <= available_memory()


def available_memory(meminfo: Path = _MEMINFO, cgroups: Path = _CGROUPS) -> int:
    """Return the bytes that can be taken without swapping, 0 where the system doesn't tell.

    A container's limit counts where one is set. meminfo, cgroups: where Linux tells it.
    """
    free = _field(meminfo, "MemAvailable:") * 1024
    limits = [left for files in _CGROUP_FILES if (left := _left(cgroups, *files)) is not None]
    return min([free, *limits])


def _left(cgroups: Path, limit: str, usage: str, statistics: str, field: str) -> int | None:
    """Return the bytes below a container's limit, or None where it has none."""
    try:
        free = int((cgroups / limit).read_text()) - int((cgroups / usage).read_text())
    except (OSError, ValueError):  # `max` is no number: no limit
        return None
    return max(0, free + _field(cgroups / statistics, field))


def _field(file: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, value, *_ = line.split()
            if key == name:
                return int(value)
    return 0
