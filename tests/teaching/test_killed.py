"""A classifier whose process is killed at any moment loses nothing that was acknowledged."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.files import sha256
from imgrec.workflows.teaching import Classifier
from tests.conftest import PROJECT
from tests.teaching.killed import LOG
from tests.teaching.small import picture, taught

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


@pytest.mark.long
@pytest.mark.parametrize(
    ("times", "most"),
    [(2, 0.5), pytest.param(200, 1.5, marks=[pytest.mark.slow, pytest.mark.long])],
)
def test_nothing_acknowledged_is_lost(tmp_path: Path, times: int, most: float) -> None:
    """Photos, index, features, versions and the log agree after SIGKILL at random moments.

    most: the seconds after which a process is killed at the latest.
    """
    taught(tmp_path / "first" / "pets", 3).close()
    choice = random.Random(times)  # noqa: S311  # nothing secret
    with subprocess.Popen(
        [sys.executable, "-m", "tests.teaching.killed"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        for number in range(times):
            folder = tmp_path / str(number)
            shutil.copytree(tmp_path / "first", folder)
            for again in range(2):
                helper.stdin.write(f"{folder} {2 * number + again} {choice.uniform(0.05, most)}\n")
                assert helper.stdout.readline() == "killed\n"
                _check(folder)
            shutil.rmtree(folder)
        helper.stdin.close()


def _check(folder: Path) -> None:
    expected, possible = _expected((folder / LOG).read_text() if (folder / LOG).exists() else "")
    with Classifier(folder / "pets", create=False) as pets:
        there = {each.sha256: each for each in pets.photos()}
        for digest, name in expected.items():
            found = there.get(digest)
            allowed = {name, *possible.get(digest, ())}
            assert (None if found is None else found.class_name) in allowed
            if allowed == {None}:
                assert not _named(pets.folder, digest)
        examples = pets.examples()
        assert {*there} == {each.sha256 for each in examples.photos} or examples.too_few
        for digest in there:
            assert sha256(pets.path(digest).read_bytes()) == digest
        files = {path.stem for path in (pets.folder / "photos").rglob("*.png")}
        assert files == {*there}
        _check_versions(pets, {*there})


def _check_versions(pets: Classifier, there: set[str]) -> None:
    runs = {each.folder for each in pets.versions() if not each.withdrawn}
    place = pets.folder / "versions"
    assert ({path.name for path in place.iterdir()} if place.is_dir() else set()) == runs
    for version in pets.versions():
        if not version.withdrawn:
            text = (pets.run(version.number).path / "images.csv").read_text()
            assert {line.split(",")[2].strip('"') for line in text.splitlines()[1:]} <= there
        if version.published:
            pets.published()


def _expected(log: str) -> tuple[dict[str, str | None], dict[str, tuple[str | None, ...]]]:
    """Return the class of each photo, None for a deleted one; and others that are possible.

    A change that was begun and not acknowledged may have been made.
    """
    known: dict[str, str | None] = {
        sha256(picture(number, red=number < 100)): "red" if number < 100 else "blue"
        for number in (*range(3), *range(100, 103))
    }
    possible: dict[str, tuple[str | None, ...]] = {}
    for line in log.splitlines():
        state, step, digest, name = line.split()
        if step == "publish":
            continue
        after = None if step == "forget" else name
        if state == "begin":
            possible[digest] = (*possible.get(digest, ()), after)
            known.setdefault(digest, None)
        else:
            known[digest] = after
            del possible[digest]
    return known, possible


def _named(folder: Path, digest: str) -> list[Path]:
    traces = digest.encode()
    return [
        path
        for path in folder.rglob("*")
        if digest in path.name or (path.is_file() and traces in path.read_bytes())
    ]
