"""A run's card and files contradict each other at no moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from imgrec.errors import RunError
from imgrec.files import sha256, sha256_of
from imgrec.runs.card import BEST_MODEL, Calibration, Threshold
from imgrec.runs.card_file import read_card
from imgrec.runs.writer import RunWriter
from tests.runs.cards import CARD

CALIBRATION = Calibration(1.5, "validation", 20, 0.7, 0.6)
THRESHOLD = Threshold(0.8, "precision 0.98", "validation", 20, 0.75, 0.99)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with a calibrated best model."""
    with RunWriter(tmp_path) as writer:
        writer.begin(CARD)
        writer.write_model(BEST_MODEL, _saves(b"old"), calibration=CALIBRATION, threshold=THRESHOLD)
    return tmp_path


def _saves(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def test_a_model_is_written_with_its_hash(folder: Path) -> None:
    """Nothing is left of the announcement, and the calibration is that of the file."""
    card = read_card(folder)
    assert card.hashes == {BEST_MODEL: sha256(b"old")}
    assert card.calibration == structs.replace(CALIBRATION, model=sha256(b"old"))
    assert card.threshold == THRESHOLD


def test_what_was_fitted_to_the_old_model_goes_with_it(folder: Path) -> None:
    """The fields that come with the new one are on the card."""
    best = {"epoch": 1, "monitor": "loss", "value": 0.5}
    with RunWriter(folder) as writer:
        writer.write_model(BEST_MODEL, _saves(b"new"), best=best)
    card = read_card(folder)
    assert (card.best, card.calibration, card.threshold) == (best, None, None)
    assert card.hashes == {BEST_MODEL: sha256_of(folder / BEST_MODEL)}


@pytest.mark.parametrize("moved", [False, True])
def test_the_next_writer_catches_up_with_one_that_was_killed(folder: Path, *, moved: bool) -> None:
    """Whether the announced file took its place or not, the next card has the hash of the file."""
    announced = read_card(folder).announcing(BEST_MODEL, sha256(b"new"))
    with RunWriter(folder) as writer:
        writer.update(hashes=announced.hashes)
    if moved:
        (folder / BEST_MODEL).write_bytes(b"new")
    with RunWriter(folder) as writer:
        writer.update(epochs=3)
    card = read_card(folder)
    assert card.hashes == {BEST_MODEL: sha256(b"new" if moved else b"old")}
    assert (card.calibration is None) == moved


def test_an_announced_file_that_never_came(tmp_path: Path) -> None:
    """There was none before either: the card names none."""
    with RunWriter(tmp_path) as writer:
        writer.begin(CARD.announcing(BEST_MODEL, "1"))
    with RunWriter(tmp_path) as writer:
        assert writer.card.hashes == {}


def test_a_new_run_has_no_card_before_it_begins(tmp_path: Path) -> None:
    """What is written first makes no run of the folder."""
    with RunWriter(tmp_path) as writer:
        writer.write_text("config.yaml", "name: x\n")
        with pytest.raises(ValueError, match="has no card yet"):
            _ = writer.card
    assert not (tmp_path / "card.json").exists()


@pytest.mark.parametrize("link", ["state", "state/inside"])
def test_nothing_is_written_through_a_link(folder: Path, link: str) -> None:
    """A run from somebody else can't have checkpoints written elsewhere."""
    (folder / link).parent.mkdir(exist_ok=True)
    (folder / link).symlink_to(folder.parent)
    with RunWriter(folder) as writer, pytest.raises(RunError, match=f"{link} is a link"):
        writer.subfolder("state")
