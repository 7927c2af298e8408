"""Heat maps of the mistakes come into the report where they can be had, and stop nothing."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.records import Record
from imgrec.evaluation.error_analysis import Mistake
from imgrec.runs.folder import Run
from imgrec.workflows.reports import heat_maps

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60), np.uint8)
RECORDS = (
    Record("a", 0, PIXELS),
    Record("b", 1, PIXELS),
    Record("gone", 0, Path("gone.png")),
)


def test_what_speaks_for_the_wrong_class(trained: Run) -> None:
    """A picture of each mistake, as large as the thumbnail; of a class that was missed, too."""
    taken, missed = Mistake("a", "0", "3", 0.1, 0.8, 0), Mistake("b", "4", "not 4", 0.2, 0.8, 1)
    found = heat_maps(trained, [taken, missed, Mistake("gone", "0", "3", 0, 1, 2)], RECORDS)
    assert {each: (one.width, one.height) for each, one in found.items()} == {
        taken: (60, 40),
        missed: (60, 40),
    }
    assert found[taken] != found[missed]


def test_without_a_model_there_are_none(
    trained: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why; where there is no mistake, nothing is opened."""
    run = Run(Path(shutil.copytree(trained.path, tmp_path / "run")), trained.card)
    for file in ("best.keras", "model.tflite"):
        (run.path / file).unlink()
    with caplog.at_level(logging.WARNING, "imgrec"):
        assert heat_maps(run, [], RECORDS) == {}
        assert not caplog.messages
        assert heat_maps(run, [Mistake("a", "0", "3", 0.1, 0.8, 0)], RECORDS) == {}
    assert caplog.messages[-1].startswith("no heat maps in the report: ")


def test_a_large_model_is_looked_into(trained: Run, tmp_path: Path) -> None:
    """Without its LiteRT file, and TensorFlow at hand, Grad-CAM says where."""
    run = Run(Path(shutil.copytree(trained.path, tmp_path / "run")), trained.card)
    (run.path / "model.tflite").unlink()
    assert heat_maps(run, [Mistake("a", "0", "3", 0.1, 0.8, 0)], RECORDS)
