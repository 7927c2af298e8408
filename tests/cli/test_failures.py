"""The whole of what each failure prints, and its exit status, in real processes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config import shipped
from imgrec.data.images.files import FORMATS
from imgrec.runs.card_file import read_card

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]
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
SHIPPED = ", ".join(shipped.names())
CONFIG_HINT = (
    "hint: `imgrec config show small_cnn` prints a config that works; "
    "`imgrec config schema` lists all\n"
)
LAYOUT = "images belong into one folder per class, such as photos/cat/1.jpg and photos/dog/1.jpg\n"
FOLDER_TOO = "`imgrec train` takes a folder of class folders too"
LOADERS = (
    "set data.loader to one of folder, csv, npz, pickle, idx, tfrecord, keras, digits, shapes\n"
)
RUNS_HINT = "hint: `imgrec runs list` shows the runs that can be used\n"
NO_IMAGE = f"not an image, or not in one of these formats: {', '.join(FORMATS)}"
FULL_HINT = "hint: free some space, or choose another folder that you may write to\n"
TOO_LARGE = os.strerror(errno.EFBIG)

# A name that would print a line of its own, and steer the terminal.
EVIL = "x\nimgrec: error: \x1b[31mforged.png"
EVIL_SHOWN = r"x\nimgrec: error: \x1b[31mforged.png"


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


def failure(process: Process) -> tuple[int, str, str]:
    """Return the exit status and all that was printed."""
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "x.yaml: no such config file\nhint: give a YAML file, or a shipped config: "),
        (b"\x89PNG\r\n\x1a\n", "x.yaml has 1 problem\n  line 1  byte 0x89 is not UTF-8\n"),
        (b"", "x.yaml has 1 problem\n  line 1  the config is empty\n"),
        (b"- 1\n", "x.yaml has 1 problem\n  line 1  the config is not a mapping of keys to "),
        (
            b"name: x\nname: y\n",
            "x.yaml has 1 problem\n  line 2  key 'name' stands here again, see line 1\n",
        ),
    ],
)
def test_no_config(content: bytes | None, message: str, imgrec: Imgrec, tmp_path: Path) -> None:
    """A config that is missing or can't be read is told by file and line."""
    if content is not None:
        (tmp_path / "x.yaml").write_bytes(content)
    ending = f"{SHIPPED}; {FOLDER_TOO}\n" if content is None else CONFIG_HINT
    if message.endswith("keys to "):
        ending = f"values\n{ending}"
    expected = f"imgrec: error: {message}{ending}"
    assert failure(imgrec("train", "x.yaml")) == (2, "", expected)


def test_a_folder_is_no_config(imgrec: Imgrec, tmp_path: Path) -> None:
    """An empty folder is looked at as a folder of images."""
    (tmp_path / "photos").mkdir()
    assert failure(imgrec("train", "photos")) == (
        3,
        "",
        f"imgrec: error: no images in photos\nhint: {LAYOUT}",
    )


def test_every_mistake_in_a_config_at_once(imgrec: Imgrec, tmp_path: Path) -> None:
    """Unknown key, unknown layer and wrong values come with their lines and what is meant."""
    (tmp_path / "wrong.yaml").write_text(WRONG)
    process = imgrec("train", "wrong.yaml", "--set", "training.epoch=3")
    assert (process.returncode, process.stdout) == (2, "")
    assert re.sub("allowed: .*", "allowed: ...", process.stderr) == (
        "imgrec: error: wrong.yaml has 5 problems\n"
        "  line 2  data.batchsize: unknown key; did you mean 'batch_size'? allowed: ...\n"
        "  line 5  model.layers[0]: unknown layer 'Conv2d'; did you mean 'Conv2D'? allowed: ...\n"
        "  line 6  model.layers[1].Dense.units: 'many' is not a whole number\n"
        "  line 8  training.epochs: must be greater than 0, got 0\n"
        "  --set   training.epoch: unknown key; did you mean 'epochs'? allowed: ...\n" + CONFIG_HINT
    )


def test_the_traceback_of_a_failure(imgrec: Imgrec) -> None:
    """--traceback shows where it happened, above the same lines."""
    plain, shown = imgrec("train", "x.yaml"), imgrec("train", "x.yaml", "--traceback")
    assert shown.returncode == plain.returncode
    assert shown.stderr.startswith("Traceback (most recent call last):\n")
    assert shown.stderr.endswith(plain.stderr)


