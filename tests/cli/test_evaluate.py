"""`imgrec evaluate`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]


def test_the_last_run_as_json(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """Bare evaluate takes the last run and its test split, and finds what the training found."""
    runs, training = trained
    process = imgrec("evaluate", "--json", "--runs-dir", str(runs), "--device", "cpu")
    assert process.returncode == 0
    expected = json.loads(training.stdout)
    del expected["path"]
    assert json.loads(process.stdout) == expected


def test_a_split_for_people(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """The table begins with what was measured on what."""
    runs, _ = trained
    process = imgrec("evaluate", str(runs / "digits-1"), "--split", "validation")
    assert process.returncode == 0
    first, _, third = process.stdout.splitlines()[:3]
    assert first == "digits-1 on validation: digits"
    assert third.startswith("Accuracy ")


def test_no_run_is_4(imgrec: Imgrec) -> None:
    """Where there is no run, exit status 4 says what to do."""
    process = imgrec("evaluate")
    assert (process.returncode, process.stdout, process.stderr) == (
        4,
        "",
        (
            "imgrec: error: there is no complete run in runs\n"
            "hint: train one with `imgrec train CONFIG`, or say where the runs are with "
            "--runs-dir\n"
        ),
    )


def test_a_wrong_split_is_2(imgrec: Imgrec) -> None:
    """A split that there can't be is refused."""
    process = imgrec("evaluate", "--split", "val")
    assert (process.returncode, process.stderr) == (
        2,
        (
            "imgrec: error: Invalid value for '--split': 'val' is not one of 'train', "
            "'validation', 'test'.\nhint: `imgrec evaluate --help` shows what is allowed\n"
        ),
    )


def test_only_imgrec_speaks(
    imgrec: Imgrec, trained: tuple[Path, Process], shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """What libtiff has to say of a broken file stays unsaid; the file is named."""
    broken = min(shared("data/awkward").glob("crash-*.tif"))
    (tmp_path / "data" / "0").mkdir(parents=True)
    shutil.copy(broken, tmp_path / "data" / "0" / "broken.tif")
    process = imgrec("evaluate", "--data", "data", "--runs-dir", str(trained[0]))
    assert process.returncode == 3
    lines = [line for line in process.stderr.splitlines() if not line.startswith("device: ")]
    assert lines == ["imgrec: error: 0/broken.tif: broken image (decoder error -2)"]
