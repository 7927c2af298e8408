"""How much memory this process may take."""

from __future__ import annotations

import sys
from pathlib import Path

from imgrec.data.storage import read_bytes
from imgrec.errors import DataError

if sys.platform != "win32":
    import resource

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


def check_free_memory(needed: int, what: str) -> None:
    """Raise DataError if `what`, which takes `needed` bytes, does not fit in the free memory."""
    free = available_memory()
    if needed > free:
        raise DataError(
            f"{what} would take {_gigabytes(needed)} of memory, and {_gigabytes(free)} are free",
            hint="use a machine with more memory, or only a part of the data; `ulimit -v` shows "
            "the limit of a process",
        )


def available_memory(cgroups: Path = _CGROUPS) -> int:
    """Return the bytes that can be taken without swapping, and within the limit of the process.

    Args:
        cgroups: Where Linux has a container's limit, which counts if it is lower.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    limits = [left for files in _CGROUP_FILES if (left := _left(cgroups, *files)) is not None]
    return max(0, min([free, *limits, *_left_to_process()]))


def _left_to_process() -> list[int]:
    """Return the bytes below the limit of the process (`ulimit -v`), if it has one."""
    import psutil

    if sys.platform == "win32":
        return []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if limit == resource.RLIM_INFINITY else [limit - psutil.Process().memory_info().vms]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


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