def test_an_output_that_does_not_fit(imgrec: Imgrec, here: Path) -> None:
    """One sigmoid unit for three classes is told with its line, before anything is trained."""
    (here / "tiny.yaml").write_text(CONFIG.replace("  layers:", "  output: sigmoid\n  layers:"))
    shutil.copytree(here / "photos" / "cat", here / "photos" / "emu")
    assert failure(imgrec("train", "tiny.yaml")) == (
        2,
        "",
        "imgrec: error: tiny.yaml has 1 problem\n"
        "  line 5  model.output: sigmoid is one unit for two classes, and the data has 3; "
        "use softmax, or data.multi_label where an image has several\n" + CONFIG_HINT,
    )


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (
            "gone",
            "no folder gone\nhint: check the path, or name another: --set data.root=FOLDER\n",
        ),
        (
            "tiny.yaml",
            f"what reads tiny.yaml can't be told from its name\nhint: for a file, {LOADERS}",
        ),
        ("hollow", "no images in hollow\nhint: " + LAYOUT.replace("photos", "hollow")),
        (
            "half",
            (
                "no images in class folder \\x1b[2Jemu of half\n"
                "hint: put images there, or remove the folder\n"
            ),
        ),
        (
            "single",
            (
                "only one class in single: cat\nhint: a classifier needs at least two; in folders, "
                "images belong into one folder per class, such as cat/1.jpg and dog/1.jpg\n"
            ),
        ),
        (
            "few",
            (
                "too few images to divide into 3 parts: cat (1)\n"
                "hint: every class needs at least 3 images: add some, or split into fewer parts\n"
            ),
        ),
    ],
)
def test_no_data(root: str, message: str, imgrec: Imgrec, here: Path) -> None:
    """Where there is nothing to learn from, status 3 says which folder lacks what."""
    (here / "hollow").mkdir()
    shutil.copytree(here / "photos", here / "half")
    (here / "half" / "\x1b[2Jemu").mkdir()
    shutil.copytree(here / "photos" / "cat", here / "single" / "cat")
    shutil.copytree(here / "photos" / "dog", here / "few" / "dog")
    (here / "few" / "cat").mkdir()
    shutil.copy(here / "photos" / "cat" / "0.png", here / "few" / "cat")
    process = imgrec("train", "tiny.yaml", "--set", f"data.root={root}")
    assert failure(process) == (3, "", f"imgrec: error: {message}")
    assert not (here / "runs").exists()


def spoil(photos: Path) -> str:
    """Break three of the 24 images and return the lines that tell so."""
    (photos / "cat" / "0.png").write_text("no image")
    (photos / "cat" / "0.png").rename(photos / "cat" / EVIL)
    (photos / "dog" / "1.png").write_bytes((photos / "dog" / "1.png").read_bytes()[:50])
    (photos / "dog" / "2.png").write_bytes(b"")
    return (
        "3 of 24 images can't be read\n"
        f"  cat/{EVIL_SHOWN}: {NO_IMAGE}\n"
        "  dog/1.png: broken image (image file is truncated)\n"
        "  dog/2.png: empty file\n"
    )


def test_unreadable_images_stop_a_training(imgrec: Imgrec, here: Path) -> None:
    """They are counted and named, with names that forge no line; nothing is written."""
    lines = spoil(here / "photos")
    hint = "hint: mend or remove them, or set data.bad_images to skip\n"
    kept = "images: 21 kept in memory (5 kB)\n"
    assert failure(imgrec("train", "tiny.yaml")) == (3, "", f"{kept}imgrec: error: {lines}{hint}")
    assert not (here / "runs").exists()


def test_unreadable_images_may_be_left_out(imgrec: Imgrec, here: Path) -> None:
    """The same lines, as a warning, and the run says how many it left out."""
    lines = spoil(here / "photos")
    arguments = ["--set", "data.bad_images=skip", "--device", "cpu"]
    process = imgrec("train", "tiny.yaml", *arguments)
    assert process.returncode == 0
    start, _, epoch = process.stderr.partition("epoch 1/1 ")
    start = re.sub(r"CPU \(\d+ cores\)", "CPU", start)
    kept = "images: 21 kept in memory (5 kB)\n"
    left_out = "left out, as data.bad_images says\n"
    assert start.startswith(f"{kept}{lines}{left_out}device: CPU\nrun: runs/tiny-1\n")
    _, temperature, exported, *copies = epoch.splitlines()
    assert temperature.startswith("temperature ")
    assert exported.startswith("runs/tiny-1/model.tflite: on 5 validation images 100.0% of ")
    assert copies[0].startswith("21 images are the same file in several splits, 21 under several")
    assert read_card(here / "runs" / "tiny-1").skipped == 3


