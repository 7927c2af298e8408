"""`imgrec data preview`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


def test_preview_writes_a_picture(imgrec: Imgrec, tmp_path: Path) -> None:
    """preview.png lies in the working directory; a second time it is not overwritten."""
    process = imgrec("data", "preview", "small_cnn")
    assert process.returncode == 0, process.stderr
    assert process.stdout == "written: preview.png (24 images)\n"
    with Image.open(tmp_path / "preview.png") as sheet:
        assert sheet.format == "PNG"
    again = imgrec("data", "preview", "small_cnn")
    assert (again.returncode, again.stdout, again.stderr) == (
        2,
        "",
        (
            "imgrec: error: preview.png exists already\n"
            "hint: remove it, or choose another file with --output FILE\n"
        ),
    )


def test_preview_takes_overrides_and_tells_in_json(imgrec: Imgrec, tmp_path: Path) -> None:
    """The document names the file and every caption."""
    arguments = ["--images", "3", "--output", "sheet.png", "--set", "seed=4", "--json"]
    process = imgrec("data", "preview", "small_cnn", *arguments)
    document = json.loads(process.stdout)
    assert document["path"] == "sheet.png"
    assert len(document["captions"]) == 3
    assert (tmp_path / "sheet.png").is_file()


def test_preview_of_no_config_is_told(imgrec: Imgrec) -> None:
    """With the names that there are."""
    process = imgrec("data", "preview", "nothing_such")
    assert process.returncode == 2
    assert "nothing_such" in process.stderr
    assert "Traceback" not in process.stderr
