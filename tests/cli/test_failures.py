"""The whole of what each failure prints, and its exit status."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from imgrec.runs.card_file import read_card
from tests.cli.transcript import settled, transcript
from tests.forks import StartFork

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Trained = tuple[Path, Process]

CONFIG = """\
name: tiny
data: {root: photos, image_size: [8, 8], split: {validation: 0.25, test: 0.25}}
preprocessing: {rescale: 1/255}
model:
  layers:
    - Flatten
    - Dense: {units: 100}
training: {epochs: 1}
"""
WRONG = """\
name: wrong
data: {root: photos, image_size: [8, 8], batchsize: 4}
model:
  layers:
    - Conv2d: {filters: 8, kernel_size: 3}
    - Dense: {units: many}
training:
  epochs: 0
"""
TOO_LARGE = os.strerror(errno.EFBIG).lower()

# A name that would print another line, and steer the terminal.
EVIL = "x\nimgrec: error: \x1b[31mforged.png"


@pytest.fixture
def here(tmp_path: Path, photos: Path) -> Path:
    """Return the working directory: `tiny.yaml` and its images in `photos`."""
    assert photos.parent == tmp_path
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def broken(tmp_path: Path, trained: Trained) -> Path:
    """Return a copy of the run `digits-1` that a test may break."""
    return shutil.copytree(trained[0] / "digits-1", tmp_path / "runs" / "digits-1")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="not text"),
        pytest.param(b"", id="empty"),
        pytest.param(b"- 1\n", id="list"),
        pytest.param(b"name: x\nname: y\n", id="repeated key"),
    ],
)
def test_no_config(
    content: bytes | None, imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """A config that is missing or can't be read is reported by file and line."""
    if content is not None:
        (tmp_path / "x.yaml").write_bytes(content)
    process = imgrec("train", "x.yaml")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_an_empty_folder(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """An empty folder is looked at as a folder of images."""
    (tmp_path / "photos").mkdir()
    process = imgrec("train", "photos")
    assert process.returncode == 3
    assert transcript(process) == snapshot


def test_every_mistake_in_a_config_at_once(
    imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """Unknown key, unknown layer and wrong values come with their lines and what is meant."""
    (tmp_path / "wrong.yaml").write_text(WRONG)
    process = imgrec("train", "wrong.yaml", "--set", "training.epoch=3")
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_the_traceback_of_a_failure(imgrec: Imgrec) -> None:
    """--traceback shows where it happened, above the same lines."""
    plain, shown = imgrec("train", "x.yaml"), imgrec("train", "x.yaml", "--traceback")
    assert shown.returncode == plain.returncode
    assert shown.stderr.startswith("Traceback (most recent call last):\n")
    assert shown.stderr.endswith(plain.stderr)


def test_an_output_that_does_not_fit(
    imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion
) -> None:
    """One sigmoid unit for three classes is reported with its line, before anything is trained."""
    (here / "tiny.yaml").write_text(CONFIG.replace("  layers:", "  output: sigmoid\n  layers:"))
    shutil.copytree(here / "photos" / "cat", here / "photos" / "emu")
    process = imgrec("train", "tiny.yaml")
    assert process.returncode == 2
    assert transcript(process) == snapshot


@pytest.mark.parametrize("root", ["gone", "tiny.yaml", "hollow", "half", "single", "few"])
def test_no_data(root: str, imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion) -> None:
    """Where there is nothing to learn from, status 3 says which folder lacks what."""
    (here / "hollow").mkdir()
    shutil.copytree(here / "photos", here / "half")
    (here / "half" / "\x1b[2Jemu").mkdir()
    shutil.copytree(here / "photos" / "cat", here / "single" / "cat")
    shutil.copytree(here / "photos" / "dog", here / "few" / "dog")
    (here / "few" / "cat").mkdir()
    shutil.copy(here / "photos" / "cat" / "0.png", here / "few" / "cat")
    process = imgrec("train", "tiny.yaml", "--set", f"data.root={root}")
    assert process.returncode == 3
    assert transcript(process) == snapshot
    assert not (here / "runs").exists()


def spoil(photos: Path) -> None:
    """Break three of the 24 images."""
    (photos / "cat" / "0.png").write_text("no image")
    (photos / "cat" / "0.png").rename(photos / "cat" / EVIL)
    (photos / "dog" / "1.png").write_bytes((photos / "dog" / "1.png").read_bytes()[:50])
    (photos / "dog" / "2.png").write_bytes(b"")


def test_what_quick_does_not_use_is_said(imgrec: Imgrec, here: Path) -> None:
    """The network of a config is not replaced silently."""
    assert (here / "tiny.yaml").is_file()
    process = imgrec("train", "tiny.yaml", "--quick", "--seeds", "2")
    assert process.returncode == 2
    assert process.stderr.startswith(
        "--quick has its own preprocessing, augmentation, model, training and image size: "
        "those of tiny.yaml are not used\n"
    )


def test_unreadable_images_stop_a_training(
    imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion
) -> None:
    """They are counted and named, with names that forge no line; nothing is written."""
    spoil(here / "photos")
    process = imgrec("train", "tiny.yaml")
    assert process.returncode == 3
    assert transcript(process) == snapshot
    assert not (here / "runs").exists()


@pytest.mark.tensorflow
def test_unreadable_images_may_be_left_out(
    imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion
) -> None:
    """The same lines, as a warning, and the run says how many it left out."""
    spoil(here / "photos")
    arguments = ["--set", "data.bad_images=skip", "--device", "cpu"]
    process = imgrec("train", "tiny.yaml", *arguments)
    assert process.returncode == 0
    start, _, epoch = process.stderr.partition("epoch 1/1 ")
    assert settled(start) == snapshot
    _, temperature, exported, *copies = epoch.splitlines()
    few = "the probabilities are not calibrated: 5 validation images, at least 10 needed"
    assert temperature == few
    assert exported.startswith("runs/tiny-1/model.tflite: on 5 validation images 100.0 % of ")
    assert copies[0].startswith("leakage: same file in several splits: 21; same file under several")
    assert read_card(here / "runs" / "tiny-1").skipped == 3


def test_a_bad_image_takes_one_line(
    imgrec: Imgrec, tmp_path: Path, trained: Trained, snapshot: SnapshotAssertion
) -> None:
    """A name that forges lines forges none where the first bad image ends an evaluation."""
    (tmp_path / "data" / "0").mkdir(parents=True)
    (tmp_path / "data" / "0" / EVIL).write_text("no image")
    process = imgrec("evaluate", "--data", "data", "--runs-dir", str(trained[0]))
    assert (process.returncode, process.stdout) == (3, "")
    assert settled(process.stderr.splitlines()[-1]) == snapshot


def test_photos_that_fail_among_good_ones(
    imgrec: Imgrec, tmp_path: Path, trained: Trained, snapshot: SnapshotAssertion
) -> None:
    """Each photo has its line in the table, the reasons of the failing ones follow; status is 3."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    (tmp_path / EVIL).write_text("no image")
    (tmp_path / "photos").mkdir()
    photos = ["gone.png", "photos/../good.png", "-", "good.png/x.png"]
    process = imgrec("predict", *photos[:2], EVIL, photos[3], "--runs-dir", str(trained[0]))
    assert process.returncode == 3
    assert settled(process.stderr) == snapshot
    rows = [line.split() for line in process.stdout.splitlines() if line.strip()]
    assert rows[:2] == [["photo", "class", "probability"], ["gone.png", "can't", "be", "used"]]
    assert "\ngone.png: no such file\n" in process.stdout
    assert (rows[2][0], rows[2][3], len(rows[2])) == ("photos/../good.png", "%", 4)
    assert [len(row) for row in rows[3:7]] == [3] * 4
    assert "\x1b" not in process.stdout


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_text(text)


def _remove(name: str) -> Callable[[Path], object]:
    return lambda run: (run / name).unlink()


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(_write("card.json", '{"schema_version": 2, "name"'), id="card cut off"),
        pytest.param(
            _write("card.json", '{"schema_version": 1, "name": "x"}'),
            id="card of an earlier version",
        ),
        pytest.param(_write("card.json", '{"schema_version": 3}'), id="card of a later version"),
        pytest.param(_remove("card.json"), id="no card"),
        pytest.param(_write("model.tflite", "other"), id="another model"),
        pytest.param(_remove("config.yaml"), id="no config"),
        pytest.param(_write("config.yaml", "name: x\nname: y\n"), id="wrong config"),
        pytest.param(_remove("images.csv"), id="no list of images"),
        pytest.param(_write("images.csv", "other\n1\n"), id="wrong list of images"),
    ],
)
def test_a_broken_run(
    break_it: Callable[[Path], object], imgrec: Imgrec, broken: Path, snapshot: SnapshotAssertion
) -> None:
    """What is wrong with a run is reported by file, before TensorFlow is loaded."""
    break_it(broken)
    process = imgrec("evaluate", "digits-1")
    assert process.returncode == 4
    assert transcript(process) == snapshot


def test_a_broken_run_among_others(imgrec: Imgrec, broken: Path) -> None:
    """A run that can't be read is listed below the others, with the reason."""
    shutil.copytree(broken, broken.with_name("digits-2"))
    (broken / "card.json").write_text("[]")
    process = imgrec("runs", "list")
    assert (process.returncode, process.stderr) == (0, "")
    lines = process.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "digits-2", "digits-1"]
    assert lines[-1].endswith("runs/digits-1/card.json is damaged: it is not a JSON object")


@pytest.mark.parametrize("run", ["photos", "photos/cat/0.png", pytest.param("a\nb", id="a b")])
@pytest.mark.usefixtures("photos")
def test_no_run(run: str, imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """A path that is not a run is reported by every command that takes a run."""
    process = imgrec("evaluate", run)
    assert process.returncode == 4
    assert transcript(process) == snapshot
    for others in (["predict", "photos", "--model", run], ["train", "--resume", run]):
        other = imgrec(*others)
        assert (other.returncode, other.stdout, other.stderr) == (4, "", process.stderr)


@pytest.mark.tensorflow
def test_missing_weights(imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion) -> None:
    """A missing file of weights is named, and what `weights` takes."""
    layers = "  backbone: {name: MobileNetV2, weights: gone.h5}\n  layers:\n    - Flatten\n"
    config = CONFIG.partition("preprocessing")[0].replace("8, 8", "32, 32")
    (here / "tiny.yaml").write_text(f"{config}model:\n{layers}training: {{}}\n")
    process = imgrec("train", "tiny.yaml", "--dry-run", "--device", "cpu")
    assert (process.returncode, process.stdout) == (4, "")
    assert process.stderr.partition("\n")[2] == snapshot


@pytest.mark.tensorflow
def test_missing_weights_of_layers(imgrec: Imgrec, here: Path) -> None:
    """A dry run reads the file of a network that is written out, as the training would."""
    (here / "tiny.yaml").write_text(CONFIG.replace("model:", "model:\n  weights: gone.h5\n"))
    process = imgrec("train", "tiny.yaml", "--dry-run", "--device", "cpu")
    assert (process.returncode, process.stdout) == (4, "")
    assert "gone.h5" in process.stderr


@pytest.mark.parametrize("dry_run", [[], ["--dry-run"]], ids=["train", "dry run"])
def test_a_weight_of_a_class_that_is_not_there(
    dry_run: list[str], imgrec: Imgrec, here: Path
) -> None:
    """It is reported with its line before an image is read, and no run is left."""
    config = CONFIG.replace("training: {", "training: {class_weight: {dogs: 2}, ")
    (here / "tiny.yaml").write_text(config)
    process = imgrec("train", "tiny.yaml", *dry_run)
    assert (process.returncode, process.stdout) == (2, "")
    assert "training.class_weight.dogs: the data has no class dogs; did you mean dog?" in (
        process.stderr
    )
    assert not (here / "runs").exists()


@pytest.mark.parametrize("place", ["file", "file/runs"])
def test_a_file_in_the_way(
    place: str, imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion
) -> None:
    """A runs folder that can't be one is reported before any image is read."""
    (here / "file").touch()
    process = imgrec("train", "tiny.yaml", "--runs-dir", place)
    assert process.returncode == 4
    assert transcript(process) == snapshot


def test_a_folder_that_is_read_only(imgrec: Imgrec, here: Path) -> None:
    """A runs folder that may not be written is reported before any image is read."""
    (here / "runs").mkdir(mode=0o555)
    if os.access(here / "runs", os.W_OK):
        pytest.skip("this user may write anywhere")
    process = imgrec("train", "tiny.yaml")
    assert (process.returncode, process.stdout) == (4, "")
    assert "runs can't be written: permission denied\n" in process.stderr


def test_an_output_that_can_not_be_written(
    imgrec: Imgrec, here: Path, snapshot: SnapshotAssertion
) -> None:
    """A folder that isn't there is named by every command that writes a file."""
    process = imgrec("config", "copy", "small_cnn", "gone/x.yaml")
    assert process.returncode == 4
    assert transcript(process) == snapshot
    other = imgrec("init", "photos", "--output", "gone/x.yaml")
    assert (other.returncode, other.stdout, other.stderr) == (4, "", process.stderr)
    assert not (here / "gone").exists()


@pytest.mark.tensorflow
def test_a_disk_that_fills_up_in_the_middle(fork: StartFork, imgrec: Imgrec, here: Path) -> None:
    """The training ends at the file that found no room; what is there is whole and goes on.

    A limit on the size of files, as a full disk, breaks off the checkpoint of an epoch.
    """
    resource = pytest.importorskip("resource", reason="no limits of this kind on this system")
    if not hasattr(resource, "prlimit"):
        pytest.skip("no limits on another process on this system")
    arguments = ["--set", "training.epochs=1000", "--device", "cpu"]
    with fork("train", "tiny.yaml", *arguments) as process:
        assert any(line.startswith("epoch 2/1000 ") for line in process.stderr)
        # The model's file is smaller, a checkpoint with the optimizer's state larger.
        limit = 150_000
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        lines = [line for line in process.stderr if not line.startswith("epoch ")]
        assert process.wait(60) == 4
    run = here / "runs" / "tiny-1"
    checkpoints = sorted((run / "state").iterdir())
    last = int(checkpoints[-1].stem.split("-")[1])
    failed = f"runs/tiny-1/state/epoch-{last + 1:06d}-step-000000000.npz"
    assert lines == [
        f"stopped; `imgrec train --resume runs/tiny-1` resumes after epoch {last}\n",
        f"imgrec: error: {failed} can't be written: {TOO_LARGE}\n",
        "hint: free some space, or choose a folder that is writable\n",
    ]
    assert not list(run.rglob(".partial-*"))
    for checkpoint in checkpoints:
        with np.load(checkpoint) as arrays:
            assert all(arrays[name].nbytes for name in arrays)

    answer = imgrec("predict", "photos/cat/0.png", "--model", "tiny-1", "--json")
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["model"] == "tiny-1"
    resumed = imgrec("train", "--resume", "tiny-1", "--set", f"training.epochs={last + 1}")
    assert resumed.returncode == 0
    assert f"run: runs/tiny-1 resumes after epoch {last}\n" in resumed.stderr
    assert (read_card(run).complete, read_card(run).epochs) == (True, last + 1)
    assert resumed.stdout.endswith("next:   imgrec predict PHOTO --model runs/tiny-1\n")
