"""A check of folders, data files and configs, and what a training keeps of it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.load import load
from imgrec.data.check import CheckInput, Evidence, FindingKind, check_records
from imgrec.data.images import Traits
from imgrec.data.records import Record
from imgrec.errors import ConfigError, DataError, UsageError
from imgrec.progress import Silent
from imgrec.runs.folder import CHECK_FILE
from imgrec.runs.writer import RunWriter
from imgrec.scores import Skipped
from imgrec.workflows.check import check, record_check
from imgrec.workflows.dataset_summary import summarize_dataset
from imgrec.workflows.prepare import prepare, read_splits

CONFIG = "name: x\ndata: {{root: {root}, image_size: [8, 8], split: {{validation: {share}}}}}\n"
MODEL = "model: {layers: [Flatten]}\n"
PIXELS = np.zeros((2, 2), np.uint8)


def config(folder: Path, root: Path, share: float) -> str:
    """Write a config of these images and return its path."""
    path = folder / "x.yaml"
    path.write_text(CONFIG.format(root=root, share=share) + MODEL)
    return str(path)


def test_folder(photos: Path) -> None:
    """A sound folder passes, and its images are counted."""
    checked = check(str(photos))
    assert checked.findings.counts == {"all": {"blue": 20, "red": 20}}
    assert checked.findings.passed(strict=False)


def test_the_split_of_a_config_is_applied(photos: Path, tmp_path: Path) -> None:
    """Copies that the seeded split puts on both sides are errors, though the folder has none."""
    for number in range(20):
        (photos / "red" / f"copy{number}.png").write_bytes(
            (photos / "red" / f"{number:02d}.png").read_bytes()
        )
    assert check(str(photos)).findings.count(FindingKind.DUPLICATES_ACROSS_SPLITS) == 0
    findings = check(config(tmp_path, photos, 0.5)).findings
    assert list(findings.counts) == ["train", "validation"]
    assert findings.count(FindingKind.DUPLICATES_ACROSS_SPLITS) > 2
    assert not findings.passed(strict=False)


def test_every_command_names_what_is_not_used(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`check`, `init`, `train` and the record of a run say the same, with counts and names."""
    (photos / ".green").mkdir()
    shutil.copy(photos / "red" / "00.png", photos / ".green")
    shutil.copy(photos / "red" / "01.png", photos / "stray.png")
    expected = [
        "hidden folders with files, not used: 1 (.green: 1 file)",
        "images of no class, not used: 1 (stray.png)",
    ]
    found = check(str(photos)).findings.found
    assert [each.line for each in found if each.kind.of_source] == expected
    assert set(expected) <= set(summarize_dataset(photos).lines)
    caplog.set_level(logging.WARNING, "imgrec")
    path = config(tmp_path, photos, 0.5)
    read_splits(load(path))
    assert caplog.messages == expected
    record = prepare(load(path), Silent()).findings
    assert [each.line for each in record.found if each.kind.of_source] == expected


def test_data_file(tmp_path: Path) -> None:
    """A file of arrays is checked undivided."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x=pixels[[0, 1, 2, 3, 4, 4]], y=[0, 1, 0, 1, 0, 1])
    findings = check(str(tmp_path / "x.npz")).findings
    assert findings.images == 6
    assert findings.count(FindingKind.DUPLICATES_ACROSS_LABELS) == 2


def test_a_data_file_that_would_end_a_training(tmp_path: Path) -> None:
    """As in a folder: of a single image of a class, none is left to validate on."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x=pixels, y=[0, 0, 1])
    found = check(str(tmp_path / "x.npz")).findings.found
    (case,) = (each.cases[0] for each in found if each.kind is FindingKind.UNTRAINABLE)
    assert case.detail.startswith(
        "too few images to divide into training and validation images: 1 (1)"
    )


def test_what_a_model_would_refuse(photos: Path, tmp_path: Path) -> None:
    """A config whose keys don't fit its images ends its check as it ends its training."""
    path = Path(config(tmp_path, photos, 0.5))
    path.write_text(path.read_text() + "training: {class_weight: {green: 2}}\n")
    with pytest.raises(ConfigError, match="green"):
        check(str(path))


