"""How much memory there is: what the machine has to spare, within a container's limit."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from imgrec.data.memory import available_memory

MEBI = 1 << 20


def test_what_the_machine_has_to_spare_counts(tmp_path: Path) -> None:
    """On every system; without a container, nothing else does."""
    assert MEBI < available_memory(tmp_path / "none") < psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("limit", "usage", "field"),
    [
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_a_containers_limit_counts(tmp_path: Path, limit: str, usage: str, field: str) -> None:
    """What it holds of files it gives back; one without a limit changes nothing."""
    (tmp_path / "memory").mkdir()
    (tmp_path / limit).write_text(f"{50 * MEBI}\n")
    (tmp_path / usage).write_text(f"{30 * MEBI}\n")
    statistics = (tmp_path / limit).parent / "memory.stat"
    statistics.write_text(f"anon 5\n{field} {10 * MEBI}\n")
    assert available_memory(tmp_path) == 30 * MEBI
    (tmp_path / usage).write_text(f"{80 * MEBI}\n")
    assert available_memory(tmp_path) == 0
    (tmp_path / limit).write_text("max\n")
    assert available_memory(tmp_path) > 50 * MEBI


def test_this_machine_has_memory() -> None:
    """The real limits are read."""
    assert available_memory() > MEBI