def test_a_bad_image_is_told_on_one_line(imgrec: Imgrec, tmp_path: Path, trained: Trained) -> None:
    """A name that forges lines forges none where the first bad image ends an evaluation."""
    (tmp_path / "data" / "0").mkdir(parents=True)
    (tmp_path / "data" / "0" / EVIL).write_text("no image")
    process = imgrec("evaluate", "--data", "data", "--runs-dir", str(trained[0]))
    assert (process.returncode, process.stdout) == (3, "")
    assert process.stderr.splitlines()[-1] == f"imgrec: error: 0/{EVIL_SHOWN}: {NO_IMAGE}"


def test_photos_that_fail_among_good_ones(imgrec: Imgrec, tmp_path: Path, trained: Trained) -> None:
    """Each good photo has its line in the table, each failing one its reason; status is 3."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    (tmp_path / EVIL).write_text("no image")
    (tmp_path / "photos").mkdir()
    photos = ["gone.png", "photos/../good.png", "-", "good.png/x.png"]
    process = imgrec("predict", *photos[:2], EVIL, photos[3], "--runs-dir", str(trained[0]))
    assert process.returncode == 3
    assert process.stderr.splitlines() == [
        "imgrec: error: 3 of 4 photos can't be used",
        "  gone.png: no such file",
        f"  {EVIL_SHOWN}: {NO_IMAGE}",
        "  good.png/x.png: not a directory",
    ]
    rows = [line.split() for line in process.stdout.splitlines() if line.strip()]
    assert rows[0] == ["photo", "class", "probability"]
    assert rows[2] == ["gone.png", "no", "such", "file"]
    assert (rows[3][0], rows[3][3], len(rows[3])) == ("photos/../good.png", "%", 5)
    assert [len(row) for row in rows[4:8]] == [4] * 4
    assert "\x1b" not in process.stdout


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (
            lambda run: (run / "card.json").write_text('{"schema_version": 1, "name"'),
            "runs/digits-1/card.json is damaged: "
            "Expecting ':' delimiter: line 1 column 29 (char 28)\n" + RUNS_HINT,
        ),
        (
            lambda run: (run / "card.json").write_text('{"schema_version": 2}'),
            (
                "runs/digits-1/card.json has schema version 2; this imgrec reads 1\n"
                "hint: use the imgrec that wrote it, or train again\n"
            ),
        ),
        (
            lambda run: (run / "card.json").unlink(),
            "runs/digits-1 is no run: it has no card.json\n" + RUNS_HINT,
        ),
        (
            lambda run: (run / "model.tflite").write_bytes(b"other"),
            (
                "runs/digits-1/model.tflite is not the file that the run's card describes\n"
                "hint: `imgrec export digits-1` writes it\n"
            ),
        ),
        (
            lambda run: (run / "config.yaml").unlink(),
            (
                "runs/digits-1/config.yaml can't be read: No such file or directory\n"
                "hint: train again\n"
            ),
        ),
        (
            lambda run: (run / "config.yaml").write_text("name: x\nname: y\n"),
            (
                "runs/digits-1/config.yaml has 1 problem\n"
                "  line 2  key 'name' stands here again, see line 1\n"
                "hint: train again\n"
            ),
        ),
        (
            lambda run: (run / "images.csv").unlink(),
            (
                "runs/digits-1/images.csv can't be read: No such file or directory\n"
                "hint: evaluate a folder with --data, or train again\n"
            ),
        ),
        (
            lambda run: (run / "images.csv").write_text("other\n1\n"),
            (
                "runs/digits-1/images.csv is damaged\n"
                "hint: evaluate a folder with --data, or train again\n"
            ),
        ),
    ],
)
def test_a_broken_run(
    break_it: Callable[[Path], object], message: str, imgrec: Imgrec, broken: Path
) -> None:
    """What is wrong with a run is told by file, before TensorFlow is loaded."""
    break_it(broken)
    assert failure(imgrec("evaluate", "digits-1")) == (4, "", f"imgrec: error: {message}")


def test_a_broken_run_among_others(imgrec: Imgrec, broken: Path) -> None:
    """A run that can't be read is named, and the others are listed without it."""
    shutil.copytree(broken, broken.with_name("digits-2"))
    (broken / "card.json").write_text("[]")
    process = imgrec("runs", "list")
    assert process.returncode == 0
    assert process.stderr == "left out: runs/digits-1/card.json is damaged: no JSON object\n"
    assert [line.split()[0] for line in process.stdout.splitlines()] == ["name", "digits-2"]


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("photos", "photos is no run: it has no card.json\n" + RUNS_HINT),
        (
            "photos/cat/0.png",
            "there is no run photos/cat/0.png: no such folder, and no such name in runs\n"
            + RUNS_HINT,
        ),
        (
            "a\nb",
            "there is no run a\\nb: no such folder, and no such name in runs\n" + RUNS_HINT,
        ),
    ],
)
@pytest.mark.usefixtures("photos")
def test_no_run(run: str, message: str, imgrec: Imgrec) -> None:
    """What is no run is told as such by every command that takes one."""
    expected = (4, "", f"imgrec: error: {message}")
    assert failure(imgrec("evaluate", run)) == expected
    assert failure(imgrec("predict", "photos", "--model", run)) == expected
    assert failure(imgrec("train", "--resume", run)) == expected