def test_nothing_to_check(tmp_path: Path) -> None:
    """What is not there can't be checked."""
    with pytest.raises(DataError, match="nowhere"):
        check(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no such config"):
        check(str(tmp_path / "nowhere.yaml"))


def test_quarantine(photos: Path, tmp_path: Path) -> None:
    """Bad files move aside and a second check has none."""
    (photos / "red" / "bad.png").write_bytes(b"bad")
    checked = check(str(photos), quarantine=tmp_path / "aside")
    assert [each.target for each in checked.moved] == [tmp_path / "aside/red/bad.png"]
    assert check(str(photos)).findings.bad == 0


def test_sound_files_stay(photos: Path, tmp_path: Path) -> None:
    """What is too large, or in a format that needs a program or an extra, is not damaged."""
    (photos / "red" / "large.jpg").write_bytes(b"P6 90000 90000 255\n")
    (photos / "red" / "layers.jpg").write_bytes(b"8BPS\0\1")
    Image.new("I", (4, 4), 1).save(photos / "red" / "deep.tif")
    checked = check(str(photos), quarantine=tmp_path / "aside")
    assert (checked.moved, checked.findings.bad) == ((), 3)
    assert not (tmp_path / "aside").exists()


def test_the_limit_of_a_config_holds_in_its_check(photos: Path, tmp_path: Path) -> None:
    """As in the training."""
    Image.new("L", (1200, 1000)).save(photos / "red" / "large.png")
    path = Path(config(tmp_path, photos, 0.2))
    assert check(str(path)).findings.bad == 0
    path.write_text(path.read_text().replace("data: {", "data: {max_megapixels: 1, "))
    assert check(str(path)).findings.bad == 1


def test_no_quarantine_inside_the_data(photos: Path, tmp_path: Path) -> None:
    """Neither in the folder that is checked, nor in the one that a config names."""
    for source in (str(photos), config(tmp_path, photos, 0.2)):
        with pytest.raises(UsageError, match="inside the data"):
            check(source, quarantine=photos / "aside")


def test_what_a_training_keeps(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The document has all that was found and what was not looked for; the log has the new."""
    logger = logging.getLogger("imgrec")
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO, "imgrec")
    images = CheckInput(
        {
            "train": (Record("a", 0, PIXELS), Record("b", 1, PIXELS)),
            "validation": (Record("a2", 0, PIXELS), Record("bad", 1, PIXELS)),
        },
        ("cat", "dog"),
    )
    bad = (Skipped("bad", "empty file"),)
    traits = {"a": Traits("GIF", "P", 9, 9, animated=True), "b": Traits("PNG", "L", 9, 9)}
    lacking = {Evidence.PIXELS: "no pixels"}
    findings = check_records(images, {"a": "1", "a2": "1", "b": "2"}, bad, traits, lacking=lacking)
    try:
        with RunWriter(tmp_path) as writer:
            record_check(writer, findings)
    finally:
        logger.removeHandler(caplog.handler)
    document = json.loads((tmp_path / CHECK_FILE).read_text())
    assert document["counts"]["duplicates_across_splits"] == 2
    assert document["counts"]["unreadable"] == 1
    assert document["splits"]["train"]["per_class"] == {"cat": 1, "dog": 1}
    assert document["pictures"]["formats"] == {"GIF": 1, "PNG": 1}
    assert document["counts"]["animated"] == 1
    assert document["not_checked"]["near_duplicates"] == "no pixels"
    assert "leakage: same file in several splits: 2 (a, a2)" in caplog.text
    assert "several frames or pages; one is used: 1 (a" in caplog.text
    assert "can't be read" not in caplog.text
    assert "not checked: near duplicates across splits, near duplicates, " in caplog.text
    assert f"imgrec check {tmp_path}/config.yaml" in caplog.text


def _scene(seed: int) -> Image.Image:
    """A picture of large blots, wider than high."""
    colours = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    return Image.fromarray(colours).resize((126, 90), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_training_finds_what_a_check_finds(tmp_path: Path, fit: str) -> None:
    """Copies of pictures too, by comparing the pixels that it trains on."""
    for number in range(12):
        for name, seed in (("cat", number), ("dog", 100 + number)):
            part = "validation" if number > 8 else "train"
            place = tmp_path / "images" / part / name
            place.mkdir(parents=True, exist_ok=True)
            _scene(seed).save(place / f"{number}.png")
    copies = tmp_path / "images" / "validation" / "cat"
    _scene(0).save(copies / "again.jpg", quality=75)
    _scene(1).resize((70, 50)).save(copies / "small.png")
    _scene(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(copies / "mirrored.png")
    Image.new("RGB", (50, 40), "red").save(tmp_path / "images" / "train" / "dog" / "red.png")
    config = tmp_path / "config.yaml"
    data = f"{{root: {tmp_path / 'images'}, image_size: [48, 40], fit: {fit}}}"
    config.write_text(f"name: scenes\ndata: {data}\nmodel: {{layers: [Flatten]}}\n")
    trained = prepare(load(str(config)), Silent()).findings
    assert trained == check(str(config)).findings
    assert trained.not_checked == {}
    counts = {each.kind: each.count for each in trained.found}
    assert counts[FindingKind.NEAR_DUPLICATES_ACROSS_SPLITS] == 6
    assert counts[FindingKind.ONE_COLOUR] == 1


def test_a_training_says_why_pixels_are_not_compared(tmp_path: Path) -> None:
    """They are decoded in each epoch."""
    config = (
        "name: digits\ndata: {loader: digits, image_size: [8, 8], channels: 1, cache: none}\n"
        "model: {layers: [Flatten]}\n"
    )
    (tmp_path / "config.yaml").write_text(config)
    findings = prepare(load(str(tmp_path / "config.yaml")), Silent()).findings
    reason = "pixels are not kept; `imgrec check` compares them"
    assert findings.not_checked[FindingKind.NEAR_DUPLICATES] == reason


def test_tensorflow_is_not_loaded(photos: Path, tmp_path: Path) -> None:
    """A check, of a config too, works without TensorFlow, Keras, scikit-learn, matplotlib."""
    code = f"""
import sys
from imgrec.workflows.check import check
check({str(photos)!r})
check({config(tmp_path, photos, 0.2)!r})
print(sorted({{"tensorflow", "keras", "sklearn", "matplotlib"}} & set(sys.modules)))
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert process.stdout == "[]\n"


@pytest.mark.slow
def test_twenty_thousand(tmp_path: Path) -> None:
    """20,000 small files are checked within two minutes and 400 MB, by another process."""
    random = np.random.default_rng(0)
    for number in range(20_000):
        folder = tmp_path / "many" / f"class{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg")
    code = f"""
import time
from imgrec.workflows.check import check
from tools.peak_memory import peak_memory
begin = time.perf_counter()
images = check({str(tmp_path / "many")!r}).findings.images
megabytes = peak_memory() / 2**20
print(images, time.perf_counter() - begin, megabytes)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    images, seconds, megabytes = map(float, process.stdout.split())
    assert images == 20_000
    assert seconds < 120
    assert megabytes < 400


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (
            ["train/cat/1", "train/dog/1", "validation/cat/1", "validation/cow/1"],
            "unknown class cow",
        ),
        (["cat/1", "cat/2", "cat/3"], "only one class"),
        (["cat/1", "dog/1"], "too few images"),
        (["1", "2"], "holds 2 files, but no class folders"),
    ],
)
def test_what_would_end_a_training_is_an_error(
    tmp_path: Path, names: list[str], reason: str
) -> None:
    """A check of a folder finds it by the code that reads the folder for a training."""
    random = np.random.default_rng(0)
    for name in names:
        path = tmp_path / "data" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (9, 9, 3), np.uint8)).save(path)
    findings = check(str(tmp_path / "data")).findings
    (found,) = (each for each in findings.found if each.kind is FindingKind.UNTRAINABLE)
    assert reason in found.cases[0].detail
    assert not findings.passed(strict=False)
