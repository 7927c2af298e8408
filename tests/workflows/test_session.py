"""What a run records of the processes that trained it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imgrec.config.load import parse
from imgrec.errors import RunError
from imgrec.runs.folder import Run
from imgrec.runs.provenance import PROVENANCE_FILE, read_provenance
from imgrec.runs.writer import RunWriter
from imgrec.training.observers import EpochEnd, TrainingBegin
from imgrec.workflows.training.session import Moment, recorded_session, without_secrets
from tests.conftest import TINY

EXPERIMENT = parse(TINY, "tiny.yaml")


def test_a_trained_run_says_what_it_took(trained: Run) -> None:
    """Command, machine, and for each epoch time, processor time and memory."""
    found = read_provenance(trained.path)
    assert found is not None
    (session,) = found.sessions
    assert session.outcome == "finished"
    assert [each.epoch for each in session.epochs] == [1, 2]
    assert sum(each.seconds for each in session.epochs) < session.seconds
    assert 0 < session.epochs[0].cpu_seconds < session.cpu_seconds
    assert 10**8 < session.peak_memory < session.host.memory
    assert session.host.cores > 0
    assert session.repository is None


def test_each_process_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that failed, then one that resumed; of a killed one, what it had done."""
    monkeypatch.setattr(sys, "argv", ["/bin/imgrec", "train", "--set", "token=x"])
    with RunWriter(tmp_path) as writer:
        with pytest.raises(KeyboardInterrupt):
            _interrupted(writer)
        with recorded_session(writer, EXPERIMENT, Moment.now()) as two:
            two.epoch(_epoch(2))
    found = read_provenance(tmp_path)
    assert found is not None
    assert [each.outcome for each in found.sessions] == ["interrupted", "finished"]
    assert found.sessions[1].epochs[0].epoch == 2
    assert found.sessions[0].command == ("imgrec", "train", "--set", "token=***")
    assert found.seconds == sum(each.seconds for each in found.sessions)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    """It is not silently begun again."""
    (tmp_path / PROVENANCE_FILE).write_text("{")
    with (
        RunWriter(tmp_path) as writer,
        pytest.raises(RunError, match=r"provenance\.json can't be read"),
        recorded_session(writer, EXPERIMENT, Moment.now()),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["--password", "x", "y"], ["--password", "***", "y"]),
        (["--api-key=x"], ["--api-key=***"]),
        (["AWS_SECRET_ACCESS_KEY=x"], ["AWS_SECRET_ACCESS_KEY=***"]),
        (["tracking={uri: 'https://a:b@c/d'}"], ["tracking={uri: 'https://***@c/d'}"]),
        (["--set", "training.epochs=3", "a@b"], ["--set", "training.epochs=3", "a@b"]),
    ],
)
def test_secrets_are_not_stored(given: list[str], kept: list[str]) -> None:
    """Values whose names say that they are secret, and users in addresses; nothing else."""
    assert without_secrets(given) == tuple(kept)


def _interrupted(writer: RunWriter) -> None:
    with recorded_session(writer, EXPERIMENT, Moment.now()) as session:
        session.begin(TrainingBegin(writer.folder, 0, 0, 1, None))
        session.epoch(_epoch(1))
        running = read_provenance(writer.folder)
        assert running is not None
        assert [(each.outcome, len(each.epochs)) for each in running.sessions] == [("running", 1)]
        raise KeyboardInterrupt


def _epoch(number: int) -> EpochEnd:
    return EpochEnd(number, 2, {}, {}, improved=False, best=None, stopped=False)