def test_missing_weights(imgrec: Imgrec, here: Path) -> None:
    """A file of weights that isn't there is named, and what may stand there."""
    layers = "  backbone: {name: MobileNetV2, weights: gone.h5}\n  layers:\n    - Flatten\n"
    config = CONFIG.partition("preprocessing")[0].replace("8, 8", "32, 32")
    (here / "tiny.yaml").write_text(f"{config}model:\n{layers}training: {{}}\n")
    process = imgrec("train", "tiny.yaml", "--dry-run", "--device", "cpu")
    assert (process.returncode, process.stdout) == (4, "")
    assert process.stderr.partition("\n")[2] == (
        "imgrec: error: the weights of MobileNetV2 are not there: gone.h5\n"
        "hint: `weights` takes a file, `imagenet` (downloaded once), or null\n"
    )


def test_missing_weights_of_layers(imgrec: Imgrec, here: Path) -> None:
    """A dry run reads the file of a network that is written out, as the training would."""
    (here / "tiny.yaml").write_text(CONFIG.replace("model:", "model:\n  weights: gone.h5\n"))
    process = imgrec("train", "tiny.yaml", "--dry-run", "--device", "cpu")
    assert (process.returncode, process.stdout) == (4, "")
    assert "gone.h5" in process.stderr


@pytest.mark.parametrize("place", ["file", "file/runs"])
def test_a_file_in_the_way(place: str, imgrec: Imgrec, here: Path) -> None:
    """A runs folder that can't be one is told before any image is read."""
    (here / "file").touch()
    assert failure(imgrec("train", "tiny.yaml", "--runs-dir", place)) == (
        4,
        "",
        (
            f"imgrec: error: {place} can't be written: a file stands where a folder should be\n"
            "hint: choose another folder\n"
        ),
    )


def test_a_folder_that_is_read_only(imgrec: Imgrec, here: Path) -> None:
    """A runs folder that may not be written is told before any image is read."""
    (here / "runs").mkdir(mode=0o555)
    if os.access(here / "runs", os.W_OK):
        pytest.skip("this user may write anywhere")
    assert failure(imgrec("train", "tiny.yaml")) == (
        4,
        "",
        (
            "imgrec: error: runs can't be written: Permission denied\n"
            "hint: choose another folder that you may write to\n"
        ),
    )


def test_an_output_that_can_not_be_written(imgrec: Imgrec, here: Path) -> None:
    """A folder that isn't there is named by every command that writes a file."""
    expected = (
        "imgrec: error: gone/x.yaml can't be written: no folder gone\n"
        "hint: make the folder, or choose another\n"
    )
    assert failure(imgrec("config", "copy", "small_cnn", "gone/x.yaml")) == (4, "", expected)
    assert failure(imgrec("init", "photos", "--output", "gone/x.yaml")) == (4, "", expected)
    assert not (here / "gone").exists()


def test_a_disk_that_fills_up_in_the_middle(start: Start, imgrec: Imgrec, here: Path) -> None:
    """The training ends at the file that found no room; what is there is whole and goes on.

    A limit on the size of files, as a full disk, breaks off the checkpoint of an epoch.
    """
    resource = pytest.importorskip("resource", reason="no limits of this kind on this system")
    if not hasattr(resource, "prlimit"):
        pytest.skip("no limits on another process on this system")
    arguments = ["--set", "training.epochs=1000", "--device", "cpu"]
    with start("train", "tiny.yaml", *arguments) as process:
        assert process.stderr is not None
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
        f"stopped; `imgrec train --resume runs/tiny-1` goes on after epoch {last}\n",
        f"imgrec: error: {failed} can't be written: {TOO_LARGE}\n",
        FULL_HINT,
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
    assert f"run: runs/tiny-1 goes on after epoch {last}\n" in resumed.stderr
    assert (read_card(run).complete, read_card(run).epochs) == (True, last + 1)
    assert resumed.stdout.endswith("next:   imgrec predict PHOTO --model runs/tiny-1\n")
