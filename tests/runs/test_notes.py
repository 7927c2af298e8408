"""The tags and the note of a run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.runs.notes import NOTES_FILE, change_notes, checked_notes, read_notes


def test_changes_are_kept(tmp_path: Path) -> None:
    """Tags are sorted, each there once; a note takes the place of the one before."""
    change_notes(tmp_path, lambda notes: notes.with_tags(["b", "a", "b"]).with_note("one"))
    change_notes(tmp_path, lambda notes: notes.without_tags(["b", "c"]).with_note("two"))
    notes = read_notes(tmp_path)
    assert (notes.tags, notes.note) == (("a",), "two")


def test_changes_at_once_are_all_kept(tmp_path: Path) -> None:
    """No writer overwrites what another one has just added."""
    tags = [f"t{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        [*pool.map(lambda tag: change_notes(tmp_path, lambda old: old.with_tags([tag])), tags)]
    assert read_notes(tmp_path).tags == tuple(sorted(tags))


@pytest.mark.parametrize("tag", ["", "=1", "a b", "a\x1b[2J", "x" * 65, "-a"])
def test_what_can_not_be_a_tag_is_refused(tag: str) -> None:
    """A tag is a word that no terminal, spreadsheet or shell takes for something else."""
    with pytest.raises(UsageError, match="can't be a tag"):
        checked_notes([tag])


def test_limits() -> None:
    """A note is not a place for data."""
    with pytest.raises(UsageError, match="has 10,001 characters, more than 10,000"):
        checked_notes(note="x" * 10_001)


@pytest.mark.parametrize("content", ["{", '{"tags": 3}', "[]"])
def test_a_damaged_file_is_not_overwritten(content: str, tmp_path: Path) -> None:
    """Somebody may still want to read it."""
    (tmp_path / NOTES_FILE).write_text(content)
    with pytest.raises(RunError, match="is damaged"):
        change_notes(tmp_path, lambda notes: notes)
    assert (tmp_path / NOTES_FILE).read_text() == content
