"""A sweep's trials: how they are chosen, stopped, handed out, and kept."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import RunError, UsageError
from imgrec.workflows.sweep import (
    SweepFolder,
    SweepStorage,
    Trial,
    best_first,
    open_sweep,
    start_sweep,
    work,
)
from imgrec.workflows.sweep.search import is_pruned
from imgrec.workflows.sweep.worker import claim
from tests.conftest import TINY

RANGES = """
    training.optimizer.Adam.learning_rate: {log: [1e-4, 1e-1]}
    model.layers[0].Conv2D.filters: {int: [2, 8]}
    data.image_size: {choose: [[8, 8], [16, 16]]}
"""


def _experiment(more: str = "", space: str = RANGES) -> Experiment:
    return parse(f"{TINY}sweep:\n  trials: 14\n{more}  space:\n{space}", "tiny.yaml")


def _started(folder: Path, experiment: Experiment) -> tuple[SweepFolder, SweepStorage]:
    return start_sweep(experiment, runs_dir=folder)


def _value(values: Mapping[str, object]) -> float:
    return float(str(values["training.optimizer.Adam.learning_rate"]))


@pytest.mark.parametrize("search", ["tpe", "random", "cmaes"])
def test_values_depend_on_seed_number_and_results(search: str, tmp_path: Path) -> None:
    """Two sweeps try the same, though one is opened again by another process for each trial."""
    tried: list[list[Mapping[str, object]]] = [[], []]
    for place, name in enumerate(("one", "other")):
        folder, storage = _started(tmp_path / name, _experiment(f"  search: {search}\n"))
        for number in range(13):
            trial = storage.begin()
            tried[place].append(trial.values)
            storage.complete(number, {"accuracy": 1 / (1 + _value(trial.values))})
            storage = storage if place else SweepStorage(folder)
    assert tried[0] == tried[1]
    assert len({str(each) for each in tried[0]}) == 13


def test_a_grid_is_all_combinations_once(tmp_path: Path) -> None:
    """A sweep of more trials ends when no combination is left."""
    space = "    data.fit: {choose: [crop, pad]}\n    data.channels: {choose: [1, 3]}\n"
    folder, storage = _started(tmp_path, _experiment("  search: grid\n", space))
    found = []
    while (claimed := claim(folder, storage)) is not None:
        found.append(tuple(claimed[0].values.values()))
        storage.complete(claimed[0].number, {"accuracy": 1})
        claimed[1].release()
    assert found == [("crop", 1), ("crop", 3), ("pad", 1), ("pad", 3)]


def test_a_trial_is_handed_to_one_worker_at_a_time(tmp_path: Path) -> None:
    """One that runs is left alone; once its worker has ended, it comes before any new one."""
    folder, storage = _started(tmp_path, _experiment())
    first, second = claim(folder, storage), claim(folder, SweepStorage(folder))
    assert first is not None
    assert second is not None
    assert (first[0].number, second[0].number) == (0, 1)
    first[1].release()
    assert [each.state for each in storage.observed()] == ["interrupted", "running"]
    again = claim(folder, storage)
    assert again is not None
    assert (again[0].number, again[0].values) == (0, first[0].values)
    (folder.trials / "trial-1.lock").unlink()  # as if its worker had another folder
    assert [each.state for each in storage.observed()] == ["running", "running"]
    third = claim(folder, storage)
    assert third is not None
    assert third[0].number == 2


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    """A worker may be killed, or the disk may be full, in the middle of a line of the journal."""
    folder, storage = _started(tmp_path, _experiment())
    storage.begin()
    with folder.journal.open("ab") as file:
        file.write(b'{"op_code": 4, "stu')
    SweepStorage(folder).begin()
    storage.begin()
    assert [each.number for each in SweepStorage(folder).trials()] == [0, 1, 2]


def test_results_are_ranked(tmp_path: Path) -> None:
    """Complete trials come first, by the first metric; a failed one says why."""
    metric = "  metric: {log_loss: min, model_bytes: min}\n"
    folder, storage = _started(tmp_path, _experiment(metric))
    for loss in (0.5, 0.2, None, 0.3):
        number = storage.begin().number
        if loss is None:
            storage.fail(number, "the loss is not a number")
        else:
            storage.complete(number, {"log_loss": loss, "model_bytes": 100})
    ordered = best_first(folder, storage.trials())
    assert [each.number for each in ordered] == [1, 3, 0, 2]
    assert (ordered[-1].state, ordered[-1].reason) == ("failed", "the loss is not a number")


def test_the_worst_two_thirds_are_pruned() -> None:
    """After 1, 3, 9, ... epochs; the first two trials that get there go on."""
    others = [{1: 0.2, 3: 0.4}, {1: 0.3, 3: 0.5}, {1: 0.5}]
    assert not is_pruned([], {1: 0.0}, 1)
    assert not is_pruned(others[:1], {1: 0.0}, 1)
    assert is_pruned(others, {1: 0.4}, 1)
    assert not is_pruned(others, {1: 0.6}, 1)
    assert not is_pruned(others, {2: 0.0}, 2)
    assert is_pruned(others, {3: 0.45}, 3)
    assert not is_pruned(others[:1], {3: 0.1}, 3)


def test_a_sweep_that_can_not_be_joined_says_why(tmp_path: Path) -> None:
    """It has begun already, has another config, is of another version, or lacks its journal."""
    folder, _ = _started(tmp_path, _experiment())
    with pytest.raises(UsageError, match="there is a sweep tiny already"):
        _started(tmp_path, _experiment())
    start_sweep(_experiment(), runs_dir=tmp_path, join=True)
    with pytest.raises(UsageError, match=r"has changed: sweep\.search: 'tpe' -> 'random'"):
        start_sweep(_experiment("  search: random\n"), runs_dir=tmp_path, join=True)
    with pytest.raises(UsageError, match="is the journal in its folder"):
        SweepStorage(folder, "postgresql+psycopg://localhost/none")
    with pytest.raises(RunError, match="there is no sweep in"):
        open_sweep(folder.path.with_name("tny"))
    text = (folder.path / "sweep.json").read_text("utf-8")
    (folder.path / "sweep.json").write_text(text.replace('_version": 1', '_version": 2'), "utf-8")
    with pytest.raises(RunError, match="of another version of imgrec: its schema_version is 2"):
        open_sweep(folder.path)
    folder.journal.unlink()
    with pytest.raises(RunError, match=r"journal\.log is missing"):
        SweepStorage(folder)


def test_a_database_that_can_not_be_reached_leaves_nothing(tmp_path: Path) -> None:
    """The error names it without its password, and the sweep can be begun again."""
    address = "postgresql+psycopg://me:secret@localhost:1/none?connect_timeout=2"
    with pytest.raises(RunError, match="can't be opened") as error:
        start_sweep(_experiment(), runs_dir=tmp_path, storage=address)
    assert "secret" not in error.value.message
    _started(tmp_path, _experiment())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # open connections
def test_workers_share_a_database(database: str, tmp_path: Path) -> None:
    """Values are those of a journal; the password is not in the folder; a trial is handed on."""
    folder, storage = start_sweep(_experiment(), runs_dir=tmp_path, storage=database)
    _, journal = _started(tmp_path / "journal", _experiment())
    assert "secret" not in (folder.path / "sweep.json").read_text("utf-8")
    first, other = claim(folder, storage), claim(folder, SweepStorage(folder, database))
    assert first is not None
    assert other is not None
    assert (first[0].number, other[0].number) == (0, 1)
    assert [first[0].values, other[0].values] == [journal.begin().values, journal.begin().values]
    storage.complete(0, {"accuracy": 0.5})
    storage.fail(1, "the loss is not a number")
    states = [each.state for each in SweepStorage(folder).trials()]
    assert states == ["complete", "failed"]
    del storage
    gc.collect()  # while the warnings of what is still open are ignored


def test_a_pause_is_not_part_of_a_trials_time(tmp_path: Path) -> None:
    """The time between processes that work on it, or before one that only notes that it failed."""
    folder, storage = _started(tmp_path, _experiment())
    storage.begin()
    storage.count_start(0)
    storage.report(0, 1, 0.5)
    time.sleep(1)
    other = SweepStorage(folder)
    other.count_start(0)
    other.complete(0, {"accuracy": 0.5})
    other.begin()
    other.fail(1, "no process that began it came to its end")
    seconds = [each.seconds or 0 for each in other.trials()]
    assert 0 < seconds[0] < 1
    assert seconds[1] == 0


def test_failing_trials_end_a_sweep(tmp_path: Path) -> None:
    """A layer that does not fit is the reason of a failed trial; too many in a row are the end."""
    space = "    model.layers[0].Conv2D.kernel_size: {int: [9, 12]}\n"
    folder, storage = _started(tmp_path, _experiment("  max_failures: 2\n", space))
    seen: list[Trial] = []
    with pytest.raises(RunError, match=r"failed:\n.*Conv2D: the image is only 8 x 8") as error:
        work(folder, storage, lambda _folder, _trials, trial: seen.append(trial), device="cpu")
    assert "`imgrec sweep resume tiny` continues it" in error.value.hint
    assert [each.state for each in seen] == ["running", "failed"] * 2
