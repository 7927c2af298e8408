"""`imgrec predict`."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
from PIL import Image
from syrupy.assertion import SnapshotAssertion

from tests.cli.transcript import transcript
from tests.conftest import PROJECT, needs_weights

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]
Start = Callable[..., subprocess.Popen[str]]

SCHEMA = PROJECT / "docs" / "prediction.schema.json"
UNREADABLE = (
    "bad.png: not an image, or not in one of these formats: "
    "JPEG, PNG, GIF, BMP, WEBP, TIFF, PPM, AVIF, JPEG2000"
) + (", HEIC" if find_spec("pillow_heif") else "")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Return a folder with a photo and a file that is not a photo."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


@pytest.mark.usefixtures("two")
def test_failing_photos_are_named(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """The others are predicted; failing ones stand in the output and on stderr, with status 3."""
    files = ["good.png", "bad.png", "none.png"]
    process = imgrec("predict", *files, "--runs-dir", str(trained[0]), "--json", "--top", "2")
    assert process.returncode == 3
    assert process.stderr.endswith(
        f"imgrec: error: 2 of 3 photos can't be used\n  {UNREADABLE}\n  none.png: no such file\n"
    )
    document = json.loads(process.stdout)
    assert (document["schema_version"], document["model"]) == (2, "digits-1")
    found = [(each["photo"], len(each["top"]), each["error"]) for each in document["predictions"]]
    reason = UNREADABLE.partition(": ")[2]
    assert found == [
        ("good.png", 2, None),
        ("bad.png", 0, reason),
        ("none.png", 0, "no such file"),
    ]


def test_output_goes_to_a_file(imgrec: Imgrec, trained: tuple[Path, Process], two: Path) -> None:
    """--output writes what stdout would have held, whole."""
    run = str(trained[0] / "digits-1")
    arguments = ["--model", run, "--format", "csv", "--output", "out.csv"]
    process = imgrec("predict", "good.png", *arguments)
    assert (process.returncode, process.stdout) == (0, "")
    assert process.stderr.endswith("written: out.csv\n")
    rows = list(csv.DictReader((two / "out.csv").read_text("utf-8").splitlines()))
    assert [row["photo"] for row in rows] == ["good.png"] * 5
    assert sum(float(row["probability"]) for row in rows) <= 1


def test_a_page_appears_when_it_is_complete(
    imgrec: Imgrec, trained: tuple[Path, Process], two: Path
) -> None:
    """It has the good photo and the reason of the bad one; --format html prints the same."""
    run = ["good.png", "bad.png", "--model", str(trained[0] / "digits-1")]
    process = imgrec("predict", *run, "--output", "page.html")
    assert process.returncode == 3
    assert "written: page.html\n" in process.stderr
    text = (two / "page.html").read_text("utf-8")
    assert text.count("<img ") == 1
    assert "not an image" in text
    assert imgrec("predict", *run, "--format", "html").stdout == text
    (two / "folder").mkdir()
    refused = imgrec("predict", *run, "--output", "folder/no/page.html")
    assert (refused.returncode, "predicting" in refused.stderr) == (4, False)
    assert sorted(each.name for each in two.iterdir()) == [
        "bad.png",
        "folder",
        "good.png",
        "page.html",
    ]


def test_labels_go_into_sidecar_files(
    imgrec: Imgrec, trained: tuple[Path, Process], two: Path
) -> None:
    """One for each photo with an answer; what can't be used is named, with status 3."""
    run = ["--model", str(trained[0] / "digits-1"), "--sidecar", "--top", "1", "--json"]
    process = imgrec("predict", str(two), *run)
    assert process.returncode == 3  # of bad.png
    assert "written: 1 sidecar file\n" in process.stderr
    answer = json.loads(process.stdout)["predictions"][1]["labels"][0]
    assert f"<rdf:li>{answer}</rdf:li>" in (two / "good.png.xmp").read_text("utf-8")
    assert sorted(each.name for each in two.iterdir()) == ["bad.png", "good.png", "good.png.xmp"]
    (two / "good.png.xmp").write_text("notes")
    process = imgrec("predict", "good.png", *run)
    assert process.returncode == 3
    assert "labels not written to good.png.xmp: not XML: " in process.stderr
    assert "imgrec: error: 1 sidecar file not written, see above\n" in process.stderr
    assert (two / "good.png.xmp").read_text() == "notes"


