"""Run folders get their own names and are found by what users call them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.runs.folder import create, default_runs_dir, find, list_runs
from imgrec.runs.repeats import find_repeats
from imgrec.runs.repeats_file import PooledMetric, Repeats, write_repeats
from tests.runs.cards import small_card

POOLED = PooledMetric(0.9, 0.8, 1.0, 0.1, (0.85, 0.95))


def _run(runs_dir: Path, name: str, day: int, *, complete: bool = True, end: int = 0) -> Path:
    folder = create(runs_dir, name)
    ended = _of_day(end) if end else ""
    small_card(folder, created=_of_day(day), complete=complete, ended=ended)
    return folder


def _of_day(day: int) -> str:
    return f"2026-01-{day:02d}T00:00:00.000000+00:00"


def test_new_folders_count_up_from_the_highest(tmp_path: Path) -> None:
    """Names that only look alike don't count, and gaps are not filled."""
    for name in ("x-1", "x-7", "x-y", "xx-9"):
        (tmp_path / name).mkdir()
    assert create(tmp_path, "x").name == "x-8"
    assert create(tmp_path / "new", "x").name == "x-1"


def test_two_runs_never_get_the_same_folder(tmp_path: Path) -> None:
    """Twenty runs that start at once get twenty folders."""
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: create(tmp_path, "x"), range(20)))
    assert len(folders) == 20


def test_a_runs_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """A file in the way is a RunError that names the folder."""
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError, match="can't be written"):
        create(tmp_path / "runs", "x")


def test_last_is_the_newest_complete_run_whatever_its_name(tmp_path: Path) -> None:
    """The date in the card decides, and unfinished runs don't count."""
    _run(tmp_path, "z", 1)
    newest = _run(tmp_path, "a", 3)
    _run(tmp_path, "b", 2)
    _run(tmp_path, "c", 4, complete=False)
    assert find(None, tmp_path).path == newest
    assert find("last", tmp_path).path == newest


def test_last_is_what_came_to_its_end_last(tmp_path: Path) -> None:
    """A run that was made while a training ran is not newer than what the training made."""
    trained = _run(tmp_path, "trained", 1, end=5)
    _run(tmp_path, "imported", 3)
    _run(tmp_path, "short", 2, end=4)
    assert find("last", tmp_path).path == trained
    imported = _run(tmp_path, "imported", 6)
    assert find("last", tmp_path).path == imported


def test_last_for_resuming_is_the_newest_run_with_a_checkpoint(tmp_path: Path) -> None:
    """An unfinished run with a checkpoint is found, a newer one without is not."""
    unfinished = _run(tmp_path, "x", 2, complete=False)
    (unfinished / "state").mkdir()
    (unfinished / "state" / "epoch-000001.npz").write_bytes(b"")
    _run(tmp_path, "y", 3)
    assert find("last", tmp_path, resumable=True).path == unfinished


def test_last_for_resuming_is_a_folder_of_repeats_where_its_runs_are_the_newest(
    tmp_path: Path,
) -> None:
    """One that is complete has nothing to resume; a single run that is newer comes first."""
    run, repeats = _run(tmp_path, "x", 2, complete=False), tmp_path / "x-folds-1"
    (run / "state").mkdir()
    _run(repeats, "fold", 1)
    _run(repeats, "fold", 3, complete=False)
    write_repeats(repeats, Repeats(1, "folds", ("fold-1", "fold-2")))
    assert find_repeats("last", tmp_path, resumable=True) == repeats
    assert find_repeats("last", tmp_path) is None
    with pytest.raises(RunError, match=r"last: .* is a folder of runs, and a single run is needed"):
        find("last", tmp_path, resumable=True)
    write_repeats(repeats, Repeats(1, "folds", ("fold-1", "fold-2"), metrics={"accuracy": POOLED}))
    assert find_repeats("last", tmp_path, resumable=True) is None
    assert find("last", tmp_path, resumable=True).path == run
    write_repeats(repeats, Repeats(1, "folds", ("fold-1", "fold-2")))
    (_run(tmp_path, "y", 4, complete=False) / "state").mkdir()
    assert find_repeats("last", tmp_path, resumable=True) is None


