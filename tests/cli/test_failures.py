"""What users do wrong, or what happens to them: the whole output of each, and its exit status."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import PROJECT, Process

Imgrec = Callable[..., Process]

CONFIG = """name: t
data: {root: photos, image_size: [8, 8], split: {validation: 0.2}}
model: {layers: [Flatten], output: sigmoid}
training: {epochs: 1}
"""
HELP = (
    "hint: `imgrec config show small_cnn` prints a config that works; "
    "`imgrec config schema` lists all\n"
)
NO_IMAGE = (
    "not an image, or not in one of these formats: "
    "JPEG, PNG, GIF, BMP, WEBP, TIFF, PPM, AVIF, JPEG2000"
)
SHOW_RUNS = "hint: `imgrec runs list` shows the runs that can be used\n"


def told(process: Process) -> tuple[int, str, str]:
    """Return status, stdout and stderr."""
    return process.returncode, process.stdout, process.stderr


def make_photos(folder: Path, *classes: str, images: int = 10) -> None:
    """Write small pictures of noise into class folders of `folder`/photos."""
    random = np.random.default_rng(0)
    for name in classes:
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(images):
            pixels = random.integers(0, 256, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    (folder / "t.yaml").write_text(CONFIG)


def test_a_config_that_is_missing(imgrec: Imgrec) -> None:
    """The shipped ones are named."""
    assert told(imgrec("train", "missing.yaml")) == (
        2,
        "",
        (
            "imgrec: error: missing.yaml: no such config file\n"
            "hint: give a YAML file, or a shipped config: cat_dog, small_cnn, vgg16_transfer\n"
        ),
    )


def test_a_config_that_is_no_text(imgrec: Imgrec, tmp_path: Path) -> None:
    """The byte and the line are named."""
    (tmp_path / "t.yaml").write_bytes(b"\xff\xfe\x00")
    assert told(imgrec("train", "t.yaml")) == (
        2,
        "",
        f"imgrec: error: t.yaml has 1 problem\n  line 1  byte 0xff is not UTF-8\n{HELP}",
    )


def test_several_mistakes_in_a_config(imgrec: Imgrec, tmp_path: Path) -> None:
    """All at once, each with line, key, what is allowed and the nearest name."""
    (tmp_path / "t.yaml").write_text(
        "name: t\ndata: {root: photos, image_size: [8, 8]}\nmodel:\n  layers:\n"
        "    - Flatten2D\n    - Dense: {unit: 3}\n  output: softmix\ntraining: {epochs: ten}\n"
    )
    status, stdout, stderr = told(imgrec("train", "t.yaml"))
    lines = stderr.splitlines()
    assert (status, stdout, lines[0]) == (2, "", "imgrec: error: t.yaml has 4 problems")
    assert lines[1].startswith(
        "  line 5  model.layers[0]: unknown layer 'Flatten2D'; did you mean 'Flatten'? allowed: "
    )
    assert lines[2:] == [
        (
            "  line 6  model.layers[1].Dense.unit: unknown key; did you mean 'units'? allowed: "
            "activation, activity_regularizer, bias_initializer, bias_regularizer, "
            "kernel_initializer, kernel_regularizer, name, units, use_bias"
        ),
        (
            "  line 7  model.output: 'softmix' is not possible; did you mean 'softmax'? "
            "allowed: sigmoid, softmax"
        ),
        "  line 8  training.epochs: 'ten' is not a whole number",
        HELP.rstrip("\n"),
    ]


def test_an_output_that_does_not_fit_the_classes(imgrec: Imgrec, tmp_path: Path) -> None:
    """One sigmoid unit can't tell three classes apart."""
    make_photos(tmp_path, "a", "b", "c")
    assert told(imgrec("train", "t.yaml")) == (
        2,
        "",
        (
            "imgrec: error: t.yaml has 1 problem\n  line 3  model.output: sigmoid is one unit for "
            f"two classes, and the data has 3; use softmax\n{HELP}"
        ),
    )


def test_an_empty_class_folder(imgrec: Imgrec, tmp_path: Path) -> None:
    """It is named; what is a class and what is not is the user's to say."""
    make_photos(tmp_path, "a", "b")
    (tmp_path / "photos" / "c").mkdir()
    assert told(imgrec("train", "t.yaml")) == (
        3,
        "",
        (
            "imgrec: error: no images in class folder c of photos\n"
            "hint: put images there, or remove the folder\n"
        ),
    )


