"""`imgrec init`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.cli.documents import InitDocument
from imgrec.config.load import load
from tests.cli.documents import printed
from tests.cli.transcript import transcript

Imgrec = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.usefixtures("photos")
def test_writes_a_config(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """The config is beside the folder and loads; the output names the next step."""
    process = imgrec("init", "photos")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout == snapshot
    assert load(str(tmp_path / "photos.yaml")).data.image_size == (24, 32)


@pytest.mark.usefixtures("photos")
def test_output_and_json(imgrec: Imgrec, tmp_path: Path) -> None:
    """--output names the file, and so does --json in a document."""
    process = imgrec("init", "photos", "--output", "my config.yaml", "--json")
    document = printed(InitDocument, process)
    assert document.path == "my config.yaml"
    assert document.found
    assert (tmp_path / "my config.yaml").is_file()


@pytest.mark.usefixtures("photos")
def test_the_next_command_can_be_pasted(imgrec: Imgrec) -> None:
    """A file's name with a space in it is quoted."""
    process = imgrec("init", "photos", "--output", "my config.yaml")
    assert process.stdout.endswith("next:    imgrec train 'my config.yaml'\n")


@pytest.mark.usefixtures("photos")
def test_overwrites_nothing(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """An existing file stays as it is."""
    (tmp_path / "photos.yaml").write_text("mine")
    process = imgrec("init", "photos")
    assert process.returncode == 2
    assert transcript(process) == snapshot
    assert (tmp_path / "photos.yaml").read_text() == "mine"


def test_a_missing_folder_is_3(imgrec: Imgrec, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A folder that isn't there is reported, and nothing is written."""
    process = imgrec("init", "nowhere")
    assert process.returncode == 3
    assert transcript(process) == snapshot
    assert not list(tmp_path.iterdir())