@pytest.mark.parametrize("form", ["csv", "json", "html"])
def test_output_goes_through_what_is_not_a_file(
    imgrec: Imgrec, trained: tuple[Path, Process], two: Path, form: str
) -> None:
    """A pipe and a device get the text and stay what they are; a link leads to the file."""
    run = ["good.png", "--model", str(trained[0] / "digits-1"), "--format", form, "--output"]
    expected = imgrec("predict", *run[:-1]).stdout
    for name, target in (("link", "real"), ("nothing", "/dev/null")):
        (two / name).symlink_to(target)
        assert imgrec("predict", *run, name).returncode == 0
        assert (two / name).is_symlink()
    assert (two / "real").read_text() == expected
    assert Path("/dev/null").is_char_device()
    os.mkfifo(two / "pipe")
    with ThreadPoolExecutor(1) as pool:
        content = pool.submit((two / "pipe").read_text)
        assert imgrec("predict", *run, "pipe").returncode == 0
    assert content.result() == expected
    assert {path.name for path in two.iterdir()} >= {"link", "real", "nothing", "pipe"}
    assert not [*two.glob("*.partial"), *two.glob("*.progress"), *two.glob("*.lock")]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_complete_file_is_left_as_it_is(
    imgrec: Imgrec, trained: tuple[Path, Process], two: Path, form: str
) -> None:
    """Nothing is left to do, unless it has other photos, or answers of another model."""
    run, file = trained[0] / "digits-1", two / f"out.{form}"
    again = ["--output", file.name, "--continue", "--model"]
    assert imgrec("predict", "good.png", "bad.png", *again, str(run)).returncode == 3
    before = file.read_text()
    same = imgrec("predict", "good.png", "bad.png", *again, str(run))
    assert same.returncode == 3  # as before: of bad.png
    assert f"{file.name} is complete: nothing is left to do\n" in same.stderr
    assert "1 of 2 photos can't be used" in same.stderr
    shutil.copytree(run, two / "other")
    for photos, model in ((["good.png"], run), (["bad.png", "good.png"], run), ([], "other")):
        refused = imgrec("predict", *(photos or ["good.png", "bad.png"]), *again, str(model))
        assert refused.returncode == 2
        assert f"{file.name} is complete, but not of these photos" in refused.stderr
    assert file.read_text() == before
    file.write_text(before[:-1])
    assert imgrec("predict", "good.png", "bad.png", *again, str(run)).returncode == 2


def test_a_device_is_not_continued(
    imgrec: Imgrec, trained: tuple[Path, Process], two: Path
) -> None:
    """It keeps nothing."""
    run = ["good.png", "--model", str(trained[0] / "digits-1"), "--format", "csv", "--continue"]
    (two / "nothing.csv").symlink_to("/dev/null")
    process = imgrec("predict", *run, "--output", "nothing.csv")
    assert process.returncode == 2
    assert "nothing.csv is a device or a pipe, which keeps nothing to continue" in process.stderr


