"""`imgrec explain`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from tests.conftest import PROJECT

Process = subprocess.CompletedProcess[str]
Imgrec = Callable[..., Process]

SCHEMA = json.loads((PROJECT / "docs" / "explanation.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def photo(tmp_path: Path) -> None:
    """A grey photo of noise."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")


def check(document: dict[str, object]) -> None:
    """Hold a document to the schema."""
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_picture_is_written(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """Grad-CAM's, into a folder that is made; a second time it is refused, and no model loaded.

    What predict sees is another picture, with another name.
    """
    process = imgrec("explain", "noise.png", "--runs-dir", str(trained[0]))
    assert (process.returncode, process.stdout.count("\n")) == (0, 1)
    line = process.stdout.strip()
    assert line.startswith("noise.png: ")
    looked = "; resized to 8x8 pixels (width x height)"
    assert line.endswith(f"{looked}; written: explanations/noise.gradcam.png")
    with Image.open(tmp_path / "explanations" / "noise.gradcam.png") as written:
        assert written.format == "PNG"
    again = imgrec("explain", "noise.png", "--runs-dir", str(trained[0]))
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.startswith("imgrec: error: explanations/noise.gradcam.png already exists\n")
    assert "device" not in again.stderr
    assert again.stderr.endswith("choose another folder with --output explanations-2\n")
    seen = imgrec("explain", "noise.png", "--as-seen", "--runs-dir", str(trained[0]))
    assert seen.stdout.strip().endswith("written: explanations/noise.gradcam-as-seen.png")


@pytest.mark.parametrize("method", ["occlusion", "dense"])
def test_json_and_its_files_hold_to_the_schema(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path, method: str
) -> None:
    """Those that can't be used stand in it, are named on stderr, and make the status 3."""
    run = ["--model", str(trained[0] / "digits-1"), "--method", method]
    files = ["noise.png", "none.png"]
    process = imgrec("explain", *files, *run, "--json", "--boxes", "--output", "a/b")
    assert process.returncode == 3
    lines = "imgrec: error: 1 of 2 photos can't be used: none.png: no such file\n"
    assert process.stderr.endswith(lines)
    document = json.loads(process.stdout)
    check(document)
    first, second = document["explanations"]
    assert (second["error"], second["class"], second["files"]) == ("no such file", None, {})
    assert (first["width"], first["height"], first["error"]) == (30, 20, None)
    assert (first["shares"] is None) == (method != "dense")
    assert first["named"] == [{"class": first["class"], "probability": first["probability"]}]
    sides = (24, 16) if method == "dense" else (8, 8)
    assert (first["view"]["width"], first["view"]["height"]) == sides
    masks = {"mask", "mask_array", "map", "map_array"} if method == "dense" else set()
    assert set(first["files"]) == {"heat", "boxes", "json", *masks}
    assert (first["map"] is None) == (method != "dense")
    if method == "dense":
        for kind, size in (
            ("mask", (20, 30)),
            ("map", (first["map"]["rows"], first["map"]["columns"])),
        ):
            values = np.load(tmp_path / first["files"][f"{kind}_array"])
            assert values.shape == size
            with Image.open(tmp_path / first["files"][kind]) as written:
                np.testing.assert_array_equal(np.asarray(written), values + 1)
        mask = np.load(tmp_path / first["files"]["mask_array"])
        counts = np.unique(mask[mask >= 0], return_counts=True)[1] / mask.size
        assert [each["share"] for each in first["shares"]] == sorted(counts.round(4))[::-1]
    alone = json.loads((tmp_path / first["files"]["json"]).read_text("utf-8"))
    check(alone)
    assert alone["boxes"] == first["boxes"]
    assert len(list((tmp_path / "a" / "b").iterdir())) == 3 + len(masks)


def test_the_layers_are_a_picture_and_a_page(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """The document has the layers, with the units that are shown."""
    run = ["--model", str(trained[0] / "digits-1"), "--method", "layers"]
    process = imgrec("explain", "noise.png", *run, "--json")
    assert process.returncode == 0
    document = json.loads(process.stdout)
    check(document)
    (found,) = document["explanations"]
    assert set(found["files"]) == {"layers", "page"}
    assert all((tmp_path / file).is_file() for file in found["files"].values())
    first, *_, last = found["layers"]
    assert (first["operation"], first["shape"], first["sees"]) == (
        "convolution",
        [8, 8, 32],
        [3, 3],
    )
    assert [unit["largest"] for unit in first["units"]] == sorted(
        (unit["largest"] for unit in first["units"]), reverse=True
    )
    assert (last["name"], last["shape"], last["units"]) == ("probabilities", [10], [])
    wrong = imgrec("explain", "noise.png", *run, "--layer", "nosuch")
    assert wrong.stderr.startswith("imgrec: error: --layer nosuch: the model has no such layer\n")


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            ["--method", "layers", "--boxes"],
            "--boxes: layers finds no boxes",
            "it goes with the other methods, such as --method windows",
        ),
        (
            ["--method", "layers", "--class", "7"],
            "--class: layers follows the photo, whatever class is asked for",
            "leave it out; --layer NAME chooses a layer",
        ),
        (
            ["--unit", "3"],
            "--unit: gradcam has no choice of layer or unit",
            "it goes with --method layers",
        ),
    ],
)
def test_what_layers_cant_be_asked(
    imgrec: Imgrec, trained: tuple[Path, Process], arguments: list[str], error: str, hint: str
) -> None:
    """It is wrong usage, before a model is opened."""
    run = ["--model", str(trained[0] / "digits-1")]
    process = imgrec("explain", "noise.png", *run, *arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == f"imgrec: error: {error}\nhint: {hint}\n"


def test_the_windows_are_a_picture_on_request(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """With the other files of the photo; no other method has windows."""
    run = ["--model", str(trained[0] / "digits-1"), "--grid"]
    process = imgrec("explain", "noise.png", *run, "--method", "windows", "--windows", "9")
    assert process.returncode == 0
    with Image.open(tmp_path / "explanations" / "noise.windows.grid.png") as written:
        assert written.format == "PNG"
    other = imgrec("explain", "noise.png", *run, "--method", "dense")
    assert (other.returncode, other.stdout) == (2, "")
    assert other.stderr == (
        "imgrec: error: --grid: dense uses no windows\nhint: it goes with --method windows\n"
    )


def test_without_keras_model_or_class(
    imgrec: Imgrec, trained: tuple[Path, Process], tmp_path: Path
) -> None:
    """A method that needs what is not there is 4, an unknown class 2; nothing is written."""
    shutil.copytree(trained[0] / "digits-1", tmp_path / "light")
    (tmp_path / "light" / "best.keras").unlink()
    process = imgrec("explain", "noise.png", "--model", "light", "--method", "dense")
    assert (process.returncode, process.stdout) == (4, "")
    assert process.stderr == (
        "imgrec: error: light has no best.keras, which --method dense needs\n"
        "hint: --method occlusion and --method windows work with the LiteRT file\n"
    )
    other = imgrec("explain", "noise.png", "--model", "light", "--class", "11")
    assert (other.returncode, other.stdout) == (2, "")
    assert "--class 11: the model has no such class; did you mean 1?\n" in other.stderr
    assert not (tmp_path / "explanations").exists()


def test_a_folder_that_cant_be_made(imgrec: Imgrec, trained: tuple[Path, Process]) -> None:
    """A file in place of the folder: status 4, before a model is loaded."""
    run = ["--model", str(trained[0] / "digits-1")]
    process = imgrec("explain", "noise.png", *run, "--output", "noise.png")
    assert process.returncode == 4
    assert "a file is in the place of a folder" in process.stderr
    assert "device" not in process.stderr
