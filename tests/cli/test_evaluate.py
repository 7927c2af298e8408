"""`imgrec evaluate`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from imgrec.api import load
from tests.cli.transcript import transcript

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]


def test_the_last_run_as_json(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """Bare evaluate takes the last run and its test split, and finds what the training found."""
    runs, training = trained
    process = imgrec("evaluate", "--json", "--runs-dir", str(runs), "--device", "cpu")
    assert process.returncode == 0
    found, expected = json.loads(process.stdout), json.loads(training.stdout)
    del expected["path"]
    assert found.pop("test_looks") > expected.pop("test_looks") == 1
    assert found == expected


def test_a_split_for_people(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """The table begins with what was measured on what."""
    runs, _ = trained
    process = imgrec("evaluate", str(runs / "digits-1"), "--split", "validation")
    assert process.returncode == 0
    first, _, third = process.stdout.splitlines()[:3]
    assert first == "digits-1 on validation: digits"
    assert third.startswith("Accuracy ")


def test_no_run_is_4(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Where there is no run, exit status 4 says what to do."""
    process = imgrec("evaluate")
    assert process.returncode == 4
    assert transcript(process) == snapshot


def test_a_wrong_split_is_2(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A split that does not exist is refused."""
    process = imgrec("evaluate", "--split", "val")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_a_gate_that_is_not_met_is_1(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """Output first, then what was missed, and a clear last line; nothing else is 1."""
    runs, _ = trained
    arguments = ["evaluate", "--runs-dir", str(runs), "--require", "accuracy > 0.01"]
    met = imgrec(*arguments, "--baseline", "digits-1", "--json")
    assert met.returncode == 0
    document = json.loads(met.stdout)
    assert document["passed"] is True
    assert [each["met"] for each in document["requirements"]] == [True, True]
    assert document["comparison"]["differences"]["accuracy"]["finding"] == "equal"
    missed = imgrec(*arguments, "--require", "recall[3]>100 %")
    assert missed.returncode == 1
    assert "Requirements" in missed.stdout
    assert "not met  recall[3] > 1" in missed.stdout
    assert missed.stderr.splitlines()[-1] == ("imgrec: 1 of 2 requirements not met")


def test_a_gate_on_corrupted_images(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """A corruption is a slice, which a requirement can name."""
    runs, _ = trained
    arguments = ["evaluate", "--runs-dir", str(runs), "--rotate", "-90,180", "--jpeg", "5"]
    missed = imgrec(*arguments, "--require", "slice[rotate=180].accuracy > 99 %", "--json")
    assert missed.returncode == 1
    slices = json.loads(missed.stdout)["slices"]
    assert [each["name"] for each in slices] == ["rotate=-90", "rotate=180", "jpeg=5"]
    assert slices[2]["corruption"] == {"kind": "jpeg", "level": 5}
    assert slices[0]["difference"]["high"] < 0
    other = imgrec(*arguments, "--require", "slice[rotate=15].accuracy > 0.9")
    assert other.returncode == 2
    assert other.stderr.endswith("hint: use --rotate -90,180,15\n")
    wrong = imgrec(*arguments, "--blur", "2")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Invalid value for '--blur': '2' is not a number from 0 to 0.5" in wrong.stderr


def test_against_a_baseline_only_worse_is_1(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """Of photos that are what a model says, one that says the next class knows nothing."""
    good, poor = trained[0] / "digits-1", tmp_path / "poor-1"
    shutil.copytree(good, poor)
    card = json.loads((poor / "card.json").read_text())
    card["classes"] = [*card["classes"][1:], card["classes"][0]]
    (poor / "card.json").write_text(json.dumps(card))
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    for number, answer in enumerate(load(good).predict(pixels)):
        folder = tmp_path / "photos" / answer.top[0].class_name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[number, :, :, 0]).save(folder / f"{number}.png")
    for model, baseline, status in ((good, poor, 0), (poor, good, 1)):
        process = imgrec(
            *("evaluate", str(model), "--baseline", str(baseline)),
            *("--data", "photos", "--json"),
        )
        assert process.returncode == status, process.stderr
        finding = json.loads(process.stdout)["comparison"]["differences"]["accuracy"]["finding"]
        assert finding == ("worse" if status else "better")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--require", "acuracy > 1"],
        ["--max-drop", "acc=1"],
        ["--max-drop", "ece=1"],
        ["--max-drop", "accuracy=nan"],
        ["--max-drop", "accuracy"],
        ["--confidence", "nan"],
        ["--map", "cats="],
    ],
    ids=" ".join,
)
def test_a_gate_that_can_not_be_meant_is_2(
    imgrec: Imgrec, arguments: list[str], snapshot: SnapshotAssertion
) -> None:
    """It is refused before a run is looked for."""
    process = imgrec("evaluate", *arguments)
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_another_decoder_is_4_if_versions_are_strict(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """A run made before the decoder had a version is named, or refused with --strict-versions."""
    older = tmp_path / "older-1"
    shutil.copytree(trained[0] / "digits-1", older)
    card = json.loads((older / "card.json").read_text())
    del card["versions"]["decoder"]
    (older / "card.json").write_text(json.dumps(card))
    for options, status in ((("--report", "report.html"), 0), (("--strict-versions",), 4)):
        process = imgrec("evaluate", str(older), *options)
        assert process.returncode == status
        assert "older-1 was made with other versions" in process.stderr
        assert "decoder: 1 -> " in process.stderr
    assert "other versions now" in (tmp_path / "report.html").read_text()


def test_only_imgrec_speaks(
    process: Imgrec, trained: tuple[Path, Process], shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """What libtiff has to say of a broken file stays unsaid; the file is named."""
    broken = min(shared("data/awkward").glob("crash-*.tif"))
    (tmp_path / "data" / "0").mkdir(parents=True)
    shutil.copy(broken, tmp_path / "data" / "0" / "broken.tif")
    done = process("evaluate", "--data", "data", "--runs-dir", str(trained[0]))
    assert done.returncode == 3
    lines = [line for line in done.stderr.splitlines() if not line.startswith("device: ")]
    assert lines[0] == "data has no images of 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert lines[1:] == ["imgrec: error: 0/broken.tif: broken image (decoder error -2)"]
