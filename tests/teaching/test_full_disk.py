"""A disk without space: what was acknowledged stays, and nothing is half-written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.classifiers import DiskFull
from imgrec.files import sha256
from imgrec.workflows.teaching import Classifier
from tests.conftest import mounted
from tests.serve.running import Running
from tests.teaching.small import picture, taught


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    with mounted(tmp_path / "disk", "600k") as folder:
        yield folder


def test_photos_do_not_fit(small_disk: Path) -> None:
    """They are refused; those that were added before are there, and with room again all goes on."""
    added: set[str] = set()

    def fill() -> None:
        for number in range(1000, 9000):
            pets.add([content := picture(number, red=True)], "red")
            added.add(sha256(content))

    with taught(small_disk / "pets") as pets:
        with pytest.raises(DiskFull, match="the disk is full"):
            fill()
        with pytest.raises(DiskFull):
            pets.publish()
        assert pets.versions() == ()
    with Classifier(small_disk / "pets", create=False) as pets:
        there = {each.sha256 for each in pets.photos()}
        assert added <= there
        assert {path.stem for path in pets.folder.glob("photos/*/*")} == there
        assert not list(pets.folder.rglob(".partial-*"))
        remount = ["mount", "-o", "remount,size=20m", str(small_disk)]
        subprocess.run(remount, check=True)
        assert pets.publish().version is not None
        assert pets.forget(added).photos == len(added)


@pytest.mark.long
def test_a_service_says_so(small_disk: Path, tmp_path: Path) -> None:
    """With status 507, and why."""
    taught(small_disk / "pets").close()
    with Running(["--classifiers", str(small_disk)], tmp_path) as service:
        for number in range(1000, 9000):
            photo = picture(number, red=True)
            reply = service.ask("POST", "/v1/classifiers/pets/classes/red/photos", photo)
            if reply.status != 200:
                break
        assert reply.status == 507
        assert reply.document["hint"] == "free some space"
        counted = service.ask("GET", "/v1/classifiers/pets").document["photos"]["labelled"]
        assert counted == 12 + number - 1000