def test_no_photo_is_2(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Without a photo there is nothing to do."""
    process = imgrec("predict")
    assert process.returncode == 2
    assert transcript(process) == snapshot


@pytest.mark.usefixtures("no_packaged_weights")
def test_no_run_is_4(imgrec: Imgrec, snapshot: SnapshotAssertion) -> None:
    """Where there is neither a run nor a terminal, both ways out are named."""
    process = imgrec("predict", "good.png")
    assert process.returncode == 4
    assert transcript(process) == snapshot


@needs_weights
def test_without_a_run_installed_weights_answer(
    imgrec: Imgrec, shared: Callable[[str], Path]
) -> None:
    """The ImageNet classifier is named, on stderr and in the document."""
    process = imgrec("predict", str(shared("data/photos/banana.jpg")), "--json")
    assert (process.returncode, process.stderr) == (
        0,
        "no run in runs/ yet: using EfficientNetLite0, trained on ImageNet\n",
    )
    document = json.loads(process.stdout)
    assert document["model"] == "EfficientNetLite0"
    assert document["predictions"][0]["top"][0]["class"] == "banana"
    elsewhere = imgrec("predict", str(shared("data/photos/banana.jpg")), "--runs-dir", "elsewhere")
    assert elsewhere.returncode == 4


def test_a_killed_process_can_be_continued(
    start: Start, imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """After SIGKILL, --continue gives the bytes of a run that nothing interrupted."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    for number in range(150):
        (tmp_path / f"{number}.png").symlink_to("none.png" if number == 3 else "good.png")
    names = [f"{number}.png" for number in range(150)]
    run = ["--model", str(trained[0] / "digits-1"), "--device", "cpu", "--top", "3"]

    process = start("predict", "-", *run, "--output", "out.csv")
    assert process.stdin is not None
    process.stdin.write("".join(f"{name}\n" for name in names[:140]))
    process.stdin.flush()
    partial = tmp_path / "out.csv.partial"
    while not (partial.exists() and "31.png" in partial.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (tmp_path / "out.csv").exists()
    with partial.open("a") as torn:
        torn.write("31.png,digi")

    other = imgrec("predict", *names, *run[:-1], "4", "--output", "out.csv", "--continue")
    assert (other.returncode, other.stdout) == (2, "")
    assert "out.csv.partial was started with other options: top 3, now 4" in other.stderr
    for file, more in (("out.csv", ["--continue"]), ("whole.csv", [])):
        done = imgrec("predict", *names, *run, "--output", file, *more)
        assert done.returncode == 3
        assert "imgrec: error: 1 of 150 photos can't be used: " in done.stderr
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.glob("*.p*r*"))


def test_several_models_hold_to_the_schema(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """Each of two runs answers, and their mean; below the threshold it is unknown."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    shutil.copytree(trained[0] / "digits-1", tmp_path / "twin")
    models = ["--model", str(trained[0] / "digits-1"), "--model", "twin"]
    process = imgrec(
        "predict", "good.png", *models, "--json", "--threshold", "1", "--tta", "flip", "--top", "1"
    )
    assert process.returncode == 0
    document = json.loads(process.stdout)
    jsonschema.validate(document, json.loads(SCHEMA.read_text("utf-8")))
    (photo,) = document["predictions"]
    assert [each["model"] for each in photo["answers"]] == ["digits-1", "twin"]
    assert (document["model"], photo["known"], photo["agree"]) == ("mean", False, True)
    assert photo["top"] == photo["answers"][0]["top"] == photo["answers"][1]["top"]


def test_a_reader_that_leaves_ends_it_quietly(
    start: Start, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """Lines come while the list is still open; a broken pipe is not a failure."""
    Image.new("L", (8, 8), 200).save(tmp_path / "good.png")
    run = str(trained[0] / "digits-1")
    with start("predict", "-", "--format", "jsonl", "--model", run) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("good.png\n" * 200)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["photo"] == "good.png"
        process.stdout.close()
        assert process.wait(60) == 0


def test_awkward_files_end_nothing(
    process: Imgrec, trained: tuple[Path, Process], shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """Broken files of every kind are named or answered; no library writes anything."""
    folder = shared("data/awkward")
    run = str(trained[0] / "digits-1")
    done = process("predict", str(folder), "--model", run, "--output", "out.jsonl")
    assert done.returncode == 3
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 269
    failed = [f"  {each['photo']}: {each['error']}" for each in lines if each["error"]]
    assert 0 < len(failed) <= 20
    assert done.stderr.splitlines()[-len(failed) - 2 :] == [
        "written: out.jsonl",
        f"imgrec: error: {len(failed)} of 269 photos can't be used",
        *failed,
    ]
    before = done.stderr.splitlines()[: -len(failed) - 2]
    assert [line for line in before if not line.startswith("device: ")] == []
    assert list(tmp_path.iterdir()) == [tmp_path / "out.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--continue"],
        ["--continue", "--output", "x.json"],
        ["--json", "--format", "csv"],
        ["--heat-maps", "--output", "x.csv"],
        ["--model", "x", "--pretrained", "VGG16"],
    ],
    ids=" ".join,
)
def test_contradictions_are_2(
    arguments: list[str], imgrec: Imgrec, snapshot: SnapshotAssertion
) -> None:
    """Options that contradict each other are refused."""
    process = imgrec("predict", "good.png", *arguments)
    assert process.returncode == 2
    assert transcript(process) == snapshot


def test_a_mistyped_folder_is_named_once(imgrec: Imgrec, tmp_path: Path) -> None:
    """There is no table of nothing, and no model is needed to say so."""
    (tmp_path / "myphotos").mkdir()
    process = imgrec("predict", "myphoto")
    assert (process.returncode, process.stdout) == (3, "")
    assert process.stderr == (
        "imgrec: error: myphoto: no such file or folder; did you mean myphotos?\n"
        "hint: check the path\n"
    )