def test_a_single_class(imgrec: Imgrec, tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    make_photos(tmp_path, "a")
    assert told(imgrec("train", "t.yaml")) == (
        3,
        "",
        (
            "imgrec: error: only one class in photos: a\n"
            "hint: a classifier needs at least two; in folders, images belong into one folder per "
            "class, such as cat/1.jpg and dog/1.jpg\n"
        ),
    )


def test_no_images(imgrec: Imgrec, tmp_path: Path) -> None:
    """An empty folder is told how it should look."""
    make_photos(tmp_path)
    (tmp_path / "photos").mkdir()
    assert told(imgrec("train", "t.yaml")) == (
        3,
        "",
        (
            "imgrec: error: no images in photos\n"
            "hint: images belong into one folder per class, such as photos/cat/1.jpg and "
            "photos/dog/1.jpg\n"
        ),
    )


def test_unreadable_images_stop_the_training(imgrec: Imgrec, tmp_path: Path) -> None:
    """They are named and counted; a name can't write lines of its own; no run is made."""
    make_photos(tmp_path, "a", "b")
    (tmp_path / "photos" / "a" / "3.png").write_bytes(b"no")
    (tmp_path / "photos" / "b" / "x\x1b[31m\nimgrec: y.png").write_bytes(b"no")
    status, stdout, stderr = told(imgrec("train", "t.yaml"))
    assert (status, stdout) == (3, "")
    assert stderr[stderr.index("imgrec:") :] == (
        "imgrec: error: 2 of 21 images can't be read\n"
        f"  a/3.png: {NO_IMAGE}\n"
        f"  b/x\\x1b[31m\\nimgrec: y.png: {NO_IMAGE}\n"
        "hint: mend or remove them, or set data.bad_images to skip\n"
    )
    assert not (tmp_path / "runs").exists()


def test_photos_that_cannot_be_used(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """The others are answered; the failing ones are named in the output and on stderr."""
    make_photos(tmp_path, "a", images=1)
    photos = ["photos/a/0.png", "missing.png", "t.yaml"]
    process = imgrec(
        "predict", *photos, "--top", "1", "--format", "csv", "--runs-dir", str(trained[0])
    )
    header, answer, *failed = process.stdout.splitlines()
    assert header == "photo,rank,class,probability,error"
    assert answer.startswith("photos/a/0.png,1,")
    assert failed == ["missing.png,,,,no such file", f't.yaml,,,,"{NO_IMAGE}"']
    assert (process.returncode, process.stderr) == (
        3,
        (
            f"device: CPU ({os.cpu_count()} cores)\n"
            "imgrec: error: 2 of 3 photos can't be used\n"
            f"  missing.png: no such file\n  t.yaml: {NO_IMAGE}\n"
        ),
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("card", "runs/digits-1/card.json is damaged: "),
        ("model gone", "runs/digits-1/best.keras is missing\nhint: train again, or take "),
        (
            "model changed",
            "runs/digits-1/best.keras is not the file that the run's card describes\n",
        ),
        ("no card", "runs/digits-1 is no run: it has no card.json\n"),
    ],
)
def test_a_run_that_is_broken(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path, damage: str, message: str
) -> None:
    """What is wrong with which file, and where other runs are."""
    run = tmp_path / "runs" / "digits-1"
    shutil.copytree(trained[0] / "digits-1", run)
    if damage == "card":
        (run / "card.json").write_text("{")
    elif damage == "no card":
        (run / "card.json").unlink()
    elif damage == "model gone":
        (run / "best.keras").unlink()
    else:
        (run / "best.keras").write_bytes(b"other")
    status, stdout, stderr = told(imgrec("evaluate", "digits-1"))
    assert (status, stdout) == (4, "")
    assert stderr.startswith(f"imgrec: error: {message}")
    assert "imgrec runs list" in stderr
    assert len(stderr.splitlines()) == 2


def test_a_runs_folder_that_cannot_be_made(imgrec: Imgrec, tmp_path: Path) -> None:
    """It is told before anything is trained."""
    make_photos(tmp_path, "a", "b")
    (tmp_path / "runs").write_text("")
    status, stdout, stderr = told(imgrec("train", "t.yaml"))
    assert (status, stdout) == (4, "")
    assert stderr[stderr.index("imgrec:") :] == (
        "imgrec: error: runs can't be written: a file stands where a folder should be\n"
        "hint: choose another folder\n"
    )


def test_weights_that_are_not_there(imgrec: Imgrec, tmp_path: Path) -> None:
    """The file is named, and no run is made."""
    make_photos(tmp_path, "a", "b")
    (tmp_path / "t.yaml").write_text(
        "name: t\ndata: {root: photos, image_size: [32, 32], split: {validation: 0.2}}\n"
        "model: {backbone: {name: VGG16, weights: w.h5}, layers: [Flatten]}\n"
    )
    status, stdout, stderr = told(imgrec("train", "t.yaml"))
    assert (status, stdout) == (4, "")
    assert stderr[stderr.index("imgrec:") :] == (
        "imgrec: error: the weights of VGG16 are not there: w.h5\n"
        "hint: `weights` takes a file, `imagenet` (downloaded once), or null\n"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on the size of files")
def test_a_disk_that_fills_up_while_training(imgrec: Imgrec, tmp_path: Path) -> None:
    """One clear line, nothing half-written left, and the training goes on once there is room."""
    (tmp_path / "t.yaml").write_text(
        "name: t\ndata: {loader: digits, image_size: [8, 8], channels: 1}\n"
        "model: {layers: [Flatten, {Dense: {units: 64}}]}\ntraining: {epochs: 2}\n"
    )
    first = imgrec("train", "t.yaml", "--set", "training.epochs=1")
    assert first.returncode == 0
    run = tmp_path / "runs" / "t-1"
    kept = {path: path.read_bytes() for path in run.rglob("*.npz")}
    limited = subprocess.run(
        [sys.executable, "-m", "imgrec", "train", "--resume", "t-1", "--set", "training.epochs=2"],
        cwd=tmp_path,
        # Without bytecode files: the limit would cut those too.
        env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 4, limited.stderr
    assert "can't be written: File too large\nhint: free some space" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert {path: path.read_bytes() for path in run.rglob("*.npz")} == kept
    assert not list(run.rglob(".partial-*"))
    assert imgrec("train", "--resume", "t-1", "--set", "training.epochs=2").returncode == 0
