"""How much memory there is, as Linux tells it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imgrec.data.cache import available_memory

MEBI = 1 << 20


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    """A machine with 100 MiB to spare."""
    file = tmp_path / "meminfo"
    file.write_text("MemTotal: 999999 kB\nMemAvailable:  102400 kB\nHugePages: 0\n")
    return file


def test_what_is_available_counts(meminfo: Path, tmp_path: Path) -> None:
    """It is not what is free: file caches are given back."""
    assert available_memory(meminfo, tmp_path / "none") == 100 * MEBI


@pytest.mark.parametrize(
    ("limit", "usage", "field"),
    [
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_a_containers_limit_counts(
    meminfo: Path, tmp_path: Path, limit: str, usage: str, field: str
) -> None:
    """What it holds of files it gives back; one without a limit changes nothing."""
    (tmp_path / "memory").mkdir()
    (tmp_path / limit).write_text(f"{50 * MEBI}\n")
    (tmp_path / usage).write_text(f"{30 * MEBI}\n")
    statistics = (tmp_path / limit).parent / "memory.stat"
    statistics.write_text(f"anon 5\n{field} {10 * MEBI}\n")
    assert available_memory(meminfo, tmp_path) == 30 * MEBI
    (tmp_path / usage).write_text(f"{80 * MEBI}\n")
    assert available_memory(meminfo, tmp_path) == 0
    (tmp_path / limit).write_text("max\n")
    assert available_memory(meminfo, tmp_path) == 100 * MEBI


def test_a_system_that_tells_nothing_has_none(tmp_path: Path) -> None:
    """Nothing is taken on trust."""
    assert available_memory(tmp_path / "none", tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it elsewhere")
def test_this_machine_has_memory() -> None:
    """The real files are read."""
    assert available_memory() > MEBI
