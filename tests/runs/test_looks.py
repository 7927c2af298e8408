"""Looks at test images are counted in the runs folder, for each set of images."""

from __future__ import annotations

from pathlib import Path

from imgrec.runs.looks import LOOKS_FILE, count_look


def test_each_look_counts(tmp_path: Path) -> None:
    """Those of other images, and of other runs folders, do not."""
    assert [count_look(tmp_path, "a" * 64, f"run-{number}") for number in range(3)] == [1, 2, 3]
    assert count_look(tmp_path, "b" * 64, "run-1") == 1
    assert (tmp_path / LOOKS_FILE).read_text("utf-8").count("\n") == 4


def test_a_look_that_is_repeated_counts_once(tmp_path: Path) -> None:
    """A process that was killed looks again with the same model; another model is another look."""
    found = [count_look(tmp_path, "a" * 64, "run-1", model) for model in ("one", "one", "two")]
    assert found == [1, 1, 2]
    assert count_look(tmp_path, "a" * 64, "run-1") == 3
    assert count_look(tmp_path, "b" * 64, "run-1", "one") == 1


def test_a_folder_that_is_missing_counts_nothing(tmp_path: Path) -> None:
    """Nothing is created, and the evaluation goes on."""
    assert count_look(tmp_path / "none", "a" * 64, "run-1") == 0
    assert not (tmp_path / "none").exists()