def test_no_run_to_resume_is_reported_with_the_newest(tmp_path: Path) -> None:
    """The message says why the newest run can't be resumed."""
    _run(tmp_path, "x", 1)
    with pytest.raises(RunError) as caught:
        find("last", tmp_path, resumable=True)
    assert caught.value.message == f"there is no resumable run in {tmp_path}: x-1 has finished"


def test_a_run_is_found_by_name_and_by_folder(tmp_path: Path) -> None:
    """A name below the runs folder and a path from anywhere mean the same run."""
    folder = _run(tmp_path, "x", 1)
    assert find("x-1", tmp_path).path == folder
    assert find(str(folder), Path("elsewhere")).path == folder


def test_a_missing_run_is_reported_with_the_nearest_name(tmp_path: Path) -> None:
    """The hint names the run that was probably meant."""
    _run(tmp_path, "cat_dog", 1)
    with pytest.raises(RunError, match="there is no run cat_dgo-1") as caught:
        find("cat_dgo-1", tmp_path)
    assert caught.value.hint.startswith("did you mean cat_dog-1?")


def test_a_missing_number_is_reported_with_those_that_are_there(tmp_path: Path) -> None:
    """None of them is likelier than the others."""
    for number in (1, 2):
        _run(tmp_path, "pets", number)
    with pytest.raises(RunError, match="there is no run pets-8") as caught:
        find("pets-8", tmp_path)
    assert caught.value.hint.startswith(f"{tmp_path} has pets-1, pets-2; ")


def test_a_missing_run_of_a_folder_is_reported_with_those_beside_it(tmp_path: Path) -> None:
    """As the versions of a classifier, some of which are withdrawn."""
    _run(tmp_path / "versions", "pets", 1)
    with pytest.raises(RunError, match=r"there is no run .*: no such folder$") as caught:
        find(str(tmp_path / "versions" / "pets-2"), tmp_path / "runs")
    assert caught.value.hint == f"{tmp_path / 'versions'} has pets-1"


def test_no_run_at_all_is_reported_with_what_to_do(tmp_path: Path) -> None:
    """Before the first training the hint says how to train."""
    with pytest.raises(RunError, match="there is no complete run") as caught:
        find(None, tmp_path / "missing")
    assert "imgrec train" in caught.value.hint


def test_damaged_runs_are_left_out_of_the_list(tmp_path: Path) -> None:
    """One broken card doesn't hide the others."""
    folder = _run(tmp_path, "x", 1)
    (create(tmp_path, "x") / "card.json").write_text("{")
    assert [run.path for run in list_runs(tmp_path)] == [folder]


@pytest.mark.parametrize("card", ['{"schema_version": [', "[]", '{"schema_version": NaN}'])
def test_last_passes_over_damaged_runs(tmp_path: Path, card: str) -> None:
    """`last` is the newest run that can be read; one that can't be is refused by its name."""
    folder = _run(tmp_path, "x", 1)
    damaged = create(tmp_path, "x")
    (damaged / "card.json").write_text(card)
    assert find("last", tmp_path).path == folder
    with pytest.raises(RunError, match=r"card\.json is damaged|schema version") as caught:
        find(damaged.name, tmp_path)
    assert caught.value.exit_status == 4


@pytest.mark.parametrize("name", ["../../x", "", "..", "a/b", "/x", "a\x1b", "x" * 65, "-x"])
def test_a_run_never_lies_outside_the_runs_folder(tmp_path: Path, name: str) -> None:
    """A name that is not that of one folder is refused as wrong usage."""
    with pytest.raises(UsageError, match="can't be the name of a run"):
        create(tmp_path / "runs" / "runs", name)
    assert not list(tmp_path.iterdir())


def test_the_runs_folder_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """IMGREC_RUNS names it; without, it is `runs`."""
    monkeypatch.setenv("IMGREC_RUNS", "elsewhere")
    assert default_runs_dir() == Path("elsewhere")
    monkeypatch.delenv("IMGREC_RUNS")
    assert default_runs_dir() == Path("runs")
