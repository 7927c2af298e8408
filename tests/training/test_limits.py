"""What ends a training from outside: a full disk, memory that is too small."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError, RunError
from imgrec.runs.folder import find
from imgrec.training.checkpoint import newest_place
from imgrec.workflows.training import resume, train
from tests.conftest import FEW_STEPS, TINY, mounted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 450 kB."""
    with mounted(tmp_path / "disk", "450k") as folder:
        yield folder


def test_a_full_disk_stops_the_training(small_disk: Path) -> None:
    """The file is named, the last checkpoint is whole, and with room again the training goes on."""
    settings = ["training.checkpoint.keep=all", "training.epochs=9", *FEW_STEPS]
    small = parse(TINY, "tiny.yaml", settings)
    with pytest.raises(RunError, match=r"tiny-1/.* can't be written: no space left") as caught:
        train(small, runs_dir=small_disk)
    assert "free some space" in caught.value.hint
    run = find("tiny-1", small_disk)
    assert not list(run.path.rglob(".partial-*"))
    assert newest_place(run.state) in {f"after epoch {epoch}" for epoch in range(1, 9)}
    subprocess.run(
        ["mount", "-o", "remount,size=20m", str(small_disk)],  # noqa: S607 - found on PATH
        check=True,
    )
    assert resume(run, overrides=["training.export=[]"]).run.card.epochs == 9


@pytest.mark.parametrize(
    "layer", ["Dense: {units: 2000000000}", "Conv2D: {filters: 2000000000, kernel_size: 3}"]
)
def test_a_layer_with_too_many_weights_is_refused(tmp_path: Path, layer: str) -> None:
    """Its line and the limit are named, and nothing is written."""
    config = TINY.replace("    - Flatten\n", f"    - {layer}\n    - Flatten\n")
    with pytest.raises(ConfigError, match=r"tiny.yaml, line 9: .* at most 1,000,000,000 are"):
        train(parse(config, "tiny.yaml"), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_numbers_that_do_not_fit_into_the_memory_are_reported(tmp_path: Path) -> None:
    """What to lower is named, and no model is written."""
    large = "    - ZeroPadding2D: {padding: 1000000}\n    - GlobalAveragePooling2D\n"
    config = TINY.replace("    - Flatten\n", large)
    with pytest.raises(RunError, match="the memory is too small for this model") as caught:
        train(parse(config, "tiny.yaml"), runs_dir=tmp_path / "runs")
    assert "data.batch_size (32)" in caught.value.hint
    assert not list((tmp_path / "runs").rglob("*.keras"))
