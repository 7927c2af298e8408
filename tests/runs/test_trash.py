"""Deleted runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgrec.errors import RunError
from imgrec.runs.folder import find_runs
from imgrec.runs.trash import TRASH, deletable, delete, purge, trashed
from imgrec.runs.writer import RunWriter
from tests.runs.cards import small_card


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder."""
    (tmp_path / "pets-1").mkdir()
    small_card(tmp_path / "pets-1")
    return tmp_path / "pets-1"


def test_a_run_is_moved_and_can_be_brought_back(run: Path) -> None:
    """Until the trash is emptied; a second run of the same name has room there too."""
    before = (run / "card.json").read_bytes()
    planned = delete(run, dry_run=True)
    assert run.is_dir()
    found = delete(run)
    assert (found.files, found.size) == (planned.files, planned.size) == (1, len(before))
    assert find_runs(run.parent) == ((), ())
    assert (found.place / "card.json").read_bytes() == before
    found.place.rename(run)
    delete(run)
    run.mkdir()
    small_card(run)
    delete(run)
    assert len(trashed(run.parent)) == 2
    for each in trashed(run.parent):
        purge(each)
    assert [*(run.parent / TRASH).iterdir()] == []


def test_a_run_in_training_stays(run: Path) -> None:
    """Whoever holds its lock needs it."""
    with RunWriter(run), pytest.raises(RunError, match="another process is training"):
        delete(run)
    assert run.is_dir()


def test_a_damaged_run_can_be_deleted(run: Path) -> None:
    """It is of no other use; a folder that is no run is not touched."""
    (run / "card.json").write_text("{")
    delete(deletable("pets-1", run.parent))
    assert not run.exists()
    (run.parent / "photos").mkdir()
    with pytest.raises(RunError, match="is not a run"):
        deletable("photos", run.parent)


def test_a_link_in_place_of_the_trash_is_not_followed(run: Path, tmp_path: Path) -> None:
    """Nothing is moved or removed through it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / TRASH).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a link"):
        delete(run)
    assert trashed(tmp_path) == ()
