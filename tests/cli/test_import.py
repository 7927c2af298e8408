"""`imgrec import`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import ExportDocument, RunDocument
from tests.cli.documents import printed
from tests.cli.transcript import transcript
from tests.models.hostile import keras_file, layer, program, sequential

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

DIGITS = "\n".join("0123456789")


@pytest.fixture
def model(trained: tuple[Path, Process], tmp_path: Path) -> Path:
    """Return a `.keras` file, with a list of its classes and a folder of images beside it."""
    (tmp_path / "digits.txt").write_text(DIGITS)
    for name in ("3", "8"):
        (tmp_path / "images" / name).mkdir(parents=True)
        Image.new("L", (8, 8), int(name)).save(tmp_path / "images" / name / "1.png")
    shutil.copy(trained[0] / "digits-1" / "best.keras", tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


def _top(process: Process) -> dict[str, float]:
    (prediction,) = json.loads(process.stdout)["predictions"]
    return {each["class"]: each["probability"] for each in prediction["top"]}


@pytest.mark.usefixtures("forked_children", "model")
def test_an_imported_file_is_a_run(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """It predicts what the run predicts that the file is of, evaluates, is listed and exported."""
    options = ["--classes", "digits.txt", "--fit", "stretch", "--photos", "images"]
    process = imgrec("import", "mine.keras", *options)
    assert (process.returncode, process.stdout.splitlines()[0]) == (0, "run:  runs/mine-1")
    assert "model.tflite: on 2 photos 100.0 % of the answers" in process.stderr

    photo = "images/3/1.png"
    found = imgrec("predict", photo, "--json")
    own = imgrec("predict", photo, "--json", "--model", str(trained[0] / "digits-1"))
    assert _top(found) == pytest.approx(_top(own), abs=1e-4)

    evaluated = imgrec("evaluate", "mine-1", "--data", "images", "--json")
    assert json.loads(evaluated.stdout)["images"]["used"] == 2
    shown = imgrec("runs", "show", "mine-1").stdout
    assert "imported from" in shown
    assert "mine.keras (keras)" in shown
    assert "imported" in imgrec("runs", "list").stdout

    exported = imgrec("export", "mine-1", "--format", "keras", "--output", "it.keras", "--json")
    document = printed(ExportDocument, exported)
    assert (document.path, document.export_parity.format) == ("it.keras", "keras")


def test_what_an_imported_run_lacks_is_reported(
    imgrec: Imgrec, trained: tuple[Path, Process]
) -> None:
    """It has no images to evaluate, and no training to resume: exit status 2."""
    file = str(trained[0] / "digits-1" / "model.tflite")
    process = imgrec("import", file, "--name", "it", "--json")
    assert printed(RunDocument, process) == RunDocument(1, "it-1", "runs/it-1")
    evaluated = imgrec("evaluate", "it-1")
    assert (evaluated.returncode, evaluated.stdout) == (2, "")
    assert "it-1 was imported, so it has no images" in evaluated.stderr
    assert "--data" in evaluated.stderr
    resumed = imgrec("train", "--resume", "it-1")
    assert resumed.returncode == 2
    assert "no training to resume" in resumed.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["mine.keras", "--classes", "none.txt"], 3),
        (["mine.keras", "--classes", "two.txt"], 4),
        (["none.keras", "--classes", "two.txt"], 4),
        (["two.txt", "--classes", "two.txt"], 2),
        (["old.h5", "--classes", "two.txt"], 4),
        (["saved", "--classes", "two.txt"], 4),
        (["lambda.keras", "--classes", "two.txt"], 4),
        (["mine.keras"], 2),
        (["mine.keras", "--classes", "two.txt", "--rescale", "1/0"], 2),
        (["mine.keras", "--classes", "two.txt", "--image-size", "9"], 2),
        (["mine.keras", "--classes", "two.txt", "--preprocessing", "VGG"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_be_imported(
    imgrec: Imgrec, model: Path, arguments: list[str], status: int, snapshot: SnapshotAssertion
) -> None:
    """The reason in one line, its exit status, and nothing written or run."""
    folder = model.parent
    (folder / "two.txt").write_text("a\nb\n")
    (folder / "old.h5").write_bytes(b"\x89HDF")
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").touch()
    keras_file(folder / "lambda.keras", config=sequential(program(folder / "ran")))
    process = imgrec("import", *arguments)
    assert process.returncode == status
    assert transcript(process) == snapshot
    assert not (folder / "runs").exists()
    assert not (folder / "ran").exists()


def test_a_hostile_file_in_a_run_is_refused(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """A run that somebody sent is not trusted more than a file: its program does not run."""
    import hashlib

    run = tmp_path / "runs" / "sent-1"
    shutil.copytree(trained[0] / "digits-1", run)
    for exported in run.glob("*.tflite"):
        exported.unlink()
    config = sequential(layer("Dense", units=1, name="d"), program(tmp_path / "ran"))
    keras_file(run / "best.keras", config=config)
    card = json.loads((run / "card.json").read_text())
    card["hashes"] = {"best.keras": hashlib.sha256((run / "best.keras").read_bytes()).hexdigest()}
    (run / "card.json").write_text(json.dumps(card))
    Image.new("L", (8, 8)).save(tmp_path / "photo.png")
    process = imgrec("predict", "photo.png", "--model", "sent-1")
    assert process.returncode == 4
    assert "best.keras is refused: it contains a Lambda layer" in process.stderr
    assert not (tmp_path / "ran").exists()
